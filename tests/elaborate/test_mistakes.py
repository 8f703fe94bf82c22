"""What users read: the samples of the style guide as they come out, and typical mistakes, as golden files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl.analysis.budgets import check_budgets
from netdsl.elaborate import elaborate
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError, render_plain
from tests.elaborate.specs import codes, findings, in_net, net

HERE = Path(__file__).parent
GOOGLENET = (HERE.parents[1] / "specs" / "googlenet.net").read_text(encoding="utf-8")
MISTAKES = sorted((HERE / "data" / "mistakes").glob("*.net"))


def drawn(name: str, text: str) -> str:
    """Everything that is said about a spec, budgets included, as in a pipe."""
    try:
        graph = elaborate(parse(Source(name, text)))
        found = check_budgets(graph)
    except SpecError as error:
        found = list(error)
    return "\n\n".join(render_plain(each).rstrip() for each in found) + "\n"


def changed(old: str, new: str) -> str:
    assert GOOGLENET.count(old) == 1
    return drawn("specs/googlenet.net", GOOGLENET.replace(old, new))


def in_my_net(above: str, lines: str) -> str:
    return f"{above}net My() {{\n    input image: 3x224x224\n{lines}    output y = identity()\n}}\n"


# --- The samples of the style guide


def test_branches_that_do_not_fit(golden: Callable[[Path, str], None]) -> None:
    text = changed("conv(r5, 1x1) -> conv(n5, 5x5)", "conv(r5, 1x1) -> conv(n5, 5x5, padding = 1)")
    golden(HERE / "golden" / "samples" / "branches.txt", text)


def test_an_operator_that_there_is_not(golden: Callable[[Path, str], None]) -> None:
    text = in_my_net("# A net.\n", "    conv(64, 7x7/2) -> maxpol(3x3/2)\n")
    golden(HERE / "golden" / "samples" / "operator.txt", drawn("my.net", text))


def test_a_list_that_is_still_open(golden: Callable[[Path, str], None]) -> None:
    text = in_my_net("# A net.\n\n\n", "\n    conv(64,  -> relu()\n")
    golden(HERE / "golden" / "samples" / "open.txt", drawn("my.net", text))


def test_a_budget_that_is_broken(golden: Callable[[Path, str], None]) -> None:
    text = changed("i4e: Inception(256, 160, 320, 32, 128, 128)", "i4e: Inception(256, 160, 320, 96, 128, 128)")
    golden(HERE / "golden" / "samples" / "budget.txt", text)


# --- Typical mistakes


@pytest.mark.parametrize("path", MISTAKES, ids=[path.stem for path in MISTAKES])
def test_typical_mistakes(path: Path, golden: Callable[[Path, str], None]) -> None:
    text = drawn(path.name, path.read_text(encoding="utf-8"))
    assert text.strip()
    golden(HERE / "golden" / "mistakes" / f"{path.stem}.txt", text)


def test_there_are_many() -> None:
    assert len(MISTAKES) >= 40


def test_one_mistake_is_told_once() -> None:
    # The weight is of a part in a line that is in error.
    assert codes(in_net("init head.weight = zeros()\ncovn(8, 3x3)\nglobalavgpool() -> head: linear(10)")) == ["E0102"]
    # No line of a combine has a value to start from, and what they would have declared is not missed.
    lines = "a\nhead: conv(6, 1x1)\nrelu()\nb\nreuse(head)"
    text = "net N() {{\ninput a: 3x8x8\ninput b: 3x8x8\nconcat {{ {} }}\noutput y = identity()\n}}"
    assert codes(text.format(lines)) == ["E0501"]
    assert codes(text.format(f"for f in [a, b] {{ {lines} }}")) == ["E0501"]


def test_the_order_of_another_framework_is_told() -> None:
    (found,) = findings(in_net("conv(3, 64, 7)"))
    assert found.code.id == "E0201"
    assert "`conv(64, 7x7)`" in found.help
    net("conv(3, 5x5, 1)")
    net("conv(4, 3, 2)")


def test_probabilities_at_the_end_of_a_classifier_are_a_warning() -> None:
    graph = net("globalavgpool() -> linear(10) -> softmax(0)")
    assert [(note.code.id, note.severity) for note in graph.notes] == [("W0502", "warning")]
    for end in ("linear(10)", "linear(10) -> relu()", "linear(1) -> sigmoid()", "linear(4) -> softmax(0) -> linear(2)"):
        assert not net(f"globalavgpool() -> {end}").notes
    assert not net("conv(4, 1x1) -> softmax(0)").notes
