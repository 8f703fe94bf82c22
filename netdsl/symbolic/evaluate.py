"""What expressions are worth: the one place where operators and functions of the language are computed from values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from netdsl.symbolic.expressions import Const, Expr, Ref
from netdsl.symbolic.functions import FUNCTIONS
from netdsl.symbolic.numbers import plain
from netdsl.symbolic.operations import COMPARISONS, OPERATIONS, NoResult, arithmetic, bounded
from netdsl.values.literals import Size, Window


class Unknown(Exception):
    """An expression has no value, or no form in Python."""


def evaluate(expr: Expr, value_of: Callable[[Ref], Any]) -> Any:
    """The value of an expression; raises Unknown."""
    if isinstance(expr, Const):
        return plain(expr.value)
    if isinstance(expr, Ref):
        return plain(value_of(expr))
    op, operands = expr.op, expr.operands
    if op == "if":
        return evaluate(operands[1] if evaluate(operands[0], value_of) else operands[2], value_of)
    if op in ("and", "or"):
        left = evaluate(operands[0], value_of)
        return left if bool(left) == (op == "or") else evaluate(operands[1], value_of)
    return compute(op, [evaluate(operand, value_of) for operand in operands])


def compute(op: str, values: Sequence[Any]) -> Any:
    """The result of an operator or function on values; raises Unknown."""
    if op in ("//", "*") and any(isinstance(value, tuple) for value in values):
        # A square window counts as its side: `kernel // 2`.
        values = [value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value for value in values]
    try:
        if op in OPERATIONS:
            return arithmetic(op, *values)
        result = (_COMPUTED[op] if op in _COMPUTED else FUNCTIONS[op][0])(*values)
    except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError, NoResult) as error:
        raise Unknown(op) from error
    if bounded(result):
        raise Unknown(op)
    return result


_COMPUTED: dict[str, Callable[..., Any]] = {
    **COMPARISONS,
    "in": lambda item, items: item in items,
    "not in": lambda item, items: item not in items,
    "neg": lambda number: -number,
    "not": lambda truth: not truth,
    "and": lambda left, right: left and right,
    "or": lambda left, right: left or right,
    "if": lambda test, then, otherwise: then if test else otherwise,
    "index": lambda items, index: items[index],
    "slice": lambda items, start, stop: items[start:stop],
    "list": lambda *items: items,
    "size": lambda *sides: Size(sides),
    "window": Window,
    "kernel": lambda window: window.kernel if isinstance(window, Window) else window,
    "stride": lambda window: window.stride if isinstance(window, Window) else 1,
}
"""What is neither arithmetic nor a function of the language."""
