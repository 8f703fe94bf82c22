"""The argument parser that every command gets: its name, its summary, and how examples are shown."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from netdsl.text.terminal import width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse's, told the width: to find it out, it imports shutil and all its archives at every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=width(sys.stdout) - 2)


class CommandParser(argparse.ArgumentParser):
    """A parser for one command. `examples` adds the examples that its help ends with.

    What is in `late` is called with the arguments before they are parsed: it may add options that depend on them.
    """

    def __init__(self, name: str, summary: str) -> None:
        super().__init__(
            prog=f"netdsl {name}",
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        self.late: list[Callable[[Sequence[str]], None]] = []

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        for add in self.late:
            add(args if args is not None else sys.argv[1:])
        return super().parse_args(args, namespace)

    def examples(self, *lines: str, notes: str = "") -> None:
        """Show these command lines at the end of the help, then remarks."""
        shown = "\n".join(f"  {line}" for line in lines)
        self.epilog = f"example{'s' * (len(lines) > 1)}:\n{shown}" + (f"\n\n{notes}" if notes else "")

    def error(self, message: str) -> NoReturn:
        """Usage errors in the words of every other message: what, then where help is."""
        sys.stderr.write(f"error: {message}\n")
        sys.stderr.write(f"  help: {self.format_usage().strip()}\n        `{self.prog} --help` says more\n")
        raise SystemExit(2)
