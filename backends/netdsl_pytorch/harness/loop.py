"""The training loop: what happens in a step, an epoch and an evaluation, from top to bottom."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LRScheduler

from netdsl_pytorch.harness.data.augment import derive_seed
from netdsl_pytorch.harness.data.batches import Batch, Batches
from netdsl_pytorch.harness.errors import STOPPED, HarnessError
from netdsl_pytorch.harness.machine.device import set_seed
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.model.diagnose import first_bad_layer
from netdsl_pytorch.harness.model.loss import total_loss
from netdsl_pytorch.harness.model.optimizer import AveragedWeights, skips_bad_steps
from netdsl_pytorch.harness.progress import Progress
from netdsl_pytorch.harness.recipe import Recipe
from netdsl_pytorch.harness.run.metrics import Confusion, Evaluation, MetricSums, Throughput, TrainState, gradient_norms


@dataclass(slots=True)
class Training:
    """All that the loop works on. `save` and `record` are told when; `stopping` is asked after each step."""

    model: nn.Module
    """The emitted module."""
    replica: nn.Module
    """The same, as training calls it: compiled, or one of several that keep in step."""
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    average: AveragedWeights | None
    loss_weights: dict[str, float]
    batches: Batches
    recipe: Recipe
    autocast: bool
    checkpoint_every: int | None
    state: TrainState
    throughput: Throughput
    progress: Progress
    group: Group
    save: Callable[[TrainState], None]
    record: Callable[[dict[str, Any]], None]
    stopping: Callable[[], bool]

    def best(self) -> nn.Module:
        """The net to test: the average, where there is one."""
        return self.average.module if self.average and self.average.begun(self.state.step) else self.model


def fit(t: Training) -> Evaluation:
    """Trains from `t.state` to the end of the recipe; returns the evaluation of the last epoch.

    Raises HarnessError if the loss ceases to be finite, and with exit code 75, everything saved, if told to stop.
    """
    batches, state, throughput, group = t.batches, t.state, t.throughput, t.group
    device, steps = batches.device, batches.steps_per_epoch
    evaluation = None
    for epoch in range(state.epoch, t.recipe.epochs):
        sums = MetricSums(device, state, group)
        throughput.restart(state, batches.waited)
        t.model.train()

        for parts in batches.epoch(epoch, first=state.step - epoch * steps):
            # Dropout of this step depends on nothing that came before it.
            set_seed(derive_seed("step", t.recipe.seed, state.step, group.rank), device)
            for number, batch in enumerate(parts):
                with torch.autocast(device.type, torch.bfloat16, enabled=t.autocast):
                    outputs = t.replica(batch.images)
                loss, logits = total_loss(outputs, batch, t.loss_weights, t.recipe.label_smoothing)
                # Processes exchange gradients once a step, and then take their mean.
                with _alone(t.replica, number < len(parts) - 1):
                    share = len(batch.labels) * group.size / batch.total
                    (loss if share == 1 else loss * share).backward()  # type: ignore[no-untyped-call]
                sums.add(state.step, loss.detach(), logits.detach(), batch)
            if sums.at_hand and sums.bad():
                raise not_finite(t, state.step, parts)
            update(t, sums)

            state.step += 1
            state.samples += parts[0].total
            ends = state.step % steps == 0
            stopping = group.any_of_last(t.stopping())
            saving = stopping or ends or (t.checkpoint_every is not None and state.step % t.checkpoint_every == 0)
            # An epoch is saved before its evaluation: what is lost by a crash there is only done again.
            if saving or state.step % t.recipe.log_every == 0:
                sums.read(state)
                if not math.isfinite(state.loss):
                    error = not_finite(t, sums.first_bad(state.step - 1), parts)
                    error.follows = not sums.bad()  # The loss of another process; it sees the layer.
                    raise error
                state.seconds = throughput.seconds()
                t.record(throughput.line(state, epoch, t.optimizer.param_groups[0]["lr"], batches.waited))
            if saving:
                group.share_buffers(t.model)
                t.save(state)
            if stopping:
                group.wait()
                raise stopped(state.step)
            if t.progress.due():
                show(t, sums)

        evaluation = evaluate(t.best(), t)
        state.seconds = throughput.seconds()
        values = {
            "kind": "epoch",
            "epoch": epoch + 1,
            "step": state.step,
            "train_loss": state.loss / max(state.seen, 1),
            "train_top1": state.correct / max(state.seen, 1),
            "loss": evaluation.loss,
            "top1": evaluation.top1,
            "top5": evaluation.top5,
            "seconds": round(state.seconds, 3),
            "gradients": {stage: float(f"{norm:.6g}") for stage, norm in state.gradients.items()},
        }
        t.record(values)
        t.progress.say(
            f"epoch {epoch + 1}/{t.recipe.epochs}  loss {values['train_loss']:.3f}  accuracy {values['train_top1']:.2%}"
            f"  test {evaluation.top1:.2%}  {state.seconds:,.0f} s"
        )
        state.begin_epoch(epoch + 1)
    assert evaluation is not None  # An epoch is left to do, if only its evaluation: it is saved before that.
    return evaluation


def show(t: Training, sums: MetricSums) -> None:
    """Shows where the run is, by what this process knows."""
    steps, step = t.batches.steps_per_epoch, t.state.step
    epoch = f"{(step - 1) // steps + 1}/{t.recipe.epochs}"
    left = t.recipe.epochs * len(t.batches.data.train) - t.state.samples
    speed = t.throughput.figures(t.state, t.batches.waited)
    t.progress.update(epoch, (step % steps or steps) / steps, *sums.means(), speed, left)


def update(t: Training, sums: MetricSums) -> None:
    """Moves the weights along the gradient, and the schedule on by a step."""
    if (t.state.step + 1) % t.batches.steps_per_epoch == 0:
        t.state.gradients = gradient_norms(t.model)
    if t.recipe.clip:
        torch.nn.utils.clip_grad_norm_(t.model.parameters(), t.recipe.clip)
    if not sums.at_hand and skips_bad_steps(t.optimizer):
        # A loss that is not finite leaves the weights as they were, so that its cause can be found when it is read.
        t.optimizer.found_inf = sums.any_bad  # type: ignore[attr-defined]
    t.optimizer.step()
    t.optimizer.zero_grad(set_to_none=True)
    t.schedule.step()
    if t.average is not None:
        t.average.update(t.model, t.state.step)


def evaluate(model: nn.Module, t: Training) -> Evaluation:
    """Figures of the test split, each image counted once whatever the number of processes. A stop is heeded: the
    state has been saved."""
    model.eval()
    t.group.share_buffers(model)
    device = t.batches.device
    confusion = Confusion(t.batches.data.num_classes, device)
    with torch.inference_mode():
        for images, labels in t.batches.test_batches():
            with torch.autocast(device.type, torch.bfloat16, enabled=t.autocast):
                logits = model(images)
            confusion.add(logits.float(), labels)
            # Several processes stop together, after the next step.
            if t.group.size == 1 and t.stopping():
                raise stopped(t.state.step)
    return confusion.evaluation(t.group)


def _alone(replica: nn.Module, waits: bool) -> contextlib.AbstractContextManager[None]:
    """Within it, gradients are kept and not yet exchanged."""
    if waits and isinstance(replica, DistributedDataParallel):
        return replica.no_sync()
    return contextlib.nullcontext()


def not_finite(t: Training, step: int, parts: list[Batch]) -> HarnessError:
    """Names the step whose loss was not finite, and the layer that made it so. Nothing after it is saved."""
    steps = t.batches.steps_per_epoch
    if step != t.state.step:
        # It was found when figures came from the GPU, some steps later; since then the weights were left alone.
        parts = next(iter(t.batches.epoch(step // steps, first=step % steps)))
    set_seed(derive_seed("step", t.recipe.seed, step, t.group.rank), t.batches.device)
    layer = first_bad_layer(t.model, [batch.images for batch in parts], t.autocast)
    return HarnessError(
        f"the loss became NaN or infinite in step {step + 1} (epoch {step // steps + 1} of {t.recipe.epochs}, learning "
        f"rate {t.recipe.learning_rate_at(step, steps):.4g}): {layer}; the checkpoints before it are kept",
        help=f"a lower learning rate (now {t.recipe.learning_rate:.4g}) or, if bfloat16 is at fault, float32",
    )


def stopped(step: int) -> HarnessError:
    """The end of a run that was told to stop after `step` steps."""
    return HarnessError(f"stopped after step {step}; all is saved", exit_code=STOPPED)
