"""Whether a container may be taken under management: what tells whose it is, and what manages it already; pure.

An engine does not keep who started a container. What is known of it: labels, the owners of the folders it mounts, and
the user its process runs as.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sglaunch.plain import Struct, field
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.diff import applied_spec
from sglaunch.plan.observation import Gpu, ObservedContainer, Project, foreign
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import Applied, Owner, encode, fingerprints
from sglaunch.spec.values import Secret

# The start of a label -> what keeps such a container, and how it is taken out of its hands.
KEEPERS: Mapping[str, tuple[str, str]] = {
    "com.docker.compose.project": ("docker compose", "`sglaunch import compose.yaml` makes a profile of its service"),
    "io.podman.compose.project": ("podman compose", "`sglaunch import compose.yaml` makes a profile of its service"),
    "com.docker.swarm.": ("a swarm", "remove the service there first"),
    "io.kubernetes.": ("Kubernetes", "delete the pod there first"),
    "io.podman.annotations.": ("podman kube", "take it down there first"),
    "PODMAN_SYSTEMD_UNIT": ("a systemd unit", "disable the unit first"),
    "com.hashicorp.nomad.": ("Nomad", "stop the job there first"),
    "com.amazonaws.ecs.": ("ECS", "stop the task there first"),
    "devcontainer.local_folder": ("a dev container of an editor", "close it there first"),
    "com.github.containers.toolbox": ("toolbox", "it would be made anew there"),
    "distrobox.": ("distrobox", "it would be made anew there"),
}
_USABLE = ("running", "paused", "exited", "created", "restarting")


class Evidence(Struct, frozen=True):
    """What tells whose a container is.

    `labels`: all of them. `homes`: by folder it mounts, the other user whose home that lies in; `owners`: the other
    user who owns it. `mine`: whether one of them is this user's own. `runs_as`: another user of this machine whom the
    process was told to be. `pod`: it belongs to one. `private`: nobody else can reach this engine. `hidden`: the
    engine does not tell what a container was asked to be.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    mine: bool = False
    runs_as: str = ""
    pod: bool = False
    private: bool = False
    hidden: bool = False


def refusal(
    container: ObservedContainer,
    evidence: Evidence,
    project: Project,
    profile: str,
    others: Sequence[ObservedContainer],
) -> tuple[str, str]:
    """Why a container cannot be taken, and what to do instead; two empty texts where it can.

    `others`: the project's containers.
    """
    name = container.name
    copy = f"`sglaunch import --container {name}` makes a profile after it"
    if container.applied is not None:
        reason = foreign(container, project)
        if reason:
            return f"container {name} {reason}", copy
        return f"container {name} is that of profile {container.applied.profile} already", "nothing is to be done"
    for label, (keeper, instead) in KEEPERS.items():
        if any(one.startswith(label) for one in evidence.labels):
            return f"container {name} is kept by {keeper}", instead
    if evidence.pod:
        return f"container {name} belongs to a pod, which starts and stops it", copy
    for source, user in evidence.homes.items():
        return f"container {name} belongs to {user}: it mounts {source}, which lies in the home of {user}", copy
    if evidence.runs_as:
        return f"container {name} belongs to {evidence.runs_as}: it was told to run as that user", copy
    if evidence.hidden:
        return f"nerdctl does not tell enough of {name} to take it as it is", copy
    if container.status not in _USABLE:
        return f"container {name} is {container.status}", "there is nothing left of it to take"
    if name.endswith((".new", ".old")):
        return f"container {name} has a name that a recreate passes through", "rename it first"
    there = [one.name for one in others if one.applied is not None and one.applied.profile == profile]
    if there:
        return f"profile {profile} has the container {there[0]}", "choose another name with --as"
    return "", ""


def doubts(container: ObservedContainer, evidence: Evidence) -> tuple[str, ...]:
    """What somebody should know before they say yes."""
    found = [f"it mounts {source}, which belongs to {user}" for source, user in evidence.owners.items()]
    if not found and not evidence.mine and not evidence.private:
        found.append("nothing on it tells who started it: take it only if it is yours")
    if container.auto_remove:
        found.append("the engine removes it as it stops (--rm): a failed recreate cannot bring it back")
    return tuple(found)


def adopted_labels(
    wanted: Wanted, image: str, engine: Capabilities, salt: str, gpus: Sequence[Gpu] = (), *, owner: Owner
) -> dict[str, str]:
    """What the labels of a container would be. `wanted`: what was read off it; `image`: the id of its image; `gpus`:
    the devices of its machine, of which an engine that is asked for a number gives the first ones."""
    spec, environment = wanted.spec, wanted.spec.environment
    secrets = {name: value for name, value in environment.items() if isinstance(value, Secret)}
    count = spec.gpus.count if spec.gpus is not None else 0
    first = [one.uuid for one in sorted(gpus, key=lambda one: one.index)][: max(count, 0)]
    applied = Applied(
        project=wanted.project,
        profile=wanted.profile,
        owner=owner,
        config=wanted.config_file,
        spec=applied_spec(spec, engine),
        image=image,
        secrets=fingerprints(secrets, salt),
        salt=salt,
        assigned={"gpus": first} if first else {},
    )
    return encode(applied)
