"""The passes that a command applies, what they say, and the proof that they left the network as it was."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdsl.passes.registry import FLAG, OURS, parse_pass
from netdsl.text.excerpt import visible
from netdsl.text.terminal import write

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup

    from netdsl.backend import Finding
    from netdsl.loading import Loaded
    from netdsl.passes.interface import Pass

INTERPRETER = "netdsl_pytorch.verify.passed"
"""What computes a network operator by operator."""


def add_passes(parser: ArgumentParser | _ArgumentGroup) -> None:
    """What is done to a network before it is written: `args.passes`, in the order in which they stand."""
    parser.add_argument(
        FLAG,
        metavar="NAME[:OPTION=VALUE,...]",
        dest="passes",
        action="append",
        default=[],
        help=f"rewrite the network first; may be repeated: {', '.join(OURS)}, or an installed one",
    )
    for name, ours in OURS.items():
        if ours.is_flag:
            text = f"{ours.doc}: short for {FLAG} {name}"
            parser.add_argument(f"--{name}", dest="passes", action="append_const", const=name, default=[], help=text)


def passes(args: Namespace) -> list[Pass]:
    """The passes of `add_passes`, each pair of a name and its options once."""
    return [parse_pass(text) for text in dict.fromkeys(getattr(args, "passes", ()))]


def tell_passed(loaded: Loaded) -> None:
    """Say on standard error what passes did, where some were asked for."""
    from netdsl.text.render import print_diagnostics

    if loaded.passed is not None:
        write(sys.stderr, "".join(f"{visible(line)}\n" for line in loaded.passed.said))
        print_diagnostics(list(loaded.passed.notes), sys.stderr)


def check_passed(loaded: Loaded) -> None:
    """Raises SpecError where passes that have not proved it themselves made another network; where PyTorch is not
    installed, that is left to `verify`."""
    from importlib.util import find_spec

    if loaded.passed is not None and not loaded.passed.proved and find_spec("torch") is not None:
        _interpreter().check_passed(loaded.passed)


def proofs(loaded: Loaded) -> list[Finding]:
    """Whether the network computes what it did before passes that have not proved it themselves."""
    if loaded.passed is None or loaded.passed.proved:
        return []
    return list(_interpreter().proof(loaded.passed).checks)


def _interpreter() -> Any:
    return import_module(INTERPRETER)
