"""What goes wrong in the middle of a run: NaN is traced to its layer, and memory that runs out to a batch that fits."""

import functools
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, train
from netdsl_pytorch.harness.model.diagnose import first_bad_layer
from netdsl_pytorch.harness.run.metrics import MetricSums
from torch import Tensor, nn

from tests.pytorch.harness.models import TINY, tiny
from tests.pytorch.harness.processes import fork


class Middle(nn.Module):
    """A module with code of its own between two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3)
        self.conv2 = nn.Conv2d(2, 2, 3)
        self.factor = 1.0

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv2(self.conv1(x) * self.factor)
        return result


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 1, 1)
        self.middle = Middle()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.middle(self.stem(x)).mean(dim=(2, 3))
        return result


def found_in(net: nn.Module, images: Tensor | None = None) -> str:
    return first_bad_layer(net, [torch.ones(2, 1, 8, 8) if images is None else images], autocast=False)


def test_the_first_layer_is_named() -> None:
    torch.manual_seed(0)  # What the stem gives must not be small by chance.
    net = Net()
    assert found_in(net) == "the layers all gave finite values when it was computed again"
    assert found_in(net, torch.full((2, 1, 8, 8), torch.nan)) == "the images hold it"
    net.middle.factor = torch.inf
    assert found_in(net) == "`middle` first gave it, in what it hands to `middle.conv2`"
    with torch.no_grad():
        net.middle.conv1.weight.fill_(3e38)
    assert found_in(net) == "`middle.conv1` (Conv2d) first gave it"
    with torch.no_grad():
        net.stem.bias.fill_(torch.nan)  # type: ignore[union-attr]
    assert found_in(net) == "`stem.bias` holds it since the step before"


# In step 31, counted by the norm, `dropout1` is given NaN.
POISONED = TINY.replace(
    "        logits: Tensor = self.logits(",
    "        if self.training and bool((self.batchnorm1.num_batches_tracked >= 31).item()):\n"
    "            x = x * float('nan')\n        logits: Tensor = self.logits(",
)


def options(run: Path, **settings: Any) -> Options:
    return Options(out=run, epochs=2, device="cpu", quiet=True, settings={"checkpoint_every": 10, **settings})


@pytest.mark.parametrize("at_hand", [True, False])
def test_nan_stops_with_the_step_and_the_layer_and_is_not_saved(
    tmp_path: Path, at_hand: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not at_hand:
        # As on a GPU, whose figures are read every few steps.
        before = MetricSums.__init__

        def unread(self: MetricSums, *args: Any) -> None:
            before(self, *args)
            self.at_hand = False

        monkeypatch.setattr(MetricSums, "__init__", unread)
    run = tmp_path / "run"
    with pytest.raises(
        HarnessError, match=r"became NaN or infinite in step 31 \(epoch 2 of 2, learning rate"
    ) as caught:
        train(tiny(source=POISONED), options(run))
    assert "`Tiny` first gave it, in what it hands to `dropout1`; the checkpoints before" in caught.value.message
    assert caught.value.exit_code == 2
    assert [path.name for path in sorted((run / "checkpoints").iterdir())] == ["step-00000023", "step-00000030"]


def test_a_rate_that_is_too_high_is_told_from_a_bad_layer(tmp_path: Path) -> None:
    source = TINY.replace("nn.BatchNorm2d(8)", "nn.Identity()")
    with pytest.raises(HarnessError, match="became NaN or infinite in step") as caught:
        train(tiny(source=source), options(tmp_path / "run", learning_rate=1000.0))
    assert caught.value.help is not None
    assert caught.value.help.startswith("a lower learning rate (now 1000)")


def train_with_little_memory(run: Path) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 200 * 2**20, resource.RLIM_INFINITY))
    model = tiny(input_shape=(1, 256, 256), source=TINY.replace("8 * 4 * 4", "8 * 128 * 128"))
    train(model, options(run, batch=718))


@pytest.mark.slow
def test_memory_that_runs_out_names_a_batch_that_fits(tmp_path: Path) -> None:
    process = fork(tmp_path / "log", functools.partial(train_with_little_memory, tmp_path / "run"))
    assert process.wait() == 2, process.said()
    assert "error: out of memory with 718 images a step" in process.said()
    assert "fits; --set accumulate=" in process.said()
    assert "Traceback" not in process.said()
