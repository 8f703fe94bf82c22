"""What the harness costs: an epoch of its loop against a bare loop of the same emitted module, data and settings.

The bare loop is what one would write by hand: indices into bytes, normalisation, forward, losses, backward, step. The
harness adds seeds, schedule, sums, checks for NaN, stop signals and progress; writing checkpoints is not a step's work
and left out of both.
"""

from __future__ import annotations

import sys
from statistics import median

from netdsl_pytorch import harness  # Before torch: it sets what OpenMP reads when it is loaded.

# isort: split
import torch
import torch.nn.functional as F
from _bench import Run, in_process, interleaved, machine, milliseconds, publish, ratio, table, wall
from netdsl_pytorch.harness.data.batches import Batches
from netdsl_pytorch.harness.data.datasets import DataSet, MemorySplit
from netdsl_pytorch.harness.loop import Training, fit
from netdsl_pytorch.harness.machine import system
from netdsl_pytorch.harness.machine.distributed import ALONE
from netdsl_pytorch.harness.model import heads, model_source
from netdsl_pytorch.harness.model.optimizer import make_optimizer, make_schedule
from netdsl_pytorch.harness.progress import Progress
from netdsl_pytorch.harness.recipe import Recipe
from netdsl_pytorch.harness.run.metrics import Throughput, TrainState
from torch import nn

from netdsl.loading import load_spec

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
STEPS, BATCH = 20, 64
CPU = torch.device("cpu")


def images() -> DataSet:
    """Random images of 28x28, and one to test on."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (STEPS * BATCH, 1, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, (STEPS * BATCH,), generator=generator)
    test = MemorySplit(pixels[:1], labels[:1])
    names = tuple(map(str, range(10)))
    return DataSet(
        "noise", "one", MemorySplit(pixels, labels), test, names, 1, torch.tensor([127.5]), torch.tensor([73.9])
    )


def module() -> nn.Module:
    """mini_googlenet as the compiler writes it."""
    torch.manual_seed(0)
    model = harness.trainable(load_spec("mini_googlenet", traced=True).sound())
    from pathlib import Path

    made = model_source.build(Path("model.py"), model.source, model.name)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def main() -> None:
    system.keep_freed_memory()
    data = images()
    recipe = Recipe(epochs=1, batch=BATCH, learning_rate=1e-4, warmup=0.0, schedule="constant")

    net = module()
    optimizer = make_optimizer(net, recipe)
    batches = Batches(data, recipe, (28, 28), CPU)

    def ours() -> None:
        state = TrainState()
        fit(
            Training(
                model=net,
                replica=net,
                optimizer=optimizer,
                schedule=make_schedule(optimizer, recipe, STEPS, 0),
                average=None,
                loss_weights=heads.loss_weights(net),
                batches=batches,
                recipe=recipe,
                autocast=False,
                checkpoint_every=None,
                state=state,
                throughput=Throughput(state),
                progress=Progress(quiet=True),
                group=ALONE,
                save=lambda at: None,
                record=lambda values: None,
                stopping=lambda: False,
            )
        )

    bare_net = module()
    bare_optimizer = make_optimizer(bare_net, recipe)
    train = data.train
    assert isinstance(train, MemorySplit)
    mean, std = data.mean.view(1, 1, 1, 1), data.std.view(1, 1, 1, 1)

    def bare() -> None:
        bare_net.train()
        for chosen in torch.randperm(len(train)).split(BATCH):
            pixels = ((train.images[chosen].float() - mean) / std).contiguous(memory_format=torch.channels_last)
            labels = train.labels[chosen]
            outputs = bare_net(pixels)
            loss = F.cross_entropy(outputs.logits, labels) + 0.3 * F.cross_entropy(outputs.aux1, labels)
            bare_optimizer.zero_grad(set_to_none=True)
            loss.backward()
            bare_optimizer.step()

    runs = interleaved({"harness": in_process(ours), "bare loop": in_process(bare)}, ROUNDS)
    rows = []
    for name, taken in runs.items():
        by_processor = median(one.cpu / other.cpu for one, other in zip(taken, runs["bare loop"], strict=True))
        rows.append([name, milliseconds(wall(taken) / STEPS), f"{_ratio(runs, name)}", f"{by_processor:.3f}"])
    publish(
        "harness_overhead",
        "Harness against a bare loop",
        f"mini_googlenet, batch {BATCH}, float32, {torch.get_num_threads()} threads, epochs of {STEPS} steps taking "
        f"turns, {ROUNDS} rounds, medians of ratios. torch {torch.__version__}; {machine()}.",
        table(["", "a step", "by the clock, times", "by processor time, times"], rows),
    )


def _ratio(runs: dict[str, list[Run]], name: str) -> str:
    return f"{ratio(runs, name, 'bare loop'):.3f}"


if __name__ == "__main__":
    main()
