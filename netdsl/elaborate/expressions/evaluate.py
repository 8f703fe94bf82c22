"""Expressions: from the tree to values. Everything is decided here, before a tensor exists.

Whole numbers are exact and bounded, floats are IEEE doubles, lists are tuples. What has no result is reported at the
place of the operator. Numbers remember where they came from when the session is traced (netdsl/symbolic). What
evaluates each kind of expression is registered by the modules beside this one (names, lists, operators, kept), so that
they can ask for the values of parts without this one knowing of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.scopes.env import Env
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE
from netdsl.values.literals import is_number, is_whole, kind, show

Rule: TypeAlias = Callable[[Any, Env], Any]
R = TypeVar("R", bound=Rule)

_RULES: dict[type, Rule] = {}
"""What evaluates expressions, by their kind."""


def evaluates(*kinds: type) -> Callable[[R], R]:
    """A decorator that registers a function as the one that evaluates expressions of some kinds."""

    def register(rule: R) -> R:
        _RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def evaluate(expr: tree.Expr | tree.Pipeline, env: Env) -> Any:
    """The value of an expression; raises Trouble, or Poisoned where the reason is already told."""
    return _RULES[type(expr)](expr, env)


def evaluate_whole(expr: tree.Expr, env: Env, what: str) -> int:
    """A whole number, or Trouble that says what it was meant for."""
    value = evaluate(expr, env)
    if not is_whole(value):
        help = "`//` divides whole numbers" if isinstance(value, float) else ""
        raise trouble(
            BAD_VALUE, f"{what} must be a whole number, not {show(value)} ({kind(value)})", expr.span, help=help
        )
    number: int = value
    return number


def truth(expr: tree.Expr, env: Env) -> bool:
    """A condition: true or false, nothing else."""
    value = evaluate(expr, env)
    if not isinstance(value, bool):
        help = f"`{expr.span.text} != 0` asks whether it is 0" if is_number(value) else ""
        raise trouble(
            BAD_VALUE, f"a condition must be true or false, not {show(value)} ({kind(value)})", expr.span, help=help
        )
    return value


def iterate(expr: tree.Expr, env: Env) -> tuple[Any, ...]:
    """The items of a list to loop over."""
    value = evaluate(expr, env)
    if not isinstance(value, tuple):
        help = f"`range({expr.span.text})` counts" if is_whole(value) else ""
        raise trouble(BAD_VALUE, f"a loop goes over a list, not {show(value)} ({kind(value)})", expr.span, help=help)
    limits = env.session.limits
    if len(value) > limits.loop_count:
        env.session.exceeded("loop_count", f"a loop of {len(value):,} turns is too long", expr.span)
    env.session.work(len(value), expr.span)
    return value


_IN_A_NAME = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def computed_name(expr: tree.Computed, env: Env) -> str:
    """The name that `layer{i + 1}` gives."""
    text = ""
    for part in expr.parts:
        if isinstance(part, str):
            text += part
            continue
        value = evaluate(part, env)
        if not (_IN_A_NAME.fullmatch(value) if isinstance(value, str) else is_whole(value) and value >= 0):
            message = f"a computed name is made of whole numbers from 0 and words, not {show(value)} ({kind(value)})"
            help = "a word has letters, digits, `_` and `-`" if isinstance(value, str) else ""
            raise trouble(BAD_VALUE, message, part.span, help=help)
        text += str(int(value)) if is_whole(value) else value
    if len(text) > env.session.limits.name_length:
        env.session.exceeded("name_length", "a computed name is too long", expr.span)
    return text
