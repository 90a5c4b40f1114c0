"""`--gpus` of a run line, as `gpus`; pure."""

from __future__ import annotations

import re
from typing import Any

from sglaunch.convert.draft import Draft, fields_of
from sglaunch.convert.run_line import Given
from sglaunch.convert.shell_text import Literal, Word


def gpus(draft: Draft, given: Given, word: Word) -> None:
    """The value is CSV (Docker's opts.GpuOpts): `all`, `2`, `device=0`, `"device=0,1"`, `capabilities=...`."""
    if word.unknown is not None or word.plain is None:
        _gpu_variable(draft, given, word)
        return
    fields = fields_of(word.plain.strip())
    values: dict[str, Any] = {}
    for number, one in enumerate(map(str.strip, fields)):
        key, found, value = one.partition("=")
        if not found and number and values.get("device") and re.fullmatch(r"\w[\w-]*", one):
            draft.lose(given, "engines read the comma as the end of the ids, and then refuse to start; read as ids")
            values["device"] += f",{one}"
        else:
            values[key if found else "count"] = value if found else one
    for key in values.keys() - {"count", "device", "capabilities"}:
        draft.lose(given, f"{key} is not carried", "the engine chooses it")
    count, ids = values.get("count", ""), [one.strip() for one in values.get("device", "").split(",") if one.strip()]
    capabilities = [one for one in values.get("capabilities", "").split(",") if one and one != "gpu"]
    if count and not re.fullmatch(r"all|-1|\d+", count):
        draft.refuse(given, f"{count!r} is neither all nor a number")
        return
    number_of: Any = "all" if count in ("", "all", "-1") else int(count)
    if capabilities:
        draft.put("gpus", {**({"ids": ids} if ids else {"count": number_of}), "capabilities": capabilities})
    else:
        draft.put("gpus", ids or number_of)
        if not ids and number_of != "all":
            draft.remark("gpus", "idle ones are chosen; docker takes the first")


def _gpu_variable(draft: Draft, given: Given, word: Word) -> None:
    """`device=$UUID`, with quotes of CSV perhaps; or a variable that says all, a number or an id."""
    inner = word.after(1) if word.startswith('"') else word
    if inner.startswith("device="):
        inner = inner.after(len("device="))
        if isinstance(inner.parts[-1], Literal) and inner.parts[-1].text.endswith('"'):
            inner = Word((*inner.parts[:-1], Literal(inner.parts[-1].text[:-1])), inner.at)
        ids = [draft.text(given, Word(one.parts, given.at)) for one in inner.split(",")]
        if all(ids):
            draft.put("gpus", ids)
        return
    text = draft.text(given, word)
    if text is not None:
        draft.put("gpus", text)
        draft.remark("gpus", "all, a number, or the UUID of a GPU")
