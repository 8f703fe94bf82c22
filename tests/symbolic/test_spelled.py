"""Fractions of many digits as the arithmetic that they came from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.symbolic import Apply, Const, Expr, Ref, evaluate
from netdsl.symbolic.spelled import is_long, spelled

DROP = Ref("drop", "parameter", "drop")
VALUES: dict[str, Any] = {"drop": 0.2, "third": 1 / 3}


def behind(ref: Ref) -> Expr:
    return Const(VALUES[ref.name])


def test_what_is_long() -> None:
    assert is_long(0.1 * 3)
    assert not any(map(is_long, (0.1, 1e-5, 123456.0, 12345678, True, "0.12345678", 1e300)))


def test_whole_numbers_are_computed_and_fractions_are_not() -> None:
    expr = Apply("/", (Apply("*", (DROP, Apply("+", (Const(2), Const(1))))), Const(16)))
    value = 0.2 * 3 / 16
    assert spelled(expr, value, behind) == Apply("/", (Apply("*", (Const(0.2), Const(3))), Const(16)))


@pytest.mark.parametrize(
    "expr",
    [
        Ref("third", "let", "third"),  # a number is no arithmetic
        Apply("*", (Ref("third", "let", "third"), Const(2))),  # of many digits itself
        Apply("round_to", (Const(0.7), Const(3))),  # a helper that a file would have to define
    ],
)
def test_what_is_no_shorter_stays_a_number(expr: Expr) -> None:
    assert spelled(expr, float(evaluate(expr, lambda ref: VALUES[ref.name])), behind) is None


def test_arithmetic_that_gives_something_else_is_not_taken() -> None:
    assert spelled(Apply("/", (DROP, Const(7))), 0.123456789, behind) is None


NUMBERS = st.one_of(st.integers(-40, 40), st.sampled_from((0.5, 0.25, 0.1, 1.5)))


def _deeper(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.builds(lambda op, a, b: Apply(op, (a, b)), st.sampled_from("+-*/"), inner, inner)


@given(st.recursive(NUMBERS.map(Const), _deeper, max_leaves=5))
def test_what_is_spelled_has_the_value_to_the_last_bit(expr: Expr) -> None:
    try:
        value = evaluate(expr, behind)
    except Exception:  # such as a division by zero, which has no value to spell
        return
    made = spelled(expr, value, behind) if isinstance(value, float) else None
    if made is not None:
        assert evaluate(made, behind) == value
