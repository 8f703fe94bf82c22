"""The walk through the paper: its commands print what the page shows, and the text speaks of those figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.consoles import commands, output, refreshed
from tests.docs.fences import DOCS

PAGE = DOCS / "googlenet.md"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def test_the_commands_print_what_is_shown(tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(PAGE, refreshed(PAGE.read_text(encoding="utf-8"), tmp_path))


def test_there_is_a_command_for_each_claim() -> None:
    text = PAGE.read_text(encoding="utf-8")
    claims = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(claims) >= 8
    assert all("```console\n$ netdsl " in claim for claim in claims)
    assert len(commands(text)) >= len(claims)


def test_the_figures_in_the_text_are_those_of_the_commands() -> None:
    """Every large number in the running text stands in the output of a command on the page, or is a ratio or sum that
    the text spells out."""
    text = PAGE.read_text(encoding="utf-8")
    shown = " ".join(re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for number in re.findall(r"\d{1,3}(?:,\d{3})+", prose):
        assert number in shown or f"= {number}" in prose, number


def test_sums_and_ratios_that_the_text_spells_out() -> None:
    prose = PAGE.read_text(encoding="utf-8")
    spelled = re.findall(r"`([\d,.+*/ ()-]+) = ([\d,.]+)`", prose)
    assert len(spelled) >= 5
    for expression, result in spelled:
        digits = len(result.partition(".")[2])
        found = _arithmetic(expression.replace(",", ""))
        assert round(found, digits) == float(result.replace(",", "")), f"{expression} = {found}"


def _arithmetic(expression: str) -> float:
    """What an expression of numbers gives, by the language's own arithmetic."""
    from tests.elaborate.specs import value

    return float(value(expression))


def test_output_is_that_of_the_command() -> None:
    assert output("netdsl check googlenet").startswith("googlenet: ok, 6,998,552 parameters")
