"""Random expressions over a few names, and numbers for the names."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from netdsl.symbolic import Apply, Const, Expr, Ref, Unknown, evaluate

NAMES = tuple(Ref(name, "parameter", name) for name in ("a", "b", "c"))
VALUES = st.fixed_dictionaries({name.declaration: st.integers(-6, 30) for name in NAMES})

_ARITHMETIC = ("+", "-", "*", "//", "%", "min", "max")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def _numbers(depth: int) -> st.SearchStrategy[Expr]:
    leaves: st.SearchStrategy[Expr] = st.sampled_from(NAMES) | st.builds(Const, st.integers(-3, 8))
    if depth == 0:
        return leaves
    inner = _numbers(depth - 1)
    return (
        leaves
        | st.builds(_apply, st.sampled_from(_ARITHMETIC), inner, inner)
        | st.builds(_apply, st.just("**"), inner, st.builds(Const, st.integers(0, 3)))
        | st.builds(_apply, st.just("neg"), inner)
        | st.builds(_apply, st.just("if"), _truths(depth - 1), inner, inner)
        | st.builds(lambda items, at: Apply("index", (Apply("list", tuple(items)), Const(at))), *_list_and_index(inner))
    )


def _list_and_index(inner: st.SearchStrategy[Expr]) -> tuple[st.SearchStrategy[list[Expr]], st.SearchStrategy[int]]:
    return st.lists(inner, min_size=1, max_size=3), st.integers(-1, 0)


def _truths(depth: int) -> st.SearchStrategy[Expr]:
    numbers = _numbers(max(depth - 1, 0))
    leaves: st.SearchStrategy[Expr] = st.builds(Const, st.booleans())
    compared = st.builds(_apply, st.sampled_from(_COMPARISONS), numbers, numbers)
    if depth <= 0:
        return leaves | compared
    inner = _truths(depth - 1)
    joined = st.builds(_apply, st.sampled_from(("and", "or")), inner, inner)
    return leaves | compared | joined | st.builds(_apply, st.just("not"), inner)


def _apply(op: str, *operands: Expr) -> Expr:
    return Apply(op, operands)


EXPRESSIONS = _numbers(3)
TRUTHS = _truths(3)


def value(expr: Expr, values: dict[str, Any]) -> Any:
    """What an expression is worth, with its kind; None where it has no value."""
    try:
        found = evaluate(expr, lambda ref: values[ref.declaration])
    except Unknown:
        return None
    return type(found), found


def divides_evenly(expr: Expr, values: dict[str, Any]) -> bool:
    """Whether each `//` in it, in arms that are not taken too, leaves no remainder."""
    if not isinstance(expr, Apply):
        return True
    if expr.op == "//":
        remainder = value(Apply("%", expr.operands), values)
        if remainder is None or remainder[1] != 0:
            return False
    return all(divides_evenly(operand, values) for operand in expr.operands)
