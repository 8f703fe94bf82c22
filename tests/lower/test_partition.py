"""Which uses share a class, and what their program is: a few lines in, a few lines out."""

from __future__ import annotations

import pytest

from netdsl.lower.programs.align import Disagree, MergedTurns
from netdsl.lower.programs.partition import Uses, aligned, grouped, partition
from tests.lower.lowering import outline, traces


def classes(text: str) -> list[tuple[str, int]]:
    """The definitions that become classes, each with how many uses it has."""
    return [(name(uses), len(uses.scopes)) for uses in partition(traces(text))]


def name(uses: Uses) -> str:
    return uses.scopes[0].name if uses.scopes[0].kind == "sequence" else uses.definition.name


def program(text: str, of: str) -> list[str]:
    return outline(next(uses.program for uses in partition(traces(text)) if name(uses) == of))


def test_all_uses_of_a_block_are_one_program() -> None:
    text = """
    block B(c) { conv(c, 3, padding = 1) -> relu() }
    net N() {
      input x: 3x8x8
      output y = B(4) -> B(8) -> B(16)
    }
    """
    assert classes(text) == [("B", 3), ("N", 1)]
    assert program(text, "B") == ["conv x3", "relu x3"]


def test_inner_classes_come_before_those_that_use_them() -> None:
    text = """
    block Inner(c) { conv(c, 1) }
    block Outer() { Inner(4) -> Inner(8) }
    net N() {
      input x: 3x8x8
      output y = Outer() -> Inner(2)
    }
    """
    assert classes(text) == [("Inner", 3), ("Outer", 1), ("N", 1)]


def test_uses_that_take_different_arms_are_one_program() -> None:
    text = """
    block B(c, wide) {
      if wide { conv(c, 3, padding = 1) } else { conv(c, 1) }
      relu()
    }
    net N() {
      input x: 3x8x8
      output y = B(4, wide = true) -> B(8, wide = false) -> B(8, wide = true)
    }
    """
    assert program(text, "B") == ["if, arms [0, 1] x3", "  0: conv x2", "  1: conv x1", "relu x3"]


def test_turns_of_all_uses_are_one_text() -> None:
    text = """
    block B(n) { repeat n { conv(4, 1) -> relu() } }
    net N() {
      input x: 4x8x8
      output y = B(2) -> B(3)
    }
    """
    assert program(text, "B") == ["loop of [2, 3] x2", "  conv x5", "  relu x5"]
    loop = next(uses for uses in partition(traces(text)) if name(uses) == "B").program[0]
    assert isinstance(loop, MergedTurns)
    with pytest.raises(Disagree, match="differently often"):
        loop.count  # noqa: B018


def test_uses_of_different_operators_are_one_step_that_tells_them_apart() -> None:
    text = """
    block B(act) { conv(4, 1) -> act() }
    net N() {
      input x: 4x8x8
      output y = B(relu) -> B(gelu)
    }
    """
    assert program(text, "B") == ["conv x2", "gelu or relu x2"]


def test_a_group_that_is_a_chain_is_no_class_and_one_with_branches_is() -> None:
    text = """
    net N() {
      input x: 4x8x8
      stem: { conv(4, 1) -> relu() }
      output y = body: { add { c: conv(4, 1); identity() } -> relu() }
    }
    """
    assert classes(text) == [("body", 1), ("N", 1)]
    assert program(text, "body") == [
        "add x1",
        "  branch x1",
        "    conv c x1",
        "  branch x1",
        "    identity x1",
        "relu x1",
    ]


def test_a_block_within_itself_is_a_class_for_each_level() -> None:
    text = """
    block Twice(inner) { inner() -> inner() }
    block Leaf() { conv(4, 1) }
    block Pair() { Twice(Leaf) }
    net N() {
      input x: 4x8x8
      output y = Twice(Pair)
    }
    """
    assert classes(text) == [("Leaf", 4), ("Twice", 2), ("Pair", 2), ("Twice", 1), ("N", 1)]


def test_uses_are_grouped_by_what_they_disagree_on() -> None:
    text = """
    block B(n) { conv(n, 1) }
    net N() {
      input x: 4x8x8
      output y = B(2) -> B(3) -> B(2)
    }
    """
    given = traces(text)
    uses = next(each for each in partition(given) if name(each) == "B")
    misfit = Disagree({case: case.instance.arguments["n"] for case in uses.cases}, "test")
    groups = grouped(uses.scopes, misfit)
    assert [[int(scope.arguments["n"]) for scope in group] for group in groups] == [[2, 2], [3]]
    assert outline(aligned(given, groups[0]).program) == ["conv x2"]
