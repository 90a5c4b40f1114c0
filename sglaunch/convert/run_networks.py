"""Networks of a run line, as `network_mode` and `networks`; pure."""

from __future__ import annotations

import re

from sglaunch.convert.draft import Draft
from sglaunch.convert.run_line import Given
from sglaunch.convert.shell_text import Word

_OWN_NETWORKS = re.compile(r"host|none|bridge|default|private|(container|ns|slirp4netns|pasta)(:.*)?")


def network(draft: Draft, given: Given, word: Word) -> None:
    """A mode of the engine, or the name of a network; Docker's long form is CSV with name=, alias=, ip=."""
    if (word.plain or "").startswith("name="):
        for key, _, value in (field.partition("=") for field in word.split(",")):
            more = {"name": "network", "alias": "alias", "ip": "ipv4_address", "ip6": "ipv6_address"}.get(key.head)
            if more is None:
                draft.lose(given, f"{key.head} is not carried")
            elif more == "network":
                network(draft, given, value)
            else:
                attached(draft, given, value, "aliases" if more == "alias" else more)
        return
    text = draft.text(given, word, "network_mode")
    if text is None:
        return
    if _OWN_NETWORKS.fullmatch(text) or (word.plain is None and word.head.startswith("container:")):
        if "network_mode" in draft.keys or "networks" in draft.keys:
            draft.lose(given, "a container has one such network; the first is taken")
        else:
            draft.put("network_mode", text)
    elif "network_mode" in draft.keys:
        draft.lose(given, "a container has one such network; the first is taken")
    else:
        draft.keys.setdefault("networks", {}).setdefault(text, {})


def attached(draft: Draft, given: Given, word: Word, key: str) -> None:
    """How the container hangs in the network it was given last; kept aside until all flags are read."""
    text = draft.text(given, word)
    if text is not None:
        draft.attached.append((given, key, text))
