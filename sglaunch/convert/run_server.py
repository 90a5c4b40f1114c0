"""An SGLang launch command as a `server:` block; None where it is not plainly one. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sglaunch.convert.concealed import is_harmless, is_secret_flag, without_secrets
from sglaunch.convert.draft import MAKE_NEW, Draft, is_sole_variable
from sglaunch.convert.run_line import Loss
from sglaunch.convert.shell_text import Expression, Literal, Part, Word
from sglaunch.convert.shell_words import read
from sglaunch.plain import Struct, field
from sglaunch.spec.server import DEFAULT_LAUNCHER, DEFAULT_PORT, FIELD_FLAGS, LONG_FLAGS, flag_word, launcher_of
from sglaunch.spec.values import looks_secret

MODULE = "sglang.launch_server"
KEY_NAME = "SGLANG_API_KEY"
ANY = "0.0.0.0"  # noqa: S104 - inside the container
LOOPBACK = "127.0.0.1"
_SHELLS = ("bash", "sh", "zsh", "dash")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
# A character that stands for the part of that number while a script is read.
_STANDS = 0xE000
Flag = tuple[str, list[Word], int]


class _Launch(Struct):
    """A launch command taken apart: the words before the flags, and the flags with their values."""

    launcher: list[str]
    flags: list[Flag] = field(default_factory=list)
    around: str = ""


def server_of(words: Sequence[Word], draft: Draft) -> dict[str, Any] | None:
    """The block, with what it needs beside it (a secret, a port) put into the draft."""
    inner, around = _unwrapped(words, draft)
    launch = _launch(inner) if inner else None
    if launch is None or any(flag_word(name) == "config" for name, _, _ in launch.flags):
        return None
    fields, args, doubled = _fields(launch)
    if not _model_is_plain(fields.get("model"), draft) or "{{" in " ".join(launch.launcher):
        return None
    # A server's flags are arguments, which everybody sees; as a command, a shell puts the secret in.
    if any(_is_secret(name, word) for name, found, _ in args for word in found):
        return None
    at = words[0].at
    for name, place in doubled:
        draft.losses.append(Loss(place, f"--{name}", "is given twice; the last one counts"))
    if around:
        message = "the shell around the launch command is left out: server is the command itself"
        draft.losses.append(Loss(at, around, message, "write command instead, if the shell sets something up"))
    server: dict[str, Any] = {"model": fields["model"].template}
    host = fields.get("host")
    if host is None or host.plain != ANY:
        server["host"] = host.template if host is not None else LOOPBACK
    port = fields.get("port")
    if port is not None:
        server["port"] = _typed(port)
    usual = launcher_of(str(draft.keys.get("image", "")), modelscope=False)
    if tuple(launch.launcher) not in (DEFAULT_LAUNCHER, usual):
        server["launcher"] = launch.launcher
    if (key := fields.get("api_key")) is not None:
        server["api_key"] = _key(key, draft)
    if args:
        server["args"] = {name: _values(name, found, draft, place) for name, found, place in args}
    _publish(str(server.get("port", DEFAULT_PORT)), at, draft)
    return server


def _fields(launch: _Launch) -> tuple[dict[str, Word], list[Flag], list[tuple[str, int]]]:
    """The flags that are fields of their own, the others under their long names, and those that stand twice."""
    fields: dict[str, Word] = {}
    args: dict[str, Flag] = {}
    doubled = []
    for name, values, at in launch.flags:
        word = flag_word(name)
        if word in FIELD_FLAGS and values:
            doubled += [(word, at)] * (FIELD_FLAGS[word] in fields)
            fields[FIELD_FLAGS[word]] = values[0]
        else:
            long = LONG_FLAGS.get(word, word)
            doubled += [(long, at)] * (long in args)
            args[long] = (long, values, at)
    return fields, list(args.values()), doubled


def _launch(words: Sequence[Word]) -> _Launch | None:
    """`python3 -m sglang.launch_server ...` or `sglang serve [MODEL] ...`."""
    plain = [word.plain for word in words]
    program = posixpath.basename(plain[0] or "")
    if MODULE in plain[1:] and plain[plain.index(MODULE) - 1] == "-m":
        start = plain.index(MODULE) + 1
        if not (re.match(r"python[\d.]*$", program) or start == 2):
            return None
    elif program == "sglang" and plain[1:2] == ["serve"]:
        start = 2
    else:
        return None
    launcher = [word for word in plain[:start] if word is not None]
    if len(launcher) != start:
        return None
    rest = list(words[start:])
    launch = _Launch(launcher)
    if program == "sglang" and rest and not rest[0].head.startswith("-"):
        launch.flags.append(("--model-path", [rest.pop(0)], words[0].at))
    return launch if _read_flags(rest, launch) else None


def _read_flags(words: Sequence[Word], launch: _Launch) -> bool:
    """argparse's reading; False where something is neither a long flag nor the value of one."""
    for word in words:
        if word.unknown is not None:
            return False
        if word.head.startswith("--"):
            name, has_value, value = word.partition("=")
            if name.plain is None or not re.fullmatch(r"--[A-Za-z][\w.-]*", name.plain):
                return False
            launch.flags.append((name.plain, [value] if has_value else [], word.at))
        elif not launch.flags or (word.head.startswith("-") and not _NUMBER.fullmatch(word.plain or "")):
            return False
        else:
            launch.flags[-1][1].append(word)
    return all(len(values) == 1 for name, values, _ in launch.flags if flag_word(name) in FIELD_FLAGS)


def _unwrapped(words: Sequence[Word], draft: Draft) -> tuple[list[Word], str]:
    """What `bash -c '...'` runs, where that is one command and nothing else, and the words around it."""
    if not words or posixpath.basename(words[0].plain or "") not in _SHELLS:
        return list(words), ""
    if len(words) != 3 or not re.fullmatch(r"-[a-z]*c", words[1].plain or "") or words[2].unknown is not None:
        return [], ""
    parts = [part for part in words[2].parts if isinstance(part, Expression)]
    text = "".join(
        chr(_STANDS + parts.index(part)) if isinstance(part, Expression) else part.written for part in words[2].parts
    )
    found = read(text)
    if len(found.commands) != 1 or found.commands[0].rest or found.commands[0].after not in ("", "\n"):
        return [], ""
    inner = [_restored(word, parts, draft) for word in found.commands[0].words]
    if inner and inner[0] is not None and inner[0].plain == "exec":
        inner = inner[1:]
    kept = [Word(word.parts, words[2].at) for word in inner if word is not None]
    return (kept if len(kept) == len(inner) else []), f"{words[0].plain} {words[1].plain}"


def _restored(word: Word, outer: Sequence[Expression], draft: Draft) -> Word | None:
    """A word of a script, with what the outer shell had put in, and with variables as the container gets them.

    None where a variable is not one that the line gives to the container.
    """
    parts: list[Part] = []
    for part in word.parts:
        if isinstance(part, Literal):
            for piece in re.split(r"([\ue000-\uf8ff])", part.text):
                is_part = len(piece) == 1 and 0 <= ord(piece) - _STANDS < len(outer)
                parts.append(outer[ord(piece) - _STANDS] if is_part else Literal(piece, part.quoted))
        elif not isinstance(part, Expression) or part.name not in draft.names or not part.text.startswith("env"):
            return None
        else:
            parts += draft.names[part.name].parts
    kept = tuple(part for part in parts if not isinstance(part, Literal) or part.text)
    return Word(kept or (Literal("", quoted=True),), word.at)


def _model_is_plain(model: Word | None, draft: Draft) -> bool:
    """An id, or a path of the container that something is mounted at: other paths would be read as the host's."""
    if model is None or not model.parts or not model.template:
        return False
    if model.head.startswith(("~", "./", "../")) or model.template.startswith("{{ home }}"):
        return False
    path = model.head
    return not path.startswith("/") or any(path == at or path.startswith(f"{at.rstrip('/')}/") for at in draft.targets)


def _key(word: Word, draft: Draft) -> str:
    """The name of the variable that holds the key; a key itself is written nowhere."""
    secrets: list[str] = draft.keys.setdefault("secret_env", [])
    name = word.names[0] if word.names and is_sole_variable(word, word.names[0]) else ""
    if not name:
        name = KEY_NAME
        hint = f"export {name} before `sglaunch up`; {MAKE_NEW}"
        message = f"the server's key is a secret and is written nowhere; {name} is to hold it"
        draft.losses.append(Loss(word.at, "--api-key", message, hint))
        draft.remark("secret_env", f"{name}: the line held its value, which is not kept")
    if name not in secrets:
        secrets.append(name)
    draft.keys.get("environment", {}).pop(name, None)
    return name


def _values(name: str, words: Sequence[Word], draft: Draft, at: int) -> Any:
    """A bare flag is true; one value itself; several a list."""
    if not words:
        return True
    values = []
    for word in words:
        values.append(_typed(draft.safe(word, at, f"--{name}")))
    return values[0] if len(values) == 1 else values


def _is_secret(name: str, word: Word) -> bool:
    plain = word.plain
    if plain is not None and is_secret_flag(name) and not is_harmless(plain, name):
        return True
    return any(map(looks_secret, word.names)) or bool(without_secrets(word)[1])


def _typed(word: Word) -> Any:
    """A number where YAML would write it as the line did; else text."""
    plain = word.plain
    if plain is None or not _NUMBER.fullmatch(plain):
        return word.template
    number: int | float = float(plain) if "." in plain else int(plain)
    return number if str(number) == plain else plain


def _publish(port: str, at: int, draft: Draft) -> None:
    """A server is asked whether it is ready, so its port is published; where the line did not, for this machine."""
    mode = str(draft.keys.get("network_mode", ""))
    if mode == "host" or mode.startswith("container:"):
        return
    ports: list[str] = draft.keys.setdefault("ports", [])
    if any(_container_port(one) == port for one in ports):
        return
    ports.append(f"{LOOPBACK}:{port}:{port}")
    draft.remark("ports", f"{port}: not in the line; for this machine alone, so that the server can be asked")
    message = f"the line publishes no port {port}; it is published on {LOOPBACK}, so that the server can be asked"
    draft.losses.append(Loss(at, "server", message, "write command instead of server, to publish none"))


def _container_port(written: str | Mapping[str, Any]) -> str:
    """`8000` of `127.0.0.1:80:8000/tcp`, expressions in it or not; or of Compose's long form."""
    if isinstance(written, Mapping):
        return str(written.get("target", "")) if written.get("protocol", "tcp") == "tcp" else ""
    return re.split(r":(?![^{]*\}\})", written)[-1].partition("/")[0] if not written.endswith("/udp") else ""
