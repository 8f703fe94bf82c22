"""Laws of expressions: what is shorter is worth the same, and what is general has each as an instance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from netdsl.symbolic import (
    Apply,
    Const,
    Expr,
    Ref,
    apply,
    fold,
    negation,
    refs,
    simplify,
    size_of,
    substitute,
)
from netdsl.symbolic.generalise import generalise
from netdsl.symbolic.normal import same
from tests.symbolic.expressions import EXPRESSIONS, NAMES, TRUTHS, VALUES, divides_evenly, value

A, B, _ = NAMES


def _unknown(ref: Ref) -> Expr | None:
    return None


@given(EXPRESSIONS, VALUES)
@example(Apply("*", (Apply("//", (A, B)), B)), {"a": 12, "b": 4, "c": 0})
@example(Apply("//", (Apply("*", (A, Const(3))), Apply("*", (A, B)))), {"a": -2, "b": 2, "c": 0})
@example(Apply("-", (Apply("+", (A, Const(3))), Const(5))), {"a": 1, "b": 0, "c": 0})
def test_what_is_folded_is_worth_the_same(expr: Expr, values: dict[str, Any]) -> None:
    assume(value(expr, values) is not None and divides_evenly(expr, values))
    folded = fold(expr, _unknown)
    assert value(folded, values) == value(expr, values)
    assert size_of(folded) <= size_of(expr)


@given(EXPRESSIONS, VALUES)
def test_what_is_folded_without_divisions_is_worth_the_same(expr: Expr, values: dict[str, Any]) -> None:
    """Nothing is taken for granted then."""
    assume(value(expr, values) is not None and not _has(expr, "//"))
    assert value(fold(expr, _unknown), values) == value(expr, values)


def _has(expr: Expr, op: str) -> bool:
    return isinstance(expr, Apply) and (expr.op == op or any(_has(operand, op) for operand in expr.operands))


@given(TRUTHS, VALUES)
def test_conditions_and_their_opposites(expr: Expr, values: dict[str, Any]) -> None:
    assume(value(expr, values) is not None)
    assert value(negation(expr), values) == value(Apply("not", (expr,)), values)
    if divides_evenly(expr, values):
        assert value(fold(expr, _unknown), values) == value(expr, values)


@given(EXPRESSIONS, VALUES)
def test_what_is_known_of_all_names_is_computed(expr: Expr, values: dict[str, Any]) -> None:
    assume(value(expr, values) is not None and divides_evenly(expr, values))
    folded = fold(expr, lambda ref: Const(values[ref.declaration]))
    assert isinstance(folded, Const)
    assert (type(folded.value), folded.value) == value(expr, values)


@given(EXPRESSIONS, VALUES, EXPRESSIONS)
def test_a_name_is_worth_what_is_put_in_its_place(expr: Expr, values: dict[str, Any], other: Expr) -> None:
    replaced = value(other, values)
    assume(replaced is not None)
    put = value(substitute(expr, {A.declaration: other}), values)
    inner = value(expr, {**values, A.declaration: replaced[1]})
    assert inner is None or put == inner


@given(st.lists(EXPRESSIONS, min_size=1, max_size=4))
@example([Apply("+", (A, Const(1))), Apply("+", (B, Const(2)))])
@example([Const(1), Const(True), Const(1.0)])
def test_each_is_an_instance_of_what_is_general(exprs: list[Expr]) -> None:
    general = generalise(exprs)
    for number, expr in enumerate(exprs):
        assert repr(general.instance(number)) == repr(expr)
    used = {ref.declaration for ref in refs(general.expr) if ref.kind == "hole"}
    assert used == set(range(len(general.holes)))
    # No hole is more general than it must be: what stands in it does not begin alike everywhere.
    for filling in general.holes:
        kinds = {(each.op, len(each.operands)) if isinstance(each, Apply) else repr(each) for each in filling}
        assert len(kinds) > 1


C = NAMES[2]
SUM = Apply("+", (A, B))
ALIKE = [
    (Apply("*", (SUM, C)), Apply("+", (Apply("*", (C, B)), Apply("*", (A, C))))),
    (Apply("-", (Apply("+", (SUM, B)), A)), Apply("*", (Const(2), B))),
    (Apply("max", (SUM, C)), Apply("max", (Apply("+", (B, A)), C))),
    (Apply("list", (SUM, Apply("+", (B, A)))), SUM),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_sums_and_products_in_another_order_are_the_same(one: Expr, other: Expr) -> None:
    assert same(one, other)
    assert not same(Apply("+", (one, A)), Apply("+", (other, B)))
    assert not same(Apply("//", (one, A)), Apply("//", (A, one)))


def test_numbers_of_another_kind_are_not_the_same() -> None:
    assert not any(same(Const(one), Const(other)) for one, other in [(1, True), (1, 1.0), (2, 3), (0.0, False)])


@given(EXPRESSIONS, EXPRESSIONS, VALUES)
def test_what_is_the_same_is_worth_the_same(one: Expr, other: Expr, values: dict[str, Any]) -> None:
    for left, right in [(one, other), (Apply("*", (one, other)), Apply("*", (other, one))), (one, fold(one, _unknown))]:
        assume(value(left, values) is not None and value(right, values) is not None and divides_evenly(left, values))
        assert not same(left, right) or value(left, values) == value(right, values)


def test_equal_differences_are_one_hole() -> None:
    exprs = [Apply("+", (each, Apply("*", (each, Const(2))))) for each in (A, B)]
    hole = Ref("hole0", "hole", 0)
    assert generalise(exprs) == (Apply("+", (hole, Apply("*", (hole, Const(2))))), ((A, B),))


@pytest.mark.parametrize(
    ("expr", "shorter"),
    [
        (simplify("//", [Apply("*", (A, Const(4))), Const(4)]), A),
        (simplify("//", [Apply("*", (Const(3), A)), Apply("*", (Const(3), B))]), Apply("//", (A, B))),
        (simplify("+", [Apply("-", (A, Const(2))), Const(3)]), Apply("+", (A, Const(1)))),
        (simplify("+", [A, A]), Apply("*", (Const(2), A))),
        (simplify("if", [Apply("==", (A, B)), A, A]), A),
        (simplify("and", [Const(True), A]), A),
        (simplify("round_to", [Apply("round_to", (A, Const(8))), Const(8)]), Apply("round_to", (A, Const(8)))),
        (simplify("kernel", [Apply("window", (A, B))]), A),
        (simplify("//", [A, Const(0)]), Apply("//", (A, Const(0)))),
        (apply("+", Const(2), Const(3)), Const(5)),
        (apply("*", Const(1), A), A),
        (apply("//", Const(1), Const(0)), Apply("//", (Const(1), Const(0)))),
    ],
)
def test_what_becomes_of(expr: Expr, shorter: Expr) -> None:
    assert expr == shorter
