"""What counts as a change, how it is named, and what it takes: in place, a new container, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from builders import IMAGE, IMAGE_ID, MOVED_ID, at, make_container, make_spec, make_wanted

from sglaunch.plain import names_of, replace
from sglaunch.plan.diff import Change, applied_spec, changes
from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.options import LIVE, NOTHING, RECREATE, UPDATE
from sglaunch.spec.container import ContainerSpec, Wanted
from sglaunch.spec.server import Server
from sglaunch.spec.values import (
    Device,
    Gpus,
    Healthcheck,
    Mount,
    NetworkAttachment,
    PortBinding,
    Secret,
    Ulimit,
)

GIB = 1 << 30
MODEL = {"command": None, "server": Server("m")}


def diff(old: dict[str, Any], new: dict[str, Any], **container: Any) -> list[Change]:
    """The changes from one set of options to another."""
    return changes(make_wanted(**new), make_container(make_wanted(**old), **container), IMAGE_ID)


def lines(found: list[Change]) -> list[str]:
    return [f"{change.field}: {change.old} -> {change.new} ({change.effect})" for change in found]


# Every option of the spec: two values that differ, and how the change of one into the other reads.
VALUES: dict[str, tuple[Any, Any, str]] = {
    "image": ("img:1", "img:2", "image: img:1 -> img:2"),
    "command": (("a",), ("a", "b"), "command: ['a'] -> ['a', 'b']"),
    "entrypoint": (("a",), (), "entrypoint: ['a'] -> []"),
    "server": (Server("m"), Server("n"), "server.model: m -> n"),
    "environment": ({"A": "1"}, {"A": "2"}, "environment.A: 1 -> 2"),
    "volumes": ({"/d": Mount("bind", "/s")}, {"/d": Mount("bind", "/t")}, "volumes./d: /s -> /t"),
    "tmpfs": ({"/t": ""}, {"/t": "size=1g"}, "tmpfs./t:  -> size=1g"),
    "volumes_from": (("a",), ("b",), "volumes_from: ['a'] -> ['b']"),
    "ports": ({"80/tcp": (PortBinding("1"),)}, {"80/tcp": (PortBinding("2"),)}, "ports.80/tcp: 1 -> 2"),
    "network_mode": ("host", "none", "network_mode: host -> none"),
    "networks": ({"n": NetworkAttachment()}, {}, "networks.n: {} -> None"),
    "extra_hosts": ({"h": ("::1",)}, {"h": ("1.2.3.4",)}, "extra_hosts.h: ['::1'] -> ['1.2.3.4']"),
    "dns": (("1.1.1.1",), ("8.8.8.8",), "dns: ['1.1.1.1'] -> ['8.8.8.8']"),
    "dns_search": (("a",), ("b",), "dns_search: ['a'] -> ['b']"),
    "dns_opt": (("a",), ("b",), "dns_opt: ['a'] -> ['b']"),
    "ipc": ("host", "private", "ipc: host -> private"),
    "pid": ("host", "", "pid: host -> None"),
    "uts": ("host", "", "uts: host -> None"),
    "userns_mode": ("host", "", "userns_mode: host -> None"),
    "cgroup": ("host", "private", "cgroup: host -> private"),
    "shm_size": (16 * GIB, 32 * GIB, "shm_size: 16g -> 32g"),
    "gpus": (Gpus(-1), Gpus(ids=("0", "3")), "gpus: all -> 0,3"),
    "devices": ({"/dev/a": Device("/dev/a")}, {"/dev/a": Device("/dev/b", "r")}, "devices./dev/a: /dev/a -> /dev/b:r"),
    "device_cgroup_rules": (("c 1:1 r",), ("c 1:1 rw",), "device_cgroup_rules: ['c 1:1 r'] -> ['c 1:1 rw']"),
    "privileged": (False, True, "privileged: False -> True"),
    "cap_add": (("SYS_PTRACE",), (), "cap_add: ['SYS_PTRACE'] -> None"),
    "cap_drop": ((), ("ALL",), "cap_drop: None -> ['ALL']"),
    "security_opt": (("seccomp=unconfined",), (), "security_opt: ['seccomp=unconfined'] -> None"),
    "group_add": (("video",), ("video", "render"), "group_add: ['video'] -> ['video', 'render']"),
    "ulimits": ({"memlock": Ulimit(1, 1)}, {"memlock": Ulimit(-1, -1)}, "ulimits.memlock: 1 -> -1"),
    "sysctls": ({"net.a": "1"}, {"net.a": "2"}, "sysctls.net.a: 1 -> 2"),
    "user": ("1000", "0", "user: 1000 -> 0"),
    "working_dir": ("/a", "/b", "working_dir: /a -> /b"),
    "hostname": ("a", "b", "hostname: a -> b"),
    "labels": ({"team": "a"}, {"team": "b"}, "labels.team: a -> b"),
    "tty": (False, True, "tty: False -> True"),
    "stdin_open": (True, False, "stdin_open: True -> False"),
    "init": (True, False, "init: True -> False"),
    "auto_remove": (False, True, "auto_remove: False -> True"),
    "stop_signal": ("SIGTERM", "SIGINT", "stop_signal: SIGTERM -> SIGINT"),
    "stop_grace_period": (10.0, 90.0, "stop_grace_period: 10s -> 1m30s"),
    "healthcheck": (Healthcheck("a"), Healthcheck("b"), "healthcheck.test: a -> b"),
    "read_only": (False, True, "read_only: False -> True"),
    "runtime": ("runc", "nvidia", "runtime: runc -> nvidia"),
    "platform": ("linux/amd64", "linux/arm64", "platform: linux/amd64 -> linux/arm64"),
    "logging_driver": ("json-file", "local", "logging.driver: json-file -> local"),
    "logging_options": ({"max-size": "1m"}, {"max-size": "2m"}, "logging.options.max-size: 1m -> 2m"),
}
# Options that change on a live container: unset, one value, another, how these read, and the effect of removing it.
LIVE_VALUES: dict[str, tuple[Any, Any, Any, str, str, str]] = {
    "restart": ("no", "always", "on-failure:3", "always", "on-failure:3", UPDATE),
    "mem_limit": (None, GIB, 2 * GIB, "1g", "2g", RECREATE),
    "mem_reservation": (None, GIB, 3 << 19, "1g", "1536k", RECREATE),
    "memswap_limit": (None, GIB, -1, "1g", "-1", RECREATE),
    "cpus": (None, 1.5, 4.0, "1.5", "4", RECREATE),
    "cpu_shares": (None, 512, 2048, "512", "2048", RECREATE),
    "cpu_quota": (None, 50000, 100000, "50000", "100000", RECREATE),
    "cpu_period": (None, 50000, 100000, "50000", "100000", RECREATE),
    "cpuset": ("", "0-3", "0,1", "0-3", "0,1", RECREATE),
    "pids_limit": (None, 100, 200, "100", "200", UPDATE),
}


def test_every_option_is_in_one_of_the_tables() -> None:
    names = set(names_of(ContainerSpec)) - {"container_name"}
    assert names == {*VALUES, *LIVE_VALUES}
    assert set(LIVE_VALUES) == {option.field for option in LIVE}


def base(field: str) -> dict[str, Any]:
    """What an option needs beside it: a server has no command, and swap is limited along with memory."""
    around = {"server": {"command": None}, "memswap_limit": {"mem_limit": GIB}}
    return around.get(field, {})


@pytest.mark.parametrize("field", VALUES)
def test_a_changed_option_is_named_and_needs_a_new_container(field: str) -> None:
    old, new, text = VALUES[field]
    found = diff({**base(field), field: old}, {**base(field), field: new})
    assert lines(found) == [f"{text} (recreate)"]


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("side", [0, 1])
def test_an_option_that_stayed_is_no_change(field: str, side: int) -> None:
    given = {**base(field), field: VALUES[field][side]}
    assert diff(given, given) == []


@pytest.mark.parametrize("field", [name for name in VALUES if name not in ("image", "command")])
def test_an_option_set_and_removed_again_is_a_change_each_way(field: str) -> None:
    value = next(value for value in VALUES[field][:2] if value not in (False, (), {}, ""))
    unset = {} if field != "server" else {"command": ("sleep", "infinity")}
    given = {**base(field), field: value}
    for old, new in ((unset, given), (given, unset)):
        found = diff(old, new)
        assert found
        assert {change.effect for change in found} == {RECREATE}
        assert all(change.old != change.new for change in found)


# In place


def shown(field: str, old: str | None, new: str | None, effect: str) -> str:
    return f"{field}: {old} -> {new} ({effect})"


def of_field(field: str, found: list[Change]) -> list[str]:
    """Memory brings its swap along, which other tests are about."""
    return [line for line in lines(found) if line.startswith(f"{field}:")]


@pytest.mark.parametrize("field", LIVE_VALUES)
def test_a_live_option_is_set_in_place(field: str) -> None:
    unset, value, _, text, _, _ = LIVE_VALUES[field]
    before = {"restart": "no", "memswap_limit": "2g"}.get(field)
    found = diff({**base(field), field: unset}, {**base(field), field: value})
    assert of_field(field, found) == [shown(field, before, text, UPDATE)]


@pytest.mark.parametrize("field", LIVE_VALUES)
def test_a_live_option_is_changed_in_place(field: str) -> None:
    _, one, two, text_one, text_two, _ = LIVE_VALUES[field]
    for old, new, old_text, new_text in ((one, two, text_one, text_two), (two, one, text_two, text_one)):
        found = diff({**base(field), field: old}, {**base(field), field: new})
        assert of_field(field, found) == [shown(field, old_text, new_text, UPDATE)]


@pytest.mark.parametrize("field", [name for name in LIVE_VALUES if name != "memswap_limit"])
def test_a_live_option_is_removed_in_place_only_where_the_engine_can(field: str) -> None:
    unset, value, _, text, _, effect = LIVE_VALUES[field]
    after = "no" if field == "restart" else None
    assert of_field(field, diff({field: value}, {field: unset})) == [shown(field, text, after, effect)]


@pytest.mark.parametrize("field", LIVE_VALUES)
def test_a_live_option_as_it_is_is_no_change(field: str) -> None:
    for value in LIVE_VALUES[field][:3]:
        assert diff({**base(field), field: value}, {**base(field), field: value}) == []


@pytest.mark.parametrize("field", LIVE_VALUES)
def test_a_live_option_changed_behind_our_back_is_a_change_back(field: str) -> None:
    _, written, other, text, other_text, _ = LIVE_VALUES[field]
    wanted = make_wanted(**{**base(field), field: written})
    found = changes(wanted, make_container(wanted, **{field: other}), IMAGE_ID)
    assert of_field(field, found) == [shown(field, other_text, text, UPDATE)]


@pytest.mark.parametrize("field", [name for name in LIVE_VALUES if name != "restart"])
def test_a_limit_set_behind_our_back_is_told_although_the_files_say_nothing(field: str) -> None:
    _, value, _, text, _, effect = LIVE_VALUES[field]
    found = changes(make_wanted(), make_container(**{field: value}), IMAGE_ID)
    # Swap without memory is nothing that the files could have asked for: what it is to be follows from mem_limit.
    assert of_field(field, found) == ([] if field == "memswap_limit" else [shown(field, text, None, effect)])


@pytest.mark.parametrize(
    "field", ["mem_limit", "mem_reservation", "memswap_limit", "cpu_shares", "cpu_quota", "cpu_period", "pids_limit"]
)
def test_zero_is_no_limit(field: str) -> None:
    """Compose's word for it, which the engine takes and then shows nothing."""
    value = LIVE_VALUES[field][1]
    assert diff({}, {field: 0}) == []
    assert lines(diff({field: value}, {field: 0})) == lines(diff({field: value}, {}))


def test_minus_one_process_is_no_limit() -> None:
    assert diff({}, {"pids_limit": -1}) == []


SWAP = {
    "twice the memory, unwritten": ({"mem_limit": GIB}, {"mem_limit": GIB}, []),
    "written as it is anyway": ({"mem_limit": GIB}, {"mem_limit": GIB, "memswap_limit": 2 * GIB}, []),
    "follows a raised memory": (
        {"mem_limit": GIB},
        {"mem_limit": 2 * GIB},
        ["mem_limit: 1g -> 2g (update)", "memswap_limit: 2g -> 4g (update)"],
    ),
    "stays where it is written": (
        {"mem_limit": GIB, "memswap_limit": 4 * GIB},
        {"mem_limit": 2 * GIB, "memswap_limit": 4 * GIB},
        ["mem_limit: 1g -> 2g (update)"],
    ),
    "no longer written": (
        {"mem_limit": GIB, "memswap_limit": 4 * GIB},
        {"mem_limit": GIB},
        ["memswap_limit: 4g -> 2g (update)"],
    ),
    "goes with the memory": ({"mem_limit": GIB}, {}, ["mem_limit: 1g -> None (recreate)"]),
}


@pytest.mark.parametrize("case", SWAP)
def test_swap_goes_with_memory(case: str) -> None:
    old, new, expected = SWAP[case]
    assert lines(diff(old, new)) == expected


@pytest.mark.parametrize("shown_swap", [None, -1])
def test_an_engine_that_cannot_limit_swap_is_asked_for_none(shown_swap: int | None) -> None:
    wanted = make_wanted(mem_limit=GIB)
    assert changes(wanted, make_container(wanted, memswap_limit=shown_swap), IMAGE_ID) == []


# Names and places


SERVER = {
    "args.tp": (Server("m", args={"tp": 4}), Server("m", args={"tp": 8}), "server.args.tp: 4 -> 8"),
    "an argument set": (Server("m"), Server("m", args={"tp": 8}), "server.args.tp: None -> 8"),
    "an argument removed": (Server("m", args={"tp": 8}), Server("m"), "server.args.tp: 8 -> None"),
    "an argument that is a list": (
        Server("m", args={"lora-paths": ["a"]}),
        Server("m", args={"lora-paths": ["a", "b"]}),
        "server.args.lora-paths: ['a'] -> ['a', 'b']",
    ),
    "port, from the one unwritten": (Server("m"), Server("m", port=8000), "server.port: 30000 -> 8000"),
    "host, to the one unwritten": (Server("m", host="::1"), Server("m"), "server.host: ::1 -> 0.0.0.0"),
    "launcher": (
        Server("m"),
        Server("m", launcher=("sglang",)),
        "server.launcher: ['python3', '-m', 'sglang.launch_server'] -> ['sglang']",
    ),
}


LAUNCH, SERVE, OWN = ("python3", "-m", "sglang.launch_server"), ("sglang", "serve"), ("sh", "/serve.sh")
WRITTEN = {"server.launcher": at(4)}


@pytest.mark.parametrize(
    ("old", "new", "written", "changes_it"),
    [
        (LAUNCH, SERVE, False, False),
        (SERVE, LAUNCH, False, False),
        (LAUNCH, SERVE, True, True),
        (SERVE, LAUNCH, True, True),
        (LAUNCH, LAUNCH, True, False),
        (OWN, SERVE, False, True),
        (OWN, LAUNCH, False, True),
        (SERVE, OWN, True, True),
    ],
)
def test_a_launcher_that_the_image_decides_is_no_change_of_one_that_runs(
    old: tuple[str, ...], new: tuple[str, ...], written: bool, changes_it: bool
) -> None:
    made = make_container(make_wanted(command=None, server=Server("m", launcher=old)))
    wanted = make_wanted(command=None, server=Server("m", launcher=new))
    found = changes(replace(wanted, origins=WRITTEN if written else {}), made, IMAGE_ID)
    assert [change.field for change in found] == ["server.launcher"] * changes_it


@pytest.mark.parametrize(
    ("old", "new", "passed", "changes_it"),
    [
        ("corp,localhost,127.0.0.1", "corp,localhost,127.0.0.1,0.0.0.0,::1", True, False),
        ("corp,localhost,127.0.0.1", "localhost,127.0.0.1,0.0.0.0,::1", True, True),
        ("corp,localhost,127.0.0.1", "corp,localhost,127.0.0.1,0.0.0.0,::1", False, True),
    ],
)
def test_hosts_that_another_release_adds_to_no_proxy_are_no_change(
    old: str, new: str, passed: bool, changes_it: bool
) -> None:
    made = make_container(make_wanted(environment={"no_proxy": old}))
    names = frozenset({"no_proxy"} if passed else ())
    found = changes(replace(make_wanted(environment={"no_proxy": new}), passed=names), made, IMAGE_ID)
    assert [change.field for change in found] == ["environment.no_proxy"] * changes_it


@pytest.mark.parametrize("case", SERVER)
def test_a_change_of_the_server_names_its_field_not_the_command(case: str) -> None:
    old, new, text = SERVER[case]
    found = diff({"command": None, "server": old}, {"command": None, "server": new})
    assert lines(found) == [f"{text} (recreate)"]


def test_each_entry_of_a_map_is_a_change_of_its_own() -> None:
    old = {"environment": {"KEPT": "1", "CHANGED": "1", "REMOVED": "1"}}
    new = {"environment": {"KEPT": "1", "CHANGED": "2", "SET": "1"}}
    assert sorted(change.field for change in diff(old, new)) == [
        "environment.CHANGED",
        "environment.REMOVED",
        "environment.SET",
    ]


def test_the_order_of_a_maps_entries_is_no_change() -> None:
    assert diff({"environment": {"A": "1", "B": "2"}}, {"environment": {"B": "2", "A": "1"}}) == []


ORIGINS = {"environment.A": at(7), "environment": at(6), "server": at(3), "server.args.tp": at(9), "mem_limit": at(4)}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ({}, {"environment": {"A": "1"}}, 7),
        ({}, {"environment": {"B": "1"}}, 6),
        ({"environment": {"B": "1"}}, {}, 6),
        (MODEL, {"command": None, "server": Server("m", args={"tp": 2})}, 9),
        (MODEL, {"command": None, "server": Server("m", args={"dp": 2})}, 3),
        ({}, {"mem_limit": GIB}, 4),
        ({}, {"user": "0"}, None),
    ],
)
def test_a_change_knows_where_its_value_was_written(old: dict[str, Any], new: dict[str, Any], line: int | None) -> None:
    wanted = replace(make_wanted(**new), origins=ORIGINS)
    (change,) = changes(wanted, make_container(make_wanted(**old)), IMAGE_ID)
    assert (change.origin.place.line if change.origin else None) == line


def test_changes_come_in_the_order_of_the_option_table() -> None:
    new = {"user": "0", "environment": {"A": "1"}, "image": "img:2", "cpus": 1.0, "restart": "always"}
    assert [change.field for change in diff({}, new)] == ["image", "environment.A", "user", "restart", "cpus"]


# Secrets, passed-through values


def secret(value: str) -> dict[str, Any]:
    return {"environment": {"TOKEN": Secret(value)}}


def test_a_changed_secret_is_told_and_neither_value_is_shown() -> None:
    (change,) = diff(secret("hf_old"), secret("hf_new"))
    assert (change.field, change.effect) == ("environment.TOKEN", RECREATE)
    assert change.old != change.new
    assert "hf_" not in repr(change)


def test_a_secret_that_stayed_is_no_change() -> None:
    assert diff(secret("hf_old"), secret("hf_old")) == []


def test_a_secret_without_a_fingerprint_is_no_change() -> None:
    """A label of a version that kept none says nothing of the value."""
    assert diff(secret("hf_old"), secret("hf_new"), secrets={}) == []


@pytest.mark.parametrize("old", ["text", Secret("hf_old")])
def test_a_value_passed_through_and_unset_is_no_opinion(old: Any) -> None:
    assert diff({"environment": {"A": old}}, {"environment": {"A": None}}) == []


# Images


def moved(wanted: Wanted, image: str | None) -> list[str]:
    return lines(changes(wanted, make_container(), image))


def test_a_tag_that_names_another_image_is_a_change_only_where_recreate_is_always() -> None:
    text = f"image: {IMAGE} (aaaaaaaaaaaa) -> {IMAGE} (bbbbbbbbbbbb)"
    assert moved(make_wanted(recreate="always"), MOVED_ID) == [f"{text} ({RECREATE})"]
    assert moved(make_wanted(recreate="ask"), MOVED_ID) == [f"{text} ({NOTHING})"]


def test_a_tag_that_names_no_image_here_is_no_change() -> None:
    assert moved(make_wanted(), None) == []


def test_another_image_is_one_change_not_two() -> None:
    assert moved(make_wanted(image="img:2"), MOVED_ID) == ["image: img:1 -> img:2 (recreate)"]


# Labels


def unlike(spec: dict[str, Any], wanted: Wanted) -> list[str]:
    return lines(changes(wanted, make_container(spec=spec), IMAGE_ID))


def test_a_label_written_with_fewer_options_gives_no_change() -> None:
    """The options that an older sglaunch did not know were at what is their default now."""
    assert unlike({"image": IMAGE, "command": ["sleep", "infinity"]}, make_wanted()) == []


def test_an_option_that_only_a_newer_sglaunch_knows_is_left_aside() -> None:
    spec = {**applied_spec(make_spec()), "holograms": ["blue"]}
    assert unlike(spec, make_wanted()) == []


@pytest.mark.parametrize(("field", "value"), [("server", Server("m")), ("healthcheck", Healthcheck("true"))])
def test_so_is_a_part_of_an_option_that_only_a_newer_one_knows(field: str, value: Any) -> None:
    wanted = make_wanted(**{**base(field), field: value})
    spec = applied_spec(wanted.spec)
    assert unlike({**spec, field: {**spec[field], "hologram": "blue"}}, wanted) == []


def test_an_unreadable_label_is_one_change() -> None:
    found = changes(make_wanted(environment={"A": "1"}), make_container(unreadable=True), IMAGE_ID)
    assert lines(found) == ["labels: unreadable -> rewritten (recreate)"]


def test_live_options_are_not_in_the_label() -> None:
    """Labels cannot change on a live container: what can must not be kept there."""
    options = {field: values[1] for field, values in LIVE_VALUES.items()}
    assert applied_spec(make_spec(**options)) == applied_spec(make_spec())


# Names


def test_another_container_name_is_a_rename_in_place() -> None:
    container = make_container(make_wanted(container_name="old"))
    found = changes(make_wanted(container_name="new"), container, IMAGE_ID)
    assert lines(found) == ["container_name: old -> new (update)"]


@pytest.mark.parametrize(
    "settings",
    [
        {"recreate": "always"},
        {"protect": False},
        {"attach": True},
        {"shell": ("zsh",)},
        {"pull_policy": "always"},
        {"depends_on": ("db",)},
    ],
)
def test_a_setting_of_the_launcher_is_never_a_change(settings: dict[str, Any]) -> None:
    container: ObservedContainer = make_container()
    assert changes(make_wanted(**settings), container, IMAGE_ID) == []
