"""What makes training faster: a step of GoogLeNet with batch norm, with each measure alone, and with all of them.

The first candidate is a minimal loop over the emitted module in float32: contiguous memory, images normalised on the
host, the loss read in each step. Each other one adds one measure to it, the last all that the harness takes by itself
(merging siblings is asked for: `--merge-siblings`).
"""

from __future__ import annotations

import sys

from _bench import machine, milliseconds, publish, table, wall
from _googlenet import (
    ALLOCATOR,
    BATCH,
    BFLOAT16,
    BYTES,
    CHANNELS_LAST,
    FUSED,
    SIBLINGS,
    STEPS,
    THREADS,
    UNREAD,
    card,
    loop,
    take_turns,
    times_as_fast,
)

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 3
ALL = [CHANNELS_LAST, ALLOCATOR, BFLOAT16, BYTES, UNREAD, FUSED]
MEASURES = {
    "none": [],
    "channels_last": [CHANNELS_LAST],
    "freed memory kept": [ALLOCATOR],
    "bfloat16 autocast": [BFLOAT16],
    "bytes to the device": [BYTES],
    "the loss not read": [UNREAD],
    "fused optimiser": [FUSED],
    "sibling 1x1 convolutions as one": [SIBLINGS],
    "channels_last and freed memory kept": [CHANNELS_LAST, ALLOCATOR],
    "all but the siblings": ALL,
    "all": [*ALL, SIBLINGS],
}


def main() -> None:
    import torch

    found = take_turns(__file__, {name: " ".join(measures) for name, measures in MEASURES.items()}, ROUNDS)
    rows = [[name, milliseconds(wall(runs)), *times_as_fast(runs, found["none"])] for name, runs in found.items()]
    publish(
        "gains",
        "What each measure is worth in a step of training",
        f"GoogLeNet with batch norm and two heads, 224x224, batch {BATCH}, {THREADS} threads, {ROUNDS} rounds of "
        f"processes taking turns, median of {STEPS} steps. torch {torch.__version__}; {card()}{machine()}.",
        table(["", "a step", "times as fast", "by processor"], rows),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--candidate"]:
        print(*loop(sys.argv[2].split()))
    else:
        main()
