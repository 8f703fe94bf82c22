"""Operators of expressions: conditions, arithmetic, comparisons, and what looks into lists."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.arithmetic import arithmetic, compare, window
from netdsl.elaborate.expressions.evaluate import evaluate, evaluates, truth
from netdsl.elaborate.expressions.symbols import trace
from netdsl.elaborate.scopes.env import Env
from netdsl.elaborate.session import ITEMS_IN_A_STEP
from netdsl.symbolic.operations import COMPARISONS
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE
from netdsl.values.literals import is_number, is_whole, kind, show


@evaluates(tree.Conditional)
def _conditional(expr: tree.Conditional, env: Env) -> Any:
    chosen = expr.then if truth(expr.test, env) else expr.otherwise
    return trace(evaluate(chosen, env), expr, env)


@evaluates(tree.Unary)
def _unary(expr: tree.Unary, env: Env) -> Any:
    if expr.op == "not":
        return not truth(expr.operand, env)
    value = evaluate(expr.operand, env)
    if not is_number(value):
        raise trouble(BAD_VALUE, f"`{expr.op}` works on numbers, not {show(value)} ({kind(value)})", expr.operand.span)
    return -value if expr.op == "-" else value


@evaluates(tree.Binary)
def _binary(expr: tree.Binary, env: Env) -> Any:
    op = expr.op
    if op == "and":
        return truth(expr.left, env) and truth(expr.right, env)
    if op == "or":
        return truth(expr.left, env) or truth(expr.right, env)
    left, right = evaluate(expr.left, env), evaluate(expr.right, env)
    if isinstance(left, tuple) or isinstance(right, tuple):
        env.session.work(
            env.session.size(left) // ITEMS_IN_A_STEP + env.session.size(right) // ITEMS_IN_A_STEP, expr.span
        )
    if op in COMPARISONS:
        return compare(expr, left, right)
    if op in ("in", "not in"):
        if not isinstance(right, tuple):
            raise trouble(
                BAD_VALUE, f"`{op}` looks into a list, not into {show(right)} ({kind(right)})", expr.right.span
            )
        return (left in right) == (op == "in")
    if op == "/" and isinstance(left, tuple):
        return window(expr, left, right)
    if op == "+" and type(left) is tuple and type(right) is tuple:
        return env.session.sized(left + right, expr.span)
    if op == "*" and type(left) is tuple and is_whole(right):
        if len(left) * max(right, 0) > env.session.limits.list_length:
            env.session.exceeded("list_length", f"a list of {len(left) * right:,} items is too long", expr.span)
        return env.session.sized(left * right, expr.span)
    for side, value in ((expr.left, left), (expr.right, right)):
        if not is_number(value):
            raise trouble(BAD_VALUE, f"`{op}` works on numbers, not {show(value)} ({kind(value)})", side.span)
    result = arithmetic(expr, left, right)
    # Sums and the like trace themselves; a power is no method of a number that could.
    return trace(result, expr, env) if op == "**" else result
