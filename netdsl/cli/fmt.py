"""`netdsl fmt`: gives specs their one layout."""

from __future__ import annotations

import os
import sys
from difflib import unified_diff
from typing import TYPE_CHECKING, NamedTuple

from netdsl.cli.errors import exit_code
from netdsl.cli.files import STDOUT, write_text
from netdsl.cli.options import add_limits, limits
from netdsl.syntax.format import format_text
from netdsl.text.errors import SpecError
from netdsl.text.excerpt import visible
from netdsl.text.read import STDIN, read_source
from netdsl.text.terminal import write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from netdsl.cli.parser import CommandParser
    from netdsl.limits import Limits
    from netdsl.text.diagnostic import Diagnostic

SUFFIX = ".net"


class Formatted(NamedTuple):
    """A spec as it was and as it should be."""

    before: str
    after: str
    changed: bool
    """Also where only the line ends or a byte order mark differ."""


def configure(parser: CommandParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help=f"a spec, a folder of {SUFFIX} files, or `-`")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; show what would change")
    add_limits(parser)
    parser.examples(
        "netdsl fmt my.net",
        "netdsl fmt --check specs",
        "netdsl fmt --diff - < my.net",
        notes="Lines are at most 120 columns wide. Comments and single blank lines stay, and so do bodies on one\n"
        "line, breaks before `->` and after the commas of lists. A file with errors is left as it is.",
    )


def run(args: Namespace) -> int:
    bounds = limits(args)
    diagnostics: list[Diagnostic] = []
    changed = False
    for path in _paths(args.files):
        try:
            formatted = _formatted(path, bounds)
        except SpecError as error:
            diagnostics += error.diagnostics
            continue
        changed |= formatted.changed
        _deliver(path, formatted, check=args.check, diff=args.diff)
    if diagnostics:
        from netdsl.text.render import print_diagnostics

        sys.stdout.flush()
        print_diagnostics(diagnostics, sys.stderr)
        return exit_code(diagnostics)
    return int(args.check and changed)


def _paths(given: list[str]) -> Iterator[str]:
    """The files named, and those in the folders named, in the order of their names."""
    for path in given:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, folders, files in os.walk(path):
            folders.sort()
            yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(SUFFIX))


def _formatted(path: str, bounds: Limits) -> Formatted:
    source = read_source(path, bounds)
    after = format_text(source, bounds)
    changed = after != source.text
    if not changed and path != STDOUT:
        with open(path, "rb") as file:
            changed = file.read(bounds.file_size + 1) != after.encode()
    return Formatted(source.text, after, changed)


def _deliver(path: str, formatted: Formatted, *, check: bool, diff: bool) -> None:
    """Writes a spec, or shows what would be written."""
    shown = STDIN if path == STDOUT else path
    if diff:
        lines = formatted.before.splitlines(keepends=True), formatted.after.splitlines(keepends=True)
        for line in unified_diff(*lines, visible(shown), visible(shown)):
            write(sys.stdout, line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    if check:
        if formatted.changed and not diff:
            write(sys.stdout, f"{visible(shown)}: would change\n")
    elif not diff:
        if path == STDOUT:
            # The bytes that a file would get, whatever a terminal can show.
            sys.stdout.flush()
            sys.stdout.buffer.write(formatted.after.encode())
        elif formatted.changed:
            write_text(path, formatted.after)
            write(sys.stdout, f"{visible(path)}: formatted\n")
