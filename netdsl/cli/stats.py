"""`netdsl stats`: what a network costs, part by part."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netdsl.cli.errors import CommandError
from netdsl.cli.options import add_format, add_overrides, add_spec, load, tell
from netdsl.cli.passes import add_passes, tell_passed
from netdsl.text import terminal

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser
    from netdsl.loading import Loaded

LEVELS = 2
"""Levels of the tree that are shown: the net, and what it is made of."""


def configure(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument(
        "--depth", type=int, default=LEVELS, metavar="N", help=f"levels of the tree, the net being the first ({LEVELS})"
    )
    parser.add_argument("--train", action="store_true", help="the network while training: with its auxiliary heads")
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="images per batch, for the memory (1)")
    parser.add_argument(
        "--html", metavar="FILE", help="write a page instead: the drawing, the figures by block, the spec with shapes"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a page that netdsl did not write")
    add_passes(parser)
    add_overrides(parser)
    add_format(parser, "text", "json")
    parser.examples(
        "netdsl stats googlenet",
        "netdsl stats resnet50 --depth 3 --input 160x160",
        "netdsl stats googlenet --train --batch 32 --format json > googlenet.json",
        "netdsl stats googlenet --html googlenet.html",
    )


def run(args: Namespace) -> int:
    if args.depth < 1 or args.batch < 1:
        raise CommandError(f"--{'depth' if args.depth < 1 else 'batch'} counts from 1")
    if args.html is not None:
        return _write_page(args)
    from netdsl.collecting import collector_paused

    with collector_paused():
        loaded = load(args)
        drawn = _drawn(args, loaded)
    terminal.write(sys.stdout, drawn)
    tell_passed(loaded)
    return tell(loaded)


def _drawn(args: Namespace, loaded: Loaded) -> str:
    """The report in the form that was asked for."""
    from netdsl.analysis.figures import Figures
    from netdsl.analysis.report import Report

    figures = loaded.figures
    if args.train or args.batch != 1:
        figures = Figures(loaded.graph, train=args.train, batch=args.batch)
    report = Report(figures)
    if args.format == "json":
        import json

        return json.dumps(report.to_json(), indent=2) + "\n"
    from netdsl.cli.table import draw

    out = sys.stdout
    return draw(
        report,
        args.depth,
        width=terminal.width(out),
        colour=terminal.takes_colour(out),
        fancy=terminal.shows(out, "█▏·…"),
    )


def _write_page(args: Namespace) -> int:
    from netdsl.cli.files import check_target, write_text
    from netdsl.draw.write.stamp import stamped, state_of

    check_target(args.html, state_of, force=args.force)
    loaded = load(args)

    from netdsl.draw.page.page import page

    write_text(args.html, stamped(page(loaded.graph, loaded.spec.source), "html"))
    tell_passed(loaded)
    return tell(loaded)
