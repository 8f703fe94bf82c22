"""What formulas are made of."""

from __future__ import annotations

from typing import Any

from netdsl.syntax import tree

FORMULA_FUNCTIONS = frozenset(
    ("abs", "ceil", "cos", "exp", "floor", "log", "log2", "max", "min", "round", "sign", "sin", "sqrt")
)
"""Functions that a formula may apply to its indices."""


def parts_of(expr: Any) -> list[Any]:
    """What an expression is made of."""
    if isinstance(expr, tree.Unary):
        return [expr.operand]
    if isinstance(expr, tree.Binary):
        return [expr.left, expr.right]
    if isinstance(expr, tree.Conditional):
        return [expr.test, expr.then, expr.otherwise]
    if isinstance(expr, tree.Call):
        return [argument.value for argument in expr.args]
    if isinstance(expr, tree.Sequence):
        return list(expr.items)
    if isinstance(expr, tree.Attribute | tree.Slice):
        return [expr.base]
    return list(expr.indices) if isinstance(expr, tree.Index) else []


def names_of(expr: Any) -> set[str]:
    """Every bare name in a formula."""
    names: set[str] = set()
    stack = [expr]
    while stack:
        item = stack.pop()
        if isinstance(item, tree.Name):
            names.add(item.id)
        stack.extend(parts_of(item))
    return names


def is_leaf(expr: Any) -> bool:
    """Whether a part is no arithmetic of other parts: a name, a size, a list or what is read from one."""
    if isinstance(expr, tree.Binary):
        return expr.op in ("in", "not in")
    if isinstance(expr, tree.Call):
        return not (
            isinstance(expr.function, tree.Name)
            and expr.function.id in FORMULA_FUNCTIONS
            and not any(isinstance(argument.value, tree.Pipeline) for argument in expr.args)
        )
    return not isinstance(expr, tree.Unary | tree.Conditional)
