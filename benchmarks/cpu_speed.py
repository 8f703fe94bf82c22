"""What makes training on a CPU faster: a step of GoogLeNet with batch norm, with each measure alone and all together.

Each candidate is a process of its own, since the allocator is set once; they take turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from _bench import Run, clean_environment, machine, milliseconds, publish, table, wall

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
    """Prints the seconds of a step by the clock and of the processor, medians of a few, in this process."""
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
        begin, begin_cpu = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in measures):
            outputs = net(images)
        heads = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = sum(F.cross_entropy(head.float(), labels) for head in heads)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()
        taken.append((time.perf_counter() - begin, time.process_time() - begin_cpu))
    print(*map(median, zip(*taken[1:], strict=True)))


def main() -> None:
    threads = os.environ.get("OMP_NUM_THREADS", "2")
    environment = {**clean_environment(), "OMP_NUM_THREADS": threads}
    found: dict[str, list[Run]] = {name: [] for name in CANDIDATES}
    for _ in range(ROUNDS):
        for name, measures in CANDIDATES.items():
            command = [sys.executable, str(Path(__file__)), "--steps", measures]
            output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
            found[name].append(Run(*map(float, output.split())))
    rows = []
    for name, runs in found.items():
        pairs = list(zip(found["eager"], runs, strict=True))
        by_clock = median(base.wall / own.wall for base, own in pairs)
        by_processor = median(base.cpu / own.cpu for base, own in pairs)
        rows.append([name, milliseconds(wall(runs)), f"{by_clock:.2f}", f"{by_processor:.2f}"])
    publish(
        "cpu_speed",
        "Training on a CPU, measure by measure",
        f"googlenet_bn with its heads, batch {BATCH}, {threads} threads, {ROUNDS} rounds of processes taking turns, "
        f"median of {STEPS} steps each. {machine()}.",
        table(["", "a step", "times as fast as eager", "by processor time"], rows),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--steps"]:
        steps(sys.argv[2])
    else:
        main()
