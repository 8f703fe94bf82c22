"""How elaboration reports: one exception that carries a diagnostic, and one that says it was reported before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.text.diagnostic import Diagnostic, Label

if TYPE_CHECKING:
    from netdsl.text.codes import Code
    from netdsl.text.source import Span


class Trouble(Exception):
    """Something is wrong with the spec; caught at the end of the statement.

    `final` tells that going on makes no sense: a limit was exceeded.
    """

    final = False

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Enough(Exception):
    """So much is wrong with the spec that no more is looked for."""


class Poisoned(Exception):
    """What is asked for depends on something already reported."""


def trouble(
    code: Code, message: str, span: Span, label: str = "", *, help: str = "", labels: tuple[Label, ...] = ()
) -> Trouble:
    """A `Trouble` with a diagnostic."""
    return Trouble(Diagnostic(code, message, span, label, labels, help=help))
