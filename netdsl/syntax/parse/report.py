"""What a parse finds: the diagnostics of its actions, and of the automaton that runs them."""

from __future__ import annotations

from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Source, Span

MAX_REPORTED = 100
"""Findings of a parse that are told; the next one is kept too, and tells that there are more."""


class Report:
    """The findings of one parse; the statement in which there are some is left out of the tree."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.diagnostics: list[Diagnostic] = []
        self.broken = -1
        """Where the last error is that belongs to a statement not yet complete."""

    def span(self, start: int, end: int) -> Span:
        """The `Span` between two offsets of the source."""
        return Span(self.source, start, end)

    def report(self, diagnostic: Diagnostic) -> None:
        """Keeps a finding."""
        if len(self.diagnostics) <= MAX_REPORTED:
            self.diagnostics.append(diagnostic)
        self.broken = max(self.broken, diagnostic.span.start)
