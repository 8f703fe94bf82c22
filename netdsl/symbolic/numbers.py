"""Numbers that remember the expression that gave them: ordinary ones, on which shape rules run unchanged.

When a graph is elaborated with `traced = True`, every number that a parameter, a `let`, a loop variable or an axis of
`in` gave is a `TracedInt` or `TracedFloat`, with an expression in terms of the names of the block that it stands in.
That is what lets a backend write `nn.Conv2d(in_channels, expansion * growth)` rather than the numbers of one use.

Such an expression is a claim, to be checked: it is evaluated with the names' values of every use before it is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdsl.symbolic.expressions import Apply, Const, Expr, apply, collected
from netdsl.values.literals import Window


class TracedInt(int):
    """A whole number with the expression that gave it."""

    expr: Expr

    def __new__(cls, value: int, expr: Expr) -> TracedInt:
        self = super().__new__(cls, value)
        self.expr = expr
        return self


class TracedFloat(float):
    """A number with a fraction, with the expression that gave it."""

    expr: Expr

    def __new__(cls, value: float, expr: Expr) -> TracedFloat:
        self = super().__new__(cls, value)
        self.expr = expr
        return self


MAX_READ = 100
"""The size of the largest expression that is kept. What a net's sizes are after many layers nobody would write as an
expression of the input's; without a bound they would grow with the depth of the network."""


def traced(value: Any, expr: Expr) -> Any:
    """The value with an expression, if it is a number; else the value itself."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(expr, Const) or (isinstance(expr, Apply) and expr.size > MAX_READ):
        return plain(value)
    return TracedInt(int(value), expr) if isinstance(value, int) else TracedFloat(float(value), expr)


def expr_of(value: Any) -> Expr:
    """The expression that a value remembers, else the value itself as a constant."""
    if isinstance(value, TracedInt | TracedFloat):
        return value.expr
    return Const(value)


def plain(value: Any) -> Any:
    """The value without what it remembers, lists and all."""
    if isinstance(value, TracedInt):
        return int(value)
    if isinstance(value, TracedFloat):
        return float(value)
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(plain, value))
    if isinstance(value, Window):
        return Window(plain(value.kernel), plain(value.stride))
    return value


def _binary(op: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    plain_int: Callable[..., Any] = getattr(int, _DUNDERS[op])
    plain_float: Callable[..., Any] = getattr(float, _DUNDERS[op])

    def compute(left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            return plain_int(int(left), int(right))
        return plain_float(float(left), float(right))

    def forward(self: Any, other: Any) -> Any:
        if isinstance(other, bool) or not isinstance(other, int | float):
            return NotImplemented
        right = expr_of(other)
        found = collected(self.expr, right) if op == "+" and isinstance(other, int) else None
        return traced(compute(self, other), found or apply(op, self.expr, right))

    def backward(self: Any, other: Any) -> Any:
        if isinstance(other, bool) or not isinstance(other, int | float):
            return NotImplemented
        return traced(compute(other, self), apply(op, expr_of(other), self.expr))

    return forward, backward


_DUNDERS = {"+": "__add__", "-": "__sub__", "*": "__mul__", "//": "__floordiv__", "%": "__mod__", "/": "__truediv__"}


def _negate(self: Any) -> Any:
    return traced(-plain(self), apply("neg", self.expr))


for _op, _name in _DUNDERS.items():
    _forward, _backward = _binary(_op)
    for _type in (TracedInt, TracedFloat):
        setattr(_type, _name, _forward)
        setattr(_type, _name.replace("__", "__r", 1), _backward)
for _type in (TracedInt, TracedFloat):
    setattr(_type, "__neg__", _negate)  # noqa: B010 - alike for both classes
