"""A stand-in for nerdctl releases that cannot be had: its state is a file, its manners are those of one version.

It is a program of its own, called by a link in a folder that holds `version.json`: {"nerdctl", "containerd"}. What it
does is read from the sources of 1.7 to 2.3: empty times and states, names that come back at each start, labels of at
most 4096 bytes, refusals by version, logs on stderr, `exec` that only tells a status.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

FOLDER = Path(sys.argv[0]).absolute().parent
VERSION = json.loads((FOLDER / "version.json").read_text(encoding="utf-8"))
STATE = FOLDER / "state.json"
NOW = "2026-07-20T10:00:00.123456789Z"
NEVER = "0001-01-01T00:00:00Z"
IMAGES = {"sglaunch-test/busybox:1": "aa", "sglaunch-test/other:1": "bb"}
MAX_LABEL = 4096
WITHOUT_VALUE = ("init", "privileged", "read-only", "tty", "interactive", "rm", "no-healthcheck", "t", "i", "d")


def version() -> tuple[int, ...]:
    return tuple(int(part) for part in VERSION["nerdctl"].split("."))


def load() -> dict[str, Any]:
    if STATE.exists():
        found: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8"))
        return found
    return {"containers": {}, "names": {}}


def save(state: dict[str, Any]) -> None:
    STATE.write_text(json.dumps(state), encoding="utf-8")


def fatal(message: str) -> NoReturn:
    text = json.dumps(message)[1:-1]
    sys.stderr.write(f'time="{NOW}" level=fatal msg="{text}"\n')
    sys.exit(1)


def options(words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Flags before the image, and the rest."""
    found: dict[str, list[str]] = {}
    while words and words[0].startswith("-"):
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        name = {"p": "publish", "v": "volume", "e": "env", "l": "label"}.get(name, name)
        if name.startswith("health-") and version() < (2, 1, 3):
            fatal(f"unknown flag: --{name}")
        if name not in WITHOUT_VALUE and not equals:
            value = words.pop(0)
        found.setdefault(name, []).append(value)
    return found, words


def ports(given: dict[str, list[str]]) -> list[dict[str, Any]]:
    found = []
    for text in given.get("publish", []):
        host, _, port = text.rpartition(":")
        ip, _, number = host.rpartition(":")
        container, _, protocol = port.partition("/")
        found.append(
            {
                "HostPort": int(number or 0),
                "ContainerPort": int(container),
                "Protocol": protocol or "tcp",
                "HostIP": ip or "0.0.0.0",
            }
        )
    return found


def create(state: dict[str, Any], words: list[str]) -> None:
    given, rest = options(words)
    image, command = rest[0], rest[1:]
    labels = dict(label.partition("=")[::2] for label in given.get("label", []))
    for key, value in labels.items():
        if len(key) + len(value) > MAX_LABEL:
            fatal(f"label key and value length ({len(key) + len(value)} bytes) greater than maximum size (4096 bytes)")
    if image not in IMAGES:
        fatal(f'image not available: "{image}"')
    policy = given.get("restart", ["no"])[0]
    old = tuple(int(part) for part in VERSION["containerd"].split(".")[:2]) < (1, 7)
    if policy.partition(":")[0] not in (("no", "always") if old else ("no", "always", "on-failure", "unless-stopped")):
        fatal(f'1 errors:\nunsupported restart policy "{policy}", supported policies are: ["always"]')
    name = given["name"][0]
    if name in state["names"]:
        fatal(f'name-store error\nname "{name}" is already used by ID "{state["names"][name]}"')
    mine = ports(given)
    if version() >= (2, 1, 3):
        held = {one["HostPort"] for other in state["containers"].values() if other["running"] for one in other["ports"]}
        for one in mine:
            if one["HostPort"] in held:
                fatal(f"bind for {one['HostIP']}:{one['HostPort']} failed: port is already allocated")
    env = list(given.get("env", []))
    for file in given.get("env-file", []):
        env += Path(file).read_text(encoding="utf-8").splitlines()
    identity = hashlib.sha256(f"{name}{len(state['containers'])}{state}".encode()).hexdigest()
    labels |= {
        "nerdctl/name": name,
        "nerdctl/namespace": "default",
        "nerdctl/networks": json.dumps(given.get("network", ["bridge"])),
        "nerdctl/ports": json.dumps(mine),
        "nerdctl/auto-remove": "false",
        "io.containerd.image.config.stop-signal": "SIGTERM",
    }
    state["names"][name] = identity
    state["containers"][identity] = {
        "name": name,
        "born": name,
        "image": image,
        "command": command,
        "labels": labels,
        "env": env,
        "ports": mine,
        "running": False,
        "started": "",
        "finished": "",
        "code": 0,
        "network": given.get("network", ["bridge"])[0],
    }
    sys.stdout.write(identity + "\n")


def find(state: dict[str, Any], asked: str) -> tuple[str, dict[str, Any]] | None:
    """By name, or by the beginning of an id."""
    for identity, one in state["containers"].items():
        if one["name"] == asked or (re.fullmatch("[0-9a-f]+", asked) and identity.startswith(asked)):
            return identity, one
    return None


def needed(state: dict[str, Any], asked: str) -> tuple[str, dict[str, Any]]:
    found = find(state, asked)
    if found is None:
        fatal(f"1 errors:\nno such container: {asked}")
    return found


def start(state: dict[str, Any], asked: str) -> None:
    identity, one = needed(state, asked)
    if one["command"][:1] == ["no-such-program"]:
        fatal(
            "1 errors:\nfailed to create shim task: OCI runtime create failed: runc create failed: unable to start "
            'container process: exec: "no-such-program": executable file not found in $PATH: unknown'
        )
    if version() >= (2, 0):
        # The hook of the start takes the name of the creation again.
        state["names"][one["born"]] = identity
    one |= {"running": True, "started": NOW, "finished": ""}


def stop(state: dict[str, Any], asked: str) -> None:
    _, one = needed(state, asked)
    if one["running"]:
        one |= {"running": False, "finished": NOW, "code": 137}
        if one["born"] != one["name"]:
            state["names"].pop(one["born"], None)


def remove(state: dict[str, Any], words: list[str]) -> None:
    force = "-f" in words or "--force" in words
    for asked in (word for word in words if not word.startswith("-")):
        if find(state, asked) is None and force:
            continue
        identity, one = needed(state, asked)
        if one["running"] and not force:
            fatal(
                f"1 errors:\ncontainer {identity} is in running status. unpause/stop container first or force removal"
            )
        del state["containers"][identity]
        state["names"] = {name: owner for name, owner in state["names"].items() if owner != identity}


def rename(state: dict[str, Any], asked: str, to: str) -> None:
    identity, one = needed(state, asked)
    if to in state["names"]:
        fatal(f'name-store error\nname "{to}" is already used by ID "{state["names"][to]}"')
    state["names"].pop(one["name"], None)
    state["names"][to] = identity
    one["name"] = to
    one["labels"]["nerdctl/name"] = to


def shown(identity: str, one: dict[str, Any]) -> dict[str, Any]:
    task = bool(one["started"])
    status = "running" if one["running"] else "exited" if task else ""
    never = NEVER if version() < (2, 0) and task else ""
    state = {"Status": status, "Running": one["running"], "Paused": False, "Restarting": one["running"], "Pid": 1}
    state |= {"ExitCode": one["code"], "Error": "", "StartedAt": one["started"], "FinishedAt": one["finished"] or never}
    data: dict[str, Any] = {"Id": identity, "Created": NOW, "Name": one["name"], "Image": f"docker.io/{one['image']}"}
    data |= {"State": state, "RestartCount": 0, "Config": {"Labels": one["labels"]}, "Mounts": []}
    if version() >= (2, 0, 4):
        data["HostConfig"] = {"Memory": 0, "ShmSize": 0, "LogConfig": {"driver": "json-file"}}
    if version() >= (2, 0, 5):
        data["Config"]["Env"] = ["PATH=/bin", *one["env"]]
    if version() >= (2, 3):
        data["HostConfig"] |= {"NetworkMode": one["network"], "AutoRemove": False}
    bound = {
        f"{p['ContainerPort']}/{p['Protocol']}": [{"HostIp": p["HostIP"], "HostPort": str(p["HostPort"])}]
        for p in one["ports"]
    }
    data["NetworkSettings"] = (
        {"Ports": bound if one["running"] else {}, "Networks": {}, "IPAddress": ""} if task else None
    )
    return data


def inspect(state: dict[str, Any], words: list[str]) -> None:
    native = "native" in words
    asked = [word for word in words if not word.startswith("-") and word != "native"]
    found = [(name, find(state, name)) for name in asked]
    data = [
        {"ID": one[0], "Spec": {"process": {"env": ["PATH=/bin", *one[1]["env"]]}}} if native else shown(*one)
        for _, one in found
        if one is not None
    ]
    sys.stdout.write(json.dumps(data) + "\n" if data else "")
    missing = [name for name, one in found if one is None]
    if missing:
        fatal(f"{len(missing)} errors:\n" + "\n".join(f"no such container: {name}" for name in missing))


def inspect_images(words: list[str]) -> None:
    asked = [word for word in words if not word.startswith("-")]
    data = [
        {
            "Id": f"sha256:{IMAGES[name] * 32}",
            "RepoTags": [name],
            "RepoDigests": [f"{name.rpartition(':')[0]}@sha256:{IMAGES[name] * 4}"],
        }
        for name in asked
        if name in IMAGES
    ]
    sys.stdout.write(json.dumps(data) + "\n" if data else "")
    missing = [name for name in asked if name not in IMAGES]
    if missing:
        fatal(f"{len(missing)} errors:\n" + "\n".join(f"no such image: {name}" for name in missing))


def listed(state: dict[str, Any], words: list[str]) -> None:
    wanted = [word.removeprefix("label=").partition("=") for word in words if word.startswith("label=")]
    for identity, one in state["containers"].items():
        if all(
            name in one["labels"] and (not equals or one["labels"][name] == value) for name, equals, value in wanted
        ):
            if "-aq" in words:
                sys.stdout.write(identity + "\n")
            elif one["running"]:
                told = ", ".join(f"{p['HostIP']}:{p['HostPort']}->{p['ContainerPort']}/tcp" for p in one["ports"])
                sys.stdout.write(f"{one['name']}\t{told}\t{one['labels'].get('sglaunch.owner', '')}\n")


def execute(state: dict[str, Any], words: list[str]) -> None:
    words = [word for word in words if word not in ("-i", "-t", "-it")]
    if "--detach-keys" in words:
        fatal("unknown flag: --detach-keys")
    _, one = needed(state, words[0])
    env = dict(line.partition("=")[::2] for line in one["env"])
    done = subprocess.run(words[1:], env={"PATH": "/usr/bin:/bin", **env}, check=False)
    if done.returncode:
        fatal(f"exec failed with exit code {done.returncode}")


def main() -> None:
    words = sys.argv[1:]
    group = words[0] if words[0] in ("container", "image") else ""
    verb, rest = (words[1], words[2:]) if group else (words[0], words[1:])
    state = load()
    if verb == "version":
        client = {"Version": f"v{VERSION['nerdctl']}", "Components": [{"Name": "buildctl", "Version": ""}]}
        server = {"Components": [{"Name": "containerd", "Version": VERSION["containerd"]}]}
        sys.stdout.write(json.dumps({"Client": client, "Server": server}) + "\n")
    elif verb == "inspect":
        inspect_images(rest) if group == "image" else inspect(state, rest)
    elif verb == "ps":
        listed(state, rest)
    elif verb == "exec":
        execute(state, rest)
    elif verb == "logs":
        needed(state, rest[-1])
        sys.stdout.write("hello\n")
    else:
        act = {"start": start, "stop": stop, "create": create, "rm": remove, "rename": rename}
        if verb == "restart":
            stop(state, rest[-1])
            start(state, rest[-1])
        elif verb in ("create", "rm"):
            act[verb](state, rest)
        elif verb in act:
            act[verb](state, *(word for word in rest if not word.startswith("-")))
        else:
            fatal(f'unknown subcommand "{verb}" for "nerdctl"')
        save(state)


if __name__ == "__main__":
    main()
