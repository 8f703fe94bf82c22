"""The pictures in the documentation are what the specs draw today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.draw.pictures import FOLDER, PICTURES, picture

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_current(name: str) -> None:
    path = FOLDER / f"{name}.svg"
    assert path.exists(), "`make pictures` draws it"
    assert path.read_text(encoding="utf-8") == picture(name), "`make pictures` draws it anew"


def test_there_are_no_others_and_all_are_shown() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PICTURES)
    shown = (ROOT / "docs" / "drawing.md").read_text(encoding="utf-8") + (ROOT / "README.md").read_text(
        encoding="utf-8"
    )
    assert {Path(each).stem for each in re.findall(r"pictures/([\w.-]+\.svg)", shown)} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_its_links_lead_to_lines_that_are_there(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"#]+)#L(\d+)"', text))
    assert links
    for path, line in links:
        assert int(line) <= len((FOLDER / path).read_text(encoding="utf-8").split("\n"))
