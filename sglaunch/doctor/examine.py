"""What of this machine keeps containers with GPUs from running, each finding with its fix; pure.

A check is a function over the facts; the list at the end is the order of the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from sglaunch.doctor.facts import Engine, Facts
from sglaunch.doctor.finding import FAIL, OK, WARN, Finding, Found, install
from sglaunch.doctor.gpus import cuda, gpus
from sglaunch.errors import Problem
from sglaunch.plan.capabilities import DOCKER, NERDCTL
from sglaunch.spec.server import LOCAL_HOSTS, loopback_proxies
from sglaunch.spec.values import readable_size

GIB = 1 << 30
LITTLE_DISK, ENOUGH_DISK = 2 * GIB, 40 * GIB
ENOUGH_SHM = 4 * GIB


def examine(facts: Facts) -> list[Finding]:
    """Every finding, in the order of what depends on what. Of a server only what can be asked from here."""
    checks = _ALWAYS if facts.chosen is None else (*_ALWAYS, *(_FAR if facts.server else _WITH_ENGINE))
    return [finding for check in checks for finding in check(facts)]


def _engine(facts: Facts) -> Found:
    for one in facts.engines:
        if one.path and one.problem is not None:
            status = FAIL if facts.chosen is None else WARN
            yield Finding(f"engine.{one.name}", status, one.problem.message, _mend(one, facts))
        elif one.path:
            used = " (used)" if one == facts.chosen else ""
            alias = f", which is {one.capabilities.name}" if one.capabilities.name != one.name else ""
            yield Finding(f"engine.{one.name}", OK, f"{one.path}{alias}: {one.capabilities}{used}")
    if not any(one.path for one in facts.engines):
        fix = f"{install(facts, 'docker')}; then `sudo usermod -aG docker $USER`, and log in again"
        yield Finding("engine", FAIL, "there is no docker, nerdctl or podman on PATH", fix)


def _mend(one: Engine, facts: Facts) -> str:
    """How an engine that is there comes to answer."""
    assert one.problem is not None
    if one.problem.kind == "permission" and one.name == DOCKER:
        return f"sudo usermod -aG docker {facts.user}; then log in again (members of that group are as good as root)"
    if one.problem.kind == "permission":
        return "write engine: {name: nerdctl, sudo: true} in your personal file, or set up rootless containerd"
    if one.problem.kind == "daemon-down":
        service = "containerd" if one.name == NERDCTL else "docker"
        command = f"sudo systemctl start {service}" if facts.systemd else f"sudo service {service} start"
        return f"{command}; or check DOCKER_HOST and `docker context ls`" if service == "docker" else command
    return one.problem.hint


def _disk(facts: Facts) -> Found:
    if facts.disk_free is None:
        return
    free = f"{readable_size(facts.disk_free)} free in {facts.data_root}"
    assert facts.chosen is not None
    name = facts.chosen.capabilities.name
    fix = f"see `{name} system df`, then `{name} image prune`" if name != NERDCTL else "see `nerdctl images`, then rmi"
    if facts.disk_free < LITTLE_DISK:
        yield Finding("disk", FAIL, f"{free}: no image can be pulled, and containers cannot write", fix)
    elif facts.disk_free < ENOUGH_DISK:
        yield Finding("disk", WARN, f"{free}: images of SGLang take 10 to 20 GB each", fix)
    else:
        yield Finding("disk", OK, free)


def _shm(facts: Facts) -> Found:
    if facts.shm is not None:
        status = OK if facts.shm >= ENOUGH_SHM else WARN
        more = "write shm_size rather than ipc: host; or `sudo mount -o remount,size=32g /dev/shm`"
        fix = "" if status == OK else more
        yield Finding("shm", status, f"/dev/shm of this machine has {readable_size(facts.shm)}", fix)


def _limits(facts: Facts) -> Found:
    """A container whose limits are above the engine's own does not start where the engine may not raise them."""
    if facts.raises_limits is not False:
        return
    message = "the engine may not raise limits (it lacks CAP_SYS_RESOURCE, as inside a container)"
    asked = facts.profile.ulimits.items() if facts.profile is not None else ()
    higher = [name for name, limit in asked if _is_above(limit, facts.hard_limits.get(name, 0))]
    if higher:
        message += f", and {facts.profile.name if facts.profile else ''} asks for more {' and '.join(higher)}"
    elif facts.profile is not None:
        return
    status = FAIL if higher else WARN
    yield Finding("ulimits", status, message, "write ulimits: null in the profile, or in sglaunch.local.yaml")


def _is_above(limit: int, other: int) -> bool:
    """Of limits, where -1 is unlimited."""
    return other != -1 and (limit == -1 or limit > other)


def _init(facts: Facts) -> Found:
    assert facts.chosen is not None
    engine = facts.chosen.capabilities
    if not engine.has_init:
        program = "tini" if engine.name == NERDCTL else "catatonit"
        yield Finding("init", WARN, f"{engine.name} has no {program} for init: true", install(facts, program))


def _networks(facts: Facts) -> Found:
    assert facts.chosen is not None
    if facts.chosen.capabilities.name != NERDCTL:
        return
    folder, found = facts.cni
    if found:
        yield Finding("network", OK, f"CNI plugins in {folder}")
    elif facts.cni_elsewhere:
        fix = f"sudo rmdir {folder}; or export CNI_PATH={facts.cni_elsewhere}"
        message = f"{folder} holds no CNI plugins, and is taken before {facts.cni_elsewhere}, which does"
        yield Finding("network", FAIL, message, fix)
    else:
        message = "no CNI plugins: only network_mode: host and none work"
        yield Finding("network", FAIL, message, install(facts, "cni"))


def _caches(facts: Facts) -> Found:
    for folder in facts.caches:
        yield Finding("caches", WARN, f"{folder} is not {facts.user}'s", f"sudo chown -R {facts.user} {folder}")


def _proxy(facts: Facts) -> Found:
    if not facts.proxy:
        return
    missing = [host for host in LOCAL_HOSTS if host not in facts.no_proxy.split(",")]
    if missing:
        fix = f"export no_proxy={','.join(filter(None, [facts.no_proxy, *missing]))}"
        yield Finding("proxy", WARN, f"no_proxy lacks {' and '.join(missing)}", fix)
    if facts.daemon_proxy == "":
        fix = (
            "write HTTP_PROXY and HTTPS_PROXY into /etc/systemd/system/docker.service.d/proxy.conf, then "
            "`sudo systemctl daemon-reload && sudo systemctl restart docker`"
        )
        yield Finding("proxy.daemon", WARN, "this shell has a proxy, the engine that pulls has none", fix)
    inside = loopback_proxies({"http_proxy": facts.proxy}).values()
    for address in inside:
        message = f"{address} is on this machine's loopback: containers in a bridge network do not reach it"
        fix = "write network_mode: host in profiles that need it, or let it listen on an address of the network"
        yield Finding("proxy.loopback", WARN, message, fix)
    if not missing and not inside and facts.daemon_proxy != "":
        yield Finding("proxy", OK, f"{facts.proxy}, but for {facts.no_proxy}")


def _token(facts: Facts) -> Found:
    if facts.token:
        yield Finding("token", OK, "there is a token for Hugging Face")
    else:
        message = "no HF_TOKEN in this shell: gated models will not load"
        yield Finding("token", WARN, message, "export HF_TOKEN=..., from huggingface.co/settings/tokens")


def _registry(facts: Facts) -> Found:
    if facts.registry == "":
        yield Finding("registry", OK, "the registry answers")
    elif facts.registry is not None:
        here = facts.profile is not None and facts.profile.here
        pulls = facts.profile is not None and facts.profile.pulls
        fix = "check network and proxy; or write an image of a mirror, or `docker load` one brought here"
        more = "; the image is here" if here else ""
        yield Finding(
            "registry", OK if here else FAIL if pulls else WARN, f"{facts.registry}{more}", "" if here else fix
        )


def _profile(facts: Facts) -> Found:
    one = facts.profile
    if one is None:
        return
    told = "is here" if one.here else "is not here: `up` pulls it"
    fix = "" if one.here else f"sglaunch pull {one.name}"
    yield Finding("image", OK if one.here else WARN, f"{one.image} {told}", fix)
    for problem in one.problems:
        yield Finding(f"profile.{one.name}", FAIL, _said(problem), problem.hint)
    for warning in one.warnings:
        yield Finding(f"profile.{one.name}", WARN, _said(warning), warning.hint)
    if not one.problems and not one.warnings:
        yield Finding(f"profile.{one.name}", OK, "nothing stands in its way")


def _said(problem: Problem) -> str:
    return ": ".join(filter(None, [str(problem.place or ""), problem.path, problem.message]))


def _server(facts: Facts) -> Found:
    yield Finding("machine", OK, f"containers run on {facts.server}, as {facts.user}")
    if not facts.gpu_nodes:
        fix = f"on a machine without GPUs write gpus: null; else run `sglaunch doctor` on {facts.server}"
        yield Finding("gpu", WARN, f"{facts.server} shows no NVIDIA device", fix)


_Check = Callable[[Facts], Found]
_ALWAYS: tuple[_Check, ...] = (_engine,)
_FAR: tuple[_Check, ...] = (_server, _token, _profile)
_WITH_ENGINE: tuple[_Check, ...] = (
    *(_disk, gpus, cuda, _shm, _limits, _init, _networks, _caches, _proxy, _token, _registry, _profile),
)
