"""The exceptions that carry diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netdsl.text.diagnostic import Diagnostic


class SpecError(Exception):
    """A spec cannot be used: carries every diagnostic of the run.

    `diagnostics` is never empty. `str()` is the plain rendering, as on the command line.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from netdsl.text.render import render_plain

        return "\n\n".join(render_plain(diagnostic) for diagnostic in self.diagnostics)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)


class SpecSyntaxError(SpecError):
    """The text does not follow the grammar."""


class SpecSemanticError(SpecError):
    """The text is well formed, but what it says cannot be: a name, a value, a shape, a limit."""


class ContractError(SpecSemanticError):
    """The network is sound, but breaks a contract or a budget that the spec states."""
