"""Images a second of training GoogLeNet: the harness, against minimal loops with torchvision's and timm's settings.

All train the same architecture at the same precision and batch, from bytes in memory. torchvision's GoogLeNet is
trained as its reference script does (contiguous memory, images normalised on the host, plain SGD, the loss read each
step, as its progress line does), as timm's `train.py` does by default (contiguous memory, bytes to the device,
Nesterov's momentum, the loss read now and then), and as that does with `--channels-last`; the emitted `googlenet_bn` by
the harness, as it is and with sibling convolutions merged. Each runs in a process of its own, in turns.
benchmarks/gains.py tells what each measure is worth.

torchvision is no dependency: `pip install --no-deps torchvision`; its two compiled operators are declared here, since
it registers them when it is imported and none is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _bench import Run, machine, publish, table, wall
from _googlenet import (
    BATCH,
    BFLOAT16,
    BYTES,
    CHANNELS_LAST,
    NESTEROV,
    STEPS,
    THREADS,
    TORCHVISION,
    UNREAD,
    WARM_UP,
    card,
    device,
    loop,
    now,
    pixels,
    steady,
    take_turns,
    times_as_fast,
)

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 3
PRECISION = os.environ.get("PRECISION", "")
"""`float32` or `bfloat16`, for all; else what the harness would choose for the device."""
HARNESS, MERGED = "harness", "harness, --merge-siblings"
LOOPS = {
    "torchvision's settings": [TORCHVISION],
    "timm's settings": [TORCHVISION, BYTES, NESTEROV, UNREAD],
    "timm's with --channels-last": [TORCHVISION, BYTES, NESTEROV, UNREAD, CHANNELS_LAST],
}


def precision() -> str:
    from netdsl_pytorch.harness.machine.device import choose_precision

    return choose_precision(PRECISION or "auto", device(), (3, 224, 224))


def ours(merge_siblings: bool) -> Run:
    """A step of the harness."""
    from netdsl_pytorch import harness
    from netdsl_pytorch.harness.data.batches import Batch, Batches
    from netdsl_pytorch.harness.data.datasets import DataSet, MemorySplit
    from netdsl_pytorch.harness.loop import Training, fit
    from netdsl_pytorch.harness.machine import system
    from netdsl_pytorch.harness.machine.distributed import ALONE
    from netdsl_pytorch.harness.model import heads, model_source
    from netdsl_pytorch.harness.model.optimizer import make_optimizer, make_schedule
    from netdsl_pytorch.harness.progress import Progress
    from netdsl_pytorch.harness.recipe import Recipe
    from netdsl_pytorch.harness.run.metrics import Throughput, TrainState

    from netdsl.loading import load_spec
    from netdsl.passes.merge_siblings import MergeSiblings

    # After the harness, which sets what OpenMP reads when torch is loaded.
    # isort: split
    import torch

    where = device()
    system.keep_freed_memory()
    torch.manual_seed(0)
    passes = [MergeSiblings()] if merge_siblings else []
    model = harness.trainable(load_spec("googlenet_bn", traced=True, passes=passes).sound())
    net = model_source.build(Path("model.py"), model.source, model.name)
    net = net.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images, labels = pixels()
    names = tuple(map(str, range(1000)))
    mean, std = torch.tensor([123.7, 116.3, 103.5]), torch.tensor([58.4, 57.1, 57.4])
    test = MemorySplit(images[:1], labels[:1])
    data = DataSet("noise", "one", MemorySplit(images, labels), test, names, 3, mean, std)
    recipe = Recipe(epochs=1, batch=BATCH, learning_rate=0.01, warmup=0.0, schedule="constant")
    optimizer = make_optimizer(net, recipe)
    times = [now()]

    class Timed(Batches):
        """Notes when each step is over: when the next is asked for."""

        def epoch(self, epoch: int, first: int = 0) -> Iterator[list[Batch]]:
            for parts in super().epoch(epoch, first):
                yield parts
                times.append(now())

    state = TrainState()
    settings: dict[str, Any] = {"model": net, "replica": net, "optimizer": optimizer, "average": None}
    fit(
        Training(
            **settings,
            schedule=make_schedule(optimizer, recipe, WARM_UP + STEPS, 0),
            loss_weights=heads.loss_weights(net),
            batches=Timed(data, recipe, (224, 224), where),
            recipe=recipe,
            autocast=precision() == "bfloat16",
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
    return steady(times)


def main() -> None:
    import torch

    lower = [BFLOAT16] if precision() == "bfloat16" else []
    candidates = {
        **{name: " ".join([*measures, *lower]) for name, measures in LOOPS.items()},
        HARNESS: HARNESS,
        MERGED: MERGED,
    }
    found = take_turns(__file__, candidates, ROUNDS)
    rows = []
    for name, runs in found.items():
        gains = [gain for other in LOOPS for gain in times_as_fast(runs, found[other])]
        rows.append([name, f"{BATCH / wall(runs):,.1f}", *gains])
    heads = [head for short in ("torchvision's", "timm's", "channels-last") for head in (f"× {short}", "by processor")]
    publish(
        "throughput",
        "Training GoogLeNet: images a second",
        f"GoogLeNet with batch norm and two heads, 224x224, batch {BATCH}, {precision()}, {THREADS} threads, {ROUNDS} "
        f"rounds of processes taking turns, median of {STEPS} steps. torch {torch.__version__}; {card()}{machine()}.",
        table(["", "images/s", *heads], rows),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--candidate"]:
        print(*(ours(sys.argv[2] == MERGED) if sys.argv[2] in (HARNESS, MERGED) else loop(sys.argv[2].split())))
    else:
        main()
