"""`netdsl compile`: a network as a PyTorch file that its user owns."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from netdsl.cli.backends import find_backend
from netdsl.cli.files import STDOUT, check_target, write_text
from netdsl.cli.options import add_merge, add_overrides, add_spec, load, tell, tell_merged
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.cli.parser import CommandParser
    from netdsl.loading import Loaded


def configure(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument("-o", "--output", metavar="FILE", default=STDOUT, help="the file to write (`-`, the output)")
    parser.add_argument("--inference", action="store_true", help="leave the auxiliary heads out")
    add_merge(parser)
    parser.add_argument("--force", action="store_true", help="overwrite a file that netdsl did not write")
    add_overrides(parser)
    parser.examples(
        "netdsl compile googlenet -o googlenet.py",
        "netdsl compile my.net --param num_classes=10 --inference > my.py",
        "netdsl compile googlenet_bn --merge-siblings -o googlenet_bn.py",
        notes="The file needs torch alone, and is yours to edit: netdsl overwrites it only as long as nobody has.",
    )


def run(args: Namespace) -> int:
    backend = find_backend()
    check_target(args.output, backend.state_of, force=args.force)
    loaded = load(args, traced=True).sound()
    text = backend.emit(
        loaded.graph, spec_name=spec_name(loaded), spec_text=loaded.spec.source.text, inference=args.inference
    )
    write_text(args.output, text)
    if args.output != STDOUT:
        sys.stderr.write(f"wrote {visible(args.output)}: {loaded.graph.name}, {text.count(chr(10))} lines\n")
    tell_merged(loaded)
    return tell(loaded)


def spec_name(loaded: Loaded) -> str:
    """What the emitted file says it was made from: the same on every machine, so without the folder."""
    return os.path.basename(loaded.spec.source.name).strip("<>")
