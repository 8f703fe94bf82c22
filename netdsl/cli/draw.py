"""`netdsl draw`: the figure of a network."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

from netdsl.cli.errors import CommandError
from netdsl.cli.files import STDOUT, check_target, write_bytes, write_text
from netdsl.cli.options import add_overrides, add_spec, load, tell

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser
    from netdsl.draw.drawing import Drawing

FORMATS = ("svg", "png", "mermaid", "dot", "json", "model-explorer")

_SUFFIXES = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot",
             ".json": "json"}  # fmt: skip


def configure(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument("-o", "--output", metavar="FILE", default=STDOUT, help="the file to write (`-`, the output)")
    parser.add_argument("--format", choices=FORMATS, help="form of the output (what the file's name ends with, or svg)")
    levels = parser.add_argument_group("how much is shown")
    levels.add_argument(
        "--depth", type=int, metavar="N", help="levels, the net being the first as in `netdsl stats` (what fits a page)"
    )
    levels.add_argument(
        "--expand", metavar="PATH", action="append", default=[], help="open the block at a label path; may be repeated"
    )
    levels.add_argument("--block", metavar="NAME", default="", help="draw one block alone, as its definition has it")
    levels.add_argument("--turns", action="store_true", help="show every turn of a loop, not one for all equal ones")
    looks = parser.add_argument_group("how it looks")
    looks.add_argument(
        "--color", choices=("params", "macs", "memory"), default="", help="colour boxes by what they cost"
    )
    looks.add_argument("--direction", choices=("down", "right"), default="down", help="where the data flows (down)")
    looks.add_argument("--scale", type=float, default=2.0, metavar="X", help="pixels per unit, for png (2)")
    looks.add_argument("--link", metavar="BASE", help="what links to the spec begin with (the path to its folder)")
    looks.add_argument("--force", action="store_true", help="overwrite a file that netdsl did not write")
    add_overrides(parser)
    parser.examples(
        "netdsl draw googlenet -o googlenet.svg",
        "netdsl draw googlenet --block Inception -o inception.svg",
        "netdsl draw resnet50 --depth 3 --color macs --direction right -o resnet50.png",
        notes="png needs one of cairosvg, resvg, rsvg-convert or Chromium; the other forms need nothing.",
    )


def run(args: Namespace) -> int:
    form = _format(args)
    if args.depth is not None and args.depth < 2:
        raise CommandError("--depth counts from 2", "the net is the first level, and its parts are the second")
    if not 0.1 <= args.scale <= 16:
        raise CommandError(f"--scale takes a number from 0.1 to 16, not {args.scale:g}")
    if form == "png":
        _check_png(args)
    else:
        from netdsl.draw.write.stamp import state_of

        check_target(args.output, state_of, force=args.force)
    from netdsl.collecting import collector_paused

    with collector_paused():
        return _draw(args, form)


def _draw(args: Namespace, form: str) -> int:
    loaded = load(args)

    from netdsl.draw.drawing import Drawing, Request, Unknown, linker

    folder = "." if args.output == STDOUT else os.path.dirname(os.path.realpath(args.output))
    request = Request(
        depth=args.depth,
        expand=tuple(args.expand),
        block=args.block,
        colour=args.color,
        right=args.direction == "right",
        turns=args.turns,
        link=linker(folder, args.link),
    )
    try:
        drawing = Drawing(loaded.graph, request)
        if form == "png":
            _write_png(args, drawing.drawn().svg)
        else:
            write_text(args.output, _text(drawing, form))
    except Unknown as error:
        raise CommandError(error.message, error.help) from None
    return tell(loaded)


def _text(drawing: Drawing, form: str) -> str:
    from netdsl.draw.write.stamp import stamped, stamped_json

    if form == "svg":
        return stamped(drawing.drawn().svg, form)
    if form == "model-explorer":
        from netdsl.draw.write.explorer import as_graphs

        return stamped_json(as_graphs(drawing.figure, drawing.figures))
    from netdsl.draw.write import graphs

    view = drawing.view()
    if form == "json":
        return stamped_json(graphs.as_json(view, drawing.figure.title))
    return stamped(graphs.as_mermaid(view) if form == "mermaid" else graphs.as_dot(view, drawing.figure.title), form)


def _format(args: Namespace) -> str:
    suffix = os.path.splitext(args.output)[1].lower() if args.output != STDOUT else ".svg"
    named = _SUFFIXES.get(suffix)
    form: str | None = args.format or named
    if form is None:
        raise CommandError(
            f"`{args.output}` does not tell the form of the drawing", f"say `--format`: {', '.join(FORMATS)}"
        )
    return form


def _check_png(args: Namespace) -> None:
    if args.output == STDOUT:
        if sys.stdout.isatty():
            raise CommandError("a picture cannot be shown on a terminal", "name a file: `-o net.png`")
        return

    def state_of(text: str) -> Literal["ours", "foreign"]:
        # The mark is ASCII, and stands at the beginning.
        return "ours" if "netdsl draw" in text[:256] else "foreign"

    check_target(args.output, state_of, force=args.force)


def _write_png(args: Namespace, svg: str) -> None:
    from netdsl.draw.write.raster import NoRasteriser, png
    from netdsl.draw.write.stamp import stamped_png

    try:
        picture = png(svg, args.scale)
    except NoRasteriser as error:
        raise CommandError(
            f"cannot write png: {error}", "write svg, which needs nothing, or `pip install cairosvg`"
        ) from None
    write_bytes(args.output, stamped_png(picture))
