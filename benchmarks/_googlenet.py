"""A minimal training loop of GoogLeNet, with the measures that make it faster one by one: for the benchmarks of speed.

The nets are torchvision's GoogLeNet or the emitted `googlenet_bn`, its sibling convolutions apart or merged: the same
architecture. A loop runs in a process of its own, since the allocator is set once for a process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from _bench import Run, clean_environment

WARM_UP, STEPS = 2, 4
BATCH = int(os.environ.get("BATCH", "16"))
THREADS = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))

CHANNELS_LAST, ALLOCATOR, BFLOAT16 = "channels_last", "allocator", "bfloat16"
BYTES = "bytes"
"""Images go to the device as bytes and are normalised there; else they are normalised on the host, as floats."""
UNREAD = "unread"
"""The loss is not read in each step."""
FUSED = "fused"
"""The optimiser's step is one kernel."""
NESTEROV = "nesterov"
SIBLINGS = "siblings"
"""The emitted file runs sibling 1x1 convolutions as one."""
TORCHVISION = "torchvision"
"""torchvision's model; else the emitted one."""


def device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pixels() -> tuple[Any, Any]:
    """Bytes of images [N, 3, 224, 224], and their classes [N]."""
    import torch

    generator = torch.Generator().manual_seed(0)
    count = BATCH * (WARM_UP + STEPS)
    images = torch.randint(0, 256, (count, 3, 224, 224), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 1000, (count,), generator=generator)


def model(measures: Sequence[str]) -> Any:
    """The net in training mode, on the CPU."""
    import torch

    torch.manual_seed(0)
    if TORCHVISION not in measures:
        from netdsl_pytorch import build

        return build("googlenet_bn", passes=["merge-siblings"] if SIBLINGS in measures else []).train()
    for name in ("nms", "qnms"):
        try:
            schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{name}", schema)
        except RuntimeError:
            break  # It has its compiled operators.
    from torchvision.models import googlenet

    return googlenet(aux_logits=True, init_weights=True, transform_input=False).train()


def loop(measures: Sequence[str]) -> Run:
    """The median step of a minimal loop."""
    import torch
    import torch.nn.functional as F

    if ALLOCATOR in measures:
        from netdsl_pytorch.harness.machine import system

        assert system.keep_freed_memory()
    where = device()
    layout = torch.channels_last if CHANNELS_LAST in measures else torch.contiguous_format
    net = model(measures).to(where, memory_format=layout)
    settings: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4, "nesterov": NESTEROV in measures}
    if FUSED in measures:
        settings["fused"] = True
    optimizer = torch.optim.SGD(net.parameters(), **settings)
    mean = torch.tensor([123.7, 116.3, 103.5]).view(1, 3, 1, 1)
    std = torch.tensor([58.4, 57.1, 57.4]).view(1, 3, 1, 1)
    if BYTES in measures:
        mean, std = mean.to(where), std.to(where)
    images, labels = pixels()
    times = [now()]
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        if BYTES in measures:
            batch = batch.to(where, non_blocking=True)
        batch = ((batch.float() - mean) / std).to(where, memory_format=layout)
        target = labels[start : start + BATCH].to(where)
        with torch.autocast(where.type, torch.bfloat16, enabled=BFLOAT16 in measures):
            logits, *heads = net(batch)
            loss = F.cross_entropy(logits, target)
            for head in heads:
                loss = loss + 0.3 * F.cross_entropy(head, target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if UNREAD not in measures:
            loss.item()
        times.append(now())
    return steady(times)


def now() -> Run:
    """The clock, and the processor's time, when all that was asked of the device is done."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return Run(time.perf_counter(), time.process_time())


def steady(times: Sequence[Run]) -> Run:
    """The median step after the first few."""
    pairs = list(zip(times[WARM_UP:-1], times[WARM_UP + 1 :], strict=True))
    return Run(
        median(after.wall - before.wall for before, after in pairs),
        median(after.cpu - before.cpu for before, after in pairs),
    )


def take_turns(file: str, candidates: Mapping[str, str], rounds: int) -> dict[str, list[Run]]:
    """The median steps of each candidate by its name, as `file --candidate WORDS` prints them, in turns."""
    environment = {**clean_environment(), "OMP_NUM_THREADS": THREADS}
    found: dict[str, list[Run]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, words in candidates.items():
            command = [sys.executable, str(Path(file)), "--candidate", words]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
            found[name].append(Run(*map(float, output.split())))
    return found


def times_as_fast(runs: Sequence[Run], base: Sequence[Run]) -> tuple[str, str]:
    """How many times as fast one is as another, by the clock and by the processor's time: medians over the rounds."""
    pairs = list(zip(base, runs, strict=True))
    return (
        f"{median(other.wall / own.wall for other, own in pairs):.2f}",
        f"{median(other.cpu / own.cpu for other, own in pairs):.2f}",
    )


def card() -> str:
    """The GPU's name, where there is one."""
    import torch

    return f"{torch.cuda.get_device_name()}, " if torch.cuda.is_available() else ""
