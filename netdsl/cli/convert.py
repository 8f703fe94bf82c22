"""`netdsl convert`: weights that torch.save wrote, as a safetensors file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netdsl.cli.training import told

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    parser.add_argument("source", metavar="IN.pth", help="a state_dict as torch.save writes it")
    parser.add_argument("target", metavar="OUT.safetensors", help="the file to write")
    parser.examples(
        "netdsl convert googlenet-1378be20.pth googlenet.safetensors",
        notes="This is the one command that reads a pickle, and it runs none of its code. Names are kept.",
    )


def run(args: Namespace) -> int:
    from pathlib import Path

    with told() as harness:
        count = harness.convert(Path(args.source), Path(args.target))
    sys.stderr.write(f"{count} tensors in {args.target}\n")
    return 0
