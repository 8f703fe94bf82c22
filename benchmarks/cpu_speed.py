"""What makes training on a CPU faster: a step of GoogLeNet with batch norm, with each measure alone and all together.

Each candidate is a process of its own, since the allocator is set once; they take turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from _bench import clean_environment, machine, milliseconds, publish, table

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 3
STEPS, BATCH = 3, 16
CANDIDATES = {
    "eager": "",
    "channels_last": "channels_last",
    "allocator keeps what is freed": "allocator",
    "channels_last and allocator": "channels_last allocator",
    "and bfloat16 autocast": "channels_last allocator bfloat16",
}


def steps(measures: str) -> None:
    """Prints the seconds of a step, the median of a few, in this process."""
    import time

    import torch
    import torch.nn.functional as F
    from netdsl_pytorch import build
    from netdsl_pytorch.harness import system

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    if "allocator" in measures:
        assert system.keep_freed_memory()
    layout = torch.channels_last if "channels_last" in measures else torch.contiguous_format
    net = build("googlenet_bn").train().to(memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    images = torch.randn(BATCH, 3, 224, 224).contiguous(memory_format=layout)
    labels = torch.randint(0, 1000, (BATCH,))
    taken = []
    for _ in range(STEPS + 1):
        begin = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in measures):
            outputs = net(images)
        heads = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = sum(F.cross_entropy(head.float(), labels) for head in heads)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()
        taken.append(time.perf_counter() - begin)
    print(median(taken[1:]))


def main() -> None:
    threads = os.environ.get("OMP_NUM_THREADS", "2")
    environment = {**clean_environment(), "OMP_NUM_THREADS": threads}
    found: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for _ in range(ROUNDS):
        for name, measures in CANDIDATES.items():
            command = [sys.executable, str(Path(__file__)), "--steps", measures]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
            found[name].append(float(output))
    rows = []
    for name, seconds in found.items():
        gain = median(base / own for base, own in zip(found["eager"], seconds, strict=True))
        rows.append([name, milliseconds(median(seconds)), f"{gain:.2f}"])
    publish(
        "cpu_speed",
        "Training on a CPU, measure by measure",
        f"googlenet_bn with its heads, batch {BATCH}, {threads} threads, {ROUNDS} rounds of processes taking turns, "
        f"median of {STEPS} steps each. {machine()}.",
        table(["", "a step", "times as fast as eager"], rows),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--steps"]:
        steps(sys.argv[2])
    else:
        main()
