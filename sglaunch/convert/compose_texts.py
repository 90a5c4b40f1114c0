"""Texts of a compose file in our words: interpolation as expressions, relative paths as the project sees them; pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.convert.concealed import without_secrets
from sglaunch.convert.found import Found, Notes
from sglaunch.convert.interpolated import Interpolated, interpolated
from sglaunch.convert.shell_text import Literal, Word
from sglaunch.plain import replace


class Texts:
    """`folders`: by file, its folder as a path from the project's, "" for the same."""

    def __init__(self, folders: Mapping[str, str], notes: Notes) -> None:
        self.folders, self.notes = folders, notes

    def interpolated(self, text: str, found: Found, literal: Callable[[str], str] = str) -> Interpolated:
        """A text's parts, a variable for each secret. What Compose would refuse stays as it is written, and is told."""
        try:
            done = interpolated(text, literal=literal)
        except ValueError as error:
            self.notes.lose(found, str(error))
            done = Interpolated((Literal(text),))
        for remark in done.remarks:
            key = next((step for step in found.where[2:] if isinstance(step, str)), "")
            self.notes.remark(key, remark)
        safe, names = without_secrets(Word(done.parts))
        for name in names:
            hint = f"set {name} in the environment or in .env beside sglaunch.yaml"
            self.notes.lose(found, f"a secret is written nowhere; {{{{ env.{name} }}}} stands for it", hint)
        return replace(done, parts=safe.parts, names=done.names | set(names)) if names else done

    def of(self, text: Any, found: Found | None = None) -> str:
        """A text in our words."""
        if found is None:
            return interpolated(str(text)).text if "$" in str(text) else str(text)
        return self.interpolated(str(text), found).text

    def scalar(self, found: Found) -> Any:
        """A scalar: text in our words, else the value itself."""
        return self.of(found.value, found) if isinstance(found.value, str) else found.value

    def tree(self, found: Found) -> Any:
        """Any data, its texts in our words."""
        if found.is_map:
            return {key: self.tree(item) for key, item in found.entries()}
        return [self.tree(item) for item in found.items()] if found.is_list else self.scalar(found)

    def path(self, found: Found, text: str | None = None) -> str:
        """A path of this machine: a relative one is that of the file that wrote it."""
        written = found.text() if text is None else text
        move = self.moved(found)
        done = self.interpolated(written, found, move)
        return move(done.text) if written.startswith(".") else done.text

    def plain_path(self, found: Found) -> str:
        """The same, for what may be written without a dot in front."""
        written = found.text()
        if written.startswith(("/", "~", "$", ".")) or "://" in written or not self.folder(found):
            return self.path(found)
        return self.path(found, f"./{written}")

    def folder(self, found: Found) -> str:
        """That of the file that wrote a value, as the project sees it."""
        return self.folders.get(found.place.file, "") if found.place is not None else ""

    def moved(self, found: Found) -> Callable[[str], str]:
        """Makes a relative path of the file that wrote a value one of the project's folder."""
        folder = self.folder(found)

        def move(text: str) -> str:
            if not folder or not text.startswith("."):
                return text
            path = posixpath.normpath(posixpath.join(folder, text))
            return path if path.startswith((".", "/")) else f"./{path}"

        return move
