"""Parameters of blocks and nets: how they are declared as names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.given import expression_of
from netdsl.elaborate.scopes.env import Binding, Env
from netdsl.graph.graph import Given, Scope, Value, values_of
from netdsl.symbolic import Apply, Expr, Ref, expr_of, plain, traced
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT
from netdsl.values.literals import Window


@dataclass(frozen=True, slots=True)
class _Declared:
    """A parameter as `match` sees it."""

    name: str
    required: bool
    syntax: tree.Parameter


def declared(parameters: tuple[tree.Parameter, ...], env: Env) -> tuple[_Declared, ...]:
    """The parameters of a block or net as `match` sees them (`_Declared`), kept for its other uses."""
    cache = env.session.cache
    key = ("parameters", id(parameters))
    if key not in cache:
        cache[key] = tuple(_Declared(parameter.name, parameter.default is None, parameter) for parameter in parameters)
    known: tuple[_Declared, ...] = cache[key]
    return known


def declare_parameter(scope: Scope, names: Env, syntax: tree.Parameter, value: Any, origin: Given | None) -> None:
    """Declares a parameter that is no tensor."""
    if isinstance(value, Value) or (isinstance(value, tuple) and values_of(value)):
        what = scope.definition.name if isinstance(scope.definition, tree.BlockDef) else "this"
        place = origin.syntax.span if origin is not None else syntax.span
        help = f"declare it: `{syntax.name}: tensor`"
        raise trouble(BAD_ARGUMENT, f"`{what}`: `{syntax.name}` is no tensor, and is given one", place, help=help)
    scope.arguments[syntax.name] = value
    definition = None
    seen = value
    if names.session.traced:
        definition = expr_of(value)
        seen = seen_as(value, Ref(syntax.name, "parameter", syntax))
    binding = Binding("parameter", seen, syntax.span, declaration=syntax, definition=definition)
    names.declare_number("parameter", syntax.name, binding)


def seen_as(value: Any, expr: Expr) -> Any:
    """A value under a name of its own: the numbers in it no longer remember the names of other places."""
    if isinstance(value, Window):
        return Window(seen_as(value.kernel, Apply("kernel", (expr,))), seen_as(value.stride, Apply("stride", (expr,))))
    return traced(plain(value), expr)


def keep_default(scope: Scope, syntax: tree.Parameter, names: Env) -> None:
    """Keeps the expression of a parameter's default."""
    default = None if syntax.tensor else expression_of(syntax.default, names)
    if default is not None:
        scope.defaults[syntax.name] = default
