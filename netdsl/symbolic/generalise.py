"""What several expressions have in common: the least general expression that each of them is an instance of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from netdsl.symbolic.expressions import Apply, Const, Expr, Ref


class General(NamedTuple):
    """An expression with holes, and for each hole what stands in it, expression by expression."""

    expr: Expr
    holes: tuple[tuple[Expr, ...], ...]

    def instance(self, number: int) -> Expr:
        """The expression that was given as that number."""
        return _filled(self.expr, [hole[number] for hole in self.holes])


def generalise(exprs: Sequence[Expr]) -> General:
    """The least general expression: what is equal stays, equal operators are gone into, all else is a hole, the same
    one wherever the expressions differ in the same way. None of them may have holes itself."""
    holes: dict[Hashable, tuple[Ref, tuple[Expr, ...]]] = {}
    expr = _general(tuple(exprs), holes)
    return General(expr, tuple(filling for _, filling in holes.values()))


def _general(exprs: tuple[Expr, ...], holes: dict[Hashable, tuple[Ref, tuple[Expr, ...]]]) -> Expr:
    key = tuple(map(_key, exprs))
    if len(set(key)) == 1:
        return exprs[0]
    applied = [expr for expr in exprs if isinstance(expr, Apply)]
    if len(applied) == len(exprs) and len({(expr.op, len(expr.operands)) for expr in applied}) == 1:
        pairs = zip(*(expr.operands for expr in applied), strict=True)
        return Apply(applied[0].op, tuple([_general(operands, holes) for operands in pairs]))
    number = len(holes)
    return holes.setdefault(key, (Ref(f"hole{number}", "hole", number), exprs))[0]


def _key(expr: Expr) -> Hashable:
    """What expressions that are the same have in common; `1`, `1.0` and `true` are not."""
    if isinstance(expr, Apply):
        return (expr.op, *map(_key, expr.operands))
    return _kinds(expr.value) if isinstance(expr, Const) else expr


def _kinds(value: Any) -> Hashable:
    return tuple(map(_kinds, value)) if type(value) is tuple else (type(value), value)


def _filled(expr: Expr, fillings: Sequence[Expr]) -> Expr:
    if isinstance(expr, Ref):
        filling: Expr = fillings[expr.declaration] if expr.kind == "hole" else expr
        return filling
    return (
        Apply(expr.op, tuple([_filled(operand, fillings) for operand in expr.operands]))
        if isinstance(expr, Apply)
        else expr
    )
