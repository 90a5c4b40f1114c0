"""Every run command of a corpus of real ones: it imports, its profile loads, and the container that `up` makes of it is
the one that the engine makes of the line itself, and of the line that it is exported as.

The line is taken apart by a real shell here, and its options by a reading of their own, so that neither is judged by
itself. The corpus is other people's text and no part of the project.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from docker_engine import IMAGE, docker, engine_version

from sglaunch.cli import main
from sglaunch.config.load import Request, load
from sglaunch.config.writing import profile_document
from sglaunch.convert.flags import FLAGS
from sglaunch.convert.from_run import from_run
from sglaunch.convert.imported import Imported
from sglaunch.engine.host import facts
from sglaunch.errors import ConfigError
from sglaunch.plain import replace

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "docker_run_commands.jsonl"
LINES: dict[str, str] = (
    {row["id"]: row["command"] for row in map(json.loads, CORPUS.read_text(encoding="utf-8").splitlines())}
    if CORPUS.exists()
    else {}
)
pytestmark = pytest.mark.skipif(not LINES, reason="the corpus of real commands is not on this machine")

# What names no image that can be seen, with the reason that the error must name.
REFUSED = {"nvidia-a013": "${filtered_args[@]}"}

# Lines that stood within the quotes of another command, and still have what that took.
CUT_OUT = {"amd-a003": "'", "amd-a015": '"'}

# Of an inspect: what differs between any two containers, or says nothing of what was asked.
_APART = {"Id", "Created", "Name", "State", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "GraphDriver"}
_APART |= {"NetworkSettings", "Path", "Args"}  # of a container that never ran; Entrypoint and Cmd say the same
# A lost flag explains a difference in these fields.
EXPLAINED = {
    "--shm-size": {"HostConfig.ShmSize"},  # beside --ipc=host it has no effect, and Podman refuses the pair
    "--blkio-weight": {"HostConfig.BlkioWeight"},
    "--blkio-weight-device": {"HostConfig.BlkioWeightDevice"},
    "--device-read-bps": {"HostConfig.BlkioDeviceReadBps"},
    "-a": {"Config.AttachStdin", "Config.AttachStdout", "Config.AttachStderr", "Config.StdinOnce"},
    "--gpus": {"HostConfig.DeviceRequests"},  # a position of a script's own arguments
    "--group-add": {"HostConfig.GroupAdd"},  # what getent prints on the machine of the line
    "--ip": {"NetworkSettings"},
    "command": {"Config.Cmd"},  # kept as it is written, where a shell would have put something in
    "--token": {"Config.Cmd"},  # a secret, for which a variable is read
    "bash -lc": {"Config.Cmd"},  # `server` is the launch command itself
    "-p": {"HostConfig.PortBindings", "Config.ExposedPorts"},
}
# Why an engine takes a line not at all; by what it says, or what is known of its release.
NOT_COMPARED = {
    r"unknown flag: --(selinux-enabled|snapshotter|gidmap|uidmap|tz)": "Podman's and nerdctl's own",
    r"--userns: invalid USER mode": "keep-id is Podman's own",
    r"includes invalid characters for a local volume name|invalid volume specification": "a placeholder",
    r"for cpuset cpus: invalid format": "a placeholder",
    r"invalid containerPort: TEXT2KG_PORT": "a placeholder",
    r"invalid count \(v7\)": "a value of this test",
    r"No such container: v7": "it wants another container's volumes or namespace",
    r"No command specified": "it resets the entrypoint and says no command",
    r"cannot start": "a CDI name on an engine before 25",
}


@dataclass
class Case:
    """A line: what it imports as, what the engine was told by the line, and why it is not compared, if so.

    `runtime`: one that this engine lacks, and that both sides are compared without.
    """

    name: str
    imported: Imported
    options: list[tuple[str, str | None]] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    container: str = ""
    unlike: str = ""
    runtime: str = ""


def value_of(name: str, root: Path) -> str:
    """A value for a variable of somebody's shell, of the kind its name promises."""
    low = name.lower()
    if "port" in low:
        return "18000"
    if low.endswith("_ip") or low.startswith("ip_"):
        return "172.30.0.9"
    if "visible_devices" in low or low == "gpu_count":  # a number is counted out by NVML
        return "all"
    if re.search(r"dir|path|cache|root|workspace|workdir|volume|mount|env_file|hub_cache|model$|data_prefix", low):
        return f"{root}/var/{name}"
    if re.search(r"count|uid|gid|size|num|tp", low):
        return "7"
    return "img" if re.search(r"image|img", low) else "v7"


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\$\{?([A-Za-z_]\w*)\b(?!\[)", text)) - {"HOME", "PWD", "USER", "PATH"}


def run_by_shell(text: str, env: Mapping[str, str], folder: Path, cut_out_of: str = "") -> list[str]:
    """The words that a real shell gives the engine's client."""
    text = re.sub(r"^\$ ", "", text).replace("\u00a0", " ")
    text = re.sub(r"^>\s", "  ", text, flags=re.MULTILINE)
    text = re.sub(r"\[other \w+\]", "", text)
    quoted = r"'[^']*'|\"(?:\\.|[^\"\\])*\"|(<[^\s<>][^<>\n]*>)"
    text = re.sub(quoted, lambda match: f"'{match[1]}'" if match[1] else match[0], text)
    if cut_out_of == "'":
        text = re.sub(r"\"'\"(?=\$)|(?<=[}\w])\"'\"", '"', text)
        text = re.sub(r"'\"(?=\$)|(?<=[}\w])\"'", "", text)
    if cut_out_of == '"':
        text = re.sub(r"\\([\"$])", r"\1", text)
    said = folder / ".said"
    told = f'docker() {{ printf "%s\\0" "$@" > {said}; }}\n'
    others = "".join(f'{name}() {{ docker "$@"; }}\n' for name in ("podman", "nerdctl", "nvidia-docker"))
    shell = f'{told}{others}sudo() {{ "$@"; }}\n{text}\n'
    subprocess.run(
        ["bash", "-c", shell], cwd=folder, env=env, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    return said.read_text(encoding="utf-8").split("\0")[:-1]


def apart(words: list[str]) -> tuple[list[tuple[str, str | None]], list[str], list[str]]:
    """Options, the image, the command: pflag's reading, without options between arguments."""
    options: list[tuple[str, str | None]] = []
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        word = words[at]
        at += 1
        if word.startswith("--"):
            name, has_value, value = word.partition("=")
            takes = FLAGS[name][0].takes if name in FLAGS else False
            if has_value or not takes:
                options.append((name, value if has_value else None))
            else:
                options.append((name, words[at]))
                at += 1
            continue
        for place, letter in enumerate(word[1:], 2):
            if not FLAGS[f"-{letter}"][0].takes:
                options.append((f"-{letter}", None))
                continue
            rest = word[place:]
            options.append((f"-{letter}", rest.removeprefix("=") if rest else words[at]))
            at += not rest
            break
    return options, words[at : at + 1], words[at + 1 :]


_NOT_AT_CREATE = {"-d", "--detach", "--detach-keys", "--sig-proxy", "--name", "--cidfile", "--pull"}


def moved(volume: str, root: Path) -> str:
    """A volume whose host path lies under a folder of the test, so that nothing of this machine is mounted."""
    return f"{root}{volume}" if volume.startswith("/") and not volume.startswith(str(root)) else volume


def host_paths(case: Case) -> Iterator[str]:
    for name, value in case.options:
        if name in ("-v", "--volume") and ":" in (value or ""):
            yield str(value).split(":")[0]
        if name == "--mount":
            yield from re.findall(r"source=([^,]+)", str(value))


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """An inspect as paths and values; what is unset has several spellings."""
    if isinstance(value, dict) and value and path.count(".") < 1:
        return {
            key: found
            for name, inner in value.items()
            for key, found in flat(inner, f"{path}.{name}".lstrip(".")).items()
        }
    return {path: value if value not in (None, [], {}, "", 0, False) else None}


def comparable(inspected: dict[str, Any]) -> dict[str, Any]:
    """What was asked, in one spelling."""
    found = flat({key: value for key, value in inspected.items() if key not in _APART})
    # -v and --mount are two ways to say one thing: told apart here, and joined in Mounts.
    for path in ("Config.Labels", "Config.Volumes", "HostConfig.Binds", "HostConfig.Mounts"):
        found.pop(path, None)
    if found["Config.Hostname"] and inspected["Id"].startswith(found["Config.Hostname"]):
        del found["Config.Hostname"]
    modes = {"ro", "rw", "z", "Z", ""}
    found["Mounts"] = sorted(
        (
            m["Type"],
            m.get("Name") if len(m.get("Name", "")) < 60 else "",
            m["Source"] if m["Type"] == "bind" else "",
            m["Destination"],
            m["RW"],
            m.get("Propagation", ""),
            sorted({*m["Mode"].split(",")} - modes),
        )
        for m in found["Mounts"] or []
    )
    for path in (
        "Config.Env",
        "HostConfig.CapAdd",
        "HostConfig.GroupAdd",
        "HostConfig.SecurityOpt",
        "HostConfig.DeviceCgroupRules",
    ):
        found[path] = sorted(set(found.get(path) or []))
    # A bare name is a variable that the caller had not set.
    found["Config.Env"] = [text for text in found["Config.Env"] if "=" in text]
    for path in ("HostConfig.Devices", "HostConfig.Ulimits", "HostConfig.DeviceRequests"):
        found[path] = sorted(json.dumps(one, sort_keys=True) for one in found.get(path) or [])
    return found


def differences(by_line: dict[str, Any], by_us: dict[str, Any], case: Case) -> list[str]:
    """What differs and no listed reason explains."""
    left, right = comparable(by_line), comparable(by_us)
    if "server" in case.imported.keys:
        # The same flags, under their long names and in another order.
        left["Config.Cmd"], right["Config.Cmd"] = (_flags(one["Config.Cmd"]) for one in (left, right))
    explained = {path for loss in case.imported.losses for path in EXPLAINED.get(loss.path, ())}
    secrets = {
        loss.message.split(" of ")[1].split(" is ")[0]
        for loss in case.imported.losses
        if loss.message.startswith("the value of")
    }
    if "put in by a shell" in case.imported.comments.get("command", ""):
        explained.add("Config.Cmd")
        secrets |= set(case.imported.keys["secret_env"])
    for one in (left, right):
        one["Config.Env"] = [text for text in one["Config.Env"] if text.partition("=")[0] not in secrets]
    return [
        f"{case.name}: {path}: {left.get(path)!r} by the line, {right.get(path)!r} by us"
        for path in sorted(left.keys() | right.keys())
        if left.get(path) != right.get(path) and path not in explained
    ]


def _flags(words: list[str]) -> Any:
    """The flags of a launch command: under their long names, in one order, with the defaults SGLang has for them."""
    text = " ".join(words)
    for short, long in (("--model ", "--model-path "), ("--tp ", "--tp-size ")):
        text = text.replace(short, long)
    found = re.split(r"\s(?=--)", re.sub(r"^.*?(?=--)", "", text))
    defaults = ("--host 127.0.0.1", "--port 30000")
    return sorted([*found, *(one for one in defaults if not any(part.startswith(one.split()[0]) for part in found))])


@pytest.fixture(scope="module")
def results() -> dict[str, list[Imported] | ConfigError]:
    found: dict[str, list[Imported] | ConfigError] = {}
    for name, text in LINES.items():
        try:
            found[name] = from_run(text, name)
        except ConfigError as error:
            found[name] = error
    return found


def test_every_line_imports_or_says_exactly_why_not(results: Mapping[str, list[Imported] | ConfigError]) -> None:
    refused = {name: str(error) for name, error in results.items() if isinstance(error, ConfigError)}
    assert refused.keys() == REFUSED.keys()
    assert all(REFUSED[name] in text for name, text in refused.items())
    assert all(len(found) == 1 for found in results.values() if not isinstance(found, ConfigError))


def environment(root: Path) -> dict[str, str]:
    named = {name: value_of(name, root) for text in LINES.values() for name in names_in(text)}
    mine = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    # What stands for secrets and outputs that are written nowhere.
    return {"IMAGE": "img", "TOKEN": "v7", **named, **mine, "USER": str(facts()["user"])}


def test_every_profile_loads(results: Mapping[str, list[Imported] | ConfigError], tmp_path: Path) -> None:
    folder = tmp_path / "proj"
    folder.mkdir()
    (folder / "docker.env").touch()
    env = environment(tmp_path)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "ENV_FILE").touch()
    wrong = []
    for name, found in results.items():
        if isinstance(found, ConfigError):
            continue
        (one,) = found
        image = {"image": "img:1"} if "{{" in str(one.keys["image"]) else {}
        own = replace(one, name="x", keys={**one.keys, **image})
        (folder / "sglaunch.yaml").write_text(profile_document([own]), encoding="utf-8")
        try:
            load(Request(folder / "sglaunch.yaml", facts(), env), ["x"])
        except ConfigError as error:
            wrong.append(f"{name}: {error}")
    assert wrong == []


@pytest.fixture
def cases(results: Mapping[str, list[Imported] | ConfigError], tmp_path: Path, cleanup: str) -> Iterator[list[Case]]:
    """Each line as the engine takes it: created, or refused by it."""
    folder = tmp_path / "proj"
    folder.mkdir()
    for file in (folder / "docker.env", tmp_path / "var" / "ENV_FILE"):
        file.parent.mkdir(exist_ok=True)
        file.touch()
    env = environment(tmp_path)
    made: list[Case] = []
    for name, found in results.items():
        if not isinstance(found, ConfigError):
            case = Case(name, found[0])
            made.append(case)
            _create(case, LINES[name], env, tmp_path, cleanup)
    yield made


def _create(case: Case, text: str, env: Mapping[str, str], root: Path, project: str) -> None:
    folder = root / "proj"
    # What may hold options, and cannot be known, holds none here.
    unknown = {
        name for loss in case.imported.losses if "further options" in loss.message for name in names_in(loss.path)
    }
    env = {name: value for name, value in env.items() if name not in unknown}
    words = run_by_shell(text, env, folder, CUT_OUT.get(case.name, ""))
    start = next(number for number, word in enumerate(words) if word in ("run", "create"))
    options, image, case.command = apart(words[start + 1 :])
    assert image, f"{case.name}: the test finds no image in {words}"
    runtime = [("--runtime", "nvidia")] if text.startswith("nvidia-docker") else []
    case.options = [
        (name, moved(value, root) if name in ("-v", "--volume") and value else value)
        for name, value in [*options, *runtime]
        if name not in _NOT_AT_CREATE
    ]
    for path in host_paths(case):
        if path.startswith(("/", ".", "~")):
            (folder / path).mkdir(parents=True, exist_ok=True)
    made = _created(case, env, folder, project)
    if "nknown runtime" in made.stderr or "unknown or invalid runtime" in made.stderr:
        case.runtime = next(str(value) for name, value in case.options if name == "--runtime")
        case.options = [(name, value) for name, value in case.options if name != "--runtime"]
        made = _created(case, env, folder, project)
    case.container = made.stdout.split()[-1] if not made.returncode else ""
    has_cdi = any(name == "--device" and "=" in str(value) for name, value in case.options)
    if has_cdi and int(engine_version().split(".")[0]) < 25:
        case.container, case.unlike = "", "this release makes a container of a CDI name that it cannot start"
    elif made.returncode:
        case.unlike = made.stderr.strip().splitlines()[0]


def _created(case: Case, env: Mapping[str, str], folder: Path, project: str) -> subprocess.CompletedProcess[str]:
    spelled = [
        name if value is None else f"{name}={value}" if name.startswith("--") else f"{name}{value}"
        for name, value in case.options
    ]
    return subprocess.run(
        ["docker", "create", "--name", f"{project}-{case.name}", *spelled, IMAGE, *case.command],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def ours(case: Case, root: Path) -> Imported:
    """The profile, with the tests' image, a name of its own, and its host paths where the line's are."""
    keys = dict(case.imported.keys)
    keys.pop("container_name", None)
    if case.runtime:
        assert keys.pop("runtime") == case.runtime
    if "volumes" in keys:
        keys["volumes"] = [moved(volume, root) for volume in keys["volumes"]]
    return Imported(case.name, {**keys, "image": IMAGE})


# Another engine's release may take a line that this one refuses, and the other way round: most must be compared.
@pytest.mark.docker
@pytest.mark.timeout(300)
def test_up_makes_the_container_that_the_line_makes(
    cases: list[Case], tmp_path: Path, cleanup: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "proj"
    alike = [case for case in cases if case.container]
    text = f"project: {cleanup}\n{profile_document([ours(case, tmp_path) for case in alike])}"
    (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    assert main(["trust"]) == 0
    capsys.readouterr()
    status = main(["up", "--no-start", "--pull", "never", "--json"])
    said = capsys.readouterr()
    assert status == 0, said.out[-3000:] + said.err[-3000:]
    names = {one["profile"]: one["container"] for one in json.loads(said.out)["containers"]}
    inspected = json.loads(docker("inspect", *(case.container for case in alike)).stdout)
    made = json.loads(docker("inspect", *(names[case.name] for case in alike)).stdout)
    found = [
        line
        for case, left, right in zip(alike, inspected, made, strict=True)
        for line in differences(left, right, case)
    ]
    assert not found, "\n".join(found)
    strange = [one for one in cases if one.unlike and not any(re.search(why, one.unlike) for why in NOT_COMPARED)]
    assert not strange, "\n".join(f"{one.name}: {one.unlike}" for one in strange)
    assert len(alike) > len(cases) * 0.85
    again = made_by_exported_lines({case.name: names[case.name] for case in alike}, capsys)
    wrong = [
        f"{case.name}: {path}: {left.get(path)!r} by up, {right.get(path)!r} by the exported line"
        for case, first, second in zip(alike, made, again, strict=True)
        for left, right in [(comparable(first), comparable(second))]
        for path in sorted(left.keys() | right.keys())
        if left.get(path) != right.get(path) and path not in _ATTACHED
    ]
    assert not wrong, "\n".join(wrong)


# Who was attached when it was made is no option of the container; `run -d -i` and `create -i` differ in it.
_ATTACHED = {"Config.AttachStdin", "Config.AttachStdout", "Config.AttachStderr", "Config.StdinOnce"}


def made_by_exported_lines(containers: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What a shell makes of the lines that export writes, in the place of the containers that up made, by profile."""
    docker("rm", "--force", "--volumes", *containers.values())
    capsys.readouterr()
    status = main(["export", "run", *containers])
    said = capsys.readouterr()
    assert status == 0, said.err[-3000:]
    script = said.out.replace("docker run --detach", "docker create").replace("docker start", "true")
    # Written in its line, and named by the export alone, since its name is that of a secret.
    env = {**os.environ, "TEXT_GENERATION_SERVER_IGNORE_EOS_TOKEN": "true"}
    done = subprocess.run(["sh", "-euc", f"cd /\n{script}"], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(docker("inspect", *containers.values()).stdout)
    return found
