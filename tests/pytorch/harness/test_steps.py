"""Steps and parts of one image or none are found before a run begins, with what to change."""

import dataclasses
import functools
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from netdsl_pytorch.harness import HarnessError, Options, TrainableModel, dry_run, train, trainable
from netdsl_pytorch.harness.data.batches import Batches
from netdsl_pytorch.harness.data.datasets import DataSet, MemorySplit
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.model.memory import training_flops
from netdsl_pytorch.harness.model.steps import check_parts, norm_of_one_value, smallest_part
from netdsl_pytorch.harness.recipe import Recipe

from netdsl.loading import load_spec
from tests.pytorch.harness.test_data import write_folder

NET = """net N(num_classes = 3) {
    input image: 1x8x8
    conv(8, 3x3, padding = same) -> NORM1 -> relu() -> globalavgpool()
    linear(8) -> NORM2 -> relu()
    output logits = linear(num_classes)
}
"""


@functools.cache
def net(first: str = "identity()", second: str = "identity()") -> TrainableModel:
    """A net with a norm over an image, and one over the features of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "n.net"
        path.write_text(NET.replace("NORM1", first).replace("NORM2", second))
        return trainable(load_spec(str(path), traced=True).sound())


def data(train_count: int, test_count: int = 4) -> DataSet:
    train_split, test_split = (
        MemorySplit(torch.zeros(count, 1, 8, 8, dtype=torch.uint8), torch.zeros(count, dtype=torch.int64))
        for count in (train_count, test_count)
    )
    return DataSet("none", "none", train_split, test_split, ("a", "b", "c"), 1, torch.zeros(1), torch.ones(1))


@given(st.integers(1, 60), st.integers(2, 20), st.integers(1, 4), st.integers(1, 4))
def test_the_smallest_part_is_the_smallest_of_all(count: int, batch: int, processes: int, accumulate: int) -> None:
    recipe = Recipe(batch=batch, accumulate=accumulate)
    sizes = []
    for rank in range(processes):
        batches = Batches(data(count), recipe, (8, 8), torch.device("cpu"), Group(rank, processes))
        for index in range(batches.steps_per_epoch):
            sizes += [part.stop - part.start for part in batches.parts(index)]
    assert smallest_part(count, batch, processes * accumulate) == min(sizes)


def test_only_norms_with_one_value_need_two_images() -> None:
    assert norm_of_one_value(net("batchnorm()")) is None
    assert norm_of_one_value(net()) is None
    assert norm_of_one_value(net("batchnorm()", "batchnorm()")) == "batchnorm2"
    check_parts(net("batchnorm()"), 21, Recipe(batch=2), 1)
    with pytest.raises(
        HarnessError, match=r"floor\(21 / ceil\(21 / 2\)\) = 1 image at once: `batchnorm1` needs 2"
    ) as caught:
        check_parts(net("identity()", "batchnorm()"), 21, Recipe(batch=2), 1)
    assert (caught.value.help, caught.value.exit_code) == ("--batch 3", 2)
    check_parts(net("identity()", "batchnorm()"), 21, Recipe(batch=3), 1)


@pytest.mark.parametrize(
    ("count", "settings", "processes", "message", "help"),
    [
        (5, {"batch": 16, "accumulate": 8}, 1, "5 images, and its smallest part 0, since accumulate = 8 cut", "=5"),
        (3, {"batch": 16}, 4, "since 4 processes cut it into 4: each needs one", "3 processes at most"),
        (13, {"batch": 12, "accumulate": 2}, 4, "6 images, .* since 4 processes and accumulate = 2 cut", "--batch 13"),
    ],
)  # fmt: skip
def test_no_part_is_empty(count: int, settings: dict[str, Any], processes: int, message: str, help: str) -> None:
    with pytest.raises(HarnessError, match=message) as caught:
        check_parts(net(), count, Recipe(**settings), processes)
    assert help in str(caught.value.help)


@given(st.integers(2, 60), st.integers(2, 20), st.integers(1, 4), st.integers(1, 6), st.booleans())
def test_what_is_advised_helps(count: int, batch: int, processes: int, accumulate: int, normed: bool) -> None:
    model = net("batchnorm()", "batchnorm()") if normed else net()
    recipe = Recipe(batch=batch, accumulate=accumulate)
    advice = None
    try:
        check_parts(model, count, recipe, processes)
    except HarnessError as error:
        advice = error.help or "none"
    if advice is not None:
        changes = dict(re.findall(r"(batch|accumulate)[ =](\d+)", advice))
        fewer = re.match(r"(\d+) processes at most", advice)
        assert changes, advice
        assert fewer is None or int(fewer[1]) < processes
        recipe = recipe.model_copy(update={name: int(value) for name, value in changes.items()})
        check_parts(model, count, recipe, int(fewer[1]) if fewer else processes)


def test_two_parts_of_one_image_each_will_do(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    settings = {"batch": 2, "accumulate": 2, "epochs": 1}
    options = Options(out=tmp_path / "run", data=str(folder), device="cpu", quiet=True, settings=settings)
    assert train(net("batchnorm()"), options).epochs == 1
    with pytest.raises(HarnessError, match="its smallest part 1, since accumulate = 2 cut it into 2") as caught:
        dry_run(net("batchnorm()", "batchnorm()"), dataclasses.replace(options, out=None))
    assert caught.value.help == "--batch 4"


def test_a_run_and_its_plan_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    settings = {"batch": 16, "accumulate": 8}
    options = Options(out=tmp_path / "run", data=str(folder), device="cpu", quiet=True, settings=settings)
    for begin in (train, dry_run):
        with pytest.raises(HarnessError, match="its smallest part 1, since accumulate = 8 cut it into 8") as caught:
            begin(net("batchnorm()", "batchnorm()"), options)
        assert caught.value.help == "--set accumulate=6"
    assert not (tmp_path / "run").exists()


def test_one_test_image_or_none_for_a_process() -> None:
    for rank in range(3):
        batches = Batches(data(12, test_count=2), Recipe(batch=6), (8, 8), torch.device("cpu"), Group(rank, 3))
        assert sum(len(labels) for _, labels in batches.test_batches()) == (rank > 0)
    (example,) = [batches.example()]
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(64))
    assert training_flops(module, example[:1]) == 0


@pytest.mark.slow
def test_inception_s_head_needs_two_images() -> None:
    inception = trainable(load_spec("inception_v3", traced=True).sound())
    layer = norm_of_one_value(inception)
    assert layer is not None
    assert layer.startswith("AuxLogits.")
