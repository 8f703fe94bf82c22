"""The training loop: what happens in a step, an epoch and an evaluation, from top to bottom."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netdsl_pytorch.harness.batches import Batches, derive_seed
from netdsl_pytorch.harness.errors import STOPPED, HarnessError
from netdsl_pytorch.harness.progress import Progress
from netdsl_pytorch.harness.recipe import Recipe


@dataclass(slots=True)
class Position:
    """Where a run is, and the sums of its current epoch. `index` steps of epoch `epoch` are done."""

    epoch: int = 0
    index: int = 0
    loss: float = 0.0
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of the test split: fractions of 1, and the mean cross-entropy."""

    top1: float
    top5: float
    loss: float
    images: int


@dataclass(slots=True)
class Training:
    """All that the loop works on. `save` and `record` are told when; `stopping` is asked after each step."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss_weights: dict[str, float]
    batches: Batches
    recipe: Recipe
    autocast: bool
    checkpoint_every: int | None
    position: Position
    progress: Progress
    save: Callable[[int, Position], None]
    record: Callable[[dict[str, Any]], None]
    stopping: Callable[[], bool]


def fit(t: Training) -> Evaluation:
    """Trains from `t.position` to the end of the recipe; returns the evaluation of the last epoch.

    Raises HarnessError if the loss ceases to be finite, and with exit code 75, everything saved, if told to stop.
    """
    recipe, batches, position, device = t.recipe, t.batches, t.position, t.batches.device
    steps = batches.steps_per_epoch
    evaluation = None
    for epoch in range(position.epoch, recipe.epochs):
        plan = batches.plan(epoch)
        sums = Sums(device, position)
        started, seconds_before, seen_before = time.monotonic(), position.seconds, position.seen
        t.model.train()

        for index in range(position.index, steps):
            step = epoch * steps + index
            # Dropout of this step depends on nothing that came before it.
            torch.manual_seed(derive_seed("step", recipe.seed, step))
            for group in t.optimizer.param_groups:
                group["lr"] = recipe.learning_rate_at(step, recipe.epochs * steps)

            images, labels = batches.step(plan, index)
            with torch.autocast(device.type, torch.bfloat16, enabled=t.autocast):
                outputs = t.model(images)
            loss, logits = total_loss(outputs, labels, t.loss_weights, recipe.label_smoothing)
            t.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            t.optimizer.step()

            sums.add(step, loss.detach(), logits.detach(), labels)
            position.index = index + 1
            position.seconds = seconds_before + time.monotonic() - started
            stopping = t.stopping()
            saving = t.checkpoint_every is not None and (step + 1) % t.checkpoint_every == 0
            if sums.at_hand or saving or stopping or position.index == steps or t.progress.due():
                sums.read(position)
                check_finite(sums, recipe, steps)
            # An epoch is saved before its evaluation: what is lost by a crash there is only done again.
            if saving or stopping or position.index == steps:
                t.save(step + 1, position)
            if stopping:
                raise stopped(step + 1)
            if t.progress.due():
                rate = (position.seen - seen_before) / max(position.seconds - seconds_before, 1e-9)
                left = (recipe.epochs - epoch - position.index / steps) * len(batches.train) / rate
                mean, accuracy = position.loss / position.seen, position.correct / position.seen
                shown = f"{epoch + 1}/{recipe.epochs}"
                t.progress.update(shown, position.index / steps, mean, accuracy, rate, left)

        trained = time.monotonic() - started
        evaluation = evaluate(t, (epoch + 1) * steps)
        rate = (position.seen - seen_before) / max(trained, 1e-9)
        position.seconds = seconds_before + time.monotonic() - started
        values = {
            "epoch": epoch + 1,
            "step": (epoch + 1) * steps,
            "train_loss": position.loss / position.seen,
            "train_top1": position.correct / position.seen,
            "loss": evaluation.loss,
            "top1": evaluation.top1,
            "top5": evaluation.top5,
            "seconds": round(position.seconds, 3),
        }
        t.record(values)
        t.progress.say(
            f"epoch {epoch + 1}/{recipe.epochs}  loss {values['train_loss']:.3f}  accuracy {values['train_top1']:.2%}  "
            f"test {evaluation.top1:.2%}" + (f"  {rate:,.0f} images/s" if position.seen > seen_before else "")
        )
        position.epoch, position.index = epoch + 1, 0
        position.loss, position.correct, position.seen = 0.0, 0, 0
    # A run that was interrupted after its last epoch has only this left to do.
    return evaluation if evaluation is not None else evaluate(t, recipe.epochs * steps)


def total_loss(
    outputs: Tensor | tuple[Tensor, ...], labels: Tensor, weights: dict[str, float], smoothing: float
) -> tuple[Tensor, Tensor]:
    """The main output's cross-entropy plus each head's times its weight, and the main logits [B, classes].

    `outputs` is what an emitted module gives in training mode: the logits, or a named tuple that begins with them and
    has a field for each head in `weights`. In 32 bits, whatever the net computes in.
    """
    logits = outputs if isinstance(outputs, Tensor) else outputs[0]
    loss = F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    for name, weight in weights.items():
        head: Tensor = getattr(outputs, name)
        loss = loss + weight * F.cross_entropy(head.float(), labels, label_smoothing=smoothing)
    return loss, logits


def evaluate(t: Training, step: int) -> Evaluation:
    """Top-1, top-5 and loss over the test split, in eval mode. A stop is heeded: `step` has been saved."""
    t.model.eval()
    device = t.batches.device
    loss = torch.zeros((), dtype=torch.float64, device=device)
    hits = torch.zeros(2, dtype=torch.int64, device=device)
    with torch.inference_mode():
        for images, labels in t.batches.test_batches():
            with torch.autocast(device.type, torch.bfloat16, enabled=t.autocast):
                logits = t.model(images)
            logits = logits.float()
            loss += F.cross_entropy(logits, labels, reduction="sum")
            best = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
            hits += torch.stack([best[:, 0].sum(), best.sum()])
            if t.stopping():
                raise stopped(step)
    count = len(t.batches.test)
    top1, top5 = hits.tolist()
    return Evaluation(top1 / count, top5 / count, loss.item() / count, count)


class Sums:
    """Sums of an epoch kept on the device, so that a step does not wait for the GPU; `read` does."""

    def __init__(self, device: torch.device, position: Position) -> None:
        self.loss = torch.tensor(position.loss, dtype=torch.float64, device=device)
        self.correct = torch.tensor(position.correct, dtype=torch.int64, device=device)
        self.bad_step = torch.tensor(-1, dtype=torch.int64, device=device)
        self.seen = position.seen
        self.at_hand = device.type == "cpu"
        """Reading costs nothing."""

    def add(self, step: int, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Counts a step; remembers the first whose loss is NaN or infinite."""
        self.loss += loss * len(labels)
        self.correct += (logits.argmax(1) == labels).sum()
        self.bad_step = torch.where((self.bad_step < 0) & ~loss.isfinite(), step, self.bad_step)
        self.seen += len(labels)

    def read(self, position: Position) -> None:
        """Brings `position` up to date."""
        position.loss, position.correct, position.seen = self.loss.item(), int(self.correct.item()), self.seen


def check_finite(sums: Sums, recipe: Recipe, steps: int) -> None:
    """Raises HarnessError that names the first step whose loss was not finite. Nothing after it is saved."""
    bad = int(sums.bad_step.item())
    if bad >= 0:
        raise HarnessError(
            f"the loss became NaN or infinite in step {bad + 1} (epoch {bad // steps + 1} of {recipe.epochs}, "
            f"learning rate {recipe.learning_rate_at(bad, recipe.epochs * steps):.4g}); "
            "the checkpoints before it are kept",
            help=f"a lower learning rate (now {recipe.learning_rate:.4g}) or, if bfloat16 is at fault, float32",
        )


def stopped(step: int) -> HarnessError:
    """The end of a run that was told to stop after `step` steps."""
    return HarnessError(f"stopped after step {step}; all is saved", exit_code=STOPPED)
