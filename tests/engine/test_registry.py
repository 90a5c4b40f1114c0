"""Asking registries: a real one, and stand-ins for what it does not do (tokens, redirects, failures)."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from registry_server import ROSEBUD, RegistryServer

from sglaunch.engine import registry
from sglaunch.engine.logins import login
from sglaunch.errors import EngineError
from sglaunch.spec.reference import Reference, parse

INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module", params=["open", "guarded"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    if shutil.which("docker-registry") is None:
        pytest.skip("there is no docker-registry")
    one = RegistryServer(tmp_path_factory.mktemp("r"), users={"ana": ROSEBUD} if request.param == "guarded" else None)
    one.start()
    yield one
    one.stop()


def log_in(host: str, pair: str = "ana:rosebud", **more: str) -> None:
    file = Path.home() / ".docker" / "config.json"
    file.parent.mkdir(exist_ok=True)
    auth = base64.b64encode(pair.encode()).decode()
    file.write_text(json.dumps({"auths": {host: {"auth": auth, **more}}}), encoding="utf-8")


def send(host: str, path: str, data: bytes, kind: str) -> str:
    """PUT of a manifest or a blob; its digest."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    headers = {"Authorization": "Basic " + base64.b64encode(b"ana:rosebud").decode(), "Content-Type": kind}
    if path.endswith("uploads/"):
        start = urllib.request.Request(f"http://{host}{path}", b"", headers, method="POST")
        with urllib.request.urlopen(start) as answer:
            place = answer.headers["Location"]
        url = f"{place}{'&' if '?' in place else '?'}digest={digest}"
    else:
        url = f"http://{host}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method="PUT")):
        return digest


def give(host: str, repository: str, tag: str, architectures: tuple[str, ...]) -> tuple[str, dict[str, str], list[str]]:
    """An image for some platforms: the digest of its tag, those of its platforms, the ids of their configurations."""
    platforms, configs, entries = {}, [], []
    for architecture in architectures:
        config = json.dumps({"os": "linux", "architecture": architecture, "rootfs": {}, "x": tag}).encode()
        configs.append(send(host, f"/v2/{repository}/blobs/uploads/", config, "application/octet-stream"))
        descriptor = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": configs[-1],
            "size": len(config),
        }
        body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": []}).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        named = tag if len(architectures) == 1 else digest
        platforms[f"linux/{architecture}"] = send(host, f"/v2/{repository}/manifests/{named}", body, MANIFEST)
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": MANIFEST, "digest": digest, "size": len(body), "platform": platform})
    if len(architectures) == 1:
        return platforms[f"linux/{architectures[0]}"], platforms, configs
    entries.append({**entries[0], "platform": {"os": "unknown", "architecture": "unknown"}})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    return send(host, f"/v2/{repository}/manifests/{tag}", index, INDEX), platforms, configs


@pytest.mark.parametrize("architectures", [("amd64",), ("amd64", "arm64")])
def test_what_a_tag_names(server: RegistryServer, architectures: tuple[str, ...]) -> None:
    repository = f"team/of-{len(architectures)}"
    digest, platforms, configs = give(server.host, repository, "v1", architectures)
    log_in(server.host)
    reference = parse(f"{server.host}/{repository}:v1")
    found = registry.manifest(reference)
    assert (found.digest, found.platforms) == (digest, platforms)
    assert registry.image_id(reference, "linux/amd64") == configs[0]
    assert registry.image_id(reference, "linux/riscv64") == ""
    assert registry.tags(reference) == ["v1"]


def test_a_missing_tag_names_the_nearest(server: RegistryServer) -> None:
    give(server.host, "team/near", "v1.0.0", ("amd64",))
    log_in(server.host)
    with pytest.raises(EngineError) as caught:
        registry.manifest(parse(f"{server.host}/team/near:v1.0.1"))
    assert caught.value.failure.kind == "tag-missing"
    assert "v1.0.0" in caught.value.failure.hint


def test_logins_that_are_missing_and_wrong(tmp_path_factory: pytest.TempPathFactory) -> None:
    if shutil.which("docker-registry") is None:
        pytest.skip("there is no docker-registry")
    one = RegistryServer(tmp_path_factory.mktemp("r"), users={"ana": ROSEBUD})
    one.start()
    try:
        with pytest.raises(EngineError, match=f"not logged in to {one.host}"):
            registry.manifest(parse(f"{one.host}/x:1"))
        log_in(one.host, "ana:thorn")
        with pytest.raises(EngineError, match=r"refuses the login of ana, from .*config\.json") as caught:
            registry.manifest(parse(f"{one.host}/x:1"))
        assert "thorn" not in f"{caught.value.failure}"
    finally:
        one.stop()
    with pytest.raises(EngineError, match="cannot be reached") as caught:
        registry.manifest(parse(f"{one.host}/x:1"))
    assert caught.value.failure.kind == "no-route"


Answer = Callable[[str, Mapping[str, str]], tuple[int, dict[str, str], bytes]]


@pytest.fixture
def stand_in() -> Iterator[Callable[[Answer], str]]:
    """Starts a server on this machine that answers as a function says; its address."""
    servers = []

    def make(answer: Answer) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer(self.path, {key.lower(): value for key, value in self.headers.items()})
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_port}"

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def reference(host: str) -> Reference:
    return parse(f"{host}/team/x:v1")


def index(platform: str = "linux") -> bytes:
    entry = {"digest": f"sha256:{'1' * 64}", "platform": {"os": platform, "architecture": "amd64"}}
    return json.dumps({"manifests": [entry]}).encode()


@pytest.mark.parametrize("logged_in", [False, True])
def test_a_token_is_fetched_and_shown(stand_in: Callable[[Answer], str], logged_in: bool) -> None:
    asked: list[tuple[str, str]] = []

    def answer(path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        asked.append((path.partition("?")[0], headers.get("authorization", "")))
        if path.startswith("/token"):
            assert "scope=repository%3Ateam%2Fx%3Apull" in path
            assert "service=s" in path
            return 200, {}, b'{"token": "T"}'
        if headers.get("authorization") == "Bearer T":
            return 200, {}, index()
        return 401, {"WWW-Authenticate": f'Bearer realm="http://{host}/token",service="s"'}, b""

    host = stand_in(answer)
    if logged_in:
        log_in(host)
    found = registry.manifest(reference(host))
    assert found.digest == f"sha256:{hashlib.sha256(index()).hexdigest()}"
    shown = "Basic " + base64.b64encode(b"ana:rosebud").decode() if logged_in else ""
    assert asked[1] == ("/token", shown)


def test_no_login_travels_to_a_token_service_elsewhere_without_tls(stand_in: Callable[[Answer], str]) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://evil.example/token",service="s"'}
    host = stand_in(lambda path, headers: (401, challenge, b""))
    log_in(host)
    with pytest.raises(EngineError, match="refuses the login of ana"):
        registry.manifest(reference(host))


def test_a_blob_elsewhere_is_fetched_without_what_we_are_known_by(stand_in: Callable[[Answer], str]) -> None:
    seen: list[str] = []
    config = json.dumps({"os": "linux", "architecture": "arm64", "variant": "v8"}).encode()

    def store(path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        seen.append(headers.get("authorization", ""))
        return 200, {}, config

    other = stand_in(store)

    def answer(path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if "authorization" not in headers:
            return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
        if "/blobs/" in path:
            return 307, {"Location": f"http://{other}{path}"}, b""
        return 200, {"Docker-Content-Digest": "sha256:abc"}, b'{"config": {"digest": "sha256:c"}}'

    host = stand_in(answer)
    log_in(host)
    assert registry.manifest(reference(host)).platforms == {"linux/arm64/v8": "sha256:abc"}
    assert seen == [""]


def test_tags_come_in_pages(stand_in: Callable[[Answer], str]) -> None:
    def answer(path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if "last=b" in path:
            return 200, {}, b'{"tags": ["c"]}'
        return 200, {"Link": '</v2/team/x/tags/list?last=b&n=1000>; rel="next"'}, b'{"tags": ["a", "b"]}'

    assert registry.tags(reference(stand_in(answer))) == ["a", "b", "c"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"manifests": [1]}', b"<html>", b'{"config": 3}'])
def test_nonsense_is_told_as_such(stand_in: Callable[[Answer], str], body: bytes) -> None:
    host = stand_in(lambda path, headers: (200, {}, body))
    with pytest.raises(EngineError, match="is not a manifest"):
        registry.manifest(reference(host))


def test_a_registry_in_trouble_is_told(stand_in: Callable[[Answer], str]) -> None:
    host = stand_in(lambda path, headers: (503, {}, b""))
    with pytest.raises(EngineError, match="answers 503") as caught:
        registry.manifest(reference(host))
    assert caught.value.failure.kind == "registry"


# Logins


def write_config(data: object, name: str = ".docker/config.json") -> Path:
    file = Path.home() / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return file


def test_a_login_of_the_hub_has_dockers_old_key() -> None:
    auth = base64.b64encode(b"ana:a:b").decode()
    file = write_config({"auths": {"https://index.docker.io/v1/": {"auth": auth}}})
    found = login("docker.io")
    assert found is not None
    assert (found.user, found.password.reveal(), found.where) == ("ana", "a:b", str(file))
    assert login("quay.io") is None


def test_podmans_file_and_a_token() -> None:
    write_config({"auths": {"quay.io": {"identitytoken": "sesame"}}}, ".config/containers/auth.json")
    found = login("quay.io")
    assert found is not None
    assert found.is_token
    assert "sesame" not in repr(found)


DAMAGED = ["", "[]", "{", '{"auths": []}', '{"auths": {"h": 1}}', '{"auths": {"h": {"auth": "%"}}}']


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_has_no_login(text: str) -> None:
    write_config(text)
    assert login("h") is None


def test_a_helper_is_asked_and_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker-credential-safe"
    text = '#!/bin/sh\nread host\n[ "$host" = h.example ] && echo \'{"Username": "ana", "Secret": "pw"}\' || exit 1\n'
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    write_config({"credsStore": "safe"})
    found = login("h.example")
    assert found is not None
    assert (found.user, found.password.reveal(), found.where) == ("ana", "pw", "docker-credential-safe")
    assert login("other.example") is None
    write_config({"credHelpers": {"h.example": "absent"}})
    assert login("h.example") is None
