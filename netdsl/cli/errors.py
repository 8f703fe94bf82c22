"""What goes wrong on a command line without being wrong in a spec, and the exit code of what is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.text.codes import (
    CANNOT_READ,
    LIMIT,
    MODEL_NOT_NAMED,
    PASS_UNPROVED,
    PLUG_IN,
    UNKNOWN_MODEL,
    UNKNOWN_PARAMETER,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netdsl.extension.installed import PlugInError
    from netdsl.text.diagnostic import Diagnostic

OPTION = "--"
"""What the names of sources begin with that are no files but values of options."""

UNVERIFIED = 3
"""The exit code where a file does not do what its spec says."""

_USAGE_CODES = frozenset({MODEL_NOT_NAMED, UNKNOWN_MODEL, UNKNOWN_PARAMETER, PLUG_IN})


class CommandError(Exception):
    """A foreseeable trouble: what and why, the way out, and how the process is to end."""

    def __init__(self, message: str, help: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.exit_code = exit_code


def exit_code(diagnostics: Iterable[Diagnostic]) -> int:
    """0 for notes alone, 1 for findings in a spec, 2 where all that is wrong is what was asked for, 3 where a pass does
    not do what it says."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity == "error"]
    if not errors:
        return 0
    if any(error.code is PASS_UNPROVED for error in errors):
        return UNVERIFIED
    return 2 if all(map(_is_usage, errors)) else 1


def _is_usage(diagnostic: Diagnostic) -> bool:
    source = diagnostic.span.source
    if diagnostic.code in _USAGE_CODES or source.name.startswith(OPTION):
        return True
    # A spec that could not be read has no text; what it uses may be missing too, but that is a finding in its text.
    return not source.text and diagnostic.code in (CANNOT_READ, LIMIT)


def plug_in_failed(error: PlugInError) -> Diagnostic:
    """The finding about a plug-in that failed while it ran; its place is the package."""
    from netdsl.text.diagnostic import Diagnostic
    from netdsl.text.source import Source, Span

    help = f"{error.help}; NETDSL_DEBUG=1 shows where it happened"
    return Diagnostic(PLUG_IN, error.message, Span(Source(error.distribution, ""), 0, 0), help=help)
