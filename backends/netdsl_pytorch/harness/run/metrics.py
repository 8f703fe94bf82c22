"""Figures of a run: where it is, sums over its steps, and what a test gives."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from netdsl_pytorch.harness.data.batches import Batch
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine.distributed import ALONE, Group
from netdsl_pytorch.harness.run.recorded import Count, Figure, Finite


@dataclass(slots=True)
class TrainState:
    """Where a run is, and the sums of its current epoch over all processes."""

    epoch: Count = 0
    """Epochs done, their evaluation included."""
    step: Count = 0
    """Steps done since the beginning."""
    samples: Count = 0
    """Samples used since the beginning: the global sample index of the next one."""
    loss: Finite = 0.0
    correct: Count = 0
    seen: Count = 0
    seconds: Finite = 0.0
    gradients: dict[str, Figure] = field(default_factory=dict)
    """The norms of the gradient by stage in the last step of the epoch."""

    def begin_epoch(self, epoch: int) -> None:
        """Forgets the sums of the one before."""
        self.epoch, self.loss, self.correct, self.seen = epoch, 0.0, 0, 0


_TRAIN_STATE = TypeAdapter(TrainState)


def restored(values: Any, step: int, epochs: int, steps_per_epoch: int) -> TrainState:
    """The state that a checkpoint of step `step` holds. Raises HarnessError if it is none of such a run."""
    try:
        state = _TRAIN_STATE.validate_python(values)
    except ValidationError as error:
        raise HarnessError(f"the checkpoint of step {step} is damaged: its position is none of a run") from error
    first = state.epoch * steps_per_epoch
    if state.correct > state.seen:
        raise HarnessError(f"the checkpoint of step {step} is damaged: more images are right than there were")
    if state.step != step or state.epoch >= epochs or not first < step <= first + steps_per_epoch:
        raise HarnessError(
            f"the checkpoint of step {step} does not belong to run.json: its position is none of this run"
        )
    return state


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """The norm of the gradient of each stage of the net: of all weights below one of its attributes."""
    gradients: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            gradients.setdefault(name.partition(".")[0], []).append(parameter.grad)
    norms = {name: torch.nn.utils.get_total_norm(found) for name, found in gradients.items()}
    return dict(zip(norms, torch.stack(list(norms.values())).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of the test split: fractions of 1, and the mean cross-entropy."""

    top1: float
    top5: float
    loss: float
    images: int
    confusion: Tensor = field(compare=False)
    """How many images of each class (row) were taken for each class (column)."""


class Confusion:
    """Counts what a net makes of test images, on the device."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        self.num_classes = num_classes
        # Sum of losses, top-1, top-5, images.
        self.sums = torch.zeros(4, dtype=torch.float64, device=device)
        self.confusion = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=device)

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Counts a batch of logits, or log-probabilities [B, classes]; labels below 0 are passed over."""
        known = labels >= 0
        best = logits.topk(min(5, self.num_classes)).indices == labels[:, None]
        loss = F.cross_entropy(logits, labels, reduction="sum", ignore_index=-100)
        self.sums += torch.stack([loss.double(), best[:, 0].sum(), best.sum(), known.sum()])
        cells = labels.clamp(min=0) * self.num_classes + logits.argmax(1)
        self.confusion.index_add_(0, cells, known.long())

    def evaluation(self, group: Group = ALONE) -> Evaluation:
        """The figures over all processes."""
        loss, top1, top5, images = group.total(self.sums).tolist()
        confusion = group.total(self.confusion).view(self.num_classes, self.num_classes).cpu()
        count = max(int(images), 1)
        return Evaluation(top1 / count, top5 / count, loss / count, int(images), confusion)


class MetricSums:
    """Sums of an epoch kept on the device, so that a step does not wait for the GPU; `read` does."""

    def __init__(self, device: torch.device, state: TrainState, group: Group) -> None:
        self.group = group
        self.at_hand = device.type == "cpu"
        """Reading costs nothing."""
        # The first process goes on from the sums of all.
        before = (state.loss, float(state.correct)) if group.first else (0.0, 0.0)
        self.sums = torch.tensor(before, dtype=torch.float64, device=device)
        self.seen = state.seen if group.first else 0
        self.bad_step = torch.tensor(-1, dtype=torch.int64, device=device)
        self.any_bad = torch.zeros((), device=device)

    def add(self, step: int, loss: Tensor, logits: Tensor, batch: Batch) -> None:
        """Counts a part of a step; remembers the first whose loss is NaN or infinite."""
        self.sums += torch.stack([loss * len(batch.labels), (logits.argmax(1) == batch.labels).sum()])
        self.seen += len(batch.labels) - batch.broken
        if self.at_hand:
            if not math.isfinite(loss.item()):
                self.any_bad.fill_(1)
            return
        finite = loss.isfinite()
        self.bad_step = torch.where((self.bad_step < 0) & ~finite, step, self.bad_step)
        self.any_bad = torch.where(finite, self.any_bad, 1.0)

    def bad(self) -> bool:
        """Whether a loss of this process was not finite."""
        return self.any_bad.item() > 0

    def first_bad(self, step: int) -> int:
        """The step in which that was, `step` being the present one."""
        found = int(self.bad_step.item())
        return found if found >= 0 else step

    def read(self, state: TrainState) -> None:
        """Brings `state` up to date, with the sums of all processes. All of them must call it."""
        ours = torch.cat([self.sums, torch.tensor([self.seen], dtype=torch.float64, device=self.sums.device)])
        loss, correct, seen = self.group.total(ours).tolist()
        state.loss, state.correct, state.seen = loss, round(correct), round(seen)

    def means(self) -> tuple[float, float]:
        """Mean loss and accuracy of the epoch so far, as far as this process knows."""
        loss, correct = self.sums.tolist()
        count = max(self.seen, 1)
        return loss / count, correct / count


class Throughput:
    """How fast a run is, and how much of its time it waits for data."""

    def __init__(self, state: TrainState, model_flops: float = 0.0, peak_flops: float = 0.0) -> None:
        self.started = time.monotonic()
        self.seconds_before = state.seconds
        self.model_flops = model_flops
        """Floating-point operations of a training step per image, and those that the device does in a second."""
        self.peak_flops = peak_flops
        self.restart(state, 0.0)

    def restart(self, state: TrainState, waited: float) -> None:
        """Measures from here on: an epoch begins."""
        self._epoch = self._line = (time.monotonic(), state.samples, waited)
        self._logged = (state.loss, state.correct, state.seen)

    def seconds(self) -> float:
        """Spent on the run, earlier sittings included."""
        return self.seconds_before + time.monotonic() - self.started

    def figures(self, state: TrainState, waited: float, *, since_line: bool = False) -> dict[str, float]:
        """Images per second, and the shares of the time spent waiting for data and of the device's peak (MFU), of this
        epoch, or since the last line of metrics.jsonl."""
        then, samples, waited_then = self._line if since_line else self._epoch
        elapsed = max(time.monotonic() - then, 1e-9)
        rate = (state.samples - samples) / elapsed
        figures = {"images_per_second": round(rate, 1), "data_wait": round((waited - waited_then) / elapsed, 4)}
        if self.peak_flops:
            figures["mfu"] = round(rate * self.model_flops / self.peak_flops, 4)
        return figures

    def line(self, state: TrainState, epoch: int, learning_rate: float, waited: float) -> dict[str, Any]:
        """A line of metrics.jsonl: means since the last one. `state` must be up to date."""
        loss, correct, seen = self._logged
        count = max(state.seen - seen, 1)
        figures = self.figures(state, waited, since_line=True)
        values = {
            "kind": "steps",
            "epoch": epoch + 1,
            "step": state.step,
            "samples": state.samples,
            "loss": (state.loss - loss) / count,
            "top1": (state.correct - correct) / count,
            "learning_rate": learning_rate,
            "seconds": round(state.seconds, 3),
            **figures,
        }
        self._line = (time.monotonic(), state.samples, waited)
        self._logged = (state.loss, state.correct, state.seen)
        return values
