"""Arithmetic and comparison of numbers: exact, bounded, and with a reason where there is no result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

LARGEST = 2**63 - 1
"""Whole numbers are held to what every framework can hold."""

_LARGEST_POWER = 64


class NoResult(Exception):
    """An operator or function has no result for these values: `reason` ends a sentence that begins with what was
    computed; `arithmetic` tells that the values are of the right kinds."""

    def __init__(self, reason: str, *, arithmetic: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.arithmetic = arithmetic


def arithmetic(op: str, left: Any, right: Any) -> Any:
    """The result of `+ - * / // % **` on two numbers; raises NoResult."""
    try:
        result = OPERATIONS[op](left, right)
    except ZeroDivisionError as error:
        raise NoResult("divides by 0", arithmetic=True) from error
    except OverflowError as error:
        raise NoResult("is too large", arithmetic=True) from error
    reason = bounded(result)
    if reason:
        raise NoResult(reason, arithmetic=True)
    return result


def bounded(value: Any) -> str:
    """Why a value is no number of the language; empty for what is one, and for what is no number at all."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -LARGEST <= value <= LARGEST else "is too large: whole numbers go up to 2**63 - 1"
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        return "is no finite number"
    return ""


def _power(base: Any, exponent: Any) -> Any:
    # Tested first: the power of two large whole numbers would fill the memory.
    if isinstance(base, int) and isinstance(exponent, int):
        if abs(base) > 1 and exponent > _LARGEST_POWER:
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
