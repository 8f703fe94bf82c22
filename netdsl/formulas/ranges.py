"""Between which bounds a formula of a `constant` stays, for all of its indices at once.

Interval arithmetic: what it proves needs no element to be looked at, so that the mask of a million pairs costs
microseconds. It does not see how two parts depend on each other (`i - i` may be anything between), so what it cannot
prove may still hold: such formulas are evaluated element by element (elements.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, Literal, NamedTuple

from netdsl.symbolic.operations import COMPARISONS, LARGEST
from netdsl.syntax import tree

Kind = Literal["int", "float", "bool"]

_MOST = 1e300
"""Fractions beyond this are not trusted to stay finite."""
_SLACK = 1e-9
"""Share by which bounds of fractions are widened: functions round in their last digit."""


class Range(NamedTuple):
    """The least and the greatest value, truth values as 0 and 1; infinite where nothing is known."""

    low: Any
    high: Any
    kind: Kind

    @property
    def single(self) -> bool:
        return bool(self.low == self.high)

    def within(self, low: float, high: float) -> bool:
        return bool(low <= self.low and self.high <= high)


def unknown(kind: Kind) -> Range:
    """The `Range` of any number."""
    return Range(0, 1, "bool") if kind == "bool" else Range(-math.inf, math.inf, kind)


Bounds = Mapping[str, tuple[int, int]]
"""Each index with its least and greatest value."""


class Ranges:
    """Walks one formula. `scalar` gives the value of a part that no index is in, else None; `lookup` the range and the
    shape of another constant; `kind_of` the kind of a part.

    `guarded` says whether conditions keep what they forbid from their arms, as the language has it, or every arm is
    evaluated everywhere, as arithmetic on whole tensors does.
    """

    def __init__(
        self,
        scalar: Callable[[Any], Any],
        lookup: Callable[[Any], tuple[Range, tuple[int, ...]]],
        *,
        guarded: bool = True,
    ) -> None:
        self.scalar = scalar
        self.lookup = lookup
        self.guarded = guarded
        self.unproved: list[Any] = []
        """Parts that may have no result."""
        self.passed_over = False
        """Whether it came to parts that no index leads to."""
        self.seen: dict[int, Range] = {}
        """The range of each part, over all arms that it was met in."""

    def of(self, expr: Any, at: Bounds) -> Range:
        """The range of a part while the indices are within bounds."""
        result = self._of(expr, at)
        before = self.seen.get(id(expr))
        self.seen[id(expr)] = result if before is None else _join(before, result)
        return result

    def _of(self, expr: Any, at: Bounds) -> Range:
        if isinstance(expr, tree.Name) and expr.id in at:
            return Range(*at[expr.id], "int")
        value = self.scalar(expr)
        if value is not None:
            return Range(value, value, "bool" if isinstance(value, bool) else "int" if type(value) is int else "float")
        if isinstance(expr, tree.Unary):
            return self._unary(expr, at)
        if isinstance(expr, tree.Binary):
            return self._binary(expr, at)
        if isinstance(expr, tree.Conditional):
            return self._conditional(expr, at)
        if isinstance(expr, tree.Call):
            assert isinstance(expr.function, tree.Name)
            given = [self.of(argument.value, at) for argument in expr.args]
            return self._checked(_FUNCTIONS[expr.function.id](*given), _kind_of_call(expr.function.id, given), expr)
        assert isinstance(expr, tree.Index)
        table, shape = self.lookup(expr.base)
        for index, size in zip(expr.indices, shape, strict=True):
            if not self.of(index, at).within(0, size - 1):
                self.unproved.append(expr)
        return table

    def _checked(self, bounds: tuple[Any, Any] | None, kind: Kind, expr: Any) -> Range:
        """The range if it is within what numbers can be, else any number, and the part is noted."""
        most = LARGEST if kind == "int" else _MOST
        if bounds is None or not (-most <= bounds[0] <= bounds[1] <= most):
            self.unproved.append(expr)
            return unknown(kind)
        return Range(*bounds, kind)

    def _unary(self, expr: tree.Unary, at: Bounds) -> Range:
        operand = self.of(expr.operand, at)
        if expr.op == "+":
            return operand
        if expr.op == "not":
            return Range(1 - operand.high, 1 - operand.low, "bool")
        return Range(-operand.high, -operand.low, operand.kind)

    def _binary(self, expr: tree.Binary, at: Bounds) -> Range:
        left = self.of(expr.left, at)
        if expr.op in ("and", "or"):
            decides = (left.low, left.high) == ((0, 0) if expr.op == "and" else (1, 1))
            inner = self._where(expr.left, expr.op == "and", at) if self.guarded else at
            if self.guarded and (decides or inner is None):
                self.passed_over = True
                return left
            right = self.of(expr.right, inner or at)
            pick = min if expr.op == "and" else max
            return Range(pick(left.low, right.low), pick(left.high, right.high), "bool")
        right = self.of(expr.right, at)
        if expr.op in COMPARISONS:
            return _compared(expr.op, left, right)
        kind = _kind(expr.op, left, right)
        return self._checked(_ARITHMETIC[expr.op](left, right), kind, expr)

    def _conditional(self, expr: tree.Conditional, at: Bounds) -> Range:
        test = self.of(expr.test, at)
        arms = []
        for arm, holds in ((expr.then, True), (expr.otherwise, False)):
            if self.scalar(expr.test) is not None and test.low != holds:
                continue
            inner: Bounds | None = at
            if self.guarded:
                inner = None if test.single and test.low != holds else self._where(expr.test, holds, at)
            if inner is None:
                self.passed_over = True
            else:
                arms.append(self.of(arm, inner))
        if not arms:
            return unknown("float")
        return arms[0] if len(arms) == 1 else _join(*arms)

    # --- What a condition says of indices -----------------------------------------------------------

    def _where(self, test: Any, holds: bool, at: Bounds) -> Bounds | None:
        """The bounds of the indices where a condition holds or not; None where it never does."""
        if isinstance(test, tree.Unary) and test.op == "not":
            return self._where(test.operand, not holds, at)
        if isinstance(test, tree.Binary) and test.op in ("and", "or"):
            if (test.op == "and") == holds:
                first = self._where(test.left, holds, at)
                return None if first is None else self._where(test.right, holds, first)
            return at
        if isinstance(test, tree.Binary) and test.op in COMPARISONS:
            op = test.op if holds else _OPPOSITE[test.op]
            inner = self._narrow(test.left, op, test.right, at)
            return None if inner is None else self._narrow(test.right, _MIRRORED[op], test.left, inner)
        return at

    def _narrow(self, name: Any, op: str, other: Any, at: Bounds) -> Bounds | None:
        """The bounds where `name op other` holds, if `name` is an index."""
        if not isinstance(name, tree.Name) or name.id not in at:
            return at
        quiet = Ranges(self.scalar, self.lookup)
        least, most, _ = quiet.of(other, at)
        low, high = at[name.id]
        if op in ("<", "<=", "==") and math.isfinite(most):
            high = min(high, math.ceil(most) - 1 if op == "<" else math.floor(most))
        if op in (">", ">=", "==") and math.isfinite(least):
            low = max(low, math.floor(least) + 1 if op == ">" else math.ceil(least))
        if op == "!=" and least == most:
            low += low == least
            high -= high == least
        return {**at, name.id: (low, high)} if low <= high else None


_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _join(first: Range, second: Range) -> Range:
    kind: Kind = first.kind if first.kind == second.kind else "float"
    return Range(min(first.low, second.low), max(first.high, second.high), kind)


def _compared(op: str, left: Range, right: Range) -> Range:
    """What is known of a comparison before its operands are."""
    if op in ("!=", ">=", ">"):
        opposite = _compared(_OPPOSITE[op], left, right)
        return Range(1 - opposite.high, 1 - opposite.low, "bool")
    if op == "==":
        never, always = left.high < right.low or right.high < left.low, left.single and right.single
    elif op == "<":
        never, always = left.low >= right.high, left.high < right.low
    else:
        never, always = left.low > right.high, left.high <= right.low
    return Range(0, 0, "bool") if never else Range(1, 1, "bool") if always else Range(0, 1, "bool")


def _kind(op: str, left: Range, right: Range) -> Kind:
    whole = left.kind != "float" and right.kind != "float"
    return "int" if whole and op != "/" and (op != "**" or right.low >= 0) else "float"


def _kind_of_call(name: str, given: list[Range]) -> Kind:
    if name in ("ceil", "floor", "round", "sign"):
        return "int"
    return "int" if name in ("abs", "max", "min") and all(range.kind != "float" for range in given) else "float"


# --- Arithmetic: bounds of the result, or None where there may be none ------------------------------

_Bounds = tuple[Any, Any] | None


def _corners(function: Callable[[Any, Any], Any]) -> Callable[[Range, Range], _Bounds]:
    """The bounds of what grows or falls along each operand: they are at the corners."""

    def apply(left: Range, right: Range) -> _Bounds:
        try:
            corners = [function(a, b) for a, b in product((left.low, left.high), (right.low, right.high))]
        except (ArithmeticError, ValueError):
            return None
        if any(isinstance(corner, complex) or corner != corner for corner in corners):
            return None
        return _wide(min(corners), max(corners))

    return apply


def _wide(low: Any, high: Any) -> tuple[Any, Any]:
    """Bounds of fractions, a little wider."""
    if type(low) is int and type(high) is int:
        return low, high
    return low - abs(low) * _SLACK, high + abs(high) * _SLACK


def _no_zero(function: Callable[[Range, Range], _Bounds]) -> Callable[[Range, Range], _Bounds]:
    return lambda left, right: None if right.low <= 0 <= right.high else function(left, right)


def _floored(left: Range, right: Range) -> _Bounds:
    quotient = _corners(lambda a, b: a // b)(left, right)
    if quotient is None or left.kind == right.kind == "int":
        return quotient
    return quotient[0] - 1, quotient[1] + 1


def _remainder(left: Range, right: Range) -> _Bounds:
    if left.low >= 0 and left.high < right.low:
        return left.low, left.high
    one = 1 if left.kind == right.kind == "int" else 0
    return (0, right.high - one) if right.low > 0 else (right.low + one, 0)


def _power(base: Range, exponent: Range) -> _Bounds:
    if base.kind != "float" and exponent.kind != "float" and exponent.low >= 0:
        if exponent.high > 64 and (base.low < -1 or base.high > 1):
            return None
        most = max(abs(base.low), abs(base.high), 1) ** exponent.high
        if base.low >= 0:
            return (0 if base.low == 0 else base.low**exponent.low), most
        even = exponent.single and exponent.low % 2 == 0
        return (0 if even else -most), most
    power = _corners(lambda a, b: float(a) ** float(b))
    if base.low > 0 or (base.low == 0 and exponent.low >= 0):
        return power(base, exponent)
    if exponent.kind == "float" or (base.low <= 0 <= base.high and exponent.low < 0):
        return None
    sizes = [abs(base.low), abs(base.high)]
    least = 0 if base.low <= 0 <= base.high else min(sizes)
    result = power(Range(least, max(sizes), "float"), exponent)
    return None if result is None else (-result[1], result[1])


_ARITHMETIC: dict[str, Callable[[Range, Range], _Bounds]] = {
    "+": _corners(lambda a, b: a + b),
    "-": _corners(lambda a, b: a - b),
    "*": _corners(lambda a, b: a * b),
    "/": _no_zero(_corners(lambda a, b: a / b)),
    "//": _no_zero(_floored),
    "%": _no_zero(_remainder),
    "**": _power,
}


def _growing(function: Callable[[Any], Any], least: float = -_MOST, most: float = _MOST) -> Callable[[Range], _Bounds]:
    """The bounds of a function that grows, which has results between two numbers."""
    return lambda x: _wide(function(x.low), function(x.high)) if x.within(least, most) else None


def _absolute(x: Range) -> _Bounds:
    sizes = abs(x.low), abs(x.high)
    return (0 if x.low <= 0 <= x.high else min(sizes)), max(sizes)


def _wave(x: Range) -> _Bounds:
    return (-1.0, 1.0) if x.within(-_MOST, _MOST) else None


_TINY = 5e-324

_FUNCTIONS: dict[str, Callable[..., _Bounds]] = {
    "abs": _absolute,
    "ceil": _growing(math.ceil),
    "cos": _wave,
    "exp": _growing(math.exp, -_MOST, 600.0),
    "floor": _growing(math.floor),
    "log": _growing(math.log, _TINY),
    "log2": _growing(math.log2, _TINY),
    "max": lambda *given: (max(range.low for range in given), max(range.high for range in given)),
    "min": lambda *given: (min(range.low for range in given), min(range.high for range in given)),
    "round": _growing(round),
    "sign": lambda x: ((x.low > 0) - (x.low < 0), (x.high > 0) - (x.high < 0)),
    "sin": _wave,
    "sqrt": _growing(math.sqrt, 0.0),
}
