"""Each spec is a page that can be read: its source cited, its parts documented, short, in the one layout."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

from netdsl.syntax import tree
from netdsl.syntax.format import format_text
from netdsl.syntax.parser import parse
from netdsl.text.read import read_source
from tests.specs.library import SPECS

STD = sorted((Path(__file__).parents[2] / "netdsl" / "std").glob("*.net"))


@pytest.mark.parametrize("path", [*SPECS, *STD], ids=lambda path: path.stem)
def test_a_spec_is_formatted(path: Path) -> None:
    text = path.read_text()
    assert format_text(read_source(str(path))) == text


@pytest.mark.parametrize("path", [*SPECS, *STD], ids=lambda path: path.stem)
def test_every_block_and_net_says_what_it_is(path: Path) -> None:
    file = parse(read_source(str(path)))
    definitions = [each for each in file.statements if isinstance(each, tree.BlockDef | tree.NetDef)]
    assert definitions
    assert [each.name for each in definitions if not each.doc] == []


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_cites_its_source(path: Path) -> None:
    head = re.match(r"(?:#.*\n)+", path.read_text())
    assert head
    assert re.search(r"\b(19|20)\d\d\b", head[0])
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|\"|“", head[0])


def test_specs_are_short() -> None:
    lines = {path.stem: len(path.read_text().splitlines()) for path in SPECS}
    assert statistics.median(lines.values()) < 80
    assert lines["googlenet"] < 55
    assert max(lines.values()) < 130


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_net_promises_shapes_on_the_way(path: Path) -> None:
    assert "=>" in path.read_text()
