"""Which machine an engine's address leads to, and the ssh that leads there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sglaunch.engine import host
from sglaunch.engine import machine as server
from sglaunch.engine.machine import Distant, Machine, Server, machine
from sglaunch.errors import EngineError


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ssh that tells what it was called with, and answers as a server would."""
    folder = tmp_path / "bin"
    folder.mkdir()
    answer = "ana\\n1000\\n1000\\n/home/ana\\ngpu1\\ngpu\\n   0: 00000000:7530 00000000:0000 0A 0 0 0 0 0 4711\\n"
    text = f"#!/bin/sh\necho \"$@\" >>{folder}/calls\nprintf '{answer}'\n"
    (folder / "ssh").write_text(text, encoding="utf-8")
    (folder / "ssh").chmod(0o755)
    for tool in ("sh", "cat"):
        (folder / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize(
    ("url", "kind"),
    [("", Machine), ("unix:///run/docker.sock", Machine), ("tcp://gpu1:2376", Distant), ("https://gpu1", Distant)],
)
def test_an_address_leads_to_a_machine(url: str, kind: type[Machine]) -> None:
    assert type(machine(url)) is kind


def test_what_a_server_is_is_asked_once(ssh: Path) -> None:
    there = Server("ssh://ana@gpu1:2222")
    ids = {"user": "ana", "uid": 1000, "gid": 1000}
    assert there.facts() == {**ids, "home": "/home/ana", "account_home": "/home/ana", "hostname": "gpu1"}
    assert (there.owner().uid, there.has_gpu(cdi=False), there.hostname()) == (1000, True, "gpu1")
    assert there.listening() == [(30000, "4711")]
    (call,) = (ssh / "calls").read_text(encoding="utf-8").split("-T -- gpu1")[:1]
    assert "-l ana -p 2222" in call
    assert "BatchMode=yes" in call
    assert (ssh / "calls").read_text(encoding="utf-8").count("-T --") == 1


SMI = {"says nothing": "", "fails": "echo failed; exit 9", "lists": "echo GPU-a"}
THERE: dict[str, tuple[str, str, tuple[bool, bool]]] = {
    "nothing": ("", "", (False, False)),
    "a program": ("says nothing", "", (False, False)),
    "a driver that fails": ("fails", "", (False, False)),
    "devices": ("lists", "", (True, True)),
    "a description": ("", "kind: nvidia.com/gpu\n", (False, True)),
    "one in JSON": ("", '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu"}', (False, True)),
    "one of another kind": ("", "kind: amd.com/gpu\n", (False, False)),
}


@pytest.mark.parametrize("case", THERE)
def test_a_server_is_asked_for_gpus_as_this_machine_is(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script for a server, run here."""
    smi, described, expected = THERE[case]
    if smi:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{SMI[smi]}\n", encoding="utf-8")
        (tmp_path / "nvidia-smi").chmod(0o755)
    (tmp_path / "cdi").mkdir()
    (tmp_path / "cdi" / "gpus").write_text(described, encoding="utf-8")
    script = server._ABOUT.replace("/etc/cdi /var/run/cdi", f"{tmp_path}/cdi")
    for node in host.GPU_NODES:
        script = script.replace(node, f"{tmp_path}/no-node")
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    there = Server.__new__(Server)
    monkeypatch.setattr(there, "_run", lambda _: subprocess.check_output(["sh", "-c", script], text=True, env=path))
    assert (there.has_gpu(cdi=False), there.has_gpu(cdi=True)) == expected


def test_dockers_own_calls_share_the_connection(ssh: Path) -> None:
    Server("ssh://gpu1")
    first = os.environ["PATH"].split(":")[0]
    assert first == f"{os.environ['XDG_RUNTIME_DIR']}/sglaunch/bin"
    assert (Path(first) / "ssh").stat().st_mode & 0o777 == 0o700
    Server("ssh://gpu2")
    assert os.environ["PATH"].split(":").count(first) == 1
    assert str(ssh / "ssh") in (Path(first) / "ssh").read_text(encoding="utf-8"), "never itself"


def test_without_an_ssh_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="no program ssh"):
        Server("ssh://gpu1")


def test_of_a_machine_behind_tcp_nothing_can_be_asked() -> None:
    there = Distant("tcp://gpu1:2376")
    assert (there.name, there.has_gpu(cdi=False), there.exist(["/x"])) == ("gpu1", True, {})
    for act in (lambda: there.make_folder("/x"), lambda: there.write_private("/x", "y")):
        with pytest.raises(EngineError, match="nobody can be asked"):
            act()
