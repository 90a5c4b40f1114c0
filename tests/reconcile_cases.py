"""The cases of `up`: the profiles, what is there, and what was asked.

cases/reconcile.txt holds the plan of each, which plan/test_reconcile.py compares; test_idempotence.py applies them on
the fake engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builders import (
    BEN,
    IMAGE,
    IMAGE_ID,
    MOVED_ID,
    at,
    foreign_container,
    identity,
    make_container,
    make_observation,
    make_wanted,
)

from sglaunch.plain import Struct, field, replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Observation, ObservedContainer, Volume
from sglaunch.spec.container import Wanted
from sglaunch.spec.server import Server
from sglaunch.spec.values import Gpus, Mount, NetworkAttachment, PortBinding, Secret

GIB = 1 << 30
ELSEWHERE = "/home/ana/other/sglaunch.yaml"


class Case(Struct, frozen=True):
    """What is wanted, what is there, what was asked. `registry`: images that can be pulled."""

    wanted: Wanted | Sequence[Wanted] = field(default_factory=make_wanted)
    there: ObservedContainer | Sequence[ObservedContainer] = ()
    choices: Choices = field(default_factory=Choices)
    missing: Sequence[str] = ()
    images: Mapping[str, str | None] = field(default_factory=lambda: {IMAGE: IMAGE_ID})
    registry: Mapping[str, str] = field(default_factory=dict)
    gpu: bool = True

    @property
    def profiles(self) -> tuple[Wanted, ...]:
        return (self.wanted,) if isinstance(self.wanted, Wanted) else tuple(self.wanted)

    @property
    def containers(self) -> tuple[ObservedContainer, ...]:
        return (self.there,) if isinstance(self.there, ObservedContainer) else tuple(self.there)

    @property
    def seen(self) -> Observation:
        return make_observation(*self.containers, missing=self.missing, images=self.images, gpu=self.gpu)


NOW = {"A": "new"}
CHANGED = make_wanted(environment=NOW, origins={"environment.A": at(7)})
ALWAYS = make_wanted(environment=NOW, recreate="always", protect=False)
DB, API = make_wanted("db"), make_wanted("api", depends_on=("db",))
TP4 = make_wanted(
    "server",
    command=None,
    server=Server("Qwen/Qwen3-8B", args={"tp": 4}),
    recreate="always",
    protect=False,
    origins={"server.args.tp": at(12, column=9)},
)
TP8 = replace(TP4, spec=replace(TP4.spec, server=Server("Qwen/Qwen3-8B", args={"tp": 8})))
GPUS, GPUS_CPUS = make_wanted(gpus=Gpus(-1)), make_wanted(gpus=Gpus(-1), cpus=1.5)
FILES = make_wanted(volumes={"/data": Mount("bind", "/srv/data")}, origins={"volumes": at(9)})
CACHE = make_wanted(volumes={"/cache": Mount("bind", "/home/ana/.cache", create_host_path=True)})
BUILT_IN_GPUS = make_wanted(gpus=Gpus(-1), soft=frozenset({"gpus"}), origins={"gpus": at(3, "built-in")})
WITHOUT_GPUS = make_wanted()
TOKEN = make_wanted(environment={"HF_TOKEN": Secret("hf_new")}, secret_names=frozenset({"HF_TOKEN"}))
NO_TOKEN = make_wanted(environment={"HF_TOKEN": None}, secret_names=frozenset({"HF_TOKEN"}))
OLD_TOKEN = make_wanted(environment={"HF_TOKEN": Secret("hf_old")}, secret_names=frozenset({"HF_TOKEN"}))
MEMORY = make_wanted(mem_limit=2 * GIB, origins={"mem_limit": at(5)})
TWO_NETWORKS = make_wanted(networks={"front": NetworkAttachment(), "back": NetworkAttachment(("db",))})
ORPHAN = make_wanted("gone")
NET = make_wanted("net", environment=NOW, recreate="always", protect=False)
OLD_NET = make_wanted("net")
IN_NET = make_wanted("in", network_mode="container:ana-eval-net", recreate="always", protect=False)
IN_IPC = make_wanted("in", ipc="container:ana-eval-net", pid="container:ana-eval-net")
BORROWER = make_wanted("in", volumes_from=("ana-eval-net:ro",), recreate="always", protect=False)
# The volumes of an image's VOLUME and of a profile's `volumes: [/scratch]`.
DATA, SCRATCH = Volume("/data", "d" * 64), Volume("/scratch", "5" * 64)
ANONYMOUS = make_wanted(volumes={"/scratch": Mount("volume")})


def aside(**changes: Any) -> ObservedContainer:
    """The old container, as a recreate sets it aside."""
    return make_container(name="ana-eval-dev.old", **{"status": "exited", **changes})


def left_new(made_from: Wanted | None = None, **changes: Any) -> ObservedContainer:
    """A replacement, as a recreate creates it."""
    return make_container(made_from, name="ana-eval-dev.new", **{"status": "created", **changes})


LATER = "2026-03-01T10:00:00Z"
CASES: dict[str, Case] = {
    # Each state of a container that is as its profile says.
    "absent": Case(),
    "created": Case(there=make_container(status="created")),
    "exited": Case(there=make_container(status="exited", exit_code=137)),
    "running": Case(there=make_container()),
    "paused": Case(there=make_container(status="paused")),
    "restarting": Case(
        there=make_container(status="restarting", exit_code=1, restart_count=7, restart="always"),
        wanted=make_wanted(restart="always"),
    ),
    "dead": Case(there=make_container(status="dead")),
    "removing": Case(there=make_container(status="removing")),
    # --no-start
    "absent, --no-start": Case(choices=Choices(start=False)),
    "exited, --no-start": Case(there=make_container(status="exited"), choices=Choices(start=False)),
    "paused, --no-start": Case(there=make_container(status="paused"), choices=Choices(start=False)),
    "changed and running, --no-start": Case(CHANGED, make_container(), Choices(start=False)),
    # A change that needs a new container.
    "changed and running": Case(CHANGED, make_container()),
    "changed and exited": Case(CHANGED, make_container(status="exited")),
    "changed and never started": Case(CHANGED, make_container(status="created")),
    "changed and paused": Case(CHANGED, make_container(status="paused")),
    "changed and restarting": Case(
        make_wanted(environment=NOW, restart="always"),
        make_container(make_wanted(restart="always"), status="restarting", exit_code=1, restart_count=3),
    ),
    "changed and dead": Case(CHANGED, make_container(status="dead")),
    "changed, removed as it stops": Case(
        make_wanted(environment=NOW, auto_remove=True), make_container(make_wanted(auto_remove=True))
    ),
    "changed and paused, removed as it stops": Case(
        make_wanted(environment=NOW, auto_remove=True), make_container(make_wanted(auto_remove=True), status="paused")
    ),
    "changed and never started, removed as it stops": Case(
        make_wanted(environment=NOW, auto_remove=True), make_container(make_wanted(auto_remove=True), status="created")
    ),
    "auto_remove written": Case(make_wanted(auto_remove=True), make_container()),
    "auto_remove removed": Case(there=make_container(make_wanted(auto_remove=True))),
    "changed under a restart policy": Case(
        make_wanted(environment=NOW, restart="unless-stopped"), make_container(make_wanted(restart="unless-stopped"))
    ),
    "changed and exited under a restart policy": Case(
        make_wanted(environment=NOW, restart="unless-stopped"),
        make_container(make_wanted(restart="unless-stopped"), status="exited"),
    ),
    "changed under recreate: always": Case(ALWAYS, make_container()),
    "changed, protected, its layer holds changes": Case(
        make_wanted(environment=NOW, recreate="always"), make_container(layer_size=3 * GIB)
    ),
    "changed, protected, its layer holds nothing": Case(
        make_wanted(environment=NOW, recreate="always"), make_container(layer_size=0)
    ),
    "changed, asked, its layer holds nothing": Case(CHANGED, make_container(layer_size=0)),
    "an argument of the server": Case(TP8, make_container(TP4)),
    "several changes, set, changed and removed": Case(
        make_wanted(
            environment={"A": "1", "B": "2"},
            volumes={"/data": Mount("bind", "/srv", read_only=True)},
            ports={"80/tcp": (PortBinding("8000"),)},
            origins={"environment.B": at(4), "volumes./data": at(6), "ports": at(8, "site")},
        ),
        make_container(
            make_wanted(environment={"A": "1", "C": "3"}, volumes={"/data": Mount("bind", "/srv")}, shm_size=16 * GIB)
        ),
    ),
    "a change in place and one that is not": Case(make_wanted(environment=NOW, cpus=2.0), make_container()),
    # What was asked beside the files.
    "changed, --no-recreate": Case(CHANGED, make_container(), Choices(no_recreate=True)),
    "changed and exited, --no-recreate": Case(CHANGED, make_container(status="exited"), Choices(no_recreate=True)),
    "dead, --no-recreate": Case(there=make_container(status="dead"), choices=Choices(no_recreate=True)),
    "changed in place, --no-recreate": Case(
        make_wanted(environment=NOW, cpus=2.0), make_container(), Choices(no_recreate=True)
    ),
    "--force-recreate": Case(there=make_container(), choices=Choices(force_recreate=True)),
    "--force-recreate, absent": Case(choices=Choices(force_recreate=True)),
    # Changes in place.
    "restart policy set": Case(make_wanted(restart="always", origins={"restart": at(5)}), make_container()),
    "restart policy removed": Case(there=make_container(restart="always")),
    "memory set": Case(MEMORY, make_container()),
    "memory raised": Case(MEMORY, make_container(make_wanted(mem_limit=GIB))),
    "memory lowered, swap written": Case(
        make_wanted(mem_limit=GIB, memswap_limit=GIB),
        make_container(make_wanted(mem_limit=2 * GIB, memswap_limit=3 * GIB)),
    ),
    "memory raised and swap unlimited": Case(
        make_wanted(mem_limit=2 * GIB, memswap_limit=-1), make_container(make_wanted(mem_limit=GIB))
    ),
    "memory removed": Case(there=make_container(make_wanted(mem_limit=GIB))),
    "cpus drifted": Case(make_wanted(cpus=1.5), make_container(make_wanted(cpus=1.5), cpus=4.0)),
    "cpus set, with GPUs": Case(GPUS_CPUS, make_container(GPUS)),
    "cpus set, with GPUs, paused": Case(GPUS_CPUS, make_container(GPUS, status="paused")),
    "cpus set, with GPUs, exited": Case(GPUS_CPUS, make_container(GPUS, status="exited")),
    "cpus set, with GPUs, gpu_update: recreate": Case(
        make_wanted(gpus=Gpus(-1), cpus=1.5, gpu_update="recreate", recreate="always", protect=False),
        make_container(GPUS),
    ),
    "cpus set, exited": Case(make_wanted(cpus=1.5), make_container(status="exited")),
    "cpus set, paused": Case(make_wanted(cpus=1.5), make_container(status="paused")),
    "pids_limit removed": Case(there=make_container(make_wanted(pids_limit=100))),
    "limits of zero": Case(make_wanted(mem_limit=0, pids_limit=0, cpu_shares=0)),
    "pids_limit becomes zero": Case(make_wanted(pids_limit=0), make_container(make_wanted(pids_limit=100))),
    "container_name changed": Case(
        make_wanted(container_name="dev2", origins={"container_name": at(2)}), make_container()
    ),
    "container_name changed, exited": Case(make_wanted(container_name="dev2"), make_container(status="exited")),
    "container_name and environment changed": Case(
        make_wanted(container_name="dev2", environment=NOW), make_container()
    ),
    # Images.
    "image moved under recreate: ask": Case(
        make_wanted(origins={"image": at(3)}), make_container(), images={IMAGE: MOVED_ID}
    ),
    "image moved under recreate: always": Case(
        make_wanted(recreate="always", protect=False, origins={"image": at(3)}),
        make_container(),
        images={IMAGE: MOVED_ID},
    ),
    "image moved, --force-recreate": Case(
        there=make_container(), choices=Choices(force_recreate=True), images={IMAGE: MOVED_ID}
    ),
    "image moved and environment changed": Case(CHANGED, make_container(), images={IMAGE: MOVED_ID}),
    "image changed": Case(
        make_wanted(image="img:2", origins={"image": at(3)}), make_container(), images={"img:2": MOVED_ID}
    ),
    "image not here": Case(images={IMAGE: None}, registry={IMAGE: IMAGE_ID}),
    "image not here, pull_policy: always": Case(
        make_wanted(pull_policy="always"), images={IMAGE: None}, registry={IMAGE: IMAGE_ID}
    ),
    "image not here, pull_policy: never": Case(
        make_wanted(pull_policy="never", origins={"image": at(3)}), images={IMAGE: None}
    ),
    "image of a running container not here": Case(there=make_container(), images={IMAGE: None}),
    "image not here, changed": Case(
        make_wanted(image="img:2"), make_container(), images={"img:2": None}, registry={"img:2": MOVED_ID}
    ),
    "image not here, changed, pull_policy: never": Case(
        make_wanted(image="img:2", pull_policy="never"), make_container(), images={"img:2": None}
    ),
    # Mounts.
    "bind source missing": Case(FILES, missing=["/srv/data"]),
    "bind source there": Case(FILES),
    "bind source missing, running as it is": Case(FILES, make_container(FILES), missing=["/srv/data"]),
    "bind source missing, changed": Case(FILES, make_container(), missing=["/srv/data"]),
    "bind source missing, --no-recreate": Case(
        FILES, make_container(), Choices(no_recreate=True), missing=["/srv/data"]
    ),
    "bind source to be made": Case(CACHE, missing=["/home/ana/.cache"]),
    "bind source to be made, there": Case(CACHE),
    "model folder missing": Case(
        make_wanted(command=None, server=Server("/models/q"), origins={"server.model": at(4)}), missing=["/models/q"]
    ),
    # Anonymous volumes.
    "an anonymous volume": Case(ANONYMOUS),
    "anonymous volumes, changed": Case(
        make_wanted(volumes={"/scratch": Mount("volume")}, environment=NOW),
        make_container(ANONYMOUS, volumes=(DATA, SCRATCH)),
    ),
    "anonymous volumes, changed, removed as it stops": Case(
        make_wanted(environment=NOW, auto_remove=True),
        make_container(make_wanted(auto_remove=True), volumes=(DATA,)),
    ),
    "an anonymous volume that the profile no longer has": Case(
        there=make_container(ANONYMOUS, volumes=(DATA, SCRATCH))
    ),
    "a bind instead of an anonymous volume": Case(FILES, make_container(volumes=(DATA,))),
    "a bind instead of an anonymous volume, under recreate: always": Case(
        replace(FILES, settings=ALWAYS.settings), make_container(volumes=(DATA,))
    ),
    "an orphan with an anonymous volume, --remove-orphans": Case(
        there=[make_container(), make_container(ORPHAN, layer_size=0, volumes=(DATA,))],
        choices=Choices(remove_orphans=True),
    ),
    # Whose container it is.
    "a container that nobody of us made": Case(there=foreign_container()),
    "a container of another user": Case(there=make_container(owner=BEN)),
    "a container of another project": Case(there=make_container(project="train")),
    "a container of the same project elsewhere": Case(there=make_container(config=ELSEWHERE, config_exists=True)),
    "the project's folder moved": Case(there=make_container(config=ELSEWHERE, config_exists=False)),
    "a container of another profile": Case(there=make_container(profile="api")),
    "one refused, one absent": Case([make_wanted(), DB], make_container(owner=BEN)),
    # Orphans.
    "an orphan": Case(there=[make_container(), make_container(ORPHAN)]),
    "an orphan, --remove-orphans": Case(
        there=[make_container(), make_container(ORPHAN)], choices=Choices(remove_orphans=True)
    ),
    "an orphan that holds nothing, --remove-orphans": Case(
        there=make_container(ORPHAN, status="exited", layer_size=0), choices=Choices(remove_orphans=True)
    ),
    "an orphan that never ran, --remove-orphans": Case(
        there=make_container(ORPHAN, status="created"), choices=Choices(remove_orphans=True)
    ),
    "an orphan, paused, --remove-orphans": Case(
        there=make_container(ORPHAN, status="paused", layer_size=0), choices=Choices(remove_orphans=True)
    ),
    "an orphan removed as it stops, --remove-orphans": Case(
        there=make_container(make_wanted("gone", auto_remove=True), layer_size=5), choices=Choices(remove_orphans=True)
    ),
    "a profile that is known is no orphan": Case(
        there=make_container(DB), choices=Choices(remove_orphans=True, known_profiles=frozenset({"db"}))
    ),
    "an orphan of another user, --remove-orphans": Case(
        there=[make_container(), make_container(ORPHAN, owner=BEN)], choices=Choices(remove_orphans=True)
    ),
    "a profile under a new name takes the container's name": Case(there=make_container(profile="old-name")),
    # What an interrupted recreate left.
    "a replacement beside the running one": Case(there=[make_container(), left_new()]),
    "a replacement beside the running one, changed": Case(CHANGED, [make_container(), left_new(CHANGED)]),
    "a replacement of another user": Case(there=[make_container(), left_new(owner=BEN)]),
    "a replacement that runs": Case(there=[make_container(), left_new(status="running")]),
    "the old one set aside": Case(there=aside()),
    "the old one set aside, changed": Case(CHANGED, aside()),
    "the old one set aside, and a replacement": Case(CHANGED, [aside(), left_new(CHANGED)]),
    "the old one set aside by another user": Case(there=aside(owner=BEN)),
    "the old one set aside beside the new one": Case(CHANGED, [make_container(CHANGED, created=LATER), aside()]),
    "the old one set aside, --no-recreate": Case(CHANGED, aside(), Choices(no_recreate=True)),
    # Values passed through, and secrets.
    "passed through and unset, container has a value": Case(
        make_wanted(environment={"A": None}), make_container(make_wanted(environment={"A": "old"}))
    ),
    "passed through and unset, absent": Case(make_wanted(environment={"A": None})),
    "passed through and unset, changed elsewhere": Case(
        make_wanted(environment={"A": None, "B": "2"}), make_container(make_wanted(environment={"A": "old"}))
    ),
    "passed through, with another value": Case(
        make_wanted(environment={"A": "new"}), make_container(make_wanted(environment={"A": "old"}))
    ),
    "a secret changed": Case(TOKEN, make_container(OLD_TOKEN)),
    "a secret as it was": Case(OLD_TOKEN, make_container(OLD_TOKEN)),
    "a secret unset": Case(NO_TOKEN, make_container(OLD_TOKEN)),
    "a secret set": Case(TOKEN, make_container(NO_TOKEN)),
    "a secret removed": Case(there=make_container(OLD_TOKEN)),
    "a value becomes a secret": Case(TOKEN, make_container(make_wanted(environment={"HF_TOKEN": "plain"}))),
    # Labels.
    "an unreadable label": Case(there=make_container(unreadable=True)),
    "an unreadable label, --no-recreate": Case(
        there=make_container(unreadable=True), choices=Choices(no_recreate=True)
    ),
    "a label of a newer sglaunch": Case(
        there=make_container(spec={"image": IMAGE, "command": ["sleep", "infinity"], "holograms": {"count": 2}})
    ),
    # GPUs.
    "GPUs that only the built-in asks for, on a host without": Case(BUILT_IN_GPUS, gpu=False),
    "the same, when the container was made without": Case(BUILT_IN_GPUS, make_container(WITHOUT_GPUS), gpu=False),
    "the same, when the container has them": Case(BUILT_IN_GPUS, make_container(BUILT_IN_GPUS), gpu=False),
    "GPUs that the files ask for, on a host without": Case(make_wanted(gpus=Gpus(-1)), gpu=False),
    "GPUs come back to the host": Case(BUILT_IN_GPUS, make_container(WITHOUT_GPUS)),
    # Networks.
    "several networks": Case(TWO_NETWORKS),
    "several networks, changed": Case(replace(TWO_NETWORKS, settings=ALWAYS.settings), make_container()),
    "a network that it was disconnected from": Case(
        TWO_NETWORKS, make_container(TWO_NETWORKS, networks=frozenset({"front"}))
    ),
    "the same, of one that is stopped and changed": Case(
        replace(TWO_NETWORKS, spec=replace(TWO_NETWORKS.spec, environment=NOW)),
        make_container(TWO_NETWORKS, status="exited", networks=frozenset()),
    ),
    "only who makes a missing folder is changed": Case(
        make_wanted(volumes={"/cache": Mount("bind", "/home/ana/.cache")}), make_container(CACHE)
    ),
    # What is shared.
    "whose network is shared is recreated": Case([IN_NET, NET], [make_container(OLD_NET), make_container(IN_NET)]),
    "whose IPC and PID namespaces are shared is recreated, --no-recreate": Case(
        [IN_IPC, NET], [make_container(OLD_NET), make_container(IN_IPC)], Choices(no_recreate=True)
    ),
    "whose network is shared is as it is written": Case(
        [IN_NET, OLD_NET], [make_container(OLD_NET), make_container(IN_NET)]
    ),
    "whose network is shared is gone": Case([IN_NET, OLD_NET], make_container(IN_NET, status="exited")),
    "whose IPC namespace is shared was recreated by hand": Case(
        [IN_IPC, OLD_NET], [make_container(OLD_NET, id="f" * 64), make_container(IN_IPC)]
    ),
    "whose volumes are shared is recreated": Case([BORROWER, NET], [make_container(OLD_NET), make_container(BORROWER)]),
    "whose volumes are shared is gone": Case([BORROWER, OLD_NET], make_container(BORROWER)),
    "whose volumes were those of a container that was recreated by hand": Case(
        [BORROWER, OLD_NET],
        [make_container(OLD_NET, volumes=(DATA,)), make_container(BORROWER, volumes=(replace(DATA, name="e" * 64),))],
    ),
    "whose volumes are as the lender has them, and one of its own": Case(
        [BORROWER, OLD_NET],
        [make_container(OLD_NET, volumes=(DATA,)), make_container(BORROWER, volumes=(DATA, SCRATCH))],
    ),
    "whose recreate failed after the one it shares with was replaced": Case(
        [IN_NET, OLD_NET],
        [
            make_container(OLD_NET, id="f" * 64, created=LATER),
            make_container(OLD_NET, name="ana-eval-net.old", id=identity("ana-eval-net"), status="exited"),
            make_container(IN_NET, status="exited"),
        ],
    ),
    # Several profiles.
    "what is depended on comes first": Case([API, DB]),
    "a dependency that is not asked for stays aside": Case(API),
    "each profile for itself": Case([DB, API], make_container(DB)),
}
