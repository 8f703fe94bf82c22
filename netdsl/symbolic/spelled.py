"""Arithmetic that a person would leave as it is: `0.2 * 3 / 16`, not its value with sixteen digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdsl.symbolic.evaluate import Unknown, compute, evaluate
from netdsl.symbolic.expressions import Apply, Const, Expr, Ref, size_of
from netdsl.symbolic.numbers import plain

DIGITS = 6
"""Digits of a fraction that is written as it is."""
MAX_SIZE = 9
"""Numbers and operators of arithmetic that is short enough to stay."""
_OPERATORS = frozenset(("+", "-", "*", "/", "**", "neg", "sqrt", "log", "log2", "exp"))


def is_long(value: Any) -> bool:
    """Whether a number is a fraction of more digits than a person writes."""
    if type(value) is not float:
        return False
    digits = repr(value).lower().partition("e")[0].replace(".", "").replace("-", "").strip("0")
    return len(digits) > DIGITS


def spelled(expr: Expr, value: float, behind: Callable[[Ref], Expr]) -> Expr | None:
    """Short arithmetic on short numbers that gives a value, from the expression that did; None where there is none.

    `behind` gives what a name stands for: its value, or the expression that it was bound to.
    """
    try:
        spelling = _spelled(expr, behind)
        if isinstance(spelling, Const) or size_of(spelling) > MAX_SIZE or not _is_short(spelling):
            return None
        result = evaluate(spelling, behind)
        return spelling if type(result) is float and result == value else None
    except (Unknown, ArithmeticError, ValueError, RecursionError):
        return None


def _spelled(expr: Expr, behind: Callable[[Ref], Expr]) -> Expr:
    """The expression over numbers alone, whole numbers among them computed."""
    if isinstance(expr, Ref):
        return _spelled(behind(expr), behind)
    if isinstance(expr, Const):
        return Const(plain(expr.value))
    if expr.op == "if":
        test = _spelled(expr.operands[0], behind)
        if not isinstance(test, Const):
            raise Unknown(expr.op)
        return _spelled(expr.operands[1 if test.value else 2], behind)
    operands = tuple(_spelled(operand, behind) for operand in expr.operands)
    if all(isinstance(part, Const) for part in operands):
        value = plain(compute(expr.op, [part.value for part in operands if isinstance(part, Const)]))
        if type(value) is not float:
            return Const(value)
    return Apply(expr.op, operands)


def _is_short(expr: Expr) -> bool:
    if isinstance(expr, Const):
        is_number = type(expr.value) in (int, float)
        return is_number and (not is_long(expr.value) or expr.value == _PI)
    return isinstance(expr, Apply) and expr.op in _OPERATORS and all(map(_is_short, expr.operands))


_PI = 3.141592653589793
