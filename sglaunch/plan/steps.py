"""Step, the action of a container, the Plan and its text. Frozen data: what is shown is what is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plain import Struct, field
from sglaunch.plan.diff import Change
from sglaunch.plan.options import show
from sglaunch.spec.columns import padded, width
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.labels import ASSIGNED

CREATE, START, UPDATE, RECREATE, NONE, REMOVE, REFUSE = (
    "create",
    "start",
    "update",
    "recreate",
    "none",
    "remove",
    "refuse",
)
STOP, RESTART, PULL, REPAIR, BUILD, PUSH, PRUNE = "stop", "restart", "pull", "repair", "build", "push", "prune"


class Step(Struct, frozen=True):
    """One engine call (or one folder made) and its cause. `undo` takes it back, should a later step fail.

    op       target     further
    pull     image      values: platform, mirrors (the same image elsewhere, tried first)
    build    image      labels, values: build, files (path -> digest of what it is made from)
    push     image
    discard  image      an image is removed
    mkdir    host path
    secret   name       values: path and text of a file for the user alone
    forget   name       values: path of such a file, which is removed
    create   name       spec, labels
    connect  name       network, values: aliases and addresses
    start    name
    settle   name       values: seconds; it must still run after these, or a moment later
    ready    name       values: readiness; it must answer. rolls_back: the container is removed where it does not
    stop     name
    restart  name
    unpause  name
    update   name       values under profile words
    check-gpus name     values: profile; its NVIDIA devices must still open
    rename   name       to
    snapshot name       to (the image), values: secrets, the variables to be blanked
    remove   name       values: volumes, whether those that were made for it are removed too
    erase    volume     an anonymous volume is removed, unless another container uses it
    gone     name       waits until the engine has removed it
    stopped  name       waits for the end of a stop that is under way, at most for its grace
    """

    op: str
    target: str
    cause: str
    to: str = ""
    spec: ContainerSpec | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    undo: tuple[Step, ...] = ()

    def line(self) -> str:
        """`rename  a -> b`, `update  a restart=no` for people; the cause stands beside it."""
        return f"{self.op:<7} {self.target}{f' -> {self.to}' if self.to else ''}{self.given()}"

    def given(self) -> str:
        """The values of an update, as ` name=value` each."""
        values = self.values if self.op == "update" else {}
        return "".join(f" {name}={value_text(show(name, value))}" for name, value in values.items())


class ContainerPlan(Struct, frozen=True):
    """What happens to one container, and why. `problems` are mistakes that only the engine's host could show.
    `shortage`: what the host has too little of at the moment, and who has it. `after`: containers whose plans, where
    they stand before this one, must have ended; None: every one before, and every one behind waits for this."""

    profile: str
    container: str
    action: str
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    consent: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    shortage: tuple[str, ...] = ()
    reason: str = ""
    after: tuple[str, ...] | None = None


class Plan(Struct, frozen=True):
    """Every container's plan in the order of applying, and warnings that concern none of them alone."""

    containers: tuple[ContainerPlan, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def chooses_gpus(self) -> bool:
        """Whether devices are taken, which only one user of the machine may do at a time."""
        return any(
            step.spec is not None and (ASSIGNED in step.labels or (step.spec.gpus is not None and step.spec.gpus.ids))
            for step in self.steps("create")
        )

    @property
    def is_empty(self) -> bool:
        """Nothing to do."""
        return all(not container.steps and container.action in (NONE,) for container in self.containers)

    def steps(self, *ops: str) -> Iterator[Step]:
        """The steps of the given kinds, or all."""
        return (step for container in self.containers for step in container.steps if not ops or step.op in ops)

    def only(self, action: str) -> Plan:
        """The containers of one action."""
        return Plan(tuple(one for one in self.containers if one.action == action))

    def does_as(self, other: Plan) -> bool:
        """Whether both do the same, whatever they say of sizes and times meanwhile."""
        return self._deeds() == other._deeds()

    def _deeds(self) -> list[tuple[object, ...]]:
        return [
            (one.container, one.action, one.changes, bool(one.consent), [_deed(step) for step in one.steps])
            for one in self.containers
        ]

    def lines(self) -> Iterator[str]:
        """The plan as stable text: what `sglaunch plan` prints and what the tests compare."""
        for container in self.containers:
            yield from _container_lines(container)
        yield from (f"warning    {warning}" for warning in self.warnings)

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _deed(step: Step) -> tuple[str, str, str]:
    """What a step does; the name of a snapshot is the time it is planned at."""
    return step.op, step.target + step.given(), "" if step.op == "snapshot" else step.to


def _container_lines(container: ContainerPlan) -> Iterator[str]:
    reason = f"  {container.reason}" if container.reason else ""
    yield f"{container.container}  {container.action}{reason}"
    for change in container.changes:
        place = f"   {change.origin} ({change.origin.layer})" if change.origin else ""
        effect = "" if change.effect == container.action else f"  [{change.effect}]"
        yield f"  {change.field}  {value_text(change.old)} -> {value_text(change.new)}{place}{effect}"
    longest = max((width(step.line()) for step in container.steps), default=0)
    for number, step in enumerate(container.steps, 1):
        yield f"  {number} {padded(step.line(), longest)}  {step.cause}"
    yield from (f"consent    {reason}" for reason in container.consent)
    yield from (f"warning    {warning}" for warning in container.warnings)
    yield from (f"problem    {problem}" for problem in container.problems)
    yield from (f"shortage   {line}" for line in container.shortage)


def value_text(value: Any) -> str:
    """A side of a change in one line; an absent value is `(none)`."""
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    return repr(value) if isinstance(value, str) and (value == "" or "\n" in value) else str(value)
