"""A build to the words of the engines' `build` commands, which spell the same options the same way; pure.

python-on-whales' build knows only buildx, which many machines lack, and starts six processes; its legacy_build knows no
options. So the words are our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sglaunch.plan.capabilities import Builder
from sglaunch.spec.build import Build


def build_words(
    build: Build, image: str, labels: Mapping[str, str], builder: Builder, files: Mapping[str, str]
) -> list[str]:
    """The command's words. `files`: where the values of secrets lie, and under "" a Dockerfile given as text."""
    dockerfile = files.get("") or build.dockerfile
    words = [*builder.command, *_given("--tag", image, *build.tags), *_given("--file", dockerfile)]
    for name, value in build.args.items():
        # Unset, it is the Dockerfile's to say; passed through, it comes with our environment.
        words += [] if value is None else ["--build-arg", name if name in build.passed else f"{name}={value}"]
    words += _given("--label", *(f"{name}={value}" for name, value in {**build.labels, **labels}.items()))
    words += _given("--target", build.target)
    words += _given("--cache-from", *build.cache_from) + _given("--cache-to", *build.cache_to)
    words += _given("--platform", ",".join(build.platforms)) + _given("--ssh", *build.ssh)
    words += _given("--secret", *_secrets(build, files))
    words += _given("--add-host", *(f"{host}:{ip}" for host, ips in build.extra_hosts.items() for ip in ips))
    words += _given("--network", build.network)
    words += _given("--shm-size", "" if build.shm_size is None else str(build.shm_size))
    words += ["--no-cache"] * build.no_cache + [builder.pull] * build.pulls
    return [*words, build.context]


def _given(option: str, *values: str) -> list[str]:
    return [word for value in values if value for word in (option, value)]


def _secrets(build: Build, files: Mapping[str, str]) -> Iterator[str]:
    for name, secret in build.secrets.items():
        path = secret.file or files.get(name, "")
        if path:
            yield f"id={name},src={path}"
