"""What a finished run tells a reader: report, pictures, TensorBoard's curves."""

import json
import re
import xml.etree.ElementTree
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import Options, train
from netdsl_pytorch.harness.report import write
from netdsl_pytorch.harness.run import RunFolder

from tests.pytorch.harness.models import tiny


@pytest.mark.pictures
def test_the_report_has_the_curves_and_what_the_run_was_made_from(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(tiny(spec="# a remark with ``` in it\n"), Options(out=run, epochs=2, device="cpu", quiet=True))
    text = (run / "report.md").read_text()
    result = json.loads((run / "result.json").read_text())
    assert text.startswith("# tiny on digits\n")
    assert f"| top1 | {result['top1']:.2%} |" in text
    assert [line.split(" | ")[0] for line in text.splitlines() if re.match(r"\| \d+ \| \d\.", line)] == ["| 1", "| 2"]
    assert "![Loss, accuracy and learning rate over the steps](curves.svg)" in text
    assert 'optimizer = "sgd"' in text
    assert "````\n# a remark with ``` in it\n````" in text
    assert f"| torch | {torch.__version__} |" in text
    # Ten classes: each image has its place in the table.
    rows = [line for line in text.partition("## Confusion")[2].splitlines() if re.match(r"\| \d \|", line)]
    counts = torch.tensor([[int(cell) for cell in row.split("|")[2:-1]] for row in rows])
    assert counts.sum() == 360
    assert counts.diagonal().sum().item() == round(result["top1"] * 360)
    assert xml.etree.ElementTree.parse(run / "curves.svg").getroot().tag.endswith("svg")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = EventAccumulator(str(run))
    curves.Reload()
    assert [round(point.value, 5) for point in curves.Scalars("top1/test")][-1] == round(result["top1"], 5)
    assert [point.step for point in curves.Scalars("loss/train")] == [23, 46]


@pytest.mark.pictures
def test_many_classes_are_a_picture_and_a_list(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    train(tiny(), Options(out=run.path, epochs=1, device="cpu", quiet=True))
    names = tuple(f"class|{number}" for number in range(100))
    description = run.describe().model_copy(update={"classes": names, "num_classes": 100})
    confusion = torch.eye(100, dtype=torch.int64) * 7
    confusion[3, 5] = 2
    write(run, description, {"top1": 0.5}, confusion, {})
    text = run.report.read_text()
    assert "![Confusion matrix](confusion.svg)" in text
    assert "| class\\|3 | class\\|5 | 2 |" in text
    assert xml.etree.ElementTree.parse(run.path / "confusion.svg").getroot().tag.endswith("svg")


def test_without_matplotlib_the_report_says_how_to_have_pictures(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(tiny(), Options(out=run, epochs=1, device="cpu", quiet=True))
    assert "pip install matplotlib" in (run / "report.md").read_text()
    assert not list(run.glob("*.svg"))
    assert not list(run.glob("events*"))
