"""Volumes, mounts and memory file systems of a run line, as `volumes` and `tmpfs`; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from sglaunch.convert.draft import LEFT_OUT, PLACEHOLDER, Draft, fields_of, slug
from sglaunch.convert.run_line import Given
from sglaunch.convert.shell_text import Word, literal
from sglaunch.spec.mounts import IGNORED_MODES, MODES, VOLUME_NAME


def volume(draft: Draft, given: Given, word: Word) -> None:
    """`source:target:modes`, `/target` alone, or a variable that holds all of it."""
    source, *rest = word.split(":")
    if word.unknown is not None or re.search(r"<[^>]*:", word.plain or ""):
        draft.lose(given, LEFT_OUT, "write it under volumes")
    elif re.match(r"[A-Za-z]:[\\/]", word.head):
        draft.refuse(given, "a path of Windows")
    elif not rest:
        text = draft.text(given, word, f"volumes[{len(draft.keys.get('volumes', []))}]")
        if word.plain is not None and not word.plain.startswith("/"):
            draft.refuse(given, f"{word.plain!r} is not a path of the container")
        else:
            draft.add("volumes", text)
            draft.targets.add(posixpath.normpath(word.plain or ""))
    elif len(rest) > 2:
        draft.refuse(given, "more than source:target:modes")
    else:
        modes = [mode for mode in (rest[1].plain or rest[1].template).split(",") if mode] if len(rest) == 2 else []
        _mounted(draft, given, source, rest[0], modes)


def _mounted(draft: Draft, given: Given, source: Word, target: Word, modes: Sequence[str]) -> None:
    known = [mode for mode in modes if mode in (*MODES, *IGNORED_MODES) or "{{" in mode]
    for mode in set(modes) - set(known):
        draft.lose(
            given, f"{mode} is not a mode of ours, and is left out", "allowed are ro, rw, z, Z, nocopy, rslave ..."
        )
    number = len(draft.keys.get("volumes", []))
    from_text, to_text = _source(draft, given, source, number), draft.text(given, target, f"volumes[{number}]")
    if not from_text or not to_text:
        return
    written = ":".join([from_text, to_text, *([",".join(known)] if known else [])])
    # The same one twice is one for engines, too.
    if written in draft.keys.get("volumes", []) or _claimed(draft, given, target):
        draft.add("volumes", written)


def _claimed(draft: Draft, given: Given, target: Word) -> bool:
    """Whether a container path is one, and free."""
    plain = target.plain
    if plain is None:
        return True
    if not plain.startswith("/"):
        draft.refuse(given, f"{plain!r} is not an absolute path of the container")
        return False
    where = posixpath.normpath(plain)
    if where in draft.targets:
        draft.refuse(given, f"{where} is mounted twice")
        return False
    draft.targets.add(where)
    return True


def _source(draft: Draft, given: Given, source: Word, number: int) -> str | None:
    """A host path, or the name of a volume; None, told, where it is neither."""
    plain = source.plain
    if plain is not None and (found := PLACEHOLDER.search(plain)):
        draft.placeholder(given, found[0], f"volumes[{number}]")
        text = slug(plain, r"\w./~-")
        return text if text.startswith(("/", ".", "~")) else f"./{text}"
    text = draft.safe(source, given.at, given.written).path
    if not text or re.match(r"~[^/]", text):
        draft.refuse(given, f"{text!r} is not a path of the host")
        return None
    if plain is not None and not VOLUME_NAME.fullmatch(plain) and not plain.startswith(("/", ".", "~")):
        draft.lose(given, "engines take a relative path only with ./ before it; written so")
        return f"./{text}"
    return text


def mount(draft: Draft, given: Given, word: Word) -> None:
    """`--mount`, one line of CSV."""
    if word.unknown is not None:
        draft.lose(given, LEFT_OUT, "write it under volumes")
        return
    pieces = [literal(one, word.at) for one in fields_of(word.plain or "")]
    fields = {
        key.head: value for key, _, value in (one.partition("=") for one in (pieces if word.plain else word.split(",")))
    }
    kind = fields.pop("type", literal("volume")).head
    names = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
    named = {names.get(key, key): value for key, value in fields.items()}
    source, target = named.pop("source", literal("")), named.pop("target", literal(""))
    modes = ["ro"] if named.pop("readonly", literal("false")).head in ("", "true", "1") else []
    if (propagation := named.pop("bind-propagation", None)) is not None:
        modes.append(propagation.head)
    modes += {"shared": ["z"], "private": ["Z"]}.get(named.pop("relabel", literal("")).head, [])
    modes += [key for key in ("z", "Z") if named.pop(key, None) is not None]
    if named.pop("volume-nocopy", literal("false")).head in ("", "true", "1"):
        modes.append("nocopy")
    named.pop("consistency", None)
    if kind == "tmpfs":
        _memory(draft, given, target, named)
    elif kind not in ("bind", "volume"):
        draft.refuse(given, f"mounts of type {kind} are not carried")
    else:
        for key in named:
            draft.lose(given, f"{key} is not carried")
        if source.parts and source.plain != "":
            _mounted(draft, given, source, target, modes)
        elif _claimed(draft, given, target) and (text := draft.text(given, target)):
            draft.add("volumes", text)


def _memory(draft: Draft, given: Given, target: Word, named: Mapping[str, Word]) -> None:
    options = [f"{key}={value.template}" for key in ("size", "mode") if (value := named.get(f"tmpfs-{key}"))]
    if _claimed(draft, given, target) and (text := draft.text(given, target)):
        draft.add("tmpfs", ":".join([text, *([",".join(options)] if options else [])]))


def tmpfs(draft: Draft, given: Given, word: Word) -> None:
    target, _, _ = word.partition(":")
    text = draft.text(given, word)
    if text is not None and (text in draft.keys.get("tmpfs", []) or _claimed(draft, given, target)):
        draft.add("tmpfs", text)
