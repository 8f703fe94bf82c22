"""Emitted files are not long: at most 1.2 times the lines of torchvision's classes for the same model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.emitted_size import LIMIT, MEASURED, PAGE, emitted, lines_of_code, page
from netdsl.catalogue import built_ins

THEIRS = {name: record["lines"] for name, record in json.loads(MEASURED.read_text(encoding="utf-8")).items()}


def last_of_each_spec() -> list[str]:
    """A model of each spec, often the largest (`vgg19_bn`); the nightly test looks at all."""
    return list({Path(built_ins()[name].path).stem: name for name in THEIRS}.values())


@pytest.mark.parametrize("model", last_of_each_spec())
def test_an_emitted_file_is_no_longer_than_torchvisions_classes(model: str) -> None:
    assert lines_of_code(emitted(model)) <= LIMIT * THEIRS[model]


@pytest.mark.nightly
def test_the_page_is_current_and_no_file_is_long() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python benchmarks/emitted_size.py writes it"
    assert "None is above 1.2 times." in page()


def test_what_counts_as_a_line() -> None:
    text = '''\
"""A docstring of
two lines."""

import os  # one


class A:
    """Another."""

    def f(self) -> str:
        # A remark.
        return """three
        lines
        """ + os.sep
'''
    assert lines_of_code(text) == 1 + 1 + 1 + 3
