"""Lists: how they are written, computed, and read by index."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import evaluate, evaluate_whole, evaluates, iterate, truth
from netdsl.elaborate.expressions.lookup import find_binding
from netdsl.elaborate.expressions.patterns import bind_pattern
from netdsl.elaborate.expressions.symbols import trace
from netdsl.elaborate.scopes.bounds import weight
from netdsl.elaborate.scopes.env import POISON, Env, Indexed
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, UNKNOWN_NAME
from netdsl.values.literals import is_whole, kind, show


@evaluates(tree.Sequence)
def _sequence(expr: tree.Sequence, env: Env) -> Any:
    return env.session.sized(tuple([evaluate(item, env) for item in expr.items]), expr.span)


@evaluates(tree.Comprehension)
def _comprehension(expr: tree.Comprehension, env: Env) -> Any:
    items = []
    values = iterate(expr.iterable, env)
    env.session.work(len(values) * weight(expr, env), expr.span)
    for item in values:
        inner = Env(env)
        bind_pattern(expr.pattern, item, inner, "loop variable", env)
        if expr.condition is None or truth(expr.condition, inner):
            items.append(evaluate(expr.element, inner))
    return env.session.sized(tuple(items), expr.span)


@evaluates(tree.Index)
def _index(expr: tree.Index, env: Env) -> Any:
    base = _indexed_base(expr.base, env)
    if len(expr.indices) != 1:
        raise trouble(BAD_VALUE, "one index to a bracket: `a[i][j]`", expr.span)
    position = evaluate(expr.indices[0], env)
    if not is_whole(position):
        raise trouble(
            BAD_VALUE, f"an index must be a whole number, not {show(position)} ({kind(position)})", expr.indices[0].span
        )
    if isinstance(base, Indexed):
        entry = base.entries.get(position)
        if entry is None:
            if base.open:
                raise Poisoned
            have = ", ".join(str(index) for index in sorted(base.entries)[:8])
            raise trouble(UNKNOWN_NAME, f"`{expr.base.span.text}` has no entry {position}", expr.span, f"it has {have}")
        if entry.value is POISON:
            raise Poisoned
        return entry.value
    if not isinstance(base, tuple):
        raise trouble(BAD_VALUE, f"only lists have indices, not {show(base)} ({kind(base)})", expr.base.span)
    if not -len(base) <= position < len(base):
        raise trouble(BAD_VALUE, f"the list has {len(base)} items, and no item {position}", expr.span)
    return trace(base[position], expr, env)


def _indexed_base(expr: tree.Expr, env: Env) -> Any:
    """The value before a bracket: a name that is still being filled may be read by index."""
    binding = find_binding(expr, env)
    if binding is not None:
        if binding.value is POISON:
            raise Poisoned
        return binding.value
    return evaluate(expr, env)


@evaluates(tree.Slice)
def _slice(expr: tree.Slice, env: Env) -> Any:
    base = evaluate(expr.base, env)
    if not isinstance(base, tuple):
        raise trouble(BAD_VALUE, f"only lists have slices, not {show(base)} ({kind(base)})", expr.base.span)
    start = None if expr.start is None else evaluate_whole(expr.start, env, "a slice's start")
    stop = None if expr.stop is None else evaluate_whole(expr.stop, env, "a slice's end")
    return env.session.sized(base[start:stop], expr.span)
