"""The records of adopted containers: private, whole, and never somebody else's."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from builders import IMAGE
from fake_engine import FakeEngine

from sglaunch.convert.to_create import CreateCall
from sglaunch.engine.adopted import Adoption, adopt, adoptions, labels_for, sweep
from sglaunch.engine.observe import observe
from sglaunch.spec.labels import PROFILE, PROJECT

ID, CREATED = "c" * 64, "2026-11-20T10:00:00.5Z"
LABELS = {PROJECT: "eval", PROFILE: "dev", "sglaunch.owner": "1000:ana"}


def record(identity: str = ID, created: str = CREATED, engine: str = "docker") -> Adoption:
    return Adoption(identity, created, engine, LABELS)


def store() -> Path:
    return Path(os.environ["XDG_STATE_HOME"]) / "sglaunch" / "adopted.json"


def test_a_record_is_found_again_and_is_private() -> None:
    adopt(record())
    assert adoptions() == {ID: record()}
    assert stat.S_IMODE(store().stat().st_mode) == 0o600
    assert stat.S_IMODE(store().parent.stat().st_mode) == 0o700


def test_it_counts_for_that_id_and_that_time_of_creation_alone() -> None:
    adopt(record())
    assert labels_for({"Id": ID, "Created": CREATED}, adoptions()) == LABELS
    assert labels_for({"Id": ID, "Created": "2026-11-21T10:00:00Z"}, adoptions()) == {}
    assert labels_for({"Id": "d" * 64, "Created": CREATED}, adoptions()) == {}


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"x": 1}', '{"x": {"labels": {}}}', '{"x": {"labels": 7}}'])
def test_a_file_that_cannot_be_read_holds_none(text: str) -> None:
    adopt(record())
    store().write_text(text, encoding="utf-8")
    assert adoptions() == {}


def test_looking_makes_no_folder() -> None:
    assert adoptions() == {}
    assert not store().parent.exists()


def test_adoptions_at_once_are_all_kept() -> None:
    threads = [threading.Thread(target=adopt, args=(record(f"{n:064d}"),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(adoptions()) == 8


def by_hand(engine: FakeEngine) -> str:
    """A container without labels of ours, and its id."""
    engine.create(CreateCall(IMAGE, ("sleep", "9"), {"name": "box", "labels": {}}))
    return str(next(iter(engine.inspect(["box"], size=False).values()))["Id"])


def test_observation_reads_the_record_as_labels() -> None:
    engine = FakeEngine()
    identity = by_hand(engine)
    (data,) = engine.inspect(["box"], size=False).values()
    assert not observe(engine, "eval").containers
    adopt(record(identity, str(data["Created"]), engine.identity))
    (found,) = observe(engine, "eval").containers
    assert found.applied is not None
    assert (found.name, found.applied.profile) == ("box", "dev")
    assert not observe(engine, "other").containers
    (everywhere,) = observe(engine, None).containers
    assert everywhere.applied == found.applied


def test_a_record_goes_with_its_container_and_those_of_other_engines_stay() -> None:
    engine = FakeEngine()
    identity = by_hand(engine)
    adopt(record(identity, engine=engine.identity))
    adopt(record("e" * 64, engine=engine.identity))
    adopt(record("f" * 64, engine="elsewhere"))
    sweep(engine)
    assert set(adoptions()) == {identity, "f" * 64}
