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
        runs = harness.list_runs(Path(args.folder))
    if args.format == "json":
        import json

        values = [
            {
                "path": str(run.path),
                "model": run.model,
                "data": run.data,
                "finished": run.finished,
                "damaged": run.damaged,
                "epochs_done": run.epochs_done,
                "epochs": run.epochs,
                "top1": run.top1,
                "changed": run.changed.isoformat(timespec="seconds"),
            }
            for run in runs
        ]
        write(sys.stdout, json.dumps({"schema": 1, "runs": values}, indent=2) + "\n")
        return 0
    if not runs:
        sys.stderr.write(f"there are no runs in {visible(args.folder)}\n")
    rows = [
        (
            visible(str(run.path)),
            visible(run.model) or "-",
            visible(run.data) or "-",
            _state(run),
            f"{run.top1:.2%}" if run.top1 is not None else "-",
            f"{run.changed:%Y-%m-%d %H:%M}",
        )
        for run in runs
    ]
    rows = [("run", "model", "data", "state", "top-1", "changed"), *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        write(sys.stdout, "  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()
    for run in runs:
        if run.damaged:
            write(sys.stderr, f"warning: {visible(str(run.path))}: {visible(run.damaged)}\n")
    return 0


def _state(run: Any) -> str:
    if run.finished:
        return "finished, damaged" if run.damaged else "finished"
    return "damaged" if run.damaged else f"epoch {run.epochs_done}/{run.epochs}"
