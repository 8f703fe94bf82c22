"""Run folders of somebody else: what evaluating and resuming them takes from run.json and from checkpoints."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tests.pytorch.harness.hostile.foreign import (
    SETTINGS,
    Netdsl,
    described,
    refused,
    resealed,
    unfinished,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


# What it goes on with.


def test_the_weights_that_a_run_begins_with_are_its_own(run: Path, made: Path, tmp_path: Path, netdsl: Netdsl) -> None:
    weights = tmp_path / "mine.safetensors"
    save_file({key: value + 1 for key, value in load_file(made / "weights.safetensors").items()}, weights)
    folder = Path(shutil.copytree(made / "spec", tmp_path / "specs"))
    shutil.copy(made / "spec.net", folder / "small.net")
    for name in ("a", "b"):
        code, said = netdsl("train", folder / "small.net", "--out", tmp_path / name, "--weights", weights, *SETTINGS)
        assert code == 0, said
    assert (tmp_path / "a" / "initial.safetensors").read_bytes() == weights.read_bytes()
    # As if it was killed before its first checkpoint; what run.json names is gone.
    weights.unlink()
    for name in ("checkpoints", "weights.safetensors", "metrics.jsonl"):
        shutil.rmtree(tmp_path / "b" / name) if name == "checkpoints" else (tmp_path / "b" / name).unlink()
    assert netdsl("train", "--resume", unfinished(tmp_path / "b"))[0] == 0
    ends = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("a", "b")]
    assert ends[0] == ends[1]
    # Of somebody else's, or of format 1: the path is not opened.
    (tmp_path / "b" / "initial.safetensors").unlink()
    shutil.rmtree(tmp_path / "b" / "checkpoints")
    os.mkfifo(weights)
    refused(netdsl("train", "--resume", unfinished(tmp_path / "b")), "put a copy of it at", "is not read")


def test_data_of_a_run_is_a_local_folder(run: Path, secret: Path, netdsl: Netdsl) -> None:
    for name in ("//attacker/share", "\\\\attacker\\share", "../data", "", "/dev/zero", str(secret)):
        described(run, data=name)
        refused(netdsl("eval", run))
        assert netdsl("eval", run, "--data", "digits")[0] == 0
    shards = secret.parent / "shards"
    shards.mkdir()
    os.mkfifo(shards / "train-0.tar")
    os.mkfifo(shards / "val-0.tar")
    described(run, data=str(shards))
    refused(netdsl("eval", run), "not a regular file")
    refused(netdsl("train", "--resume", unfinished(run)), "not a regular file")


WRONG: dict[str, Any] = {
    "classes": [[], ["a"], ["a"] * 11],
    "mean": [[], [float("nan")], [0.0, 0.0], [float("inf")]],
    "std": [[0.0], [-1.0], [float("nan")], []],
    "input_shape": [[1, 10**5, 10**5], [1, 8], [0, 8, 8], [1, 8, 8, 8], [1, 16, 16], [10**30, 8, 8]],
    "num_classes": [0, -1, 10**12, 11],
    "precision": ["float16", "", "../.."],
    "format": [0, -1, "1", 10**30, None],
    "params": [["num_classes=10**9"], ["x"], ["num_classes=5"]],
    "inputs": [["999999x999999x999999"], ["image"], ["1x8x8", "1x8x8"]],
    "spec_model": ["other", "", "../x"],
    "recipe": [{"epochs": 10**9}, {"__class__": 1}, []],
}


@pytest.mark.parametrize("key", WRONG)
def test_what_run_json_cannot_say(run: Path, netdsl: Netdsl, key: str) -> None:
    for value in WRONG[key]:
        described(run, **{key: value})
        refused(netdsl("eval", run))
        (run / "result.json").unlink(missing_ok=True)
        refused(netdsl("train", "--resume", run))


def test_a_forged_checkpoint_is_told(run: Path, netdsl: Netdsl) -> None:
    step = next((run / "checkpoints").iterdir())
    unfinished(run)
    for position in ({"epoch": 1}, {"epoch": -1}, {"step": 10**9}, {"loss": "x"}, {"step": None}, {"gradients": [1]},
                     {"correct": 10**400}, {"correct": -1}, {"correct": 1438}, {"loss": math.nan}, {"loss": 1e300},
                     {"seconds": math.inf}, {"samples": 10**30}, {"gradients": {"a": 1e300}}):  # fmt: skip
        good = (step / "manifest.json").read_bytes()
        resealed(step, position)
        refused(netdsl("train", "--resume", run), "checkpoint")
        (step / "manifest.json").write_bytes(good)
    described(run, recipe={**json.loads((run / "run.json").read_text())["recipe"], "optimizer": "adamw"})
    refused(netdsl("train", "--resume", run), "does not belong")
