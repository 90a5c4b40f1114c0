"""Every project that a test of this room loads is one more valid case of the schemas."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import schemas

from sglaunch.config.load import Config
from sglaunch.config.loader import Loader


@pytest.fixture(autouse=True)
def what_loads_is_right_by_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    load = Loader.load

    def checked(self: Loader, profiles: Sequence[str], everything: bool) -> Config:
        config = load(self, profiles, everything)
        # What stands in a profile that was not asked for has not been read.
        written = {name for layer in self.stack.layers[1:] for name in layer.profiles}
        for text in self.files.texts if written <= set(config.resolved) else ():
            found = schemas.complaints(text.text, schemas.kind_of(text))
            assert not found, f"{text.name} loads, and its schema says: {found}"
        return config

    monkeypatch.setattr(Loader, "load", checked)
