"""What auxiliary heads, Polyak averaging and ten crops do to mini_googlenet, with several seeds, as measured.

    python benchmarks/effects.py [digits|fashion-mnist] [SEEDS] [EPOCHS]

Every net is trained with and without its head, by the recipe of the data with Polyak averaging over the second half.
Each run gives the accuracy of its last weights and of their average; the average is also tested with ten crops. The
norms of the gradient by stage are those of the first epoch's steps, where a head is meant to help most.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from netdsl_pytorch import harness  # Before torch: it sets what OpenMP reads when it is loaded.

# isort: split
import torch
from _bench import machine, publish, table
from netdsl_pytorch.harness import Options, TrainableModel, emitted
from netdsl_pytorch.harness.batches import Batches
from netdsl_pytorch.harness.data import load
from netdsl_pytorch.harness.loop import total_loss
from netdsl_pytorch.harness.optimise import make_optimizer
from netdsl_pytorch.harness.recipe import Recipe, recipe_for
from netdsl_pytorch.harness.run import RunFolder

from netdsl.loading import load_spec

CPU = torch.device("cpu")


def model(heads: bool) -> TrainableModel:
    """mini_googlenet, or the same with a factory that leaves the head out."""
    made: TrainableModel = harness.trainable(load_spec("mini_googlenet", traced=True).sound())
    source = made.source
    if not heads:
        at = source.rindex("aux: bool = True")
        source = source[:at] + "aux: bool = False" + source[at + len("aux: bool = True") :]
        source = source.replace('{"aux1": 0.3}', "{}")
    return dataclasses.replace(made, source=source)


def stages(made: TrainableModel, recipe: Recipe, data: str, seed: int) -> dict[str, float]:
    """The norm of the gradient of each stage, the mean over the first epoch."""
    torch.manual_seed(seed)
    net = emitted.build(Path("model.py"), made.source, made.name).train()
    optimizer = make_optimizer(net, recipe)
    batches = Batches(load(data, made.input_shape), recipe, (made.input_shape[1], made.input_shape[2]), CPU)
    sums: dict[str, float] = {}
    for (batch,) in batches.epoch(0):
        loss, _ = total_loss(net(batch.images), batch, emitted.loss_weights(net), 0.0)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name, stage in net.named_children():
            gradients = [p.grad.norm() for p in stage.parameters() if p.grad is not None]
            if gradients and not name.startswith("aux"):
                sums[name] = sums.get(name, 0.0) + torch.stack(gradients).norm().item()
        optimizer.step()
    return {name: total / batches.steps_per_epoch for name, total in sums.items()}


def trained(made: TrainableModel, options: Options) -> dict[str, float]:
    """Accuracies of a run: of the last weights, of their average, and of that with ten crops."""
    harness.train(made, options)
    again: Any = lambda spec, description: made  # noqa: E731
    averaged = harness.evaluate([options.out], again, device="cpu", quiet=True).figures.top1
    ten = harness.evaluate([options.out], again, crops=10, device="cpu", quiet=True).figures.top1
    run = RunFolder(options.out)
    newest = max(run.checkpoints.iterdir())
    run.weights.write_bytes((newest / "model.safetensors").read_bytes())
    last = harness.evaluate([options.out], again, device="cpu", quiet=True).figures.top1
    return {"last weights": last, "Polyak average": averaged, "average, 10 crops": ten}


def spread(values: Sequence[float]) -> str:
    more = f" ± {stdev(values):.2%}" if len(values) > 1 else ""
    return f"{mean(values):.2%}{more}"


def main() -> None:
    data, seeds, epochs = [*sys.argv[1:], *("digits", "3", "0")[len(sys.argv) - 1 :]]
    settings: dict[str, Any] = {"averaging": "polyak", "average_from": 0.5}
    if int(epochs):
        settings["epochs"] = int(epochs)
    recipe = recipe_for(data, None, settings)
    accuracies: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    norms: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(seeds)):
            for heads in (True, False):
                out = Path(folder) / f"{seed}-{heads}"
                options = Options(out=out, data=data, seed=seed, device="cpu", quiet=True, settings=settings)
                accuracies[heads].append(trained(model(heads), options))
                norms[heads].append(stages(model(heads), recipe, data, seed))
    names = {True: "with its head", False: "without"}
    kinds = list(accuracies[True][0])
    tests = [[names[heads], *(spread([run[kind] for run in accuracies[heads]]) for kind in kinds)] for heads in names]
    parts = list(norms[True][0])
    rows = [[names[heads], *(f"{mean(run[part] for run in norms[heads]):.3f}" for part in parts)] for heads in names]
    publish(
        f"effects_{data.replace('-', '_')}",
        f"Heads, averaging and crops: mini_googlenet on {data}",
        f"{recipe.epochs} epochs, {seeds} seeds, top-1 on the test images as mean ± standard deviation. "
        f"torch {torch.__version__}; {machine()}.",
        [*table(["", *kinds], tests), "", "Norm of the gradient by stage, mean of the first epoch:", "",
         *table(["", *parts], rows)],
    )  # fmt: skip


if __name__ == "__main__":
    main()
