"""`netdsl compile`: a network as a PyTorch file that its user owns."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from netdsl.cli.backends import find_backend
from netdsl.cli.errors import UNVERIFIED, CommandError
from netdsl.cli.files import STDOUT, check_target, write_text
from netdsl.cli.options import add_merge, add_overrides, add_spec, load, tell, tell_merged
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.backend import Verification
    from netdsl.cli.parser import CommandParser
    from netdsl.loading import Loaded


def configure(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument("-o", "--output", metavar="FILE", default=STDOUT, help="the file to write (`-`, the output)")
    parser.add_argument("--inference", action="store_true", help="leave the auxiliary heads out")
    add_merge(parser)
    parser.add_argument(
        "--no-verify", action="store_true", help="do not run the file before it is written (where torch is installed)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a file that netdsl did not write")
    add_overrides(parser)
    parser.examples(
        "netdsl compile googlenet -o googlenet.py",
        "netdsl compile my.net --param num_classes=10 --inference > my.py",
        "netdsl compile googlenet_bn --merge-siblings -o googlenet_bn.py",
        notes="The file needs torch alone, and is yours to edit: netdsl overwrites it only as long as nobody has.\n"
        "Where torch is installed, its shapes are checked first; exit code 3, and no file, if they do not agree.",
    )


def run(args: Namespace) -> int:
    backend = find_backend()
    check_target(args.output, backend.state_of, force=args.force)
    loaded = load(args, traced=True).sound()
    text = backend.emit(
        loaded.graph, spec_name=spec_name(loaded), spec_text=loaded.spec.source.text, inference=args.inference
    )
    _check(backend.precheck(loaded.graph, text, inference=args.inference, run=not args.no_verify), args.no_verify)
    write_text(args.output, text)
    if args.output != STDOUT:
        sys.stderr.write(f"wrote {visible(args.output)}: {loaded.graph.name}, {text.count(chr(10))} lines\n")
    tell_merged(loaded)
    return tell(loaded)


def _check(report: Verification, given_up: bool) -> None:
    """Raises CommandError for a file that is not what its spec says: it is not written."""
    wrong = next((check for check in report.checks if not check.passed), None)
    if wrong is None:
        return
    help = "this is a fault of netdsl, not of the spec; please report it with the spec and the command"
    if not given_up:
        help += "; `--no-verify` writes the file as it is"
    reason = wrong.reason.partition("\n")[0]
    message = f"what was compiled does not do what the spec says, and is not written: {wrong.name}: {reason}"
    raise CommandError(message, help, UNVERIFIED)


def spec_name(loaded: Loaded) -> str:
    """What the emitted file says it was made from: the same on every machine, so without the folder."""
    return os.path.basename(loaded.spec.source.name).strip("<>")
