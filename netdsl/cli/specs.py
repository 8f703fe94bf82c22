"""`netdsl specs`: the built-in models, or the text of the spec of one, to start from."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from netdsl.catalogue import built_ins, read_spec
from netdsl.cli.options import add_format
from netdsl.text.excerpt import visible
from netdsl.text.terminal import painted, takes_colour, width, write

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    parser.add_argument("spec", metavar="NAME", nargs="?", help="print the spec of this built-in model")
    add_format(parser, "text", "json")
    parser.examples("netdsl specs", "netdsl specs googlenet > my.net")


def run(args: Namespace) -> int:
    if args.spec is not None:
        write(sys.stdout, read_spec(args.spec).source.text)
        return 0
    models = built_ins().values()
    if args.format == "json":
        import json

        listed = [{"name": model.name, "file": model.path, "doc": model.doc} for model in models]
        sys.stdout.write(json.dumps({"schema": 1, "specs": listed}, indent=2) + "\n")
        return 0
    names = max((len(model.name) for model in models), default=0)
    files = max((len(os.path.basename(model.path)) for model in models), default=0)
    room, colour = width(sys.stdout), takes_colour(sys.stdout)
    for model in models:
        name = f"{model.name:<{names}}"
        rest = f"  {os.path.basename(model.path):<{files}}  {visible(model.doc)}"
        if len(rest) > room - names:
            rest = rest[: max(room - names - 3, 0)].rstrip(" .") + "..."
        write(sys.stdout, (painted(name, "bold") if colour else name) + rest.rstrip() + "\n")
    return 0
