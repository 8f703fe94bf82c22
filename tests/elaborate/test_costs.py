"""What small files cost: each construct, as often as a file has room for it, takes work in proportion to the file, and
what exceeds a limit says its name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from benchmarks._attacks import ATTACKS
from netdsl.analysis.budgets import check_budgets
from netdsl.elaborate import elaborate, model_names
from netdsl.limits import LIMITS, Limits
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError
from netdsl.text.diagnostic import LONGEST, Diagnostic, did_you_mean
from netdsl.text.render import render_plain
from tests.elaborate.specs import findings, graph_of, in_net

SMALL = Limits(
    file_size=10_000, tokens=5_000, nodes=400, idle_steps=2_000, models=20, loop_count=1_000, list_length=1_000
)
"""A part of the limits, so that a test of all attacks takes seconds."""


def calls_of(function: Callable[[], Any]) -> int:
    """Python functions that are called meanwhile: the work, whatever else the machine does."""
    count = 0

    def hook(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(hook)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def checked(text: str, limits: Limits = SMALL) -> list[Diagnostic]:
    """What `check` finds in the first models of a spec."""
    try:
        file = parse(Source("test.net", text), limits)
    except SpecError as found:
        return list(found)
    names: list[str | None] = [*model_names(file)[:3]]
    every: list[Diagnostic] = []
    for name in names or [None]:
        try:
            graph = elaborate(file, model=name, limits=limits)
            every += [*graph.notes, *check_budgets(graph, most=limits.errors)]
        except SpecError as found:
            every += found
    return every


UNEVEN = {
    "a list that grows",
    "a conjunction",
    "many nested lists",
    "nested labels",
    "branches of branches",
    "a chain of prefixes, read",
    "unknown names like known ones",
}
"""What the limits on lists and steps bound, since its result is as large as that; and what is made in large pieces, or
compared with others up to so many."""


@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - UNEVEN))
def test_work_is_in_proportion_to_the_file(name: str) -> None:
    found: list[Diagnostic] = []
    once = calls_of(lambda: checked(ATTACKS[name](1_200)))
    twice = calls_of(lambda: found.extend(checked(ATTACKS[name](2_400))))
    assert twice < 2.6 * once + 2_000
    assert twice < 200_000
    assert sum(len(render_plain(each)) for each in found) < 60_000
    assert all(len(each.message) <= LONGEST for each in found)


LIMITED = {
    "tokens": "let a = [" + "1, " * 30_000 + "]\nrelu()",
    "name_length": "n" * 201 + ": relu()",
    "string_length": 'let a = "' + "s" * 1_000 + '"\nrelu()',
    "nodes": "repeat 20001 { relu() }",
    "idle_steps": "for i in range(9000) { " + "".join(f"let a{j} = i; " for j in range(90)) + "relu() }",
    "elaboration_depth": "B2000()",
}
ABOVE = {
    "elaboration_depth": "block B0() { relu() }\n" + "\n".join(f"block B{i}() {{ B{i - 1}() }}" for i in range(1, 2001))
}


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_is_named_with_the_way_to_raise_it(name: str) -> None:
    found = findings(in_net(LIMITED[name], above=ABOVE.get(name, "")))
    assert [str(each.code) for each in found] == ["E0901"]
    assert f"--limit {name}=" in found[0].help
    assert LIMITS[name] in str((found[0].label, *found[0].notes))


def test_a_computed_name_has_the_limit_of_a_written_one() -> None:
    found = findings(in_net(f"{'n' * 150}{{s}}: relu()", above=f'let s = "{"s" * 60}"'))
    assert "--limit name_length=" in found[0].help
    assert not checked(in_net(f"{'n' * 150}{{s}}: relu()", above=f'let s = "{"s" * 50}"'))


def test_errors_after_the_last_that_is_told_are_not_looked_for() -> None:
    found = findings(in_net("\n".join(f"let a{i} = b{i}" for i in range(300))))
    assert len(found) == Limits().errors
    assert found[-1].notes[-1] == "there may be more below"
    assert not any("there may be more below" in each.notes for each in found[:-1])


def test_budgets_after_the_last_that_is_told_are_not_looked_at() -> None:
    found = checked(in_net("relu()\n" + "expect params == 7\n" * 300), Limits())
    assert len(found) == Limits().errors
    assert "there may be more below" in found[-1].notes


def test_a_name_is_guessed_among_thousands() -> None:
    assert did_you_mean("wdith", [*(f"other{i}" for i in range(20_000)), "width"]) == "did you mean `width`?"
    assert did_you_mean("n" * 101, ["n" * 100]) == ""
    # Of long ones that begin alike, those of about the same length are compared.
    assert did_you_mean("a" * 40 + "z5", [f"{'a' * 40}{i}" for i in range(20_000)]).startswith("did you mean `aaaa")


def test_a_file_has_as_many_lines_as_tokens() -> None:
    found = findings("#\n" * 50_001 + in_net("relu()"))
    assert [str(each.code) for each in found] == ["E0901"]
    assert "--limit tokens=" in found[0].help
    graph_of("#\n" * 49_000 + in_net("relu()"))


@pytest.mark.parametrize("shape", ["x".join(["9"] * 9_000), f"[{', '.join(['2'] * 15_000)}]", "x".join(["1"] * 64)])
def test_an_input_has_as_many_axes_as_tensors_may(shape: str) -> None:
    (found,) = findings(in_net("relu()", shape))
    assert "tensors have at most 64, the batch counted" in found.message


def test_a_number_of_many_digits_is_told_by_its_size() -> None:
    (found,) = findings(in_net(f"param p: [{', '.join(['9' * 18] * 60)}]\nadd(p)"))
    assert "more than 10 ** " in found.message
