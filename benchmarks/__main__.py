"""Measures sglaunch and `docker compose` in turns and prints a table; see README.md beside this."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import docker_engine  # noqa: E402 - the tests' own image

from benchmarks import measure  # noqa: E402 - the path above is for these
from benchmarks.floor import Floor, cleared  # noqa: E402 - as above
from benchmarks.work import COMPOSE, Case, Work  # noqa: E402 - as above

IMAGE = "sglaunch-benchmark/busybox:1"
LOOKING, ACTING, ROUNDS = (1, 10, 50), (1, 20), 15
_IMPORT = (
    "import time; a = time.perf_counter(); import sglaunch.engine.whales as w; w._imported(); "
    "print((time.perf_counter() - a) * 1e3)"
)
HEAD = f"{'':28}{'wall ms':>22}{'CPU ms':>22}{'peak MiB':>20}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", help="only those whose name begins so")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often each is run ({ROUNDS})")
    asked = parser.parse_args()
    problem = docker_engine.engine_problem() or docker_engine.image_problem()
    if problem:
        print(f"nothing can be measured: {problem}")
        return 1
    told = _compose()
    print(f"sglaunch against {told or 'nobody'} on Docker {_version()}, {os.cpu_count()} cores, {asked.rounds} rounds")
    if not told:
        print(
            "`docker compose` v2 is not here: no ratio can be told but that of entering a container to `docker exec`."
        )
    docker_engine.build_busybox(IMAGE)
    try:
        with tempfile.TemporaryDirectory(prefix="sglaunch-benchmark-") as folder:
            _all(Path(folder), asked.cases, asked.rounds, compose=bool(told))
    finally:
        docker_engine.docker("rmi", IMAGE, check=False)
    return 0


def _all(root: Path, chosen: Sequence[str], rounds: int, *, compose: bool) -> None:
    env = _environment(root)
    print(HEAD)
    for count in sorted({*LOOKING, *ACTING}):
        work = Work(root, count, IMAGE, env)
        work.write()
        try:
            for stage in _stages(work):
                cases = [one for one in stage if not chosen or any(one.name.startswith(name) for name in chosen)]
                _measured(work, cases, rounds, compose=compose)
        finally:
            work.clean(compose)


def _stages(work: Work) -> Iterator[list[Case]]:
    if work.profiles == 1:
        yield work.alone()
    if work.profiles in LOOKING:
        yield work.looking() + (work.entering() if work.profiles == 1 else [])
    if work.profiles in ACTING:
        yield work.acting()


def _measured(work: Work, cases: Sequence[Case], rounds: int, *, compose: bool) -> None:
    for case in cases:
        against = bool(case.theirs) and (compose or case.theirs[:2] != COMPOSE)
        ours: list[measure.Run] = []
        theirs: list[measure.Run] = []
        imports: list[float] = []
        floors: list[float] = []
        if not case.before:
            work.quietly(_up(work))
            if against:
                work.quietly([*COMPOSE, "up", "-d"] if compose else [])
        try:
            # What is first run reads everything anew; it is measured by nobody's daily work.
            for number in range(-1, rounds):
                turns = [(ours, case.before, case.ours), (theirs, case.theirs_before, case.theirs)]
                for found, before, words in turns[:: 1 if number % 2 else -1]:
                    if found is theirs and not against:
                        continue
                    work.quietly(before)
                    if case.first and found is ours:
                        work.forget()
                    measured = measure.run(words, work.folder, work.env, case.typed)
                    if number >= 0:
                        found.append(measured)
                if case.first:
                    imports.append(_import(work))
                if case.floor and number >= 0:
                    floors.append(_floor(work, case.floor))
        except measure.Broken as error:
            print(f"{case.name:28}not measured: {str(error).splitlines()[0]}")
            continue
        print(_row(case, ours, theirs, imports, floors))


def _up(work: Work) -> list[str]:
    from benchmarks.work import SGLAUNCH

    return [*SGLAUNCH, "up", "-d"]


def _row(
    case: Case,
    ours: Sequence[measure.Run],
    theirs: Sequence[measure.Run],
    imports: Sequence[float],
    floors: Sequence[float],
) -> str:
    mine = measure.median(ours)
    if not theirs:
        return f"{case.name:28}{mine.wall:8.1f}{'':14}{mine.cpu:8.1f}{'':14}{mine.memory:8.1f}"
    other, ratios = measure.median(theirs), measure.ratio(ours, theirs)
    cells = [f"{getattr(mine, name):8.1f} /{getattr(other, name):7.1f}" for name in ("wall", "cpu", "memory")]
    shown = [
        f"{cell} {getattr(ratios, name):4.2f}x" for cell, name in zip(cells, ("wall", "cpu", "memory"), strict=True)
    ]
    row = f"{case.name:28}{''.join(shown)}"
    if case.added:
        added = statistics.median(a.wall - b.wall for a, b in zip(ours, theirs, strict=True))
        return f"{row}  {added:+.1f} ms"
    if imports:
        taken = statistics.median(imports)
        rest = statistics.median((a.wall - taken) / b.wall for a, b in zip(ours, theirs, strict=True))
        return f"{row}  import {taken:.0f} ms, less {rest:.2f}x"
    if floors:
        share = statistics.median(floor / b.wall for floor, b in zip(floors, theirs, strict=True))
        return f"{row}  the engine alone {statistics.median(floors):.0f} ms {share:.2f}x"
    return row


def _floor(work: Work, kind: str) -> float:
    """What the engine takes for the same, which it did for neither of the two."""
    floor = Floor(work.name, work.profiles, work.image)
    try:
        if kind != "create":
            floor.create()
        taken: float = getattr(floor, kind)()
        if kind != "down":
            floor.down()
    finally:
        cleared(work.name, work.profiles)
    return taken


def _import(work: Work) -> float:
    done = subprocess.run([sys.executable, "-c", _IMPORT], env=work.env, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _environment(root: Path) -> Mapping[str, str]:
    """The caller's, but for what sglaunch keeps, which is this run's own; with modules compiled, as pip leaves them."""
    kept = {f"XDG_{name}": str(root / name) for name in ("CACHE_HOME", "STATE_HOME", "CONFIG_HOME")}
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**compiled, **kept, "SGLAUNCH_SITE_CONFIG": str(root / "no-site.yaml")}


def _compose() -> str:
    done = subprocess.run([*COMPOSE, "version", "--short"], capture_output=True, text=True, check=False)
    version = done.stdout.strip().lstrip("v")
    return f"docker compose {version}" if done.returncode == 0 and not version.startswith("1.") else ""


def _version() -> str:
    return docker_engine.docker("version", "--format", "{{.Server.Version}}").stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
