"""What is found before a run begins, on the command line: nets that cannot be trained, warnings, dry runs, and images
that `predict` cannot read."""

import json
from pathlib import Path

import pytest
from PIL import Image

from netdsl.cli.main import main

SETTINGS = ("--epochs", "1", "--batch", "720", "--device", "cpu", "--quiet")
NETS = {
    "two inputs": ("input a: 1x8x8\ninput b: 1x8x8\noutput o = add(a, b) -> flatten() -> linear(10)", "has the inputs"),
    "whole numbers": ("input a: [8] int < 5\noutput o = embedding(5, 3) -> flatten() -> linear(10)", "whole numbers"),
    "two outputs": (
        "input a: 1x8x8\nx = flatten()\noutput o = x -> linear(10)\noutput p = x -> linear(10)",
        "has the outputs `o`, `p`",
    ),
    "a map": ("input a: 1x8x8\noutput o = conv(10, 1x1)", "gives no logits"),
    "another rank": ("input a: 64\noutput o = linear(10)", "images are channels x height x width"),
    "other classes": ("input a: 1x8x8\noutput o = flatten() -> linear(9)", "has 9 classes"),
}


@pytest.mark.parametrize("what", NETS)
def test_what_cannot_be_trained_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    body, why = NETS[what]
    (tmp_path / "a.net").write_text(f"net A() {{\n{body}\n}}\n")
    assert main(["train", str(tmp_path / "a.net"), "--out", str(tmp_path / "run"), *SETTINGS]) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_file_that_gives_several_outputs_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that was edited: in training mode alone it may give more."""
    from tests.pytorch.harness.models import TINY

    text = TINY.replace("return logits", "return logits, x")
    (tmp_path / "a.py").write_text(text)
    command = ["train", str(tmp_path / "a.py"), "--input", "1x8x8", "--out", str(tmp_path / "run"), *SETTINGS]
    assert main(command) == 2
    assert "gives no logits" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begin")
    text = "net A() {\ninput a: 1x8x8\noutput o = flatten() -> linear(10) -> softmax()\n}\n"
    (folder / "a.net").write_text(text)
    return folder


def test_a_dry_run_needs_no_folder(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(trained.iterdir())
    assert main(["train", str(trained / "a.net"), "--dry-run", *SETTINGS]) == 0
    assert "650 parameters" in capsys.readouterr().out
    assert sorted(trained.iterdir()) == before
    assert main(["train", str(trained / "a.net"), *SETTINGS]) == 2
    assert "--out is missing" in capsys.readouterr().err


def test_a_dry_run_of_a_resumption_writes_nothing(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", str(trained / "a.net"), "--out", str(run), *SETTINGS]) == 0
    again = ["train", "--resume", str(run), "--dry-run", "--device", "cpu"]
    capsys.readouterr()
    assert main(again) == 0
    assert capsys.readouterr().out == f"{run} is finished: there is nothing to do\n"
    (run / "result.json").write_text("{}")
    before = {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in run.rglob("*")}
    assert main(again) == 0
    out, err = capsys.readouterr()
    steps = int((run / "metrics.jsonl").read_text().split('"step": ')[-1].split(",")[0])
    assert f"steps: {steps}, 1 epochs of {steps} " in out
    assert f"; {steps} are done\n" in out
    assert "result.json is damaged: top1: Field required; it would be made again" in err
    assert before == {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in run.rglob("*")}
    assert main([*again, "--epochs", "9"]) == 2
    assert "cannot be changed on resume" in capsys.readouterr().err


def test_warnings_are_told_once_and_predict_goes_on_after_a_broken_image(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(trained / "run")
    assert main(["train", str(trained / "a.net"), "--out", run, *SETTINGS]) == 0
    assert capsys.readouterr().err.count("warning[W0502]") == 1
    good, bad, none = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "none.png"
    Image.new("L", (8, 8), 7).save(good)
    bad.write_bytes(b"no image")
    images = [str(bad), str(good), str(none), str(good)]
    assert main(["predict", run, *images]) == 2
    out, err = capsys.readouterr()
    assert out.count(f"{good}\n") == 2
    assert [line.split(":")[1] for line in err.splitlines()] == [f" {bad} cannot be decoded", f" cannot read {none}"]
    assert main(["predict", run, "--format", "json", *images]) == 2
    values = json.loads(capsys.readouterr().out)
    assert len(values["predictions"]) == 2
    assert [each["image"] for each in values["broken"]] == [str(bad), str(none)]
    assert main(["predict", run, str(good)]) == 0
