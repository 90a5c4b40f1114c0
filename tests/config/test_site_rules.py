"""Site policy: each rule refuses a violation whatever route the value took, with the rule's place and the value's."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from sglaunch.cli import main

SITE = """\
policy:
  container_name: {pattern: "^[a-z]+-sgl-", example: ana-sgl-dev}
  labels: [team]
  deny: [privileged, pid, network_mode=host]
  mounts: {allow: ["{site}", /data], deny: [/data/private]}
  images: ["lmsysorg/*"]
  max_gpus: 2
  max_shm: 8g
"""
GOOD = """\
vars: {yes_please: true, bad: /etc}
profiles:
  a:
    extends: base
"""
BASE = """\
  base:
    image: lmsysorg/sglang:latest
    container_name: ana-sgl-a
    labels: {team: core}
    shm_size: 8g
    gpus: 2
    volumes: [./x:/x, /data/sets:/sets]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if Path("/etc/sglaunch/config.yaml").exists():
        pytest.skip("this machine has a site file of its own")
    if os.getuid() != 0:
        pytest.skip("a site file is root's, and these tests do not run as root")
    path = tmp_path / "site.yaml"
    path.write_text(SITE.replace("{site}", str(tmp_path / "p")), encoding="utf-8")
    path.chmod(0o644)
    monkeypatch.setenv("SGLAUNCH_SITE_CONFIG", str(path))
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "link").symlink_to("/etc")
    return tmp_path / "p"


def validate(folder: Path, *words: str, project: str = GOOD + BASE, local: str = "") -> int:
    (folder / "sglaunch.yaml").write_text(project, encoding="utf-8")
    (folder / "sglaunch.local.yaml").write_text(local, encoding="utf-8")
    return main(["-C", str(folder), "validate", "a", *words])


def test_a_profile_within_the_rules_is_right(site: Path) -> None:
    assert validate(site) == 0


# What breaks a rule -> the rule, and the line of the value.
BROKEN = {
    "container_name: ana-a": ("policy.container_name at {site}:2:", "container_name: 'ana-a'"),
    "labels: !override {x: y}": ("policy.labels at {site}:3:", "label team"),
    "privileged: true": ("policy.deny at {site}:4:", "forbids privileged"),
    "pid: host": ("policy.deny at {site}:4:", "forbids pid"),
    "network_mode: host": ("policy.deny at {site}:4:", "forbids network_mode=host"),
    "volumes: [/opt:/opt]": ("policy.mounts.allow at {site}:5:", "/opt"),
    "volumes: [/data:/all]": ("policy.mounts.deny at {site}:5:", "/data"),
    "volumes: [./link:/etc2]": ("policy.mounts.allow at {site}:5:", "a link to /etc"),
    "image: other/x": ("policy.images at {site}:6:", "other/x"),
    "gpus: 3": ("policy.max_gpus at {site}:7:", "gives 2"),
    "gpus: all": ("policy.max_gpus at {site}:7:", "all are asked"),
    "shm_size: 9g": ("policy.max_shm at {site}:8:", "gives 8g"),
}


@pytest.mark.parametrize("line", BROKEN)
def test_each_rule_names_both_lines(site: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(site, project=f"{GOOD}    {line}\n{BASE}") == 4
    said = capsys.readouterr().err
    rule, words = BROKEN[line]
    assert rule.format(site=os.environ["SGLAUNCH_SITE_CONFIG"]) in said
    assert words in said
    assert "sglaunch.yaml:5:" in said or "labels" in line


ROUTES = {
    "the project": {"project": f"{GOOD}    privileged: true\n{BASE}"},
    "what it extends": {"project": f"{GOOD}{BASE}    privileged: true\n"},
    "defaults": {"project": f"defaults: {{privileged: true}}\n{GOOD}{BASE}"},
    "the local file": {"local": "profiles: {a: {privileged: true}}\n"},
    "a template": {"project": f'{GOOD}    privileged: "{{{{ vars.yes_please }}}}"\n{BASE}'},
    "a template in a path": {"project": f'{GOOD}    volumes: ["{{{{ vars.bad }}}}:/x2"]\n{BASE}'},
    "an accelerator": {"project": f"{GOOD}    accelerator: npu\n    gpus: null\n{BASE}"},
}


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_leads_around_a_rule(site: Path, route: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(site, **ROUTES[route]) == 4
    assert "policy." in capsys.readouterr().err


def test_neither_set_nor_yes_leads_around_a_rule(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(site, "--set", "privileged=true") == 4
    assert main(["-C", str(site), "up", "a", "--set", "privileged=true", "--yes"]) == 4
    assert "--set privileged: privileged: the site forbids privileged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("deny: [shm_size=big]", "policy.deny: shm_size: 'big' is not a size"),
        ("deny: [privileged=maybe]", "policy.deny: privileged: 'maybe' is neither true nor false"),
        ("denny: [pid]", "policy.denny: unknown rule; did you mean deny?"),
        (
            "deny: [privilegd]",
            "policy.deny: 'privilegd' is not an option that can be forbidden; did you mean privileged?",
        ),
        ("container_name: {pattern: '('}", "policy.container_name.pattern: '(' is not a regular expression"),
        ("mounts: {allow: [data]}", "policy.mounts.allow: 'data' is not an absolute path"),
        ("max_shm: big", "policy.max_shm: 'big' is not a size"),
        ("max_gpus: many", "policy.max_gpus: must be a number"),
        ("images: x", "policy.images: must be a list"),
    ],
)
def test_a_wrong_rule_is_an_error_and_not_a_rule_less(
    site: Path, rule: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(os.environ["SGLAUNCH_SITE_CONFIG"]).write_text(f"policy:\n  {rule}\n", encoding="utf-8")
    assert validate(site) == 2
    said = capsys.readouterr().err.splitlines()[0]
    assert "site.yaml:2:" in said
    assert told in said


def test_a_site_file_that_others_may_write_is_refused(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(os.environ["SGLAUNCH_SITE_CONFIG"]).chmod(0o666)
    assert validate(site) == 2
    assert "must be root's and writable by root alone" in capsys.readouterr().err


# A rule's expression -> what it may name. None of these is a fact of the system.
@pytest.mark.parametrize("name", ["env.HOME", "vars.bad", "project", "project_dir", "profile", "env"])
def test_a_rule_names_nothing_that_a_caller_or_a_project_sets(
    site: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = f"policy:\n  mounts: {{allow: ['{{{{ {name} }}}}']}}\n"
    Path(os.environ["SGLAUNCH_SITE_CONFIG"]).write_text(rule, encoding="utf-8")
    assert validate(site) == 2
    said = capsys.readouterr().err
    assert f"site.yaml:2:20: policy.mounts.allow[0]: '{name.partition('.')[0]}' is not for a rule" in said
    assert "names are gid, home, hostname, uid, user" in said


@pytest.mark.parametrize("variable", ["HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME"])
def test_facts_of_rules_do_not_follow_the_callers_variables(
    site: Path, variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither from the shell nor from the project's .env."""
    rule = "policy:\n  mounts: {allow: ['{{ home }}', '/users/{{ user }}']}\n"
    Path(os.environ["SGLAUNCH_SITE_CONFIG"]).write_text(rule, encoding="utf-8")
    monkeypatch.setenv(variable, "/srv")
    (site / ".env").write_text(f"{variable}=/srv\n", encoding="utf-8")
    profile = f"vars: {{home: /srv, user: ../srv}}\nprofiles:\n  a:\n    extends: base\n{BASE}"
    assert validate(site, project=profile.replace("[./x:/x, /data/sets:/sets]", "[/srv/x:/x]")) == 4
    assert "does not allow to mount /srv/x" in capsys.readouterr().err
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert validate(site, project=profile.replace("[./x:/x, /data/sets:/sets]", f"[{home}/x:/x]")) == 0
