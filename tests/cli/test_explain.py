"""`netdsl explain`: every code has its page, whose examples do what the page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netdsl.cli.explain import EXAMPLE, PAGES, diagnose, find_page, read_page, shown
from netdsl.cli.main import main
from netdsl.text.codes import CANNOT_EMIT, CODES

EXPLAINED = [code for code in CODES if code != CANNOT_EMIT.id and not code.startswith("E07")]
"""Codes with examples: what a backend cannot write depends on the backend, and on its version; what is said of
backends, passes and plug-ins, on the command line and on what is installed."""


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_has_the_title_of_the_code_and_says_something(code: str) -> None:
    page = read_page(code)
    assert page.title == CODES[code].title
    assert len(page.text) > 80
    assert all(len(line) <= 120 for line in page.text.split("\n"))


@pytest.mark.parametrize("code", EXPLAINED)
def test_the_failing_example_fails_with_the_code(code: str, tmp_path: Path) -> None:
    example = read_page(code).fails
    assert example is not None
    assert code in {str(found.code) for found in diagnose(example, str(tmp_path))}


@pytest.mark.parametrize("code", EXPLAINED)
def test_the_mended_example_is_sound(code: str, tmp_path: Path) -> None:
    example = read_page(code).works
    assert example is not None
    assert diagnose(example, str(tmp_path)) == ()


def test_the_diagnostic_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0301"]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert out.startswith("E0301: The branches of a combine do not fit together\n")
    assert f"  --> {EXAMPLE}:5:9" in out
    assert "(32 + 2*0 - 5) / 1 + 1 = 28" in out


def test_files_are_shown_without_the_folder_that_they_lay_in() -> None:
    text = shown(read_page("E0602"))
    assert "--> parts.net:1:5" in text
    assert "/tmp" not in text


@pytest.mark.parametrize("code", ["E0301", "e0301", "301", "e301", " E0301 "])
def test_a_code_may_be_written_in_short(code: str) -> None:
    assert find_page(code).code == "E0301"


def test_an_unknown_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0399"]) == 2
    assert "there is no code `E0399`" in capsys.readouterr().err


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(CODES) == sorted(CODES)
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{code.id}  {code.title}" for code in CODES.values()]
    assert main(["explain", "--format", "json"]) == 0
    assert [each["code"] for each in json.loads(capsys.readouterr().out)["codes"]] == list(CODES)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0102", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["code"], data["title"]) == ("E0102", CODES["E0102"].title)
    assert "did you mean `maxpool`?" in data["said"]
    assert "maxpol" in data["fails"]
    assert "maxpool" in data["works"]
