"""Images a second of training GoogLeNet: the harness, against minimal loops with torchvision's and timm's settings.

All train the same architecture at the same precision and batch, from bytes in memory: torchvision's GoogLeNet as its
reference script does (contiguous memory, plain SGD, the loss read each step, as its progress line does), the same with
timm's habits (channels_last, the loss not read), and the emitted `googlenet_bn` through the harness. Each runs in a
process of its own, in turns. torchvision is no dependency: `pip install --no-deps torchvision`; its two compiled
operators are declared here, since it registers them when it is imported and none is used.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from _bench import Run, machine, publish, table, wall

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 3
WARM_UP, STEPS = 2, 4
BATCH = int(os.environ.get("BATCH", "16"))
PRECISION = os.environ.get("PRECISION", "")
"""`float32` or `bfloat16`, for all; else what the harness would choose for the device."""
HARNESS, REFERENCE, TIMM = "harness", "torchvision's settings", "timm's settings"


def device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision() -> str:
    from netdsl_pytorch.harness.device import choose_precision

    return choose_precision(PRECISION or "auto", device(), (3, 224, 224))


def pixels() -> tuple[Any, Any]:
    """Bytes of images, and their classes."""
    import torch

    generator = torch.Generator().manual_seed(0)
    count = BATCH * (WARM_UP + STEPS)
    images = torch.randint(0, 256, (count, 3, 224, 224), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 1000, (count,), generator=generator)


def bare(settings: str) -> Run:
    """A step of a minimal loop over torchvision's model."""
    import torch
    import torch.nn.functional as F

    where = device()
    for name, schema in {
        "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    }.items():
        try:
            torch.library.define(f"torchvision::{name}", schema)
        except RuntimeError:
            break  # It has its compiled operators.
    from torchvision.models import googlenet

    last = settings == TIMM
    layout = torch.channels_last if last else torch.contiguous_format
    torch.manual_seed(0)
    net = googlenet(aux_logits=True, init_weights=True, transform_input=False).to(where, memory_format=layout).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    images, labels = pixels()
    times = [now()]
    for start in range(0, len(images), BATCH):
        # On the host, in floats, as a transform does.
        batch = (images[start : start + BATCH].float() / 255 - mean) / std
        batch = batch.to(where, memory_format=layout)
        target = labels[start : start + BATCH].to(where)
        with torch.autocast(where.type, torch.bfloat16, enabled=precision() == "bfloat16"):
            outputs = net(batch)
            loss = F.cross_entropy(outputs.logits, target) + 0.3 * (
                F.cross_entropy(outputs.aux_logits1, target) + F.cross_entropy(outputs.aux_logits2, target)
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if not last:
            loss.item()
        times.append(now())
    return steady(times)


def ours() -> Run:
    """A step of the harness."""
    from netdsl_pytorch import harness
    from netdsl_pytorch.harness import emitted, system
    from netdsl_pytorch.harness.batches import Batch, Batches
    from netdsl_pytorch.harness.data import DataSet, MemorySplit
    from netdsl_pytorch.harness.distributed import ALONE
    from netdsl_pytorch.harness.loop import Training, fit
    from netdsl_pytorch.harness.metrics import Pace, Position
    from netdsl_pytorch.harness.optimise import make_optimizer, make_schedule
    from netdsl_pytorch.harness.progress import Progress
    from netdsl_pytorch.harness.recipe import Recipe

    from netdsl.loading import load_spec

    # After the harness, which sets what OpenMP reads when torch is loaded.
    # isort: split
    import torch

    where = device()
    system.keep_freed_memory()
    torch.manual_seed(0)
    model = harness.trainable(load_spec("googlenet_bn", traced=True).sound())
    net = emitted.build(Path("model.py"), model.source, model.name)
    net = net.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images, labels = pixels()
    names = tuple(map(str, range(1000)))
    mean, std = torch.tensor([123.7, 116.3, 103.5]), torch.tensor([58.4, 57.1, 57.4])
    test = MemorySplit(images[:1], labels[:1])
    data = DataSet("noise", "one", MemorySplit(images, labels), test, names, 3, mean, std)
    recipe = Recipe(epochs=1, batch=BATCH, learning_rate=0.01, nesterov=False, warmup=0.0, schedule="constant")
    optimizer = make_optimizer(net, recipe)
    times = [now()]

    class Timed(Batches):
        """Notes when each step is over: when the next is asked for."""

        def epoch(self, epoch: int, first: int = 0) -> Iterator[list[Batch]]:
            for parts in super().epoch(epoch, first):
                yield parts
                times.append(now())

    position = Position()
    fit(
        Training(
            model=net,
            replica=net,
            optimizer=optimizer,
            schedule=make_schedule(optimizer, recipe, WARM_UP + STEPS, 0),
            average=None,
            loss_weights=emitted.loss_weights(net),
            batches=Timed(data, recipe, (224, 224), where),
            recipe=recipe,
            autocast=precision() == "bfloat16",
            checkpoint_every=None,
            position=position,
            pace=Pace(position),
            progress=Progress(quiet=True),
            group=ALONE,
            save=lambda at: None,
            record=lambda values: None,
            stopping=lambda: False,
        )
    )
    return steady(times)


def now() -> Run:
    """The clock, and the processor's time, when all that was asked of the device is done."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return Run(time.perf_counter(), time.process_time())


def steady(times: list[Run]) -> Run:
    """The median step after the first few."""
    pairs = list(zip(times[WARM_UP:-1], times[WARM_UP + 1 :], strict=True))
    return Run(
        median(after.wall - before.wall for before, after in pairs),
        median(after.cpu - before.cpu for before, after in pairs),
    )


def main() -> None:
    names = (REFERENCE, TIMM, HARNESS)
    found: dict[str, list[Run]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            command = [sys.executable, str(Path(__file__)), "--candidate", name]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
            found[name].append(Run(*map(float, output.split())))
    rows = []
    for name in names:
        gains = []
        for other in (REFERENCE, TIMM):
            pairs = list(zip(found[other], found[name], strict=True))
            gains.append(f"{median(base.wall / own.wall for base, own in pairs):.2f}")
            gains.append(f"{median(base.cpu / own.cpu for base, own in pairs):.2f}")
        rows.append([name, f"{BATCH / wall(found[name]):,.1f}", *gains])
    import torch

    card = f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    publish(
        "throughput",
        "Training GoogLeNet: images a second",
        f"GoogLeNet with batch norm and two heads, 224x224, batch {BATCH}, {precision()}, {threads} threads, {ROUNDS} "
        f"rounds of processes taking turns, median of {STEPS} steps. torch {torch.__version__}; {card}{machine()}.",
        table(["", "images/s", "times torchvision's", "by processor", "times timm's", "by processor"], rows),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--candidate"]:
        print(*(ours() if sys.argv[2] == HARNESS else bare(sys.argv[2])))
    else:
        main()
