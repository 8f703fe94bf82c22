"""The prediction of memory against what a step really takes, and the largest batch that fits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, dry_run, train
from netdsl_pytorch.harness.model import model_source
from netdsl_pytorch.harness.model.memory import largest_batch, parse_size, training_flops, training_memory
from netdsl_pytorch.harness.recipe import Recipe

from tests.conftest import NIGHTLY
from tests.pytorch.harness.models import mini_googlenet, tiny

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "memory.py"
ADAMW = {"optimizer": "adamw", "averaging": "ema", "precision": "float32"}
OTHERS = [
    ("resnet18", 16, ADAMW),
    ("swin_t", 8, {"precision": "bfloat16"}),
    ("efficientnet_b0", 8, {}),
    ("alexnet", 32, {}),
]


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak cannot be measured here")
@pytest.mark.parametrize(
    ("model", "batch", "settings"), [("mini_googlenet", 256, {"precision": "float32"}), *(OTHERS if NIGHTLY else [])]
)
@pytest.mark.slow
def test_the_prediction_is_near_the_peak(model: str, batch: int, settings: dict[str, Any]) -> None:
    # In a process of its own, which has to load what a first step loads.
    command = [sys.executable, str(BENCHMARK), "--one", json.dumps([model, batch, settings])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    found = json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)
    assert found["predicted"] == pytest.approx(found["measured"], rel=0.25)


def test_weights_gradients_and_moments_are_counted() -> None:
    # On a GPU, where the sum of what is held counts, not what a heap makes of it.
    base = training_memory(tiny(), Recipe(momentum=0.0), 2, False, "cuda")
    weights = 4 * 1482
    more = training_memory(tiny(), Recipe(optimizer="adamw"), 2, False, "cuda") - base
    assert more == pytest.approx(1.1 * 2 * weights, rel=0.1)
    averaged = training_memory(tiny(), Recipe(momentum=0.0, averaging="ema"), 2, False, "cuda") - base
    assert averaged == pytest.approx(1.1 * weights, rel=0.1)


@pytest.mark.slow
def test_bfloat16_halves_activations() -> None:
    exact, half = (training_memory(mini_googlenet(), Recipe(), 64, autocast, "cuda") for autocast in (False, True))
    assert 0.5 * exact < half < 0.75 * exact


def test_the_largest_batch_is_the_largest() -> None:
    cpu, recipe, room = torch.device("cpu"), Recipe(), 160 * 2**20
    best = largest_batch(tiny(), recipe, cpu, room, images=60_000)
    assert best % 8 == 0
    assert training_memory(tiny(), recipe, best, False) <= room
    assert training_memory(tiny(), recipe, int(best * 1.1), False) > room
    assert largest_batch(tiny(), recipe, cpu, room, images=100) == 96
    with pytest.raises(HarnessError, match="a step of two images takes about"):
        largest_batch(tiny(), recipe, cpu, 2**20, images=100)


def test_a_dry_run_says_what_a_run_does(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = Options(out=run, epochs=2, device="cpu", quiet=True, settings={"averaging": "ema"})
    plan = dry_run(tiny(), options)
    assert not run.exists()
    train(tiny(), options)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert plan.steps == lines[-1]["step"] == 46
    assert plan.parameters == 1378 + 90
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    assert size < plan.disk < size + 2 * 2**20
    text = "\n".join(plan.lines())
    assert "46, 2 epochs of 23 with 64 images each" in text
    assert "memory: about" in text
    with pytest.raises(HarnessError, match="exists and is not an empty folder"):
        dry_run(tiny(), options)


def test_operations_of_a_step_are_three_times_those_forward_and_nothing_changes() -> None:
    module = model_source.build(Path("model.py"), tiny().source, "tiny")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    counted = training_flops(module, torch.randn(2, 1, 8, 8))
    # 64 places x 72 and 1,280 + 80 multiply-adds; the image itself needs no gradient, so the convolution counts twice.
    assert counted == 2 * (2 * 64 * 72 + 3 * (1280 + 80))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_auto_is_resolved_and_recorded(tmp_path: Path) -> None:
    options = Options(out=tmp_path / "run", epochs=1, batch="auto", memory=121 * 2**20, device="cpu", quiet=True)
    train(tiny(), options)
    recipe = json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]
    assert 8 <= recipe["batch"] < 200


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"memory": 2**30, "batch": 8}, "--memory says how much --batch auto may take"),
        ({"reset": ("logits",)}, "--reset leaves layers out of --weights, and there are none"),
        ({"workers": -1}, "--workers -1 is no number of processes"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=message):
        dry_run(tiny(), Options(out=tmp_path / "run", device="cpu", **given))


def test_an_edited_file_that_asks_for_values_has_a_plan_without_memory(tmp_path: Path) -> None:
    source = tiny().source.replace(
        "        logits: Tensor =", "        x = x * float(x.sum() > 0)\n        logits: Tensor ="
    )
    asking = tiny(source=source)
    plan = dry_run(asking, Options(out=tmp_path / "run", device="cpu"))
    assert "memory: the memory of tiny cannot be predicted" in "\n".join(plan.lines())
    with pytest.raises(HarnessError, match="cannot be predicted") as caught:
        dry_run(asking, Options(out=tmp_path / "run", device="cpu", batch="auto"))
    assert caught.value.help == "--batch N, instead of auto"


@pytest.mark.parametrize(("text", "size"), [("4G", 2**32), ("512M", 2**29), ("1.5GiB", 3 * 2**29), ("1000", 1000)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "4X", "nan", "inf"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(HarnessError, match="is no amount of memory"):
        parse_size(text)
