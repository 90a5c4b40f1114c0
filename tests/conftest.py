"""Fixtures of every test: an environment that holds nothing of this machine, project folders, and the real engine."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker_engine
import pytest
from docker_engine import IMAGE
from hypothesis import HealthCheck, settings
from real_engines import ENGINES, RealEngine

# Property tests have no deadline: a busy machine is no failure.
settings.register_profile(
    "sglaunch",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("sglaunch")

_used = pytest.StashKey[set[str]]()
_told = pytest.StashKey[list[dict[str, str]]]()
_proxy = re.compile(r"(https?|all|no)_proxy", re.IGNORECASE)


def pytest_configure() -> None:
    """Commands under test get signals as a terminal's do; a background job of a plain shell has SIGINT ignored."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) == signal.SIG_IGN:
            signal.signal(name, signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL)


def _engine_of(item: pytest.Item) -> str:
    """The engine a test is marked for, "" for none."""
    return next((name for name in ENGINES if item.get_closest_marker(name) is not None), "")


@pytest.fixture(autouse=True)
def clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's folders are empty ones of this test, and nothing set up on this machine or in this shell has a say.

    A test without the marker of an engine cannot reach one; one with it is skipped where there is none.
    """
    engine = _engine_of(request.node)
    if engine:
        for name, value in request.getfixturevalue("real_engine").environment.items():
            monkeypatch.setenv(name, value)
    if engine == "docker":
        request.getfixturevalue("docker_image")
        # The engine in use may be a context of the real home.
        real_home = Path(docker_engine.ENVIRONMENT.get("HOME", "~")).expanduser()
        monkeypatch.setenv("DOCKER_CONFIG", docker_engine.ENVIRONMENT.get("DOCKER_CONFIG", str(real_home / ".docker")))
    else:
        assert "docker_image" not in request.fixturenames, "mark this test `docker`"
        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent-sglaunch-test.sock")
        monkeypatch.delenv("DOCKER_CONTEXT", raising=False)

    for name in os.environ:
        ours = name.startswith("SGLAUNCH_") and not name.startswith("SGLAUNCH_TEST_")
        if ours or name == "HF_TOKEN" or _proxy.fullmatch(name):
            monkeypatch.delenv(name)

    folders = {
        "HOME": "home",
        "XDG_CONFIG_HOME": "home/.config",
        "XDG_STATE_HOME": "home/.local/state",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_RUNTIME_DIR": "run",
    }
    for name, folder in folders.items():
        path = tmp_path / "user" / folder
        path.mkdir(parents=True)
        monkeypatch.setenv(name, str(path))
    (tmp_path / "user" / "run").chmod(0o700)  # what the XDG specification asks of it
    monkeypatch.setenv("SGLAUNCH_SITE_CONFIG", str(tmp_path / "user" / "no-site.yaml"))


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes a project folder from {relative path: text} and returns it; called again, it adds to the same folder."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "proj"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def docker_image() -> Iterator[str]:
    """The tag of a small image on a real engine. It stays there: a run beside this one may be using it."""
    problem = docker_engine.engine_problem() or docker_engine.image_problem()
    if problem:
        if os.environ.get("SGLAUNCH_TEST_REQUIRE_DOCKER") == "1":
            pytest.fail(f"SGLAUNCH_TEST_REQUIRE_DOCKER=1, but {problem}", pytrace=False)
        pytest.skip(problem)
    docker_engine.build_busybox(IMAGE)
    yield IMAGE
    docker_engine.remove_built(keep=IMAGE)


@pytest.fixture
def real_engine(request: pytest.FixtureRequest) -> RealEngine:
    """The engine that the test is marked for, with the tests' image on it."""
    engine = ENGINES[_engine_of(request.node)]()
    if engine.name == "docker":
        request.getfixturevalue("docker_image")
    elif engine.problem:
        pytest.skip(f"{engine.name}: {engine.problem}")
    else:
        engine.build(IMAGE)
    return engine


@pytest.fixture
def has_compiler() -> None:
    """Skips where the stand-in for NVML cannot be built."""
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is applied without pauses: a fake engine needs no time to settle."""
    from sglaunch.engine import apply, settle

    monkeypatch.setattr(settle, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(settle, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(apply, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(apply, "stopped", lambda name, engine: None)


@pytest.fixture
def unique() -> str:
    """A project name that nobody else on this engine has."""
    return f"t-{secrets.token_hex(4)}"


@pytest.fixture
def cleanup(unique: str) -> Iterator[str]:
    """The unique project name; after the test, every container of that project or named after it is removed."""
    yield unique
    if docker_engine.engine_problem() is None and (ids := docker_engine.containers(unique)):
        docker_engine.docker("rm", "--force", "--volumes", *ids)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Workers side by side: what a module does on one engine stays together, since it may use a port or a folder."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModuleAndEngine(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module, _, name = nodeid.partition("::")
            words = re.split(r"\W+", name.partition("[")[2])
            return f"{module} {next((engine for engine in ENGINES if engine in words), '')}"

    return ByModuleAndEngine(config, log)


def pytest_runtest_call(item: pytest.Item) -> None:
    """Notes the engines that tests got as far as using."""
    if engine := _engine_of(item):
        item.config.stash.setdefault(_used, set()).add(engine)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it used, or why not; a run without workers tells itself."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["engines"] = _said(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker told."""
    node.config.stash.setdefault(_told, []).append(getattr(node, "workeroutput", {}).get("engines", {}))


def _said(config: pytest.Config) -> dict[str, str]:
    """Each engine that tests of this process used."""
    return {name: f"{ENGINES[name]().version} ran" for name in sorted(config.stash.get(_used, set()))}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says which engines the tests ran on, so that a green run that left one out can be told from one that did not."""
    said = _said(config)
    for told in config.stash.get(_told, []):
        said |= told
    engines = ", ".join(f"{name} {said.get(name, 'skipped or not asked for')}" for name in ENGINES)
    terminalreporter.write_line(f"engines: {engines}")
