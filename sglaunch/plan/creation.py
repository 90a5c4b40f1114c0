"""What a new container needs: its folders, its image, the create call, further networks; pure."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan.building import build_steps
from sglaunch.plan.diff import applied_spec
from sglaunch.plan.mirrors import mirrored
from sglaunch.plan.observation import Observation, ObservedContainer, Volume
from sglaunch.plan.steps import PULL, Step
from sglaunch.spec.container import ContainerSpec, Wanted, expand, origin_of
from sglaunch.spec.labels import Applied, encode, fingerprints
from sglaunch.spec.server import DEFAULT_LAUNCHER, SERVE, SERVE_DAY, SGLANG_DAY, key_text
from sglaunch.spec.values import Mount, Secret


def create_steps(
    wanted: Wanted, seen: Observation, name: str, cause: str, volumes: Sequence[Volume] = ()
) -> list[Step]:
    """Folders first, then create under `name`, then the networks beyond the first. `name` may be a passing one.

    `volumes`: anonymous ones of the container that is replaced, mounted again. The label keeps the profile's words.
    """
    wanted, key = _with_key(wanted, seen)
    spec = expand(wanted.spec)
    again = {v.target: replace(spec.volumes.get(v.target, Mount("volume")), source=v.name) for v in volumes}
    spec = replace(spec, volumes={**spec.volumes, **again})
    local = seen.local.get(spec.image)
    if local is not None and local.reference:
        spec = replace(spec, image=local.reference)
    steps = [
        Step("mkdir", mount.source, f"mounted at {target}")
        for target, mount in spec.volumes.items()
        if mount.type == "bind" and mount.create_host_path and not seen.paths.get(mount.source, True)
    ]
    steps += key
    steps.append(
        Step(
            "create",
            name,
            cause,
            spec=replace(spec, container_name=name),
            labels=_labels(wanted, seen),
            # Podman would remove a volume that is mounted by name, too, where the old container is gone.
            undo=(Step("remove", name, "undo", values={"volumes": not volumes}),),
        )
    )
    for network, attachment in list(spec.networks.items())[1:] if seen.engine.connects else ():
        values = {"network": network, "attachment": attachment}
        steps.append(Step("connect", name, f"network {network}", to=network, values=values))
    return steps


def _with_key(wanted: Wanted, seen: Observation) -> tuple[Wanted, list[Step]]:
    """The server with a file for its API key, and the step that writes it: a new file each time, so that taking back
    a recreate finds the old one as it was."""
    server = wanted.spec.server
    key = wanted.spec.environment.get(server.api_key) if server is not None else None
    if server is None or not isinstance(key, Secret):
        return wanted, []
    name, path = wanted.spec.container_name, f"{seen.private}/{wanted.spec.container_name}-{seen.salt}.yaml"
    step = Step(
        "secret",
        name,
        "server.api_key, for the container alone",
        values={"path": path, "text": Secret(key_text(key.reveal()))},
        undo=(Step("forget", name, "undo", values={"path": path}),),
    )
    return replace(wanted, spec=replace(wanted.spec, server=replace(server, key_file=path))), [step]


def missing_key(wanted: Wanted) -> tuple[Problem, ...]:
    """A server that is to have an API key needs its value."""
    server = wanted.spec.server
    if server is None or not server.api_key or isinstance(wanted.spec.environment.get(server.api_key), Secret):
        return ()
    origin = origin_of("server.api_key", wanted.origins)
    message = f"{server.api_key} is not set, and the server would run without a key"
    hint = f"`export {server.api_key}=...`, or secret_env: {{{server.api_key}: {{file: ...}}}}"
    return (Problem(message, origin.place if origin else None, "server.api_key", hint),)


def _labels(wanted: Wanted, seen: Observation) -> dict[str, str]:
    secrets = {name: value for name, value in wanted.spec.environment.items() if isinstance(value, Secret)}
    applied = Applied(
        project=wanted.project,
        profile=wanted.profile,
        owner=seen.owner,
        config=wanted.config_file,
        spec=applied_spec(_without_key_file(wanted.request or wanted.spec), seen.engine),
        assigned=wanted.assigned,
        image=seen.images.get(wanted.spec.image) or "",
        secrets=fingerprints(secrets, seen.salt),
        salt=seen.salt,
    )
    return {**wanted.spec.labels, **encode(applied)}


def _without_key_file(spec: ContainerSpec) -> ContainerSpec:
    """Where the key lies is new each time, and no part of the wish."""
    return spec if spec.server is None else replace(spec, server=replace(spec.server, key_file=""))


def image_steps(wanted: Wanted, seen: Observation) -> tuple[list[Step], list[Problem]]:
    """The pull or build that an image needs first, or the problem that none is allowed."""
    image = wanted.spec.image
    if wanted.build is not None:
        return build_steps(wanted, seen), []
    if seen.images.get(image) is not None:
        return [], []
    if wanted.settings.pull_policy == "never":
        origin = origin_of("image", wanted.origins)
        message = f"{image} is not on this machine, and pull_policy is never"
        hint = "load or build it, or write pull_policy: missing"
        return [], [Problem(message, origin.place if origin else None, "image", hint)]
    return [pull_step(wanted, "not on this machine")], []


def pull_step(wanted: Wanted, cause: str) -> Step:
    """One pull, through the mirrors of its registry."""
    values = {"platform": wanted.spec.platform, "mirrors": mirrored(wanted.spec.image, wanted.settings.mirrors)}
    return Step(PULL, wanted.spec.image, cause, values=values)


def missing_paths(wanted: Wanted, seen: Observation) -> tuple[Problem, ...]:
    """Bind sources that do not exist and may not be made."""
    problems = []
    for target, mount in expand(wanted.spec).volumes.items():
        if mount.type != "bind" or mount.create_host_path or seen.paths.get(mount.source, True):
            continue
        origin = origin_of(f"volumes.{target}", wanted.origins) or origin_of("server.model", wanted.origins)
        message = f"{seen.server or 'the host'} has no {mount.source}"
        hint = "create it, or write the long form with bind: {create_host_path: true}"
        problems.append(Problem(message, origin.place if origin else None, f"volumes.{target}", hint))
    return tuple(problems)


def with_launcher(wanted: Wanted, seen: Observation) -> Wanted:
    """The profile with the launcher of older releases, where a tag such as `latest` names an image here that is older
    than `sglang serve`. What somebody wrote stays."""
    server, image = wanted.spec.server, seen.local.get(wanted.spec.image)
    if server is None or server.launcher != SERVE or "server.launcher" in wanted.origins or image is None:
        return wanted
    if not SGLANG_DAY < image.created < SERVE_DAY:
        return wanted
    return replace(wanted, spec=replace(wanted.spec, server=replace(server, launcher=DEFAULT_LAUNCHER)))


def with_devices(
    wanted: Wanted, seen: Observation, container: ObservedContainer | None
) -> tuple[Wanted, list[Problem]]:
    """The profile without GPUs, and a warning, where only the built-in layer asks for them and the host shows none.

    A container that has them keeps the wish: a driver that is broken today is no reason to make one without.
    """
    if wanted.spec.gpus is None or seen.gpu or "gpus" not in wanted.settings.soft:
        return wanted, []
    applied = container.applied.spec if container is not None and container.applied is not None else None
    if applied is not None and "gpus" in applied:
        return wanted, []
    origin = origin_of("gpus", wanted.origins)
    message = "this host shows no NVIDIA GPU; the container is made without"
    hint = "gpus: null says that this is meant, gpus: all in your own file insists"
    warning = Problem(message, origin.place if origin else None, "gpus", hint)
    return replace(wanted, spec=replace(wanted.spec, gpus=None)), [warning]
