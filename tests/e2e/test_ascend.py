"""Ascend devices by number on real Docker: device nodes of a folder, and a stand-in for `npu-smi`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from docker_engine import docker, inspect
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

NULL = os.makedev(1, 3)
SHARED = ("davinci_manager", "devmm_svm", "hisi_hdc")
MOUNTED = (
    *("/usr/local/sbin", "/usr/local/Ascend/driver", "/usr/local/Ascend/firmware", "/etc/ascend_install.info"),
    "/var/queue_schedule",
)
RUN = """
import sys
from sglaunch.engine import vendors
vendors.ROOTS = ({roots})
from sglaunch.cli import main
sys.exit(main())
"""


class OnAscend(Sglaunch):
    """A machine with three devices of which nobody uses any."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", RUN.format(roots=f"'/sys', '/proc', '{self.dev}'")]

    @property
    def dev(self) -> Path:
        return self.folder.parent / "dev"

    def prepare(self) -> None:
        self.dev.mkdir()
        for name in (*SHARED, "davinci0", "davinci1", "davinci2"):
            os.mknod(self.dev / name, 0o20666, NULL)
        row = "| {0}     910B3        | OK            | 92.0        39      0    / 0             |\n"
        row += "| 0             | 0000:C{0}:00.0  | 0           0    / 0     3314 / 65536         |\n"
        program = self.dev / "npu-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{''.join(row.format(n) for n in range(3))}END\n", encoding="utf-8")
        program.chmod(0o755)
        self.environment["PATH"] = f"{self.dev}:{os.environ['PATH']}"
        devices = ", ".join(f"'{self.dev}/{name}:/dev/{name}'" for name in SHARED)
        volumes = ", ".join(f"'{self.folder}:{target}'" for target in MOUNTED)
        text = "project: PROJECT\nprofiles:\n"
        for name, gpus in (("a", "1"), ("b", "[1]"), ("c", "1")):
            text += (
                f"  {name}: {{image: IMAGE, command: sleep infinity, accelerator: npu, gpus: {gpus}, protect: false,\n"
            )
            text += f"    recreate: always, devices: [{devices}], volumes: [{volumes}]}}\n"
        self.write(text)
        self("trust", "--yes")


@pytest.fixture
def ascend(tmp_path: Path, cleanup: str, docker_image: str) -> OnAscend:
    if os.geteuid() != 0:
        pytest.skip("device nodes are made by root alone")
    folder = tmp_path / "project"
    folder.mkdir()
    found = OnAscend(folder, cleanup, docker_image)
    found.prepare()
    return found


def test_each_container_has_its_own_devices_alone_and_keeps_them(ascend: OnAscend) -> None:
    docker(
        "run",
        "-d",
        "--name",
        f"{ascend.project}-theirs",
        "--device",
        f"{ascend.dev}/davinci0",
        ascend.image,
        "sleep",
        "9999",
    )
    ascend("up", "-d", "a", "b")
    names = {one: ascend.name(one) for one in "ab"}
    for one, node in (("a", "davinci2"), ("b", "davinci1")):
        shown = inspect(names[one])
        nodes = {device["PathOnHost"] for device in shown["HostConfig"]["Devices"]}
        assert nodes == {f"{ascend.dev}/{name}" for name in (node, *SHARED)}
        assert not shown["HostConfig"]["Privileged"]
        assert json.loads(shown["Config"]["Labels"]["sglaunch.assigned"]) == {"gpus": [node]}
        assert docker("exec", names[one], "ls", f"{ascend.dev}").stdout.split() == [node]
    ascend("plan", "--check", "a", "b")

    rows = {row["uuid"]: row for row in json.loads(ascend("gpus", "--json").stdout)["gpus"]}
    assert {uuid: (row["vendor"], row["model"], row["idle"]) for uuid, row in rows.items()} == {
        f"davinci{n}": ("ascend", "Ascend 910B3", False) for n in range(3)
    }
    assert f"{ascend.project}-theirs" in rows["davinci0"]["reserved"]
    assert names["a"] in rows["davinci2"]["reserved"]
    errors = ascend("up", "-d", "c", status=1).stderr
    assert "1 GPU wanted, 0 of 3 free" in errors
    assert f"0  Ascend 910B3  3.2g of 64.0g  container {ascend.project}-theirs" in errors

    docker("rm", "-f", f"{ascend.project}-theirs")
    ascend("up", "-d", "--force-recreate", "--yes", "a")
    assert json.loads(inspect(names["a"])["Config"]["Labels"]["sglaunch.assigned"]) == {"gpus": ["davinci2"]}
    ascend("up", "-d", "c")
    told = {one["profile"]: one["devices"] for one in json.loads(ascend("ps", "--json").stdout)["containers"]}
    assert told == {"a": ["davinci2"], "b": ["davinci1"], "c": ["davinci0"]}
