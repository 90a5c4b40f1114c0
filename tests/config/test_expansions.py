"""Short words stand for several options, beneath written ones; each knows the word it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.config.load import Request, load
from sglaunch.errors import ConfigError
from sglaunch.spec.accelerator import ACCELERATORS
from sglaunch.spec.container import Wanted
from sglaunch.spec.server import command

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
SITE = "SGLAUNCH_SITE_CONFIG"


def wanted(folder: Path, lines: str, profile: str = "a", top: str = "", **env: str) -> Wanted:
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    (folder / "sglaunch.yaml").write_text(f"{top}\nprofiles:\n  {profile}:\n    image: x\n{body}", encoding="utf-8")
    return load(Request(folder / "sglaunch.yaml", FACTS, {SITE: "/nonexistent", **env}), [profile]).wanted[profile]


@pytest.mark.parametrize(
    ("accelerator", "device", "flags"),
    [
        ("nvidia", None, ""),
        ("rocm", "/dev/kfd", ""),
        ("npu", "/dev/davinci7", "--attention-backend ascend --device npu"),
        ("xpu", "/dev/dri", "--device xpu"),
        ("cpu", None, "--device cpu --disable-overlap-schedule"),
    ],
)
def test_an_accelerator_brings_its_devices_and_flags(
    tmp_path: Path, accelerator: str, device: str | None, flags: str
) -> None:
    one = wanted(tmp_path, f"accelerator: {accelerator}\nserver: {{model: org/m}}")
    assert (device in one.spec.devices) if device else not one.spec.devices
    assert one.spec.server is not None
    assert " ".join(command(one.spec.server)).endswith(f"--port 30000 {flags}".strip())
    assert one.spec.shm_size == (None if accelerator == "nvidia" else 16 << 30)
    for path, origin in one.origins.items():
        if path.startswith(("devices.", "shm_size", "server.args", "privileged", "cap_add")):
            assert origin.place.line == 5, path


def test_every_accelerator_of_the_table_is_tried_above() -> None:
    assert ACCELERATORS == ("nvidia", "rocm", "npu", "xpu", "cpu")


@pytest.mark.parametrize("text", ["true", "YES", "y", "On", "False", "no", "N", "oFF"])
@pytest.mark.parametrize("written", ["{value}", "{{{{ env.FLAG_X }}}}"], ids=["literal", "rendered"])
def test_a_text_of_a_truth_value_is_one_wherever_a_profile_wants_one(tmp_path: Path, text: str, written: str) -> None:
    is_true, flag = text.lower() in ("true", "yes", "y", "on"), written.format(value=text)
    lines = f"""privileged: '{flag}'
init: "{flag}"
attach: '{flag}'
gpus: {{count: 1, idle: '{flag}'}}
healthcheck: {{test: [CMD, x], disable: '{flag}'}}
volumes:
- {{type: bind, source: ./m, target: /m, read_only: '{flag}', bind: {{create_host_path: '{flag}'}}}}
env_file: [{{path: '{tmp_path}/sglaunch.yaml.env', required: '{flag}'}}]
build: {{context: ., no_cache: '{flag}'}}"""
    (tmp_path / "sglaunch.yaml.env").write_text("A=b", encoding="utf-8")
    one = wanted(tmp_path, lines, FLAG_X=text)
    assert one.build is not None
    assert one.spec.gpus is not None
    assert one.spec.healthcheck is not None
    mount = one.spec.volumes["/m"]
    found = (one.spec.privileged, one.spec.init, one.settings.attach, one.spec.gpus.idle, one.spec.healthcheck.disable)
    found += (mount.read_only, mount.create_host_path, *one.env_files.values(), one.build.no_cache)
    assert set(found) == {is_true}


def test_written_values_beat_the_accelerators(tmp_path: Path) -> None:
    text = (
        "accelerator: npu\nprivileged: false\nshm_size: 8g\nserver: {model: org/m, args: {attention-backend: triton}}"
    )
    spec = wanted(
        tmp_path, f"{text}\nvolumes: ['./sbin:/usr/local/sbin']\ndevices: [/dev/davinci0:/dev/davinci0:r]"
    ).spec
    assert (spec.privileged, spec.shm_size) == (False, 8 << 30)
    assert spec.server is not None
    assert spec.server.args == {"attention-backend": "triton", "device": "npu"}
    assert spec.volumes["/usr/local/sbin"].source == f"{tmp_path}/sbin"
    assert spec.devices["/dev/davinci0"].permissions == "r"


def test_the_hosts_ipc_needs_no_size(tmp_path: Path) -> None:
    assert wanted(tmp_path, "accelerator: rocm\nipc: host").spec.shm_size is None


@pytest.mark.parametrize("layer", ["site", "project", "profile"])
def test_caches_and_the_hub_come_from_any_layer(tmp_path: Path, layer: str) -> None:
    words = "{caches: [modelscope], hub: modelscope}"
    site = tmp_path / "site.yaml"
    site.write_text(f"defaults: {words}\n" if layer == "site" else "{}", encoding="utf-8")
    lines = "caches: [modelscope]\nhub: modelscope" if layer == "profile" else ""
    top = f"defaults: {words}" if layer == "project" else ""
    one = wanted(tmp_path, f"{lines}\nserver: {{model: org/m}}".strip(), "server", top, **{SITE: str(site)})
    assert set(one.spec.volumes) == {f"/root/.cache/{name}" for name in ("huggingface", "sglang", "modelscope")}
    assert one.spec.volumes["/root/.cache/modelscope"].source == "/home/ana/.cache/modelscope"
    assert all(mount.create_host_path for mount in one.spec.volumes.values())
    assert one.spec.environment["SGLANG_USE_MODELSCOPE"] == "true"
    assert one.origins["environment.SGLANG_USE_MODELSCOPE"].layer == ("site" if layer == "site" else "project")


def test_written_values_beat_the_hub_and_the_caches(tmp_path: Path) -> None:
    text = "caches: [huggingface]\nhub: hf-mirror\nvolumes: ['/data/hf:/root/.cache/huggingface']"
    spec = wanted(tmp_path, f"{text}\nenvironment: {{HF_ENDPOINT: 'https://hub.corp'}}").spec
    assert spec.environment["HF_ENDPOINT"] == "https://hub.corp"
    assert spec.volumes["/root/.cache/huggingface"].source == "/data/hf"


HOMES = "/home/ana/.local/share/sglaunch/homes"
ME = "user: me\ncaches: [huggingface]"


def test_the_caller_gets_a_home_that_lasts_with_the_caches_in_it(tmp_path: Path) -> None:
    one = wanted(tmp_path, f"container_name: box\n{ME}")
    assert one.spec.user == "1000:1000"
    assert one.spec.environment == {"HOME": "/home/ana", "USER": "ana", "LOGNAME": "ana"}
    assert {target: mount.source for target, mount in one.spec.volumes.items()} == {
        "/home/ana": f"{HOMES}/box",
        "/home/ana/.cache": f"{HOMES}/box/.cache",
        "/home/ana/.cache/huggingface": "/home/ana/.cache/huggingface",
    }
    assert all(mount.create_host_path for mount in one.spec.volumes.values())
    assert {one.origins[path].place.line for path in ("environment.HOME", "volumes./home/ana/.cache")} == {6}
    assert one.warnings == ()


@pytest.mark.parametrize(
    ("facts", "home"),
    [({"uid": 0, "gid": 0, "user": "root", "home": "/root"}, "/root"), ({"user": "DOM\\a b:c"}, "/home/DOM-a-b-c")],
)
def test_the_home_of_the_caller_is_a_path_for_every_name(
    tmp_path: Path, facts: dict[str, object], home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("test_expansions.FACTS", {**FACTS, **facts})
    spec = wanted(tmp_path, ME).spec
    assert spec.user == f"{facts.get('uid', 1000)}:{facts.get('gid', 1000)}"
    assert spec.environment.get("HOME", "/root") == home
    assert f"{home}/.cache/huggingface" in spec.volumes


@pytest.mark.parametrize(
    ("lines", "targets"),
    [
        ("environment: {HOME: /opt/app}", {"/opt/app/.cache/huggingface": "/home/ana/.cache/huggingface"}),
        ("environment: {HOME: /}", {"/root/.cache/huggingface": "/home/ana/.cache/huggingface"}),
        ("volumes: ['/data/h:/home/ana']", {"/home/ana": "/data/h"}),
        ("volumes: ['/data/c:/home/ana/.cache']", {"/home/ana/.cache": "/data/c", "/home/ana": f"{HOMES}/ana-p-a"}),
    ],
)
def test_written_values_beat_those_of_the_caller(tmp_path: Path, lines: str, targets: dict[str, str]) -> None:
    spec = wanted(tmp_path, f"{ME}\n{lines}", top="project: p").spec
    assert {target: mount.source for target, mount in spec.volumes.items()}.items() >= targets.items()
    assert ("/home/ana" in spec.volumes) == ("HOME" not in lines)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("user: '1000:1000'\ncaches: [sglang]", "/root/.cache/sglang; write user: me, whose HOME holds the caches"),
        ("user: '1000'\nvolumes: ['./x:/root/x']", "/root/x; write user: me, whose HOME holds the caches"),
        ("user: ana\nserver: {model: /root/models/m}", "/root/models/m; write user: me, whose HOME holds the caches"),
        ("user: me\ncaches: [sglang]\nvolumes: ['./x:/root/x']", "/root/x; mount it elsewhere"),
        ("user: '1000'\ncaches: [sglang]\nenvironment: {HOME: /tmp}", ""),
        ("user: '1000'\nvolumes: ['./x:/rooted']", ""),
        ("user: 'root:1000'\ncaches: [sglang]", ""),
        ("user: '0'\ncaches: [sglang]", ""),
        ("caches: [sglang]", ""),
    ],
)
def test_a_user_who_cannot_reach_what_is_mounted_below_root_is_warned_of(
    tmp_path: Path, lines: str, named: str
) -> None:
    found = [
        f"{warning.message}; {warning.hint}" for warning in wanted(tmp_path, lines).warnings if warning.path == "user"
    ]
    assert [text.partition("/root: ")[2] for text in found] == ([named] if named else []), found


def test_a_variable_is_set_for_one_run(tmp_path: Path) -> None:
    text = 'vars: {tag: v1}\nprofiles:\n  a: {image: "x:{{ vars.tag }}"}\n'
    (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
    request = Request(tmp_path / "sglaunch.yaml", FACTS, {SITE: "/nonexistent"}, ("vars.tag=v2", "hostname=h"))
    one = load(request, ["a"]).wanted["a"]
    assert (one.spec.image, one.spec.hostname) == ("x:v2", "h")


@pytest.mark.parametrize(("text", "count"), [("${HF_TOKEN}", 0), ("${HF_HOME}", 1), ("${HF_TOKEN} ${HF_HOME}", 1)])
def test_a_secret_that_a_shell_is_to_read_is_no_slip(tmp_path: Path, text: str, count: int) -> None:
    for line, paths in (
        (f"command: [sh, -c, 'tool {text}']", ["command[2]"] * count),
        (f"hostname: '{text}'", ["hostname"]),
    ):
        file = tmp_path / "sglaunch.yaml"
        file.write_text(f"profiles:\n  a:\n    image: x\n    {line}\n", encoding="utf-8")
        warnings = load(Request(file, FACTS, {SITE: "/nonexistent"}), ["a"]).warnings
        assert [one.path for one in warnings if "not interpolated" in one.message] == paths


@pytest.mark.parametrize(
    ("accelerator", "devices"),
    [
        ("rocm", {"/dev/kfd"}),
        ("npu", {"/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"}),
        ("xpu", set()),
    ],
)
@pytest.mark.parametrize("gpus", ["2", "[0, 3]", "{count: 2, min_free: 8g}"])
def test_single_cards_come_without_the_others_and_without_privileged(
    tmp_path: Path, accelerator: str, devices: set[str], gpus: str
) -> None:
    spec = wanted(tmp_path, f"accelerator: {accelerator}\ngpus: {gpus}\nserver: {{model: org/m}}").spec
    assert spec.gpus is not None
    assert (set(spec.devices), spec.privileged) == (devices, False)
    assert spec.shm_size == 16 << 30, "the rest of the row stays"
    written = wanted(tmp_path, f"accelerator: {accelerator}\ngpus: {gpus}\ndevices: [/dev/dri]\nprivileged: true")
    assert (set(written.spec.devices), written.spec.privileged) == ({*devices, "/dev/dri"}, True)
    assert "every card" in written.warnings[0].message


@pytest.mark.parametrize("gpus", ["gpus: all", "gpus: null", "gpus: 0", "restart: always"])
def test_all_cards_are_what_the_accelerator_brings(tmp_path: Path, gpus: str) -> None:
    spec = wanted(tmp_path, f"accelerator: npu\n{gpus}").spec
    assert spec.gpus is None
    assert "/dev/davinci7" in spec.devices
    assert spec.privileged


@pytest.mark.parametrize(
    ("gpus", "is_wrong"), [("all", True), ("2", True), ("[0]", True), ("null", False), ("0", False)]
)
def test_gpus_beside_a_processor_are_an_error_with_the_fix(tmp_path: Path, gpus: str, is_wrong: bool) -> None:
    if not is_wrong:
        assert wanted(tmp_path, f"accelerator: cpu\ngpus: {gpus}").spec.gpus is None
        return
    with pytest.raises(ConfigError) as caught:
        wanted(tmp_path, f"accelerator: cpu\ngpus: {gpus}")
    (problem,) = caught.value.problems()
    assert (problem.path, problem.place.line if problem.place else 0) == ("gpus", 6)
    assert "gpus: null" in problem.hint
