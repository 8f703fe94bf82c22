"""How tightly expressions bind: Python's grammar, loosest first."""

from __future__ import annotations

from netdsl_pytorch.python.nodes import Binary, Conditional, Constant, Expression, Row, Unary

TERNARY, OR, AND, NOT, COMPARE, UNION, SUM, PRODUCT, UNARY, POWER, ATOM = range(1, 12)

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"))

_OPERATORS = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(COMPARISONS, COMPARE),
    "|": UNION,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "//": PRODUCT,
    "%": PRODUCT,
    "@": PRODUCT,
    "**": POWER,
}


def level_of(expr: Expression) -> int:
    """How tightly an expression binds."""
    if isinstance(expr, Binary):
        return _OPERATORS[expr.op]
    if isinstance(expr, Conditional):
        return TERNARY
    if isinstance(expr, Unary):
        return NOT if expr.op == "not" else UNARY
    if isinstance(expr, Constant):
        return UNARY if is_negative(expr) else ATOM
    return level_of(expr.value) if isinstance(expr, Row) else ATOM


def left_level(op: str) -> int:
    """How tightly the left operand of an operator has to bind to need no parentheses."""
    level = _OPERATORS[op]
    return ATOM if level == POWER else SUM if level == COMPARE else level


def right_level(op: str) -> int:
    """Likewise the right operand."""
    level = _OPERATORS[op]
    return UNARY if level == POWER else SUM if level == COMPARE else level + 1


def is_negative(expr: Constant) -> bool:
    """Whether it is a number with a sign."""
    return type(expr.value) in (int, float) and expr.value < 0  # type: ignore[operator]
