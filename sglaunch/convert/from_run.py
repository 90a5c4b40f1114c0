"""`docker run`, `podman run` and `nerdctl run` lines, as people paste them, to profiles; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from sglaunch.convert.concealed import hidden, is_harmless, is_secret_flag, variable_of
from sglaunch.convert.draft import MAKE_NEW, PLACEHOLDER, Draft, slug
from sglaunch.convert.flags import Flag
from sglaunch.convert.imported import Imported
from sglaunch.convert.run_found import lines
from sglaunch.convert.run_line import Given, Line, Loss
from sglaunch.convert.run_server import server_of
from sglaunch.convert.run_settled import settle
from sglaunch.convert.run_values import take
from sglaunch.convert.shell_text import Expression, Unknown, Word, variable
from sglaunch.convert.shell_words import read
from sglaunch.convert.through_shell import through_shell
from sglaunch.errors import ConfigError, Place, Problem
from sglaunch.spec.container import CONTAINER_NAME
from sglaunch.spec.reference import is_reference
from sglaunch.spec.reference import parse as parse_reference

_SHELLS = ("bash", "zsh", "sh", "fish", "ash")
_MAX_NAME = 63
_QUOTES = "`'\""


class _Source:
    """The pasted text: places of positions in it."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name

    def place(self, at: int) -> Place:
        before = self.text[:at]
        return Place(self.name, before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1)

    def problem(self, loss: Loss) -> Problem:
        return Problem(hidden(loss.message), self.place(loss.at), hidden(loss.path), loss.hint)


def from_run(text: str, source: str, name: str = "") -> list[Imported]:
    """A profile for each run command of a text. `source` is what places name; `name` the profile's, if one is chosen.

    Raises ConfigError where there is no such command, or one without an image.
    """
    there = _Source(text, source)
    found = read(text)
    all_lines, elsewhere = lines(found.commands)
    if not all_lines and (bare := _without_quotes(text)) != text:
        return from_run(bare, source, name)
    if not all_lines:
        message = "no `docker run`, `podman run` or `nerdctl run` is in it"
        problems = [Problem(message, there.place(0), "", "paste the whole command, from the engine's name on")]
        raise ConfigError([*problems, *map(there.problem, elsewhere)])
    run_lines = [line for line in all_lines if line.image is not None]
    missing = [loss for line in all_lines if line.image is None for loss in _no_image(line)]
    if not run_lines:
        raise ConfigError([there.problem(loss) for loss in missing])
    if name and len(run_lines) > 1:
        places = ", ".join(str(there.place(line.at)) for line in run_lines)
        hint = "paste one of them, or leave --as out and let each have its own name"
        raise ConfigError([Problem(f"{len(run_lines)} commands, for one name: {places}", there.place(0), "", hint)])
    # What belongs to no single command is told with the first.
    run_lines[0].losses += [*missing, *elsewhere]
    run_lines[0].remarks = [*(one.text for one in found.odd), *run_lines[0].remarks]
    profiles: list[Imported] = []
    for line in run_lines:
        profiles.append(_profile(line, there, name, [one.name for one in profiles]))
    return profiles


def _without_quotes(text: str) -> str:
    """A command that was copied with the quotes or backticks around it; every position stays."""
    bare = text.strip()
    if len(bare) < 3 or bare[0] != bare[-1] or bare[0] not in _QUOTES or bare[1] in _QUOTES:
        return text
    start = text.index(bare)
    return f"{' ' * (start + 1)}{bare[1:-1]}"


def _no_image(line: Line) -> list[Loss]:
    message = "the command names no image that could be told from its options"
    hint = "write the image after the options; what a variable or an array holds cannot be seen from here"
    return [Loss(line.at, "", message, hint), *line.losses]


def _profile(line: Line, there: _Source, name: str, taken: Sequence[str]) -> Imported:
    draft = Draft(losses=list(line.losses), names={**line.exported, **line.passed})
    _image(line, draft)
    for given in line.given:
        take(draft, given)
    _note_names(line, draft)
    _name(line, draft)
    _unused(line, draft)
    _command(line, draft)
    settle(draft, {given.flag.key: given for given in line.given})
    _habits(line, draft)
    losses = sorted(draft.losses, key=lambda loss: loss.at)
    for text in line.remarks:
        draft.remark("", hidden(text))
    problems = tuple(map(there.problem, losses))
    for problem in problems:
        draft.remark("", f"not carried: {': '.join(part for part in (problem.path, problem.message) if part)}")
    chosen = name or _profile_name(draft, taken)
    return Imported(chosen, draft.ordered(), draft.comments, problems)


def _unused(line: Line, draft: Draft) -> None:
    """Variables before the command that no `-e NAME` passes on."""
    used = {given.value.head.partition("=")[0] for given in line.given if given.value is not None}
    for name in line.passed.keys() - used:
        hint = f"write environment: {{{name}: ...}}, if it was meant for the container"
        draft.losses.append(Loss(line.passed[name].at, name, "reaches the engine's client alone", hint))


def _image(line: Line, draft: Draft) -> None:
    """The reference. A placeholder, or a name in capitals that stands for one, becomes a name that can be written."""
    image = line.image
    assert image is not None
    given = _at(image, "image")
    if image.unknown is not None:
        draft.lose(given, "the image is what a command prints", "set IMAGE, or write the image in the profile")
        draft.put("image", "{{ env.IMAGE }}")
        return
    plain = image.plain
    if plain is None or is_reference(plain):
        draft.put("image", draft.safe(image, image.at, "image").template)
        return
    written = slug(plain, r"\w./:@-").lower().strip("-._/:")
    found = PLACEHOLDER.search(plain)
    if not is_reference(written):
        written = re.sub(r"[^a-z0-9]+", "-", written).strip("-") or "image"
    message = f"{hidden(found[0] if found else plain)} stands for an image that you choose"
    draft.lose(given, message, "write it under image")
    draft.remark("image", f"{hidden(plain)}: write the image here")
    draft.put("image", written)


def _at(word: Word, path: str) -> Given:
    """A word that belongs to no flag, for what is told of it."""
    return Given(Flag((path,), key=path), path, word.at)


def _note_names(line: Line, draft: Draft) -> None:
    """Variables as the container gets them, for scripts that read them."""
    for given in line.given:
        if given.flag.key == "environment" and given.value is not None:
            name, has_value, value = given.value.partition("=")
            if name.plain:
                own = Word((Expression(variable(name.plain), f"${name.plain}", name.plain, quoted=True),), given.at)
                is_secret = name.plain in draft.keys.get("secret_env", [])
                draft.names[name.plain] = value if has_value and not is_secret and value.unknown is None else own


def _name(line: Line, draft: Draft) -> None:
    """What engines, or we, do not take as a container's name is left out: the profile's own is then used."""
    name = draft.keys.get("container_name")
    if name is None or "{{" in name:
        return
    given = next(given for given in reversed(line.given) if given.flag.key == "container_name")
    if PLACEHOLDER.search(name):
        name = draft.keys["container_name"] = slug(name, r"A-Za-z0-9_.-").strip("-._")
    if not CONTAINER_NAME.fullmatch(name) or name.endswith((".new", ".old")):
        hint = "letters, digits, _ . and -, at most 63, not ending in .new or .old"
        draft.lose(given, "is no name of a container", hint)
        del draft.keys["container_name"]


def _command(line: Line, draft: Draft) -> None:
    """The words after the image: a server where they launch one, else a command; secrets in it become variables."""
    if not line.command:
        return
    server = server_of(line.command, draft)
    if server is not None:
        draft.put("server", server)
        return
    words: list[str] = []
    flag = ""
    for word in line.command:
        given, unknown, sole = _at(word, "command"), word.unknown, word.sole
        if isinstance(sole, Unknown) and sole.many and not sole.written.startswith("$("):
            message = f"{hidden(sole.written)} may be several words, which cannot be known"
            draft.lose(given, message, "write them in command")
            continue
        if unknown is not None:
            message = f"{hidden(unknown.written)} cannot be known here, and stays as it is: no shell expands it"
            draft.lose(given, message, "write its value in command")
        found = PLACEHOLDER.search(word.plain or "")
        if found and (found[0].startswith("<") or not re.search(r"\s", word.plain or "")):
            draft.placeholder(given, found[0], "command")
        words.append(_secret_argument(flag, word, draft) or draft.safe(word, word.at, "command").template)
        flag = word.head if word.head.startswith("-") and "=" not in word.head else ""
    if words:
        draft.put("command", words)
    secrets: list[str] = draft.keys.setdefault("secret_env", [])
    for name in through_shell(draft.keys):
        secrets += [name] if name not in secrets else []
        draft.keys.get("environment", {}).pop(name, None)
        draft.remark("command", f"{name} is put in by a shell of the container: everybody sees an argument")


def _secret_argument(flag: str, word: Word, draft: Draft) -> str | None:
    """The variable for a word that stands after a flag for a secret."""
    plain = word.plain
    if not flag or plain is None or not is_secret_flag(flag) or is_harmless(plain, flag) or plain.startswith("-"):
        return None
    name = variable_of(flag)
    hint = f"export {name} before `sglaunch up`; {MAKE_NEW}"
    message = f"a secret is written nowhere; {name} is to hold it"
    draft.losses.append(Loss(word.at, flag, message, hint))
    return f"{{{{ env.{name} }}}}"


def _habits(line: Line, draft: Draft) -> None:
    """What the line's wording means for whoever uses the container."""
    keys = draft.keys
    if line.engine == "nvidia-docker" and "runtime" not in keys:
        keys["runtime"] = "nvidia"
        draft.remark("runtime", "nvidia-docker said so; gpus: all is today's way")
    command = keys.get("command") or keys.get("entrypoint", [])
    if keys.get("tty") and keys.get("stdin_open") and len(command) == 1 and posixpath.basename(command[0]) in _SHELLS:
        keys["shell"] = [command[0]]
        keys["attach"] = True
    if keys.get("auto_remove"):
        draft.remark("auto_remove", "when it stops, all that was written in it is lost")
    if line.sudo:
        hint = "where your user may not use the engine, write engine: {sudo: true} in your personal file"
        draft.remark("", f"sudo ran it: {hint}")


def _profile_name(draft: Draft, taken: Sequence[str]) -> str:
    """After the container, else after the image."""
    name = str(draft.keys.get("container_name", ""))
    if not name or "{{" in name:
        image = str(draft.keys["image"])
        try:
            name = parse_reference(image).repository if "{{" not in image else ""
        except ValueError:
            name = ""
        name = posixpath.basename(name)
    # Keys that begin with x- are nobody's.
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.").removeprefix("x-")[:_MAX_NAME] or "imported"
    number, chosen = 2, name
    while chosen in taken:
        chosen, number = f"{name}-{number}", number + 1
    return chosen
