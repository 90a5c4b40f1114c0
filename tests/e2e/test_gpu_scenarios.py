"""Twenty random machines on real Docker: containers of others and of profiles, and no device is given twice.

Containers are created and not started, for there is no device to give; created ones hold theirs already.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from docker_engine import docker, inspect
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

SOURCE = Path(__file__).resolve().parent.parent / "stub_nvml.c"
GIB = 1 << 30
COUNT = 8
PROFILES = 'project: PROJECT\ndefaults: {image: "IMAGE", command: [sleep, "9"], protect: false}\nprofiles:\n'


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", tmp_path / "libnvidia-ml.so.1", SOURCE], check=True)
    lines = "".join(f"GPU-{tmp_path.name}-{n} {80 * GIB} {80 * GIB}\n" for n in range(COUNT))
    (tmp_path / "devices").write_text(lines, encoding="utf-8")
    return {"LD_LIBRARY_PATH": str(tmp_path), "STUB_NVML": str(tmp_path / "devices")}


def foreign(dice: random.Random, uuids: list[str]) -> tuple[list[str], set[int]]:
    """Words of somebody's `docker create`, and the devices that are the container's own."""
    some = sorted(dice.sample(range(COUNT), 2))
    names = ",".join(map(str, some))
    return dice.choice(
        [
            (["--gpus", "all"], set()),
            (["--gpus", str(len(some))], {0, 1}),
            (["--gpus", f'"device={names}"'], set(some)),
            (["--gpus", f'"device={",".join(uuids[n] for n in some)}"'], set(some)),
            ([word for n in some for word in ("--device", f"/dev/nvidia{n}")], set(some)),
        ]
    )


@pytest.mark.parametrize("number", range(20))
def test_no_device_is_given_to_a_count_that_another_container_holds(
    number: int, sglaunch: Sglaunch, machine: dict[str, str], docker_image: str
) -> None:
    uuids = [line.split()[0] for line in Path(machine["STUB_NVML"]).read_text(encoding="utf-8").splitlines()]
    dice = random.Random(number)
    pinned = sorted(dice.sample(range(COUNT), 2))
    held = set(pinned)
    for index in range(dice.randint(1, 2)):
        words, own = foreign(dice, uuids)
        docker("create", "--name", f"{sglaunch.project}-other{index}", *words, docker_image, "sleep", "9")
        held |= own
    asks = {"pinned": dice.choice([str(pinned), f'["{pinned[0]},{pinned[1]}"]']), "a": "1", "b": "2"}
    profiles = [f"  {name}: {{gpus: {asks[name]}}}\n" for name in dice.sample(sorted(asks), len(asks))]
    sglaunch.write(PROFILES + "".join(profiles))
    enough = len(held) + 3 <= COUNT
    done = sglaunch("up", "--no-start", env=machine, status=0 if enough else 1)
    if not enough:
        assert all(
            f"{sglaunch.project}-" in line for line in done.stderr.splitlines() if "|" in line and "idle" not in line
        )
        return
    labels = [inspect(sglaunch.name(name))["Config"]["Labels"]["sglaunch.assigned"] for name in ("a", "b")]
    given = [uuids.index(uuid) for label in labels for uuid in json.loads(label)["gpus"]]
    assert len(set(given)) == 3
    assert not set(given) & held
    rows = json.loads(sglaunch("gpus", "--json", env=machine).stdout)["gpus"]
    assert {row["index"] for row in rows if row["reserved"]} == held | set(given)
