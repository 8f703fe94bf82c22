"""What a variable that loops carry on is worth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from netdsl.lower.classes.carried import Carried, Held, Stale, filled
from netdsl.lower.programs.align import Case
from netdsl.symbolic import Apply, Const, Ref


def case() -> Case:
    return Case(cast("Any", SimpleNamespace(names=None)))


WIDTH = Ref("width", "parameter", "width")
ONE, OTHER = case(), case()


def test_it_gives_the_size_of_the_next_value_and_nothing_else() -> None:
    carried = Carried("channels", {ONE: Held(4, WIDTH)})
    assert carried.claims({ONE: 4}, {ONE: WIDTH}, "in_channels") == carried.ref
    assert carried.claims({OTHER: 4}, {OTHER: WIDTH}, "in_channels") is None
    with pytest.raises(Stale):
        carried.claims({ONE: 5}, {ONE: WIDTH}, "in_channels")


def test_behind_the_sequence_only_what_comes_from_the_same_expression_is_taken_for_it() -> None:
    carried = Carried("channels", {ONE: Held(4, WIDTH)}, within=False)
    assert carried.claims({ONE: 4}, {ONE: Const(4)}, "in_channels") is None
    assert carried.claims({ONE: 4}, {ONE: WIDTH}, "in_channels") == carried.ref
    twice = Apply("*", (WIDTH, Const(2)))
    assert carried.claims({ONE: 8}, {ONE: twice}, "in_channels") == Apply("*", (carried.ref, Const(2)))


def test_numbers_that_differ_are_variables_of_loops() -> None:
    n = Ref("n", "loop variable", "n")
    exprs = {ONE: Apply("+", (WIDTH, Const(6))), OTHER: Apply("+", (WIDTH, Const(12)))}
    assert filled(exprs, {"n": (n, {ONE: 6, OTHER: 12})}) == Apply("+", (WIDTH, n))
    assert filled(exprs, {"n": (n, {ONE: 6, OTHER: 13})}) is None
