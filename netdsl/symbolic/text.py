"""Expressions as text, in the syntax of the language."""

from __future__ import annotations

from netdsl.symbolic.expressions import Apply, Const, Expr, Ref
from netdsl.symbolic.numbers import plain
from netdsl.symbolic.operations import COMPARISONS, OPERATIONS

_BETWEEN = frozenset((*OPERATIONS, *COMPARISONS, "in", "not in", "and", "or"))


def text_of(expr: Expr) -> str:
    """The expression as the author would write it, with parentheses around all that is in another."""
    return _text(expr, inner=False)


def _text(expr: Expr, *, inner: bool = True) -> str:
    if isinstance(expr, Ref):
        return expr.name
    if isinstance(expr, Const):
        return text_of_value(plain(expr.value))
    operands = [_text(operand) for operand in expr.operands]
    if expr.op in _BETWEEN and len(operands) == 2:
        made = f"{operands[0]} {expr.op} {operands[1]}"
        return f"({made})" if inner else made
    if expr.op == "if":
        made = f"{operands[1]} if {operands[0]} else {operands[2]}"
        return f"({made})" if inner else made
    if expr.op in ("list", "size"):
        return f"[{', '.join(operands)}]"
    if expr.op == "index":
        return operands[0] + "".join(f"[{operand}]" for operand in operands[1:])
    return _called(expr, operands)


def _called(expr: Apply, operands: list[str]) -> str:
    signs = {"neg": "-", "not": "not "}
    return f"{signs[expr.op]}{operands[0]}" if expr.op in signs else f"{expr.op}({', '.join(operands)})"


def text_of_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return f"[{', '.join(map(text_of_value, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
