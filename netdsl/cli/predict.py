"""`netdsl predict`: what is on images."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netdsl.cli.options import add_format, add_limits
from netdsl.cli.training import add_device, add_trust, recompiler, told

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="an image file: JPEG, PNG, WebP, …")
    parser.add_argument("--top", metavar="N", type=int, default=5, help="how many classes to name (5)")
    parser.add_argument("--crops", metavar="N", type=int, default=1, help="views of each image: 1, 10 or 144 (1)")
    add_device(parser)
    add_trust(parser)
    add_limits(parser)
    add_format(parser, "text", "json")
    parser.examples(
        "netdsl predict runs/photos cat.jpg dog.png --top 3",
        notes="A file that is no image is named, and the others are told all the same; the exit code is then 2.",
    )


def run(args: Namespace) -> int:
    from pathlib import Path

    from netdsl.text.excerpt import visible
    from netdsl.text.terminal import write

    broken: dict[Path, str] = {}
    with told() as harness:
        predictions = harness.predict(
            Path(args.run),
            [Path(path) for path in args.images],
            recompiler(args.limit),
            top=args.top,
            crops=args.crops,
            device=args.device or "auto",
            trust_model=args.trust_model,
            broken=broken.__setitem__,
        )
    _show(args, predictions, broken)
    sys.stdout.flush()
    for why in broken.values():
        write(sys.stderr, f"error: {visible(why)}\n")
    return 2 if broken else 0


def _show(args: Namespace, predictions: list[Any], broken: dict[Path, str]) -> None:
    import json

    from netdsl.text.excerpt import visible
    from netdsl.text.terminal import write

    if args.format == "json":
        values = [
            {
                "image": str(prediction.image),
                "classes": [{"class": name, "probability": p} for name, p in prediction.classes],
            }
            for prediction in predictions
        ]
        shown: dict[str, Any] = {"schema": 1, "predictions": values}
        if broken:
            shown["broken"] = [{"image": str(path), "why": why} for path, why in broken.items()]
        write(sys.stdout, json.dumps(shown, indent=2) + "\n")
        return
    for prediction in predictions:
        named = [(visible(name), p) for name, p in prediction.classes]
        width = max(len(name) for name, _ in named)
        lines = "".join(f"  {name:<{width}} {p:7.2%}\n" for name, p in named)
        write(sys.stdout, f"{visible(str(prediction.image))}\n{lines}")
