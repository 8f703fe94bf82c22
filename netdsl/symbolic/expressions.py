"""Expressions: values, names, and operators applied to them, however they were written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from netdsl.symbolic.operations import OPERATIONS

RefKind = Literal["parameter", "let", "loop variable", "axis", "figure", "hole", "carried"]


@dataclass(frozen=True, slots=True)
class Const:
    """A value that no name stands for."""

    value: Any


@dataclass(frozen=True, slots=True)
class Ref:
    """A name: `declaration` is what declares it, the same object in all uses of a block.

    For a parameter, a `let` or a loop variable it is the piece of syntax; for an axis of what a block is given it is
    `("axis", formal, axis, axes)`: the number of the formal, of its axis, and how many axes it has. Such a `name` is
    the axis's usual one (`channels`, `height`, `features`). For a figure of a budget it tells which of what part, for
    a hole (generalise.py) it is its number.
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


def apply(op: str, *operands: Expr) -> Expr:
    """The expression of an operation: `Apply`, with constants folded and neutral elements left out."""
    if all(isinstance(operand, Const) for operand in operands) and op in _COMPUTED:
        try:
            return Const(_COMPUTED[op](*(operand.value for operand in operands if isinstance(operand, Const))))
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


_COMPUTED: dict[str, Callable[..., Any]] = {
    **{op: OPERATIONS[op] for op in ("+", "-", "*", "/", "//", "%")},
    "neg": lambda a: -a,
}
"""What `apply` computes; powers and comparisons stay as they were written."""


def collected(left: Expr, right: Expr) -> Expr | None:
    """`a + 2 * b` for `a + b` and `b` once more: what grows step by step would have as many terms as steps."""
    if isinstance(right, Const):
        return None
    once_more = _once_more(left, right)
    if once_more is None and isinstance(left, Apply) and left.op == "+":
        inner = _once_more(left.operands[1], right)
        return None if inner is None else Apply("+", (left.operands[0], inner))
    return once_more


def _once_more(times: Expr, expr: Expr) -> Expr | None:
    """`2 * b` for `b` and `b`, `3 * b` for `2 * b` and `b`."""
    if times == expr:
        return Apply("*", (Const(2), expr))
    if isinstance(times, Apply) and times.op == "*" and times.operands[1] == expr:
        factor = times.operands[0]
        if isinstance(factor, Const) and type(factor.value) is int:
            return Apply("*", (Const(factor.value + 1), expr))
    return None


def substitute(expr: Expr, values: Mapping[Any, Expr]) -> Expr:
    """The expression with each name whose declaration `values` has replaced."""
    if isinstance(expr, Ref):
        return values.get(expr.declaration, expr)
    if isinstance(expr, Apply):
        operands = tuple(substitute(operand, values) for operand in expr.operands)
        if operands == expr.operands:
            return expr
        return (collected(*operands) if expr.op == "+" else None) or apply(expr.op, *operands)
    return expr


def refs(expr: Expr) -> list[Ref]:
    """Every name (`Ref`) in an expression, in the order of the text, each once."""
    refs: dict[Any, Ref] = {}
    stack = [expr]
    while stack:
        item = stack.pop()
        if isinstance(item, Ref):
            refs.setdefault(item.declaration, item)
        elif isinstance(item, Apply):
            stack.extend(reversed(item.operands))
    return list(refs.values())


_OF_LISTS = frozenset(("index", "slice", "in", "not in", "len", "sum", "enumerate", "zip", "reversed"))


def lists(expr: Expr) -> list[Ref]:
    """The names (`Ref`s) in an expression that it reads item by item."""
    refs: dict[Any, Ref] = {}
    stack = [expr]
    while stack:
        item = stack.pop()
        if isinstance(item, Apply):
            stack.extend(item.operands)
            if item.op in _OF_LISTS or (item.op in ("min", "max") and len(item.operands) == 1):
                refs.update((operand.declaration, operand) for operand in item.operands if isinstance(operand, Ref))
    return list(refs.values())


def size_of(expr: Expr) -> int:
    """Operators, names and values in it: how much there is to read."""
    return expr.size if isinstance(expr, Apply) else 1
