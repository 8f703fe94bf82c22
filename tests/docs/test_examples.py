"""Examples beside the reference of the language: what is emitted for them does what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from netdsl.backend import Artifact, find_backend, job
from netdsl.cli.explain import EXAMPLE, read_page
from netdsl.cli.main import main
from netdsl.cli.new import templates
from netdsl.loading import load_model, load_spec, read_models
from netdsl.passes.registry import parse_pass
from netdsl.text import Source
from netdsl.text.codes import CANNOT_EMIT, CODES

PYTORCH = find_backend()
MENDED = [code for code in CODES if code != CANNOT_EMIT.id and not code.startswith("E07")]


def check(folder: Path, name: str, passes: Sequence[str] = ()) -> None:
    """Every model of a spec in a folder, emitted and verified."""
    file, specs = read_models(str(folder / name))
    for spec in specs:
        loaded = load_model(spec, file, traced=True, passes=list(map(parse_pass, passes))).sound()
        asked = job(PYTORCH, loaded.graph, spec.source)
        report = PYTORCH.verify(asked, PYTORCH.emit(asked), quick=True)
        assert report.passed, [(each.name, each.reason) for each in report.checks if not each.passed]


@pytest.mark.parametrize("code", MENDED)
def test_mended_examples_are_written_right(code: str, tmp_path: Path) -> None:
    example = read_page(code).works
    assert example is not None
    for name, text in {**example.files, EXAMPLE: example.text}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    check(tmp_path, EXAMPLE, example.passes)


@pytest.mark.parametrize("template", templates())
@pytest.mark.slow
def test_templates_are_written_right(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine", "--template", template]) == 0
    check(tmp_path, "mine.net")


def test_a_wrong_file_is_none(tmp_path: Path) -> None:
    """What the tests above would say of a fault."""
    graph = load_spec("lenet5", traced=True).graph
    asked = job(PYTORCH, graph, Source("lenet5.net", ""))
    ((name, content),) = PYTORCH.emit(asked).files.items()
    wrong = Artifact({name: content.replace(b"nn.Linear(", b"nn.Linear(1 + ", 1)})
    assert not PYTORCH.verify(asked, wrong, quick=True).passed
