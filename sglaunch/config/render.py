"""Templates: `{{ expression }}` in a scalar, and nothing else. The only user of Jinja2; pure.

The expression's syntax tree may hold only what ALLOWED lists, so that a value cannot loop, call or reach into Python.
A string that is one expression and nothing else keeps the type of its value (`"{{ vars.count }}"` is a number).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.sandbox import SandboxedEnvironment

from sglaunch.config.node import Node, Problems, join
from sglaunch.config.suggest import nearest
from sglaunch.plain import Struct, field, replace
from sglaunch.spec.values import looks_secret

MAX_RESULT = 64 * 1024
FACTS = ("user", "uid", "gid", "home", "hostname", "project", "profile", "project_dir")
RULE_FACTS = ("user", "uid", "gid", "home", "hostname")
"""What a rule of the policy may name: what the system knows of the caller, and nobody can set."""
FILTERS = ("default", "lower", "upper", "replace", "trim", "int", "join", "basename", "dirname")
ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple),
    *(nodes.Getattr, nodes.Getitem, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg, nodes.Pos, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Filter),
)
_RULE = (
    "an expression may use names, text and numbers, . and [], ~ + -, comparisons, and/or/not, if/else, "
    f"and the filters {', '.join(FILTERS)}"
)
_NEVER = "\x00"
_CONTROL = re.compile(r"^[-+]|[-+]$")
_SHELL = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)[^}]*\}")


class Names:
    """A namespace of expressions (`env`, `vars`): looked up by name only, noting what is read, and whether a secret."""

    def __init__(self, values: Mapping[str, Any], is_secret: Callable[[str], bool]) -> None:
        self.values, self.is_secret, self.read_secret = values, is_secret, False
        self.read: set[str] = set()

    def lookup(self, name: Any) -> Any:
        if not isinstance(name, str):
            raise KeyError(name)
        if name in self.values:
            self.read.add(name)
            self.read_secret |= self.is_secret(name)
        return self.values[name]

    def __str__(self) -> str:
        raise ValueError("is a namespace; name one of its values, such as env.HOME")


class Context(Struct, frozen=True):
    """What expressions see. `facts` are FACTS; `secret_vars` names the values that are secret.

    `var_reads`: by name, what the value of a variable was made of. `is_rule`: the facts alone are seen.
    """

    facts: Mapping[str, Any]
    env: Mapping[str, str]
    vars: Mapping[str, Any] = field(default_factory=dict)
    secret_vars: frozenset[str] = frozenset()
    var_reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_rule: bool = False

    def namespace(self) -> dict[str, Any]:
        if self.is_rule:
            return dict(self.facts)
        secrets = self.secret_vars
        return {**self.facts, "env": Names(self.env, looks_secret), "vars": Names(self.vars, secrets.__contains__)}


class _Environment(SandboxedEnvironment):
    """Attributes are items, and only namespaces, texts and lists have them."""

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            block_start_string=f"{_NEVER}%",
            block_end_string=f"%{_NEVER}",
            comment_start_string=f"{_NEVER}#",
            comment_end_string=f"#{_NEVER}",
        )
        self.globals = {}
        self.filters = {name: self.filters[name] for name in FILTERS if name in self.filters}
        self.filters["basename"] = posixpath.basename
        self.filters["dirname"] = posixpath.dirname
        self.filters["replace"] = _replace

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            if isinstance(obj, Names):
                return obj.lookup(argument)
            if isinstance(obj, str | list | tuple) and isinstance(argument, int):
                return obj[argument]
            if isinstance(obj, Mapping):
                return obj[argument]
        except (LookupError, TypeError):
            pass
        return self.undefined(obj=obj, name=argument)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    return _Environment()


def render(node: Node, context: Context, problems: Problems, path: str = "") -> Node:
    """The node with every expression replaced by its value. Keys and `extends` are never templates."""
    if node.is_map:
        rendered = {}
        for key, inner in node.items():
            if "{{" in key:
                problems.error(inner.key, join(path, key), "a key cannot be a template", "write the key out")
            is_literal = not path and key == "extends"
            rendered[key] = inner if is_literal else render(inner, context, problems, join(path, key))
        return replace(node, value=rendered, text=None, reads=_union(rendered.values()))
    if node.is_list:
        items = [render(inner, context, problems, f"{path}[{number}]") for number, inner in enumerate(node.value)]
        return replace(node, value=tuple(items), text=None, reads=_union(items))
    if not isinstance(node.value, str):
        return node
    if "{{" not in node.value:
        _warn_shell(node, problems, path)
        return node
    return _render_scalar(node, context, problems, path)


def _render_scalar(node: Node, context: Context, problems: Problems, path: str) -> Node:
    namespace = context.namespace()
    try:
        template = _parse(node.value, namespace)
        value = _evaluate(template, node.value, namespace)
    except _RuleError as error:
        problems.error(node, path, str(error), error.hint)
        return node
    if context.is_rule:
        return replace(node, value=value, text=None)
    secret = namespace["env"].read_secret or namespace["vars"].read_secret
    reads = {f"env.{name}" for name in namespace["env"].read}
    reads |= {"project"} & {name.name for name in template.find_all(nodes.Name)}
    reads = reads.union(*(context.var_reads.get(name, ()) for name in namespace["vars"].read))
    return replace(node, value=value, text=None, secret=node.secret or secret, reads=frozenset(reads))


def _union(parts: Iterable[Node]) -> frozenset[str]:
    return frozenset().union(*(part.reads for part in parts))


class _RuleError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _parse(text: str, names: Iterable[str]) -> nodes.Template:
    try:
        template = _environment().parse(text)
    except TemplateSyntaxError as error:
        raise _RuleError(f"bad template: {error.message}", "an expression looks like {{ env.NAME }}") from None
    except RecursionError:
        raise _RuleError("bad template: nested too deeply") from None
    _check(template)
    for name in template.find_all(nodes.Name):
        if name.name not in names:
            listed = f"names are {', '.join(sorted(names))}"
            if "env" not in names:
                raise _RuleError(f"{name.name!r} is not for a rule, which holds facts of the system alone", listed)
            hint = nearest(name.name, names) or listed
            raise _RuleError(f"{name.name!r} is not defined", f"{hint}; variables are env.NAME and vars.NAME")
    return template


def _check(node: nodes.Node) -> None:
    if not isinstance(node, ALLOWED):
        word = {"Call": "a call", "Mul": "*", "Div": "/", "Pow": "**", "Mod": "%"}.get(type(node).__name__)
        raise _RuleError(f"{word or type(node).__name__.lower()} is not allowed in a template", _RULE)
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise _RuleError(f"unknown filter {node.name!r}", nearest(node.name, FILTERS))
    if isinstance(node, nodes.Filter) and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise _RuleError("* and ** are not allowed in a template", _RULE)
    if isinstance(node, nodes.Getattr | nodes.Name):
        name = node.attr if isinstance(node, nodes.Getattr) else node.name
        if name.startswith("__"):
            raise _RuleError(f"{name!r} is not a name of ours", _RULE)
    children: Iterable[nodes.Node] = node.iter_child_nodes()
    if isinstance(node, nodes.Filter):
        children = [child for child in (node.node, *node.args) if child is not None]
        children = [*children, *(pair.value for pair in node.kwargs)]
    for child in children:
        _check(child)


def _evaluate(template: nodes.Template, text: str, namespace: Mapping[str, Any]) -> Any:
    environment = _environment()
    alone = _sole_expression(template)
    try:
        if alone:
            inner = _CONTROL.sub("", text.strip()[2:-2]).strip()
            value = environment.compile_expression(inner, undefined_to_none=False)(**namespace)
            if isinstance(value, Undefined):
                str(value)  # StrictUndefined explains itself
            if value is None or isinstance(value, bool | int | float):
                return value
        result = environment.from_string(template).render(namespace)
    except UndefinedError as error:
        raise _undefined(str(error), template, namespace) from None
    except (TypeError, ValueError, ArithmeticError, KeyError, RecursionError) as error:
        raise _RuleError(f"template failed: {str(error).splitlines()[0]}", _RULE) from None
    if len(result) > MAX_RESULT:
        raise _RuleError(f"the result is longer than {MAX_RESULT} characters")
    if alone and isinstance(value, Names | list | tuple | Mapping):
        raise _RuleError("the value is not text or a number", "use | join(',') for a list, or name one value")
    return result


def _sole_expression(template: nodes.Template) -> bool:
    if len(template.body) != 1 or not isinstance(template.body[0], nodes.Output):
        return False
    parts = template.body[0].nodes
    return len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData)


def _undefined(message: str, template: nodes.Template, namespace: Mapping[str, Any]) -> _RuleError:
    """Names the undefined value and the nearest defined one; the value may come from `env`, `vars` or the facts."""
    for found in template.find_all((nodes.Getattr, nodes.Getitem)):
        assert isinstance(found, nodes.Getattr | nodes.Getitem)
        owner = found.node.name if isinstance(found.node, nodes.Name) else ""
        argument = found.attr if isinstance(found, nodes.Getattr) else getattr(found.arg, "value", None)
        if owner in ("env", "vars") and argument is not None and str(argument) not in namespace[owner].values:
            near = nearest(str(argument), namespace[owner].values) if owner == "vars" else ""
            hint = f"set it, or write {{{{ {owner}.{argument} | default('') }}}}"
            return _RuleError(f"{owner}.{argument} is not defined", "; ".join(part for part in (near, hint) if part))
    return _RuleError(f"template failed: {message}", _RULE)


def _replace(text: Any, old: str, new: str) -> str:
    source = str(text)
    if not old or len(source) + source.count(old) * len(new) > MAX_RESULT:
        raise ValueError("replace: must be given something to look for, and a result that is not too long")
    return source.replace(old, new)


def _warn_shell(node: Node, problems: Problems, path: str) -> None:
    """What looks interpolated and is not. A secret in a command is meant so: a shell of the container reads it."""
    is_run = re.split(r"[.\[]", path, maxsplit=1)[0] in ("command", "entrypoint")
    found = next((one for one in _SHELL.finditer(node.value) if not (is_run and looks_secret(one[1]))), None)
    if found:
        hint = f'for its value write "{{{{ env.{found[1]} }}}}"'
        problems.warn(node, path, f"{found[0]} is kept as it is: $ is not interpolated", hint)


def render_vars(merged: Mapping[str, Node], context: Context, problems: Problems) -> Context:
    """`vars` rendered against facts and env, not against each other; the context with them in."""
    values, secrets, reads = {}, set(), {}
    for name, node in merged.items():
        rendered = render(node, context, problems, f"vars.{name}")
        values[name], reads[name] = rendered.plain(), rendered.reads | {f"vars.{name}"}
        if _holds_secret(rendered):
            secrets.add(name)
    return replace(context, vars=values, secret_vars=frozenset(secrets), var_reads=reads)


def _holds_secret(node: Node) -> bool:
    if node.is_map:
        return any(_holds_secret(inner) for _, inner in node.items())
    return any(map(_holds_secret, node.value)) if node.is_list else node.secret
