"""Our labels: what is written is what is read, in pieces that engines take, by this version and by others, and never
with a secret in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import ANA, CONFIG, IMAGE_ID, SALT, make_spec
from hypothesis import given
from hypothesis import strategies as st

from sglaunch.plain import names_of, replace
from sglaunch.plan.diff import applied_spec
from sglaunch.spec.labels import CHUNK, DIGEST, OWNER, SPEC, Applied, Owner, decode, encode, fingerprints
from sglaunch.spec.values import Secret

ENGINE_LIMIT = 4096
"""What containerd takes of a label, name and value together."""

SPECS: dict[str, dict[str, Any]] = {
    "empty": {},
    "small": {"image": "img:1"},
    "nested": {"image": "img:1", "server": {"model": "m", "args": {"tp": 8, "x": [1, None, True, 0.5]}}},
    "no ASCII": {"labels": {"名": "日本語" * 20}},
    "one piece to the last byte": {"a": "x" * (CHUNK - len('{"spec":{"a":""},"v":1}'))},
    "one byte more": {"a": "x" * (CHUNK - len('{"spec":{"a":""},"v":1}') + 1)},
    "eleven pieces": {"a": "x" * (CHUNK * 10 + 100)},
}


def applied(spec: dict[str, Any] | None = None, **changes: Any) -> Applied:
    given = {"project": "eval", "profile": "dev", "owner": ANA, "config": CONFIG, "image": IMAGE_ID, **changes}
    return Applied(**given, spec={"image": "img:1"} if spec is None else spec)


@pytest.mark.parametrize("case", SPECS)
def test_what_is_written_is_read(case: str) -> None:
    written = applied(SPECS[case])
    assert decode(encode(written)) == written


def test_secrets_and_assigned_choices_are_read_too() -> None:
    written = applied(secrets={"TOKEN": "0123456789abcdef"}, salt=SALT, assigned={"gpus": ["0", "3"]})
    assert decode(encode(written)) == written


def test_an_earlier_label_with_several_gpu_ids_in_one_text_means_no_change() -> None:
    written = encode(Applied("p", "a", ANA, CONFIG, {"gpus": {"ids": ["4,5", "GPU-a"]}}))
    read = decode(written)
    assert read is not None
    assert read.spec == {"gpus": {"ids": ["4", "5", "GPU-a"]}}


def test_every_field_of_applied_is_kept() -> None:
    """A new field that is not written would be lost without a word."""
    written = applied(secrets={"TOKEN": "0"}, salt=SALT, assigned={"port": 30000})
    blank = Applied("", "", Owner(-1, ""), "", None)
    read = decode(encode(written))
    assert [name for name in names_of(Applied) if getattr(read, name) == getattr(blank, name)] == []


@pytest.mark.parametrize("case", SPECS)
def test_every_label_is_small_enough_for_every_engine(case: str) -> None:
    labels = encode(applied(SPECS[case]))
    assert max(len(f"{name}={value}".encode()) for name, value in labels.items()) < ENGINE_LIMIT


def test_a_spec_is_cut_into_as_many_pieces_as_it_needs() -> None:
    counts = {case: sum(name.startswith(SPEC) for name in encode(applied(spec))) for case, spec in SPECS.items()}
    assert (counts["small"], counts["one piece to the last byte"], counts["one byte more"]) == (1, 1, 2)
    assert counts["eleven pieces"] == 11


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_plain_value_is_read_as_written(value: Any) -> None:
    written = applied({"value": value})
    assert decode(encode(written)) == written


# What others did to them


@pytest.mark.parametrize("labels", [{}, {"team": "eval"}, {"sglaunch.project": "eval"}, {"sglaunch.profile": "dev"}])
def test_a_container_without_our_labels_is_not_ours(labels: dict[str, str]) -> None:
    assert decode(labels) is None


def broken(**changes: str | None) -> Applied:
    """What is read after the labels of these names were changed, or removed."""
    labels: dict[str, str | None] = {**encode(applied(SPECS["eleven pieces"]))}
    labels |= {f"sglaunch.{name.replace('_', '.')}": value for name, value in changes.items()}
    read = decode({name: value for name, value in labels.items() if value is not None})
    assert read is not None
    return read


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "0" * 64},
        {"digest": None},
        {"spec_0": '{"spec":{"image":"evil"},"v":1}'},
        {"spec_0": None},
        {"spec_5": None},
        {"spec_10": ""},
        {"spec_0": "not JSON"},
        {"spec_0": "[]"},
    ],
)
def test_a_spec_that_is_not_what_was_written_is_unreadable_and_the_rest_is_read(changes: dict[str, str | None]) -> None:
    read = broken(**changes)
    assert read.spec is None
    assert replace(read, spec={}) == applied({})


@pytest.mark.parametrize("text", ["", "ana", "x:ana", ":ana", "-5:ana"])
def test_an_owner_that_is_no_user_is_nobody(text: str) -> None:
    labels = {**encode(applied()), OWNER: text}
    read = decode(labels)
    assert read is not None
    assert read.owner.uid == -1


def test_an_owner_is_a_uid_and_a_name() -> None:
    assert encode(applied(owner=Owner(1000, "ana:x")))[OWNER] == "1000:ana:x"
    read = decode(encode(applied(owner=Owner(1000, "ana:x"))))
    assert read is not None
    assert read.owner == Owner(1000, "ana:x")


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"values": 1}', "{}"])
def test_fingerprints_that_cannot_be_read_are_none(text: str) -> None:
    read = broken(secrets=text)
    assert (read.secrets, read.salt) == ({}, "")


def test_labels_that_came_with_the_image_do_not_spoil_ours() -> None:
    """`docker commit` copies every label of a container to the image, and from there they come to the next one."""
    inherited = encode(applied(SPECS["eleven pieces"], profile="other"))
    ours = applied(SPECS["small"])
    assert decode({**inherited, **encode(ours)}) == ours


# Other versions


def test_a_label_of_a_newer_version_is_read_with_what_it_holds_more() -> None:
    spec = {"image": "img:1", "holograms": {"count": 2}}
    labels = encode(applied(spec))
    labels = {**labels, "sglaunch.moon": "full", f"{SPEC}0": labels[f"{SPEC}0"].replace('"v":1', '"v":2,"w":3')}
    read = decode(labels)
    assert read is not None
    assert read.spec == spec


FIRST_VERSION = {
    "sglaunch.project": "eval",
    "sglaunch.profile": "dev",
    "sglaunch.owner": "1000:ana",
    "sglaunch.config": "/home/ana/eval/sglaunch.yaml",
    "sglaunch.image": "sha256:aa",
    "sglaunch.digest": "22ed5ca46403c3a9fa99216dc11cdc63cbd5000af1d1bb2753670823c00af6af",
    "sglaunch.spec.0": '{"spec":{"command":["sleep","infinity"],"environment":{"A":"1","T":{"secret":true}},'
    '"image":"img:1","shm_size":34359738368,"volumes":{"/w":{"source":"/home/ana/eval","type":"bind"}}},"v":1}',
    "sglaunch.secrets": '{"salt":"a salt","values":{"T":"728ee1df54a57217"}}',
}


def test_a_container_of_the_first_version_is_understood() -> None:
    """Kept as written: what stands on containers out there must be read for ever."""
    read = decode(FIRST_VERSION)
    assert read is not None
    assert read.spec is not None
    assert read.spec["shm_size"] == 32 << 30
    assert fingerprints({"T": Secret("hf_0123")}, read.salt) == read.secrets


# Secrets


def test_a_fingerprint_tells_values_apart_and_nothing_of_them() -> None:
    one, same, other = ({"T": Secret(value)} for value in ("hf_0123", "hf_0123", "hf_0124"))
    assert fingerprints(one, SALT) == fingerprints(same, SALT)
    assert fingerprints(one, SALT) != fingerprints(other, SALT)
    assert fingerprints(one, SALT) != fingerprints(one, "another salt")
    assert len(fingerprints(one, SALT)["T"]) == 16


@given(st.text(st.sampled_from("abcdef0123456789"), min_size=12).map(lambda text: f"SECRET-{text}"))
def test_no_label_holds_a_secret(value: str) -> None:
    secrets = {"TOKEN": Secret(value)}
    spec = make_spec(environment=secrets)
    labels = encode(applied(applied_spec(spec), secrets=fingerprints(secrets, SALT), salt=SALT))
    assert value not in json.dumps(labels)


def test_the_digest_covers_the_names_of_secrets() -> None:
    with_token = applied_spec(make_spec(environment={"TOKEN": Secret("a")}))
    assert encode(applied(with_token))[DIGEST] != encode(applied(applied_spec(make_spec())))[DIGEST]
