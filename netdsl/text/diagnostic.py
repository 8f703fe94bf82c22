"""A diagnostic: what is wrong, where, why, and a way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from netdsl.text.codes import Code
    from netdsl.text.source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Label:
    """A secondary place that a diagnostic points to."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """A link in the chain of uses: the block as called, and where; `name` is the label it got."""

    what: str
    span: Span
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `message` is a sentence a beginner understands, with names in backquotes; `label` stands under the
    marked text and gives the reason with its arithmetic; `help` is the way out; `notes` are facts;
    `uses` is the chain of block uses, innermost first.
    """

    code: Code
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    uses: tuple[Use, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    severity: Severity = "error"

    def used_in(self, uses: Iterable[Use]) -> Diagnostic:
        """The same diagnostic with a chain of uses, innermost first."""
        return replace(self, uses=tuple(uses))


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question after the closest known name, "did you mean `maxpool`?", or an empty string."""
    from difflib import get_close_matches

    lowered = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean `{lowered[close[0]]}`?" if close else ""
