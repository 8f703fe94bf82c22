"""Where a number came from: whole numbers and fractions that remember the expression that gave them.

When a graph is elaborated with `traced = True`, every number that a parameter, a `let`, a loop variable or an axis of
`in` gave is a `TracedInt` or `TracedFloat`: an ordinary number, on which shape rules run unchanged, with an `Expr`
in terms of the names of the block that it stands in. That is what lets a backend write
`nn.Conv2d(in_channels, expansion * growth)` rather than the numbers of one use.

An `Expr` is a claim, to be checked: `evaluate` it with the names' values of every use before it is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from netdsl.ops.values import Window

RefKind = Literal["parameter", "let", "loop variable", "axis"]


@dataclass(frozen=True, slots=True)
class Const:
    """A value that no name stands for."""

    value: Any


@dataclass(frozen=True, slots=True)
class Ref:
    """A name: `declaration` is what declares it, the same object in all uses of a block.

    For a parameter, a `let` or a loop variable it is the syntax node (tree.Parameter, tree.NamePattern); for an axis
    of what a block is given it is `("axis", formal, axis, axes)`: the number of the formal, of its axis, and how many
    axes it has. Such a `name` is the axis's usual one (`channels`, `height`, `features`).
    """

    name: str
    kind: RefKind
    declaration: Any


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator or function applied: `+ - * / // % **`, `neg`, comparisons, `and`, `or`, `not`, `in`, `not in`, `if`
    (test, then, otherwise), `index` (list, index), `slice` (list, start, stop), `list` (items), `window` (kernel,
    stride), `kernel` and `stride` (window), or the name of a function of the language."""

    op: str
    operands: tuple[Expr, ...]
    size: int = field(init=False, compare=False, repr=False)
    """Names, values and operators in it."""

    def __post_init__(self) -> None:
        sizes = [operand.size if isinstance(operand, Apply) else 1 for operand in self.operands]
        object.__setattr__(self, "size", 1 + sum(sizes))


Expr: TypeAlias = Const | Ref | Apply


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


MOST_READ = 100
"""The size of the largest expression that is kept. What a net's sizes are after many layers nobody would write as an
expression of the input's; without a bound they would grow with the depth of the network."""


def traced(value: Any, expr: Expr) -> Any:
    """The value with an expression, if it is a number; else the value itself."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(expr, Const) or (isinstance(expr, Apply) and expr.size > MOST_READ):
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


def apply(op: str, *operands: Expr) -> Expr:
    """`Apply`, with constants folded and neutral elements left out."""
    if all(isinstance(operand, Const) for operand in operands) and op in _ARITHMETIC:
        try:
            return Const(_ARITHMETIC[op](*(operand.value for operand in operands if isinstance(operand, Const))))
        except (ArithmeticError, TypeError, ValueError):
            return Apply(op, operands)
    if len(operands) == 2:
        left, right = operands
        if op == "+" and _is(left, 0):
            return right
        if op in ("+", "-") and _is(right, 0):
            return left
        if op == "*" and _is(left, 1):
            return right
        if op in ("*", "//", "**") and _is(right, 1):
            return left
    return Apply(op, operands)


def _is(expr: Expr, number: int) -> bool:
    return isinstance(expr, Const) and type(expr.value) is int and expr.value == number


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "/": lambda a, b: a / b,
    "neg": lambda a: -a,
}


def substitute(expr: Expr, values: Mapping[Any, Expr]) -> Expr:
    """The expression with each name whose declaration `values` has replaced."""
    if isinstance(expr, Ref):
        return values.get(expr.declaration, expr)
    if isinstance(expr, Apply):
        operands = tuple(substitute(operand, values) for operand in expr.operands)
        return expr if operands == expr.operands else apply(expr.op, *operands)
    return expr


def refs(expr: Expr) -> set[Ref]:
    """Every name in an expression."""
    found: set[Ref] = set()
    stack = [expr]
    while stack:
        each = stack.pop()
        if isinstance(each, Ref):
            found.add(each)
        elif isinstance(each, Apply):
            stack.extend(each.operands)
    return found


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
        return traced(compute(self, other), apply(op, self.expr, expr_of(other)))

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
