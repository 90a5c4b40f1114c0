"""References as Docker reads them, and which release is newer."""

from __future__ import annotations

import pytest

from sglaunch.spec.reference import newer_release, parse

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "familiar"),
    [
        ("busybox", "docker.io", "library/busybox", "latest", "", "busybox:latest"),
        ("lmsysorg/sglang:dev", "docker.io", "lmsysorg/sglang", "dev", "", "lmsysorg/sglang:dev"),
        ("index.docker.io/a/b", "docker.io", "a/b", "latest", "", "a/b:latest"),
        ("localhost/x:1", "localhost", "x", "1", "", "localhost/x:1"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "a/b", "latest", "", "127.0.0.1:5000/a/b:latest"),
        (f"quay.io/a@{DIGEST}", "quay.io", "a", "", DIGEST, f"quay.io/a@{DIGEST}"),
        (f"a/b:1@{DIGEST}", "docker.io", "a/b", "1", DIGEST, f"a/b:1@{DIGEST}"),
    ],
)
def test_a_reference_is_read_as_docker_does(
    text: str, registry: str, repository: str, tag: str, digest: str, familiar: str
) -> None:
    found = parse(text)
    assert (found.registry, found.repository, found.tag, found.digest) == (registry, repository, tag, digest)
    assert found.familiar == familiar
    assert parse(found.familiar) == found


@pytest.mark.parametrize("text", ["", ":1", "a:", "a@b"])
def test_what_is_no_reference_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not an image reference"):
        parse(text)


def test_a_mirror_has_the_same_image_beneath_its_path() -> None:
    assert parse("busybox").at("m.example").familiar == "m.example/library/busybox:latest"
    assert parse("a/b:1").at("m.example:5000/hub/").familiar == "m.example:5000/hub/a/b:1"
    assert parse("a/b:1").with_digest(DIGEST).familiar == f"a/b@{DIGEST}"


@pytest.mark.parametrize(
    ("tag", "tags", "newer"),
    [
        ("v0.5.3", ["v0.5.2", "v0.5.3", "latest"], None),
        ("v0.5.3", ["v0.5.10", "v0.5.9"], "v0.5.10"),
        ("v0.5.3", ["v0.5.3.post1"], "v0.5.3.post1"),
        ("v0.5.3.post1", ["v0.5.3.post2", "v0.5.3"], "v0.5.3.post2"),
        ("v0.5.3", ["v0.6.0rc1"], None),
        ("v0.5.3rc1", ["v0.5.3rc2", "v0.5.3"], "v0.5.3"),
        ("v0.5.3-cu129", ["v0.5.4", "v0.5.4-cu129", "v0.5.5-cu129-runtime"], "v0.5.4-cu129"),
        ("latest", ["v9.0.0"], None),
        ("dev", ["v9.0.0"], None),
    ],
)
def test_a_newer_release_is_one_of_the_same_kind(tag: str, tags: list[str], newer: str | None) -> None:
    assert newer_release(tag, tags) == newer
