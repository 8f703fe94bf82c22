"""Arithmetic and comparison of values: exact, bounded, and with a reason where there is no result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from netdsl.elaborate.env import CALLABLE, OperatorValue
from netdsl.elaborate.functions import LARGEST
from netdsl.elaborate.session import trouble
from netdsl.ops.arguments import is_number, is_whole
from netdsl.ops.values import Window, kind, show
from netdsl.syntax import tree
from netdsl.text.codes import ARITHMETIC, BAD_VALUE


def arithmetic(expr: tree.Binary, left: Any, right: Any) -> Any:
    """The result of `+ - * / // % **` on two numbers."""
    op = expr.op
    try:
        result = OPERATIONS[op](left, right)
    except ZeroDivisionError as error:
        raise trouble(ARITHMETIC, f"`{expr.span.text}` divides by 0", expr.span) from error
    except OverflowError as error:
        raise trouble(ARITHMETIC, f"`{expr.span.text}` is too large", expr.span) from error
    if isinstance(result, int):
        if not -LARGEST <= result <= LARGEST:
            raise trouble(ARITHMETIC, f"`{expr.span.text}` is too large: whole numbers go up to 2**63 - 1", expr.span)
    elif isinstance(result, complex) or not math.isfinite(result):
        raise trouble(ARITHMETIC, f"`{expr.span.text}` is no finite number", expr.span)
    return result


def _power(base: Any, exponent: Any) -> Any:
    # Tested first: the power of two large whole numbers would fill the memory.
    if isinstance(base, int) and isinstance(exponent, int):
        if abs(base) > 1 and exponent > 64:
            raise OverflowError
        return int(base) ** int(exponent)
    return float(base) ** float(exponent)


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": _power,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def compare(expr: tree.Binary, left: Any, right: Any) -> bool:
    """The result of a comparison; values of different kinds cannot be compared."""
    op = expr.op
    alike = is_number(left) and is_number(right)
    if op in ("==", "!="):
        if not alike and left is not None and right is not None and _sort(left) is not _sort(right):
            raise trouble(
                BAD_VALUE, f"`{op}` compares values of one kind, not {kind(left)} with {kind(right)}", expr.span
            )
        return COMPARISONS[op](left, right)
    if not alike:
        odd, value = (expr.left, left) if not is_number(left) else (expr.right, right)
        raise trouble(BAD_VALUE, f"`{op}` compares numbers, not {show(value)} ({kind(value)})", odd.span)
    return COMPARISONS[op](left, right)


def _sort(value: Any) -> Any:
    """The kind of a value, for `==`: lists and sizes are one kind, and so are all that can be called."""
    if isinstance(value, bool):
        return bool
    if isinstance(value, tuple):
        return tuple
    if isinstance(value, CALLABLE):
        return OperatorValue
    return type(value)


def window(expr: tree.Binary, left: Any, right: Any) -> Window:
    """`3x3/2`: a kernel and its stride."""
    for side, value in ((expr.left, left), (expr.right, right)):
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or not all(is_whole(number) for number in numbers):
            raise trouble(
                BAD_VALUE,
                f"a window is a kernel and a stride of whole numbers, not {show(value)} ({kind(value)})",
                side.span,
            )
    return Window(left, right)
