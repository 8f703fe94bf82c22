"""What a finished run tells a reader: report, pictures, TensorBoard's curves."""

import json
import re
import xml.etree.ElementTree
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import Options, evaluate, train
from netdsl_pytorch.harness.run.folder import RunFolder
from netdsl_pytorch.harness.run.metrics import gradient_norms
from netdsl_pytorch.harness.run.report import write

from tests.pytorch.harness.models import recompile_tiny, tiny


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


def test_the_report_has_the_norm_of_the_gradient_by_stage(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(tiny(), Options(out=run, epochs=2, device="cpu", quiet=True))
    text = (run / "report.md").read_text()
    epochs = [line["gradients"] for line in RunFolder(run).lines() if line["kind"] == "epoch"]
    assert [list(norms) for norms in epochs] == [["conv1", "batchnorm1", "logits", "aux1"]] * 2
    assert all(norm > 0 for norms in epochs for norm in norms.values())
    for stage in epochs[0]:
        assert f"| {stage} | {epochs[0][stage]:.4g} | {epochs[1][stage]:.4g} |" in text


def test_norms_are_those_of_the_stages() -> None:
    frozen = torch.nn.Linear(2, 1)
    frozen.bias.requires_grad_(False)
    net = torch.nn.ModuleDict({"a": torch.nn.Linear(1, 2), "b": torch.nn.Sequential(frozen)})
    for parameter in net.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, 3.0)
    assert gradient_norms(net) == pytest.approx({"a": 6.0, "b": 18**0.5})


def test_the_last_weights_are_tested_beside_their_average(tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = {"averaging": "polyak", "average_from": 0.0}
    train(tiny(), Options(out=run, epochs=2, device="cpu", quiet=True, settings=settings))
    result = json.loads((run / "result.json").read_text())
    newest = max((run / "checkpoints").iterdir())
    (run / "weights.safetensors").write_bytes((newest / "model.safetensors").read_bytes())
    figures = evaluate([run], recompile_tiny, device="cpu", quiet=True).figures
    assert (result["top1_last"], result["loss_last"]) == (figures.top1, pytest.approx(figures.loss))
    assert result["loss_last"] != result["loss"]
    assert f"| top1 last | {result['top1_last']:.2%} |" in (run / "report.md").read_text()


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
