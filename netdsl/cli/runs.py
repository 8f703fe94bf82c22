"""`netdsl runs`: the runs in a folder, and what became of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netdsl.cli.options import add_format
from netdsl.cli.training import told

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="where to look (here)")
    add_format(parser, "text", "json")
    parser.examples("netdsl runs runs/")


def run(args: Namespace) -> int:
    from pathlib import Path

    from netdsl.text.excerpt import visible
    from netdsl.text.terminal import write

    with told() as harness:
        found = harness.list_runs(Path(args.folder))
    if args.format == "json":
        import json

        values = [
            {
                "path": str(each.path),
                "model": each.model,
                "data": each.data,
                "finished": each.finished,
                "damaged": each.damaged,
                "epochs_done": each.epochs_done,
                "epochs": each.epochs,
                "top1": each.top1,
                "changed": each.changed.isoformat(timespec="seconds"),
            }
            for each in found
        ]
        write(sys.stdout, json.dumps({"schema": 1, "runs": values}, indent=2) + "\n")
        return 0
    if not found:
        sys.stderr.write(f"there are no runs in {visible(args.folder)}\n")
    rows = [
        (
            visible(str(each.path)),
            visible(each.model) or "-",
            visible(each.data) or "-",
            _state(each),
            f"{each.top1:.2%}" if each.top1 is not None else "-",
            f"{each.changed:%Y-%m-%d %H:%M}",
        )
        for each in found
    ]
    rows = [("run", "model", "data", "state", "top-1", "changed"), *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        write(sys.stdout, "  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()
    for each in found:
        if each.damaged:
            write(sys.stderr, f"warning: {visible(str(each.path))}: {visible(each.damaged)}\n")
    return 0


def _state(run: Any) -> str:
    if run.finished:
        return "finished, damaged" if run.damaged else "finished"
    return "damaged" if run.damaged else f"epoch {run.epochs_done}/{run.epochs}"
