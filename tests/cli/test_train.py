"""`netdsl train`, `eval`, `predict`, `runs` and `convert`, as a user runs them, on the digits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ran

SPEC = """net Small(num_classes = 10) {
    input image: 1x8x8
    conv(8, 3x3, padding = same) -> batchnorm() -> relu() -> maxpool(2x2/2)
    output logits = flatten() -> linear(num_classes)
}
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}


def alone(*command: object) -> subprocess.CompletedProcess[str]:
    """A Python command in a process of its own, which must succeed."""
    done = subprocess.run(list(map(str, (sys.executable, *command))), env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, and a run of it that netdsl itself has made."""
    path = tmp_path_factory.mktemp("train")
    (path / "small.net").write_text(SPEC)
    done = alone("-m", "netdsl", "train", path / "small.net", "--out", path / "run", "--epochs", 2, "--device", "cpu")
    assert done.stdout == ""
    assert re.search(r"epoch 2/2  loss .*  accuracy .*  test ", done.stderr)
    return path


@pytest.mark.slow
def test_the_run_is_what_the_spec_says(folder: Path) -> None:
    text = (folder / "run" / "model.py").read_text()
    assert "class Small(nn.Module)" in text
    assert (folder / "run" / "spec.net").read_text() == SPEC
    assert json.loads((folder / "run" / "result.json").read_text())["top1"] > 0.5


@pytest.mark.slow
def test_a_run_is_tested_listed_and_used(folder: Path, netdsl: Callable[..., Ran]) -> None:
    from PIL import Image

    out = netdsl("eval", folder / "run", "--format", "json").out
    result = json.loads((folder / "run" / "result.json").read_text())
    assert json.loads(out)["top1"] == result["top1"]
    out = netdsl("eval", folder / "run", folder / "run", "--crops", 10).out
    assert "360 test images of digits, 10 crops each, 2 nets together" in out
    out = netdsl("runs", folder).out
    assert re.search(rf"run +small +digits +finished +{result['top1']:.2%}", out)
    Image.new("L", (8, 8)).save(folder / "black.png")
    out = netdsl("predict", folder / "run", folder / "black.png", "--top", 2).out
    assert re.fullmatch(r".*black\.png\n  \d +\d+\.\d+%\n  \d +\d+\.\d+%\n", out)


@pytest.mark.slow
def test_a_run_goes_on_from_its_folder_alone(folder: Path, netdsl: Callable[..., Ran]) -> None:
    import shutil

    run = folder / "again"
    shutil.copytree(folder / "run", run)
    (run / "result.json").unlink()
    (folder / "small.net").rename(folder / "gone.net")
    try:
        assert netdsl("train", "--resume", run, "--quiet").code == 0
    finally:
        (folder / "gone.net").rename(folder / "small.net")
    assert (run / "weights.safetensors").read_bytes() == (folder / "run" / "weights.safetensors").read_bytes()
    code, _, err = netdsl("train", "--resume", run, "--epochs", 3)
    assert code == 2
    assert "`epochs` of this run is 2 and cannot be changed on resume" in err
    code, _, err = netdsl("train", "--resume", run, "--recipe", "modern")
    assert code == 2
    assert "--recipe does not go with --resume" in err
    (run / "result.json").unlink()
    (run / "spec.net").write_text(SPEC.replace("conv(8", "conv(9"))
    code, _, err = netdsl("train", "--resume", run)
    assert code == 2
    assert "is not what this version of the compiler makes of" in err


@pytest.mark.slow
def test_what_is_wrong_is_said_and_nothing_written(folder: Path, netdsl: Callable[..., Ran]) -> None:
    spec, out = folder / "small.net", folder / "none"
    for arguments, message in {
        (): "there is nothing to train",
        (spec,): "--out is missing",
        (spec, "--out", folder / "run"): "exists and is not an empty folder",
        (spec, "--out", out, "--data", "minst"): "`minst` does not exist",
        (spec, "--out", out, "--recipe", "moderm"): "did you mean `modern`?",
        (spec, "--out", out, "--set", "learning_rat=3"): "did you mean `learning_rate`?",
        (spec, "--out", out, "--set", "epochs"): "--set takes key=value",
        (spec, "--out", out, "--param", "num_classes=3"): "--param num_classes=10",
        (spec, "--out", out, "--batch", "auto", "--memory", "much"): "`much` is no amount of memory",
        (spec, "--out", out, "--device", "tpu"): "there is no device `tpu`",
        (spec, "--out", out, "--weights", folder / "none.safetensors", "--device", "cpu"): "cannot read",
    }.items():
        code, _, err = netdsl("train", *arguments)
        assert code == 2
        assert message in err
    assert not out.exists()


@pytest.mark.slow
def test_a_dry_run_writes_nothing(folder: Path, netdsl: Callable[..., Ran]) -> None:
    plan = ("--recipe", "modern", "--set", "epochs=7", "--batch", "auto", "--memory", "200M", "--device", "cpu")
    out = netdsl("train", folder / "small.net", "--out", folder / "dry", "--dry-run", *plan).out
    assert "small: 1,386 parameters while training" in out
    assert ", 7 epochs of " in out
    assert not (folder / "dry").exists()


@pytest.mark.slow
def test_weights_are_converted(folder: Path, netdsl: Callable[..., Ran]) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "run" / "weights.safetensors"), folder / "weights.pth")
    err = netdsl("convert", folder / "weights.pth", folder / "weights.safetensors").err
    assert err.startswith("9 tensors in ")
    arguments = ("--weights", folder / "weights.safetensors", "--reset", "logits", "--epochs", 1, "--quiet")
    assert netdsl("train", folder / "small.net", "--out", folder / "tuned", "--device", "cpu", *arguments).code == 0
    assert json.loads((folder / "tuned" / "run.json").read_text())["reset"] == ["logits"]


@pytest.mark.slow
def test_torchrun_starts_the_same_command(folder: Path) -> None:
    run = folder / "two"
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", 2, "--standalone", "-m", "netdsl")
    done = alone(*torchrun, "train", folder / "small.net", "--out", run, "--epochs", 2, "--device", "cpu")
    result = json.loads((run / "result.json").read_text())
    assert (result["processes"], result["images"]) == (2, 360)
    assert result["top1"] > 0.4
    # One of the two speaks.
    assert done.stderr.count("epoch 2/2") == 1
