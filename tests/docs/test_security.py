"""Every sentence of docs/security.md that claims something names tests that there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def claims() -> list[tuple[str, list[tuple[str, str]]]]:
    """The sentences of the tables whose second column names tests, with those tests."""
    tables = PAGE.read_text().split("| | |\n|---|---|\n")[1:]
    rows = [row.strip("| ").split(" | ") for table in tables for row in table.split("\n\n")[0].splitlines()]
    return [(row[0], _TEST.findall(row[1])) for row in rows]


@cache
def defined_in(path: str) -> set[str]:
    return {node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)}


def test_each_claim_names_a_test_that_there_is() -> None:
    found = claims()
    assert len(found) > 20
    for sentence, tests in found:
        assert tests, f"no test: {sentence}"
        for path, name in tests:
            assert name in defined_in(path), f"{path} has no {name}: {sentence}"


def test_each_kind_of_outside_data_has_its_section() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)
    assert headings == ["Specs", "Emitted files", "What is shown", "Images and data sets", "Weights", "Run folders"]
