"""Examples beside the reference of the language: what is emitted for them does what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.backend import backend
from netdsl.cli.explain import EXAMPLE, read_page
from netdsl.cli.main import main
from netdsl.cli.new import templates
from netdsl.loading import load_model, load_spec, read_models
from netdsl.text.codes import CANNOT_EMIT, CODES

PYTORCH = backend("pytorch")
MENDED = [code for code in CODES if code != CANNOT_EMIT.id]


def check(folder: Path, name: str, *, merge_siblings: bool = False) -> None:
    """Every model of a spec in a folder, emitted and verified."""
    file, specs = read_models(str(folder / name))
    for spec in specs:
        graph = load_model(spec, file, traced=True, merge_siblings=merge_siblings).sound().graph
        text = PYTORCH.emit(graph, spec_name=name, spec_text=spec.source.text)
        report = PYTORCH.verify(graph, text, quick=True)
        assert report.passed, [(each.name, each.reason) for each in report.checks if not each.passed]


@pytest.mark.parametrize("code", MENDED)
def test_mended_examples_are_written_right(code: str, tmp_path: Path) -> None:
    example = read_page(code).works
    assert example is not None
    for name, text in {**example.files, EXAMPLE: example.text}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    check(tmp_path, EXAMPLE, merge_siblings=example.merge_siblings)


@pytest.mark.parametrize("template", templates())
def test_templates_are_written_right(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine", "--template", template]) == 0
    check(tmp_path, "mine.net")


def test_a_wrong_file_is_none(tmp_path: Path) -> None:
    """What the tests above would say of a fault."""
    graph = load_spec("lenet5", traced=True).graph
    text = PYTORCH.emit(graph, spec_name="lenet5.net", spec_text="")
    assert not PYTORCH.verify(graph, text.replace("nn.Linear(", "nn.Linear(1 + ", 1), quick=True).passed
