"""`netdsl compile`: a network as files that its user owns: one of PyTorch, or what another backend writes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netdsl.cli.artifacts import check_artifact, check_before, write_artifact
from netdsl.cli.backends import add_backend, backend_options
from netdsl.cli.errors import UNVERIFIED, CommandError
from netdsl.cli.files import STDOUT
from netdsl.cli.options import add_overrides, add_spec, load, tell
from netdsl.cli.passes import add_passes, check_passed, tell_passed
from netdsl.text.excerpt import visible

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.backend import Verification
    from netdsl.cli.parser import CommandParser


def configure(parser: CommandParser) -> None:
    add_spec(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=STDOUT, help="the file to write (`-`, the output), or folder of files"
    )
    add_backend(parser)
    add_passes(parser)
    parser.add_argument(
        "--no-verify", action="store_true", help="do not run the file before it is written (where torch is installed)"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say why a block became several classes, and why the function that makes the model lacks a parameter",
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
    from netdsl.backend import Explains, Job, Prechecks

    backend = args.backend
    check_before(backend, args.output, force=args.force)
    loaded = load(args, traced=True).sound()
    if not args.no_verify:
        check_passed(loaded)
    job = Job(loaded.graph, loaded.spec.source, backend_options(args))
    artifact = backend.emit(job)
    check_artifact(backend, artifact)
    if isinstance(backend, Prechecks):
        _check(backend.precheck(job, artifact, run=not args.no_verify), args.no_verify)
    write_artifact(backend, args.output, artifact, force=args.force)
    if args.output != STDOUT:
        sys.stderr.write(f"wrote {visible(args.output)}: {visible(artifact.summary)}\n")
    if args.explain:
        lines = backend.explain(job) if isinstance(backend, Explains) else []
        for line in lines or ["nothing to explain"]:
            sys.stderr.write(f"{visible(line)}\n")
    tell_passed(loaded)
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
