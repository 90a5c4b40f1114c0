"""A remembered run says what it would say anew, whatever changed behind our back; and what it imports, and starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from docker_engine import build_variant, docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

FILE = """
project: PROJECT
profiles:
  web: {image: "IMAGE", command: [sleep, "300"], stop_signal: SIGKILL, protect: false, environment: [A, TOKEN_X]}
"""
HEAVY = ("pydantic", "python_on_whales", "jinja2", "ruamel", "rich", "dotenv", "pynvml")
LIGHT = (
    *("sglaunch", "sglaunch.__main__", "sglaunch.cli", "sglaunch.replay", "sglaunch.report", "sglaunch.report.since"),
    *("sglaunch.recall", *(f"sglaunch.recall.{name}" for name in ("door", "questions", "store", "witness"))),
    *("sglaunch.engine", "sglaunch.engine.reader", "sglaunch.engine.wire"),
)
LOOKS = (("up", "-d"), ("plan",), ("ps",), ("ps", "-a", "--json"), ("exec", "web", "--", "true"))


@pytest.fixture
def up(sglaunch: Sglaunch) -> Sglaunch:
    """A project with its container up, read by the socket."""
    sglaunch.write(FILE)
    sglaunch("trust")
    sglaunch("up", "-d")
    if "+ " in sglaunch("ps", "--verbose").stderr:
        pytest.skip("this Docker is not read by its socket")
    return sglaunch


def modules(sglaunch: Sglaunch, *words: str, env: Mapping[str, str] | None = None, status: int = 0) -> list[str]:
    """What a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sglaunch", *words],
        cwd=sglaunch.folder,
        env=sglaunch.env(env),
        input="",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", done.stderr, re.MULTILINE)


def is_remembered(sglaunch: Sglaunch, *words: str, env: Mapping[str, str] | None = None) -> bool:
    return "sglaunch.boundary" not in modules(sglaunch, *words, env=env)


def anew(sglaunch: Sglaunch, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """What a command says that remembers nothing."""
    done = sglaunch(*words, status=None, env={**(env or {}), "XDG_CACHE_HOME": "/dev/null/nowhere"})
    return done.returncode, done.stdout, done.stderr


def said(sglaunch: Sglaunch, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    done = sglaunch(*words, status=None, env=env)
    return done.returncode, done.stdout, done.stderr


def settled(text: tuple[int, str, str]) -> tuple[int, str, str]:
    """Seconds go on between two runs."""
    return (text[0], re.sub(r" \d+s$", " Ns", text[1], flags=re.MULTILINE), text[2])


def test_what_each_new_shell_evaluates_is_remembered(up: Sglaunch) -> None:
    first = said(up, "completion", "bash")
    assert is_remembered(up, "completion", "bash")
    assert said(up, "completion", "bash") == first == anew(up, "completion", "bash")
    assert said(up, "completion", "zsh") != first


def test_a_first_run_that_byte_compiles_modules_is_remembered(up: Sglaunch, tmp_path: Path) -> None:
    env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    said(up, "completion", "fish", env=env)
    assert any(tmp_path.rglob("*.pyc"))
    assert is_remembered(up, "completion", "fish", env=env)


def test_what_acted_once_acts_again_without_what_spells_it(up: Sglaunch) -> None:
    before = up.identity()
    found = modules(up, "up", "-d", "--force-recreate", "--yes")
    assert up.identity() != before
    assert {name for name in found if name.partition(".")[0] in HEAVY} == set()
    assert {"sglaunch.engine.recording", "dataclasses", "concurrent.futures"} & set(found) == set()
    assert "sglaunch.engine.writer" in found


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_a_remembered_run_says_the_same_and_imports_next_to_nothing(up: Sglaunch, words: tuple[str, ...]) -> None:
    first = said(up, *words)
    found = modules(up, *words)
    assert settled(said(up, *words)) == settled(first) == settled(anew(up, *words))
    assert {name for name in found if name.partition(".")[0] in HEAVY} == set()
    assert {name for name in found if name.startswith("sglaunch")} <= set(LIGHT)
    others = {
        "dataclasses",
        "argparse",
        "typing",
        "pathlib",
        "subprocess",
        "hashlib",
        "inspect",
        "http.client",
        "msgspec",
    }
    # runpy, which `python -m` needs and the program does not, imports some itself.
    assert others & set(found[found.index("sglaunch.cli") :]) == set()

    # Something changed at the engine; the files are as they were.
    docker("restart", "-t", "0", up.name())
    found = modules(up, *words)
    assert "sglaunch.boundary" in found
    assert {name for name in found if name.partition(".")[0] in HEAVY} == set()
    assert sum(name.startswith("sglaunch.") for name in found) <= 115
    assert {"http.client", "concurrent.futures", "tarfile", "importlib.metadata", "dataclasses"} & set(found) == set()


CHANGES: dict[str, Callable[[Sglaunch], object]] = {
    "stopped": lambda sglaunch: docker("stop", "-t", "0", sglaunch.name()),
    "restarted": lambda sglaunch: docker("restart", "-t", "0", sglaunch.name()),
    "removed": lambda sglaunch: docker("rm", "-f", sglaunch.name()),
    "paused": lambda sglaunch: docker("pause", sglaunch.name()),
    "renamed": lambda sglaunch: docker("rename", sglaunch.name(), f"{sglaunch.name()}-aside"),
    "updated": lambda sglaunch: docker("update", "--restart", "on-failure:3", sglaunch.name()),
    "replaced": lambda sglaunch: (
        docker("rm", "-f", sglaunch.name()),
        docker("run", "-d", "--name", sglaunch.name(), sglaunch.image, "sleep", "300"),
    ),
    "edited": lambda sglaunch: sglaunch.edit("300", "301"),
    "broken": lambda sglaunch: sglaunch.edit("command", "comand"),
    "local file": lambda sglaunch: sglaunch.write("defaults: {environment: {B: '1'}}", "sglaunch.local.yaml"),
    "profile file": lambda sglaunch: sglaunch.write("extends: web", "profiles/more.yaml"),
    "dotenv": lambda sglaunch: sglaunch.write("A=1", ".env"),
    "planted": lambda sglaunch: (sglaunch.folder / "sglaunch.yaml").chmod(0o666),
    "gone": lambda sglaunch: (sglaunch.folder / "sglaunch.yaml").unlink(),
    "nearer": lambda sglaunch: sglaunch.write("project: other\nprofiles: {}", "../project/sglaunch.yaml"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_behind_our_back_is_seen(up: Sglaunch, change: str) -> None:
    looks = (("up", "--dry-run"), ("ps", "-a", "--json"), LOOKS[-1])
    for words in looks:
        up(*words)
    CHANGES[change](up)
    try:
        for words in looks:
            assert settled(said(up, *words)) == settled(anew(up, *words)), words
    finally:
        docker("rm", "-f", up.name(), f"{up.name()}-aside", check=False)


def test_a_bind_source_that_went_away_is_seen(sglaunch: Sglaunch) -> None:
    folder = sglaunch.folder / "data"
    folder.mkdir()
    sglaunch.write(FILE.replace("protect", "volumes: [./data:/data], protect"))
    sglaunch("trust")
    sglaunch("up", "-d")
    sglaunch("plan")
    assert is_remembered(sglaunch, "plan")
    folder.rmdir()
    assert not is_remembered(sglaunch, "plan")
    assert said(sglaunch, "plan") == anew(sglaunch, "plan")


def test_a_tag_that_moved_is_seen(up: Sglaunch) -> None:
    tag = f"{up.project}:moving"
    docker("tag", up.image, tag)
    try:
        up.edit(up.image, tag)
        up("up", "-d", "--yes")
        up("plan")
        assert is_remembered(up, "plan")
        build_variant(tag, up.project)
        assert "--force-recreate" in up("plan").stdout
    finally:
        up("down", "--yes")
        docker("rmi", tag, check=False)


def test_the_callers_variables_are_seen_where_they_are_read(up: Sglaunch) -> None:
    up("up", "-d", "--yes", env={"TOKEN_X": "s3cret-value-1"})
    up("plan", env={"TOKEN_X": "s3cret-value-1", "UNREAD": "1"})
    assert is_remembered(up, "plan", env={"TOKEN_X": "s3cret-value-1", "UNREAD": "2"})
    assert not is_remembered(up, "plan", env={"TOKEN_X": "s3cret-value-2"})
    assert not is_remembered(up, "plan", env={"A": "1"})
    kept = b"".join(path.read_bytes() for path in Path(os.environ["XDG_CACHE_HOME"]).rglob("*") if path.is_file())
    assert b"TOKEN_X" in kept
    assert b"s3cret-value" not in kept


def test_a_site_file_that_appears_is_obeyed(up: Sglaunch, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    env = {"SGLAUNCH_SITE_CONFIG": str(site)}
    up("up", "-d", env=env)
    assert is_remembered(up, "up", "-d", env=env)
    if os.geteuid() == 0:
        site.write_text("policy: {images: ['nothing/*']}\n", encoding="utf-8")
        assert up("up", "-d", env=env, status=4).stderr.startswith("sglaunch.yaml")


def test_a_link_that_leads_elsewhere_by_now_is_asked_about(sglaunch: Sglaunch, tmp_path: Path) -> None:
    """Trust is given to a real path, and looked at each time."""
    (sglaunch.folder / "data").mkdir()
    (sglaunch.folder / "link").symlink_to("data")
    sglaunch.write(FILE.replace("protect", "volumes: [./link:/data], protect"))
    sglaunch("trust")
    sglaunch("up", "-d")
    sglaunch("up", "-d")
    assert is_remembered(sglaunch, "up", "-d")
    (sglaunch.folder / "link").unlink()
    (sglaunch.folder / "link").symlink_to(tmp_path)
    assert "trust" in sglaunch("up", "-d", status=4).stderr


def test_a_command_within_is_passed_on_and_not_remembered(up: Sglaunch) -> None:
    up("exec", "web", "--", "true")
    assert is_remembered(up, "exec", "web", "--", "echo", "x")
    assert up("exec", "web", "--", "echo", "a b", "$HOME", "--", "c").stdout == "a b $HOME -- c\n"
    assert up("exec", "web", "--", "sh", "-c", "exit 7", status=7).stdout == ""
    assert up("exec", "web", "--", "cat", stdin="piped").stdout == "piped"
    assert "no command" in up("exec", "web", "--", status=2).stderr
    for _ in range(2):
        assert up("exec", "web", "echo", "t0ken-of-mine").stdout == "t0ken-of-mine\n"
    kept = b"".join(path.read_bytes() for path in Path(os.environ["XDG_CACHE_HOME"]).rglob("*") if path.is_file())
    assert b"t0ken-of-mine" not in kept
    assert b"$HOME" not in kept


def test_options_folders_and_users_have_their_own(up: Sglaunch, tmp_path: Path) -> None:
    up("ps")
    assert not is_remembered(up, "ps", "--json")
    inner = up.folder / "inner"
    inner.mkdir()
    assert not is_remembered(Sglaunch(inner, up.project, up.image), "ps")


def test_warnings_are_said_again(up: Sglaunch) -> None:
    up.edit("protect", "shm_size: 1m, protect")
    up("up", "-d", "--yes")
    first = up("up", "-d").stderr
    assert "shm_size" in first
    assert is_remembered(up, "up", "-d")
    assert up("up", "-d").stderr == first


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"0" * 32 + b"[[],{}]"])
def test_broken_entries_do_no_harm(up: Sglaunch, data: bytes) -> None:
    up("plan")
    first = up("plan").stdout
    for path in (Path(os.environ["XDG_CACHE_HOME"]) / "sglaunch" / "answers").iterdir():
        if path.name != ".key":
            path.write_bytes(data)
    assert up("plan").stdout == first
    assert is_remembered(up, "plan")


def test_commands_at_once_agree(up: Sglaunch) -> None:
    """Several find nothing, and keep the same; others change what it depends on."""
    first = up("plan").stdout
    for path in (Path(os.environ["XDG_CACHE_HOME"]) / "sglaunch" / "answers").iterdir():
        path.unlink()
    running = [up.start("plan") for _ in range(6)]
    assert {one.communicate(timeout=100)[0] for one in running} == {first}


SPY = """
import os, sys
touched = set()
from sglaunch.recall import witness
def watched(name):
    real = getattr(os, name)
    def seen(path, *words, **more):
        if not witness.is_asking() and isinstance(path, (str, os.PathLike)) and not _importing():
            touched.add(f"{name} {os.fspath(path)}")
        return real(path, *words, **more)
    setattr(os, name, seen)
def _importing():
    frame = sys._getframe(2)
    while frame is not None:
        if "importlib" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False
for name in ("stat", "lstat", "access", "readlink", "listdir", "scandir"):
    watched(name)
read = os.environ.__class__.__getitem__
def item(self, name):
    if not witness.is_asking():
        touched.add(f"env {name}")
    return read(self, name)
os.environ.__class__.__getitem__ = item
from sglaunch.boundary import run
status = run(sys.argv[1:], remember=True)
print(*sorted(touched), sep="\\n", file=sys.stderr)
raise SystemExit(status)
"""
# What gettext (of argparse) and the terminal's size look at, and where our own folders are made.
_HARMLESS = re.compile(
    r"env (LANGUAGE|LC_ALL|LC_MESSAGES|LANG|COLUMNS|LINES|PYTHON\w*)$"
    r"|\w+ \S*(/locale/|/\.local/state/sglaunch|/sglaunch$)"
)


@pytest.mark.parametrize("words", LOOKS[:4], ids=" ".join)
def test_nothing_is_looked_at_but_by_asking(up: Sglaunch, words: tuple[str, ...]) -> None:
    """The audit hook of recorded.py sees what is opened; what is only looked at, and variables, are seen here."""
    done = subprocess.run(
        [sys.executable, "-c", SPY, *words],
        cwd=up.folder,
        env=up.env(),
        input="",
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    touched = [line for line in done.stderr.splitlines() if re.match(r"(env|\w+) \S", line)]
    assert [line for line in touched if not _HARMLESS.match(line)] == []
