"""A container as an address of VS Code: what its extensions read back."""

from __future__ import annotations

import json

import pytest

from sglaunch.convert.to_vscode import SshHost, attached_uri

# {"containerName":"/ana-eval-dev"} in hexadecimal, as VS Code writes it.
HEX = "7b22636f6e7461696e65724e616d65223a222f616e612d6576616c2d646576227d"


def test_on_the_same_machine() -> None:
    assert attached_uri("ana-eval-dev", "/workspace") == f"vscode-remote://attached-container+{HEX}/workspace"


def test_through_ssh() -> None:
    uri = attached_uri("ana-eval-dev", "/workspace", SshHost("gpu1"))
    assert uri == f"vscode-remote://attached-container+{HEX}@ssh-remote+gpu1/workspace"


@pytest.mark.parametrize(
    ("host", "spelled"),
    [
        (SshHost("gpu1", "ana"), {"hostName": "gpu1", "user": "ana"}),
        (SshHost("gpu1", "ana", 2222), {"hostName": "gpu1", "user": "ana", "port": 2222}),
        (SshHost("GPU1"), {"hostName": "GPU1"}),
        (SshHost("fe80::1"), {"hostName": "fe80::1"}),
    ],
)
def test_a_host_that_a_plain_word_cannot_say(host: SshHost, spelled: dict[str, object]) -> None:
    uri = attached_uri("c", "/", host)
    assert json.loads(bytes.fromhex(uri.rpartition("@ssh-remote+")[2].removesuffix("/"))) == spelled


def test_a_folder_is_a_path_of_an_address() -> None:
    assert attached_uri("c", "/a b/开#?").endswith("/a%20b/%E5%BC%80%23%3F")
    assert attached_uri("c", "").endswith("/")
