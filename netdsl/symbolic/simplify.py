"""Shorter expressions of the same value.

For whole numbers, wherever the longer expression has a value, so has the shorter one, and the same; fractions may
differ in their last digit, where sums are put together. One rule needs more: `(a // b) * b` is taken to be `a` where
`b` is a name, since shape rules see to it that heads and groups divide what they divide. A stride, which is a number as
a rule, leaves a rest.
"""

from __future__ import annotations

from collections.abc import Callable

from netdsl.symbolic.evaluate import Unknown, compute
from netdsl.symbolic.expressions import Apply, Const, Expr, Ref
from netdsl.symbolic.numbers import plain


def fold(expr: Expr, known: Callable[[Ref], Expr | None]) -> Expr:
    """The expression with what `known` tells put in place of names, and all that is then known computed."""
    if isinstance(expr, Ref):
        bound = known(expr)
        return expr if bound is None or bound == expr else fold(bound, known)
    if isinstance(expr, Const):
        value = plain(expr.value)
        return expr if value is expr.value else Const(value)
    operands = [fold(operand, known) for operand in expr.operands]
    return simplify(expr.op, operands)


def simplify(op: str, operands: list[Expr]) -> Expr:
    """The expression of `Apply`, computed where all operands are known, without neutral elements and dead arms."""
    first = operands[0] if operands else None
    if op == "if" and isinstance(first, Const):
        return operands[1] if first.value else operands[2]
    if op == "if" and operands[1] == operands[2]:
        return operands[1]
    if op in ("and", "or") and isinstance(first, Const):
        return first if bool(first.value) == (op == "or") else operands[1]
    if op in ("and", "or") and isinstance(operands[1], Const):
        neutral = bool(operands[1].value) == (op == "and")
        return operands[0] if neutral else operands[1]
    if all(isinstance(operand, Const) for operand in operands):
        try:
            return Const(plain(compute(op, [operand.value for operand in operands if isinstance(operand, Const)])))
        except Unknown:
            return Apply(op, tuple(operands))
    if op == "round_to" and isinstance(first, Apply) and first.op == op and first.operands[1] == operands[1]:
        return first
    if op == "index" and isinstance(first, Apply) and first.op == "list" and isinstance(operands[1], Const):
        item: Expr = first.operands[operands[1].value]
        return item
    if op == "kernel" and isinstance(first, Apply) and first.op == "window":
        return first.operands[0]
    if op == "stride" and isinstance(first, Apply) and first.op == "window":
        return first.operands[1]
    if len(operands) == 2:
        left, right = operands
        if op == "+":
            if _is(left, 0):
                return right
            if _is(right, 0):
                return left
            if left == right:
                return Apply("*", (Const(2), left))
            if isinstance(left, Apply) and left.op == "*" and left.operands[1] == right and _number(left.operands[0]):
                return Apply("*", (Const(left.operands[0].value + 1), right))  # type: ignore[union-attr]
            # (a + 1) + 2 is a + 3.
            if _number(right) and isinstance(left, Apply) and left.op in "+-" and _number(left.operands[1]):
                offset = left.operands[1].value if left.op == "+" else -left.operands[1].value  # type: ignore[union-attr]
                return _plus(left.operands[0], offset + right.value)  # type: ignore[union-attr]
        if op in _MIRRORED:
            shifted = _without_offset(left, right) or _without_offset(right, left)
            if shifted is not None:
                return simplify(op if _number(right) else _MIRRORED[op], list(shifted))
        if op == "-":
            if _is(right, 0):
                return left
            if left == right:
                return Const(0)
            if _number(right) and isinstance(left, Apply) and left.op in "+-" and _number(left.operands[1]):
                offset = left.operands[1].value if left.op == "+" else -left.operands[1].value  # type: ignore[union-attr]
                return _plus(left.operands[0], offset - right.value)  # type: ignore[union-attr]
        if op == "*":
            if _is(left, 1):
                return right
            if _is(right, 1):
                return left
            if _is(left, 0) or _is(right, 0):
                return Const(0)
        if op in ("//", "**") and _is(right, 1):
            return left
        if op in ("//", "%") and _is(left, 0):
            return Const(0)
        if op == "**" and _is(right, 0):
            return Const(1)
        if op == "//" and isinstance(left, Apply) and left.op == "*":
            # (4 * a) // 4 is a, and (3 * a) // (3 * b) is a // b.
            for one, other in (left.operands, left.operands[::-1]):
                if one == right:
                    return other
                if isinstance(right, Apply) and right.op == "*" and right.operands[0] == one:
                    return simplify("//", [other, right.operands[1]])
        if op == "*" and _number(left) and isinstance(right, Apply) and right.op == "*" and _number(right.operands[0]):
            # 4 * (64 * a) is 256 * a.
            return simplify("*", [Const(left.value * right.operands[0].value), right.operands[1]])  # type: ignore[union-attr]
        if op == "*":
            # (a // b) * b is a where b divides a, which shape rules see to for heads and groups.
            for one, other in ((left, right), (right, left)):
                if isinstance(one, Apply) and one.op == "//" and one.operands[1] == other and isinstance(other, Ref):
                    return one.operands[0]
    return Apply(op, tuple(operands))


_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">=": "<=", ">": "<", "<=": ">="}

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}


def negation(expr: Expr) -> Expr:
    """The expression of the opposite of a condition: `a != b or c` for `a == b and not c`."""
    if isinstance(expr, Apply):
        if expr.op in _OPPOSITE:
            return Apply(_OPPOSITE[expr.op], expr.operands)
        if expr.op in ("and", "or"):
            return Apply("or" if expr.op == "and" else "and", tuple(map(negation, expr.operands)))
        if expr.op == "not":
            return expr.operands[0]
    return simplify("not", [expr])


def _without_offset(sum_: Expr, number: Expr) -> tuple[Expr, Expr] | None:
    """`n` and `1` for `n - 1`, which is compared with `0`."""
    if not isinstance(sum_, Apply) or sum_.op not in "+-" or len(sum_.operands) != 2:
        return None
    term, offset = sum_.operands
    if not isinstance(number, Const) or not isinstance(offset, Const) or not (_number(number) and _number(offset)):
        return None
    return term, Const(number.value - offset.value if sum_.op == "+" else number.value + offset.value)


def _plus(expr: Expr, offset: int) -> Expr:
    if offset == 0:
        return expr
    return Apply("+", (expr, Const(offset))) if offset > 0 else Apply("-", (expr, Const(-offset)))


def _number(expr: Expr) -> bool:
    return isinstance(expr, Const) and type(expr.value) is int


def _is(expr: Expr, number: int) -> bool:
    return isinstance(expr, Const) and type(expr.value) is int and expr.value == number
