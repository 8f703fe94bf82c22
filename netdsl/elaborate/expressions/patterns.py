"""Patterns such as `(a, (b, c))`: the names in one, and how `let`s and loops declare them."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.lookup import duplicate
from netdsl.elaborate.expressions.symbols import symbol
from netdsl.elaborate.scopes.env import Binding, Env
from netdsl.symbolic import Ref, expr_of, traced
from netdsl.syntax import tree
from netdsl.text.codes import BAD_PATTERN
from netdsl.values.literals import kind, show


def names_in(pattern: tree.Pattern) -> list[tree.NamePattern]:
    """The names in a pattern such as `(a, (b, c))`, each a `NamePattern`."""
    if isinstance(pattern, tree.NamePattern):
        return [pattern]
    return [name for item in pattern.items for name in names_in(item)]


def let(statement: tree.Let, env: Env) -> None:
    """Declares the names of a `let`."""
    value = evaluate(statement.value, env)
    target = statement.target
    expr = statement.value if isinstance(target, tree.NamePattern) else None
    bind_pattern(target, value, env, "let", env, expr)


def bind_pattern(
    pattern: tree.Pattern, value: Any, env: Env, what: Any, outer: Env, expr: tree.Expr | None = None
) -> None:
    """Declares the names of a pattern. `outer` is where `expr`, which gave the value, was evaluated."""
    if isinstance(pattern, tree.NamePattern):
        assert isinstance(pattern.target, tree.Name)
        name = pattern.target.id
        if name == "_":
            return
        if name in env.names:
            raise duplicate(name, pattern.span, env.names[name])
        definition = None
        if env.session.traced and env.owner is not None:
            definition = symbol(expr, outer) if expr is not None else expr_of(value)
            value = traced(value, Ref(name, what, pattern))
        binding = Binding(what, value, pattern.span, declaration=pattern, definition=definition)
        env.declare_number(what, name, binding)
        return
    if not isinstance(value, tuple) or len(value) != len(pattern.items):
        has = f"a list of {len(value)}" if isinstance(value, tuple) else f"{show(value)} ({kind(value)})"
        raise trouble(BAD_PATTERN, f"the pattern takes {len(pattern.items)} values, and is given {has}", pattern.span)
    for item, part in zip(pattern.items, value, strict=True):
        bind_pattern(item, part, env, what, outer)
