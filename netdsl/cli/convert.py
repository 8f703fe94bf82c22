"""`netdsl convert`: weights that torch.save wrote, as a safetensors file; those of merged siblings apart again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netdsl.cli.errors import CommandError
from netdsl.cli.options import add_overrides, overrides
from netdsl.cli.training import told
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    parser.add_argument("source", metavar="IN", help="a state_dict as torch.save writes it (.pth)")
    parser.add_argument("target", metavar="OUT.safetensors", help="the file to write")
    parser.add_argument(
        "--split-siblings",
        metavar="SPEC",
        help="IN is of a net trained with --merge-siblings, a safetensors file; OUT gets the keys of its spec",
    )
    add_overrides(parser)
    parser.examples(
        "netdsl convert googlenet-1378be20.pth googlenet.safetensors",
        "netdsl convert runs/1/weights.safetensors googlenet.safetensors --split-siblings googlenet_bn",
        notes="This is the one command that reads a pickle, and it runs none of its code. Names are kept, but for what "
        "DistributedDataParallel and torch.compile put before them.",
    )


def run(args: Namespace) -> int:
    from pathlib import Path

    from netdsl.loading import load_spec
    from netdsl.passes.merge_siblings import MergeSiblings

    source, target = Path(args.source), Path(args.target)
    if args.split_siblings is None:
        if args.param or args.input or args.limit:
            raise CommandError("--param, --input and --limit go with --split-siblings SPEC")
        with told() as harness:
            count, said = harness.convert(source, target)
        sys.stderr.write("".join(f"{visible(line)}\n" for line in said))
    else:
        loaded = load_spec(args.split_siblings, **overrides(args), passes=[MergeSiblings()]).sound()
        with told() as harness:
            count = harness.split_siblings(source, target, loaded.passed)
    sys.stderr.write(f"{count:,} tensor{'s' * (count != 1)} in {visible(args.target)}\n")
    return 0
