"""What every layer says of one key, and why its value is what it is: `config PROFILE KEY`; pure.

The texts of the layers are walked from the nearest down, by the rules that merged them. Values that look secret are
stars.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sglaunch.config.expanded import Expanded, expanded
from sglaunch.config.expansions import CREDENTIALS
from sglaunch.config.key_path import child, node_at, steps_of, value_at
from sglaunch.config.keys import Steps, meaning
from sglaunch.config.merge import KEEP_NULL, REPLACE, rule_for
from sglaunch.config.node import Node
from sglaunch.config.profile import model_at
from sglaunch.errors import Origin
from sglaunch.plain import Struct, replace
from sglaunch.spec.values import MASK, Secret, looks_secret

if TYPE_CHECKING:
    from sglaunch.config.load import Resolved

WINS, MERGED, APPENDED, REPLACED = "wins", "merged", "appended", "replaced"
REMOVES, REMOVED, COVERS, GIVES_WAY = "removes", "removed", "replaces the whole", "gives way"
MERGE_RULE, APPEND_RULE, REPLACE_RULE = "merge", "append", "replace"


class Candidate(Struct, frozen=True):
    """A value that was written, or that `by` expands to; `fate` is what became of it."""

    value: Any
    origin: Origin
    fate: str
    by: str = ""


class Explained(Struct, frozen=True):
    """A key: what it means, its value, and the candidates, nearest first. No winner: the value is the default."""

    description: str
    value: Any
    rule: str
    candidates: tuple[Candidate, ...]

    @property
    def winner(self) -> Candidate | None:
        """The nearest one that made the value."""
        return next((one for one in self.candidates if one.fate in (WINS, MERGED, APPENDED)), None)


def explain(resolved: Resolved, key: str, spec: Mapping[str, Any]) -> Explained | None:
    """None for no key of a profile, or for an entry that nothing has. `spec`: the plain spec, secrets masked."""
    more = list(expanded(resolved.text, resolved.wanted.spec, resolved.wanted.origins))
    steps = steps_of(key, [resolved.text, *resolved.texts], [spec, *(_tree(one) for one in more)])
    meant = meaning(steps)
    if meant is None:
        return None
    secret = resolved.wanted.secret_names
    texts = [candidate.masked(secret) for candidate in _written(resolved, steps)]
    made = [one for one in more if one.steps == steps]
    is_list = _is_list(resolved.text, steps)
    node = node_at(resolved.text, steps)
    found = (*_with_expanded(texts, made, is_list), *_inside(more, steps, node))
    value, there = value_at(spec, steps)
    expands = any(one.by and one.fate != GIVES_WAY for one in found)
    if node is not None and not expands:
        value = _shown(node, steps, secret)
    elif not there:
        if not found and len(steps) > 1 and model_at(steps[:-1]) is None:
            return None
        value = _made_of(found) if expands else meant.default
    return Explained(meant.description, value, _rule(node, value, steps), found)


def _made_of(found: Sequence[Candidate]) -> Any:
    """What candidates make together that the spec does not hold, since it is made of it later: a published port."""
    kept = [one.value for one in reversed(found) if one.fate in (WINS, MERGED)]
    mappings = [one for one in kept if isinstance(one, Mapping)]
    return {key: value for one in mappings for key, value in one.items()} if mappings else kept[-1]


def _shown(node: Node, steps: Steps, secret_names: Collection[str]) -> Any:
    """A value for people: as it is after its short forms, secrets as stars."""
    if node.secret:
        return MASK
    if node.is_map:
        return {key: _shown(inner, (*steps, key), secret_names) for key, inner in node.items()}
    if node.is_list:
        return [_shown(inner, (*steps, number), secret_names) for number, inner in enumerate(node.value)]
    return _masked(node.value, steps, secret_names)


def _masked(value: Any, steps: Steps, secret_names: Collection[str]) -> Any:
    """Keys of the writer's choice tell by their name, those of a variable by what became of it."""
    if value is None or value == "" or isinstance(value, Secret):
        return MASK if isinstance(value, Secret) else value
    free = len(steps) > 1 and model_at(steps[:-1]) is None and steps[0] != "secret_env"
    named = free and (looks_secret(str(steps[-1])) or (steps[0] == "environment" and steps[-1] in secret_names))
    return MASK if named or CREDENTIALS.search(str(value)) else value


class _Found(Struct, frozen=True):
    node: Node
    fate: str
    at: Steps

    def masked(self, secret_names: Collection[str]) -> Candidate:
        value = _shown(self.node, self.at, secret_names) if self.fate != REMOVES else None
        return Candidate(value, self.node.origin, self.fate)


def _written(resolved: Resolved, steps: Steps) -> Iterator[_Found]:
    """Of each text what it says of a path, nearest first; an item of a list is found by its value."""
    if steps and isinstance(steps[-1], int):
        item = node_at(resolved.text, steps)
        for text in reversed(resolved.texts):
            owner = node_at(text, steps[:-1])
            same = (
                [one for one in owner.value if item and one.plain() == item.plain()] if owner and owner.is_list else []
            )
            yield from (
                _Found(one, WINS if item and one.origin == item.origin else REPLACED, steps) for one in same[:1]
            )
        return
    nearer = ""
    for text in reversed(resolved.texts):
        node, at, removes = _look(text, steps)
        if node is None:
            continue
        whole = at == steps
        if nearer:
            yield _Found(node, nearer, at)
        elif removes:
            yield _Found(node, REMOVES, at)
            nearer = REMOVED
        elif not whole:
            yield _Found(node, COVERS, at)
            nearer = REPLACED
        elif _replaces(node, steps):
            yield _Found(node, WINS, at)
            nearer = REPLACED
        else:
            yield _Found(node, MERGED if node.is_map else APPENDED, at)


def _look(text: Node, steps: Steps) -> tuple[Node | None, Steps, bool]:
    """The node at a path; else the one above it that removes it, or that replaces all that lies beneath."""
    node = text
    for depth, step in enumerate(steps):
        inner = child(node, step)
        path = ".".join(map(str, steps[:depth]))
        if inner is None:
            covers = depth > 0 and (node.tag == "override" or rule_for(path) == REPLACE)
            return (node, steps[:depth], False) if covers else (None, steps, False)
        if inner.tag == "reset" or (inner.value is None and (depth == 0 or rule_for(path) != KEEP_NULL)):
            return inner, steps[: depth + 1], True
        node = inner
    return node, steps, False


def _with_expanded(written: Sequence[Candidate], more: Sequence[Expanded], is_list: bool) -> Iterator[Candidate]:
    """Expansions lie beneath what is written, the later above the earlier; but for the one that beats it."""
    above = [one for one in more if one.beats]
    yield from (Candidate(one.value, one.origin, WINS, one.by) for one in above)
    for candidate in written:
        yield replace(candidate, fate=REPLACED) if above and candidate.fate == WINS else candidate
    # What removes an entry of the layers removes no expansion.
    taken = bool(above) or any(candidate.fate == WINS for candidate in written)
    for one in reversed([one for one in more if not one.beats]):
        yield Candidate(one.value, one.origin, APPENDED if is_list else GIVES_WAY if taken else WINS, one.by)
        taken = True


def _inside(more: Iterable[Expanded], steps: Steps, node: Node | None) -> Iterator[Candidate]:
    """What expands to entries of a mapping that nobody wrote, one candidate for each key that does."""
    found: dict[tuple[str, Origin], dict[str, Any]] = {}
    for one in more:
        gives_way = not one.beats and node is not None and node.get(one.steps[-1]) is not None
        if one.steps[:-1] == steps and not gives_way:
            found.setdefault((one.by, one.origin), {})[one.steps[-1]] = one.value
    yield from (Candidate(value, origin, MERGED, by) for (by, origin), value in reversed(found.items()))


def _tree(one: Expanded) -> dict[str, Any]:
    """Its steps as mappings in each other, for names."""
    made: Any = one.value
    for step in reversed(one.steps):
        made = {step: made}
    found: dict[str, Any] = made
    return found


def _is_list(merged: Node, steps: Steps) -> bool:
    node = node_at(merged, steps)
    return node is not None and node.is_list and rule_for(".".join(map(str, steps))) != REPLACE


def _rule(node: Node | None, value: Any, steps: Steps) -> str:
    """How layers come together at a path; for an item of a list, how its list does."""
    if steps and isinstance(steps[-1], int):
        return _rule(None, [], steps[:-1])
    if rule_for(".".join(map(str, steps))) == REPLACE:
        return REPLACE_RULE
    if isinstance(value, Mapping) or (node is not None and node.is_map):
        return MERGE_RULE
    return APPEND_RULE if isinstance(value, list | tuple) else REPLACE_RULE


def _replaces(node: Node, steps: Steps) -> bool:
    return node.is_scalar or node.tag == "override" or rule_for(".".join(map(str, steps))) == REPLACE
