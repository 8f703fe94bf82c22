"""`netdsl eval`: how good finished runs are, one by itself or several as an ensemble."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netdsl.cli.options import add_format, add_limits
from netdsl.cli.training import add_device, add_trust, recompiler, told
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser

SHOWN = 20
"""Up to so many classes the confusion matrix is printed."""


def configure(parser: CommandParser) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="a run folder; of several, the probabilities are averaged"
    )
    parser.add_argument("--crops", metavar="N", type=int, default=1, help="views of each image: 1, 10 or 144 (1)")
    parser.add_argument("--data", metavar="DATA", help="other images than those of the first run, classes by name")
    add_device(parser)
    add_trust(parser)
    add_limits(parser)
    add_format(parser, "text", "json")
    parser.examples("netdsl eval runs/1", "netdsl eval runs/1 runs/2 runs/3 --crops 144")


def run(args: Namespace) -> int:
    from pathlib import Path

    from netdsl.text.terminal import write

    with told() as harness:
        tested = harness.evaluate(
            [Path(path) for path in args.runs],
            recompiler(args.limit),
            crops=args.crops,
            data=args.data,
            device=args.device or "auto",
            trust_model=args.trust_model,
        )
    if tested.speaks:
        write(sys.stdout, _json(tested) if args.format == "json" else _text(tested))
    return 0


def _text(tested: Any) -> str:
    figures = tested.figures
    nets = f", {len(tested.runs)} nets together" if len(tested.runs) > 1 else ""
    # Among five classes, the right one is always one of the best five.
    top5 = f"top-5 {figures.top5:.2%}   " if len(tested.classes) > 5 else ""
    data = visible(tested.data)
    lines = [
        f"top-1 {figures.top1:.2%}   {top5}loss {figures.loss:.4f}",
        f"{figures.images:,} test images of {data}, {tested.crops} crop{'s' * (tested.crops > 1)} each{nets}",
        *map(visible, tested.notes),
    ]
    if len(tested.classes) <= SHOWN:
        rows = figures.confusion.tolist()
        width = max(len(str(count)) for row in rows for count in row) + 1
        classes = [visible(name) for name in tested.classes]
        names = max(map(len, classes))
        lines += ["", "rows are the true classes, columns in the same order what the net took them for"]
        for name, row in zip(classes, rows, strict=True):
            lines.append(f"{name:>{names}} " + "".join(f"{count:>{width}}" for count in row))
    return "\n".join(lines) + "\n"


def _json(tested: Any) -> str:
    import json

    figures = tested.figures
    values = {
        "schema": 1,
        "runs": list(map(str, tested.runs)),
        "data": tested.data,
        "crops": tested.crops,
        "images": figures.images,
        "top1": figures.top1,
        "top5": figures.top5,
        "loss": figures.loss,
        "notes": list(tested.notes),
        "classes": list(tested.classes),
        "confusion": figures.confusion.tolist(),
    }
    return json.dumps(values, indent=2) + "\n"
