"""A diagnostic: what is wrong, where, why, and a way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netdsl.text.codes import Code
    from netdsl.text.source import Span

Severity = Literal["error", "warning", "note"]


LONGEST = 1_000
"""Characters of each sentence of a diagnostic that are kept."""


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


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

    def __post_init__(self) -> None:
        # What is quoted of a spec may be as long as the spec.
        if len(self.message) + len(self.label) + len(self.help) + sum(map(len, self.notes)) > LONGEST:
            for name in ("message", "label", "help"):
                object.__setattr__(self, name, _clipped(getattr(self, name)))
            object.__setattr__(self, "notes", tuple(map(_clipped, self.notes)))

    def used_in(self, uses: Iterable[Use]) -> Diagnostic:
        """The same diagnostic with a chain of uses, innermost first."""
        return replace(self, uses=tuple(uses))

    def noted(self, note: str) -> Diagnostic:
        """The same diagnostic with one more fact."""
        return replace(self, notes=(*self.notes, note))


_LONGEST_GUESSED = 100
_MAX_COMPARED = 500
"""Names with which one that is unknown is compared."""
_MAX_PAIRS = 30_000
"""Pairs of their letters: what comparing takes grows with them, and a file has a hundred such errors."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question after the closest known name, "did you mean `maxpool`?", or an empty string."""
    from difflib import get_close_matches

    if len(name) > _LONGEST_GUESSED:
        return ""
    # What is far longer or shorter is not close; of many names, those that begin alike are.
    near = [
        candidate for candidate in known if 2 * len(candidate) <= 5 * len(name) and 2 * len(name) <= 5 * len(candidate)
    ]
    most = min(_MAX_COMPARED, _MAX_PAIRS // max(len(name), 1) ** 2)
    if len(near) > most:
        first = name[:1].lower()
        near = [candidate for candidate in near if candidate[:1].lower() == first] or near
        near.sort(key=lambda candidate: abs(len(candidate) - len(name)))
    lowered = {candidate.lower(): candidate for candidate in near[:most]}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean `{lowered[close[0]]}`?" if close else ""
