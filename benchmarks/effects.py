"""What auxiliary heads, averaging and ten crops do, with several seeds, as measured.

    python benchmarks/effects.py [digits|fashion-mnist] [SEEDS] [EPOCHS]

`mini_googlenet` is trained with and without its head, by the recipe of the data, with Polyak's average over the second
half of the steps. Each run gives the accuracy of its last weights and of their average; the average is also tested with
ten crops.

The heads were meant against gradients that vanish on their way down. Batch norm came a year later and does the same; so
the norms of the gradient by stage are measured over the first steps of two nets: of `mini_googlenet`, which has batch
norm, and of `googlenet` as in the paper, which has none.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from netdsl_pytorch import harness  # Before torch: it sets what OpenMP reads when it is loaded.

# isort: split
import torch
from _bench import machine, publish, table
from netdsl_pytorch.harness import Options, TrainableModel
from netdsl_pytorch.harness.data.batches import Batches
from netdsl_pytorch.harness.data.datasets import load
from netdsl_pytorch.harness.machine import system
from netdsl_pytorch.harness.model import model_source
from netdsl_pytorch.harness.model.heads import loss_weights
from netdsl_pytorch.harness.model.loss import total_loss
from netdsl_pytorch.harness.model.optimizer import make_optimizer
from netdsl_pytorch.harness.recipe import Recipe, recipe_for
from netdsl_pytorch.harness.run.folder import RunFolder
from netdsl_pytorch.harness.run.metrics import gradient_norms

from netdsl.loading import load_spec

CPU = torch.device("cpu")
MINI, DEEP = "mini_googlenet", "googlenet"
CHANGES = ({None: (1, 112, 112)}, {"num_classes": 10})
"""The paper's net, small enough for a CPU: at half the width and height, images of one channel, ten classes."""
STEPS, DEEP_STEPS, DEEP_BATCH = 200, 40, 32
HEADS = {True: "with heads", False: "without"}


def model(
    heads: bool, name: str = MINI, inputs: Mapping[Any, Any] = {}, params: Mapping[str, Any] = {}
) -> TrainableModel:
    """A built-in net, or the same with a factory that leaves the heads out."""
    made: TrainableModel = harness.trainable(load_spec(name, inputs=inputs, params=params, traced=True).sound())
    if heads:
        return made
    before, switch, after = made.source.rpartition("aux: bool = True")
    assert switch
    lines = (before + "aux: bool = False" + after).split("\n")
    # Without heads there are no losses of theirs.
    kept = ["    loss_weights: ClassVar[dict[str, float]] = {}" if "loss_weights:" in line else line for line in lines]
    return dataclasses.replace(made, source="\n".join(kept))


def norms(made: TrainableModel, recipe: Recipe, data: str, seed: int, steps: int) -> dict[str, float]:
    """The norm of the gradient of each stage but the heads, the mean over the first `steps` (of one epoch at most)."""
    torch.manual_seed(seed)
    net = model_source.build(Path("model.py"), made.source, made.name).train()
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(net, recipe)
    batches = Batches(load(data, made.input_shape), recipe, (made.input_shape[1], made.input_shape[2]), CPU)
    found: list[dict[str, float]] = []
    for (batch,) in itertools.islice(batches.epoch(0), steps):
        loss, _ = total_loss(net(batch.images), batch, loss_weights(net), 0.0)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        found.append(gradient_norms(net))
        optimizer.step()
    stages = [name for name in found[0] if not name.startswith("aux")]
    return {name: mean(norms[name] for norms in found) for name in stages}


def trained(made: TrainableModel, options: Options) -> dict[str, float]:
    """Accuracies of a run: of the last weights, of their average, and of that with ten crops."""
    harness.train(made, options)
    result = json.loads(RunFolder(options.out).result.read_text(encoding="utf-8"))
    again: Any = lambda spec, description: made  # noqa: E731
    ten = harness.evaluate([options.out], again, crops=10, device="cpu", quiet=True).figures.top1
    return {"last weights": result["top1_last"], "Polyak average": result["top1"], "average, 10 crops": ten}


class Task(NamedTuple):
    """One thing to measure, in a process of its own."""

    kind: str
    """`accuracy`, or the net whose gradients are measured."""
    heads: bool
    seed: int
    data: str
    settings: dict[str, Any]


Found = list[tuple[Task, dict[str, float]]]


def measured(task: Task) -> dict[str, float]:
    """Accuracies by kind, or norms by stage."""
    torch.set_num_threads(1)
    system.keep_freed_memory()
    if task.kind == "accuracy":
        with tempfile.TemporaryDirectory() as folder:
            options = Options(
                out=Path(folder) / "run",
                data=task.data,
                seed=task.seed,
                device="cpu",
                quiet=True,
                settings=task.settings,
            )
            return trained(model(task.heads), options)
    if task.kind == DEEP:
        recipe = recipe_for(task.data, "googlenet", {"batch": DEEP_BATCH})
        return norms(model(task.heads, DEEP, *CHANGES), recipe, task.data, task.seed, DEEP_STEPS)
    return norms(model(task.heads), recipe_for(task.data, None, task.settings), task.data, task.seed, STEPS)


def accuracies(found: Found) -> list[str]:
    rows = []
    for heads, name in HEADS.items():
        runs = [figures for task, figures in found if (task.kind, task.heads) == ("accuracy", heads)]
        rows.append([name, *(spread([run[kind] for run in runs]) for kind in runs[0])])
    return table(["", *runs[0]], rows)


def gradients(found: Found, net: str) -> list[str]:
    """A row for each stage: the norm with and without heads, and their ratio, means over the seeds."""
    runs = {heads: [figures for task, figures in found if (task.kind, task.heads) == (net, heads)] for heads in HEADS}
    rows = []
    for stage in runs[True][0]:
        one, other = (mean(run[stage] for run in runs[heads]) for heads in HEADS)
        rows.append([stage, f"{one:.3g}", f"{other:.3g}", f"{one / other:.2f}"])
    return table(["stage", *HEADS.values(), "times as large"], rows)


def spread(values: Sequence[float]) -> str:
    more = f" ± {stdev(values):.2%}" if len(values) > 1 else ""
    return f"{mean(values):.2%}{more}"


def main() -> None:
    data, count, epochs = [*sys.argv[1:], *("digits", "3", "0")[len(sys.argv) - 1 :]]
    seeds = int(count)
    settings: dict[str, Any] = {"averaging": "polyak", "average_from": 0.5}
    if int(epochs):
        settings["epochs"] = int(epochs)
    tasks = [
        Task(kind, heads, seed, data, settings)
        for kind, seed, heads in itertools.product(("accuracy", DEEP, MINI), range(seeds), HEADS)
    ]
    # One thread each, as many at once as there are processors.
    with ProcessPoolExecutor(mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        found = list(zip(tasks, pool.map(measured, tasks), strict=True))
    publish(
        f"effects_{data.replace('-', '_')}",
        f"Heads, averaging and crops on {data}",
        f"{MINI}, {recipe_for(data, None, settings).epochs} epochs, {seeds} seeds, top-1 on the test images: mean ± "
        f"standard deviation; torch {torch.__version__}, {machine()}.",
        [
            *accuracies(found),
            "",
            f"The norm of the gradient by stage in {MINI}, which has batch norm; the first {STEPS} steps:",
            "",
            *gradients(found, MINI),
            "",
            f"In {DEEP}, which has none; 1x112x112, the first {DEEP_STEPS} steps of the recipe `googlenet`:",
            "",
            *gradients(found, DEEP),
        ],
    )


if __name__ == "__main__":
    main()
