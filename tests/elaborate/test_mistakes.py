"""What users read: the samples of the style guide as they come out, and typical mistakes, as golden files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl.analysis.budgets import check_budgets
from netdsl.elaborate import elaborate
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError, render_plain

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
