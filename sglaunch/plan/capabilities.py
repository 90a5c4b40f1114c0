"""What an engine of a version can do: plan and apply read this and never ask for the engine's name. Pure.

Rows are measured for Docker 20.10 to 28, Podman 4.3 and nerdctl 2.0, the rest read in their sources.
"""

from __future__ import annotations

import re

from sglaunch.plain import Struct, replace
from sglaunch.plan.options import LIVE

DOCKER, PODMAN, NERDCTL = "docker", "podman", "nerdctl"
ALL_POLICIES = frozenset({"no", "always", "on-failure", "unless-stopped"})
_LIVE = frozenset(option.field for option in LIVE)


class Builder(Struct, frozen=True):
    """How an engine builds: its command, its word for fetching newer bases, and what of `build` it lacks.

    `lacks`: keys of `build`. `instead`: what has them.
    """

    command: tuple[str, ...] = ("build",)
    pull: str = "--pull"
    lacks: frozenset[str] = frozenset()
    instead: str = ""


# Without --force-rm the container of a step that failed would stay.
CLASSIC = Builder(
    ("build", "--force-rm"), lacks=frozenset({"secrets", "ssh", "cache_to"}), instead="install docker-buildx"
)
BUILDX = Builder(("buildx", "build", "--load"))


class Capabilities(Struct, frozen=True):
    """One engine. `version` is the server's where there is one, `server` what stands behind the program.

    Looking:
      `shows_live`: inspect tells the options that may change in place; else the label keeps them.
      `typed_inspect`: containers and images are asked for apart.
      `filters_ports`: `ps` filters by published port. `label_form`: how `ps` gives one label.
      `digests`: an image is known by its digest, since a container does not tell the id of its own.
      `hides_environment`: it stands in the native form of inspect alone.
      `local_prefix`: what it puts before the names of images that no registry gave.
      `needs_registry`: a pull without one is refused where the host has no search registries.

    `platform`: of its machine, as `linux/amd64`.

    Acting:
      `builder`: how it builds images.
      `updates`: options changed in place.
      `connects`: joins networks after the creation; else all are given then.
      `creates_beside`: a replacement can be made under a passing name while the old one runs.
      `restarts`: the policies it knows. `auto_remove`: of what runs in the background.
      `blanks`: a commit can blank variables and set labels.
      `gpus`: `gpus` for `--gpus`, `cdi` for devices by name, "" for none.
      `runs_healthchecks`: by itself. `has_init`: the program for `init` is here.
      `detach_keys`: of `exec` can be chosen. `attaches`: to what it started detached.
      `starts_itself`: a monitor may start a container with a restart policy at the moment we do, and one of both fails.
      `exec_status`: `exec` ends with the status of the command; else it only tells it.
      `rootless`: root of a container is the user who runs the engine, and other users are none of the host.
      `multiline`: a variable of several lines can be passed outside the arguments.
    """

    name: str = DOCKER
    version: str = ""
    server: str = ""
    platform: str = "linux/amd64"
    builder: Builder = CLASSIC
    shows_live: bool = True
    typed_inspect: bool = False
    filters_ports: bool = True
    label_form: str = '{{{{.Label "{0}"}}}}'
    digests: bool = False
    hides_environment: bool = False
    local_prefix: str = ""
    needs_registry: bool = False
    updates: frozenset[str] = _LIVE
    connects: bool = True
    creates_beside: bool = True
    restarts: frozenset[str] = ALL_POLICIES
    blanks: bool = True
    gpus: str = "gpus"
    runs_healthchecks: bool = True
    detach_keys: bool = True
    attaches: bool = True
    exec_status: bool = True
    starts_itself: bool = False
    multiline: bool = True
    rootless: bool = False
    has_init: bool = True
    auto_remove: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    def older_than(self, version: str) -> bool:
        """Whether this engine is of before a version; an unknown one is taken for new."""
        return bool(self.version) and number(self.version) < number(version)


def number(version: str) -> tuple[int, ...]:
    """`v2.0.3` and `20.10.24+dfsg1` in an order."""
    return tuple(int(part) for part in re.findall(r"\d+", re.split(r"[+~-]", version)[0]))


def known(
    name: str, version: str, *, server: str = "", systemd: bool = True, has_init: bool = True, buildx: bool = False
) -> Capabilities:
    """The capabilities of an engine. `systemd`, `has_init`, `buildx`: what its host has and some engines need."""
    if name == PODMAN:
        return Capabilities(
            PODMAN,
            version,
            shows_live=False,
            filters_ports=False,
            label_form='{{{{index .Labels "{0}"}}}}',
            # `podman update` is told by no inspect, and lost at the next start: the label keeps these options too.
            updates=frozenset(),
            gpus="cdi",
            local_prefix="localhost/",
            needs_registry=True,
            builder=Builder(pull="--pull=newer", lacks=frozenset({"cache_to"}), instead="docker-buildx has it"),
            runs_healthchecks=systemd,
            has_init=has_init,
        )
    if name == NERDCTL:
        return _nerdctl(version, server, systemd=systemd, has_init=has_init)
    # Podman behind Docker's program loses `--gpus` and devices by name without a word.
    builder = BUILDX if buildx and server != PODMAN else CLASSIC
    return Capabilities(DOCKER, version, server, gpus="" if server == PODMAN else "gpus", builder=builder)


def _nerdctl(version: str, containerd: str, *, systemd: bool, has_init: bool) -> Capabilities:
    one = Capabilities(NERDCTL, version, containerd)
    # containerd before 1.7 knows `always` alone, and starts again within seconds what was stopped: an old container set
    # aside would come back. So no policy there.
    old = bool(containerd) and number(containerd) < (1, 7)
    return replace(
        one,
        shows_live=False,
        typed_inspect=True,
        filters_ports=False,
        digests=True,
        builder=Builder(),
        hides_environment=one.older_than("2.0.5"),
        auto_remove=False,
        updates=frozenset(),
        connects=False,
        # A container takes the name of its creation again at each start, whatever it was renamed to; and from 2.1.3 on
        # a taken port fails the creation.
        creates_beside=False,
        restarts=frozenset({"no"}) if old else ALL_POLICIES,
        blanks=False,
        runs_healthchecks=systemd and not one.older_than("2.1.5"),
        detach_keys=False,
        attaches=False,
        exec_status=False,
        starts_itself=True,
        multiline=False,
        has_init=has_init,
    )
