"""Whether anything in a container runs at this moment, and how much it has run (proc(5), cgroups(7)).

A container that ends at once is never at rest before: it runs, or waits for a processor or a disk.
"""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_ASLEEP = "S"
_SWITCHES = ("voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")


def at_rest(pid: int, container: str) -> int | None:
    """How often the processes of a container have run so far, if all of them sleep; None where one does not.

    None, too, where that cannot be told: `pid`, the container's first process, must be one of this machine that stands
    in the control group of a container of this id, as one in a virtual machine does not.
    """
    try:
        return _runs(pid) if container and container in _text(_PROC / str(pid) / "cgroup") else None
    except (OSError, ValueError, LookupError):
        return None


def cpu_seconds(pid: int, container: str) -> float | None:
    """The processor time that a container has used, by its control group (v1: cpuacct, v2: cpu.stat).

    None where it cannot be seen; for `pid` and `container` see `at_rest`.
    """
    try:
        groups = _text(_PROC / str(pid) / "cgroup")
        if not container or container not in groups:
            return None
        lines = [line.split(":", 2) for line in groups.splitlines()]
        paths = {name: path for _, names, path in lines for name in names.split(",")}
        if "cpuacct" in paths:
            return int(_text(Path(f"{_GROUPS}/cpuacct{paths['cpuacct']}/cpuacct.usage"))) / 1e9
        fields = dict(line.split() for line in _text(Path(f"{_GROUPS}{paths['']}/cpu.stat")).splitlines())
        return int(fields["usage_usec"]) / 1e6
    except (OSError, ValueError, LookupError):
        return None


def _runs(pid: int) -> int | None:
    """Of a process with all that it began. Raises what reading raises where one of them ends meanwhile."""
    runs = 0
    for thread in (_PROC / str(pid) / "task").iterdir():
        lines = _text(thread / "status").splitlines()
        fields = dict(line.split(maxsplit=1) for line in lines if line.startswith(("State:", *_SWITCHES)))
        if not fields["State:"].startswith(_ASLEEP):
            return None
        runs += sum(int(fields[name]) for name in _SWITCHES)
        for child in _text(thread / "children").split():
            of_child = _runs(int(child))
            if of_child is None:
                return None
            # A child that begins is a run, too, even where its first one is not counted yet.
            runs += of_child + 1
    return runs


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii", errors="replace")
