"""Reasons that can be told: why uses of a block do not share a class, and why a parameter is no argument."""

from __future__ import annotations

from typing import NamedTuple

from netdsl.graph.graph import Scope
from netdsl.text.source import Span


class Reason(NamedTuple):
    """A reason in plain words, and the place in the spec that it speaks of."""

    text: str
    span: Span | None = None

    def __str__(self) -> str:
        return self.text if self.span is None else f"{self.text} ({self.span.place})"


UNTOLD = Reason("what depends on it is written as it is")


class Misfit(NamedTuple):
    """Uses of a definition that no text fits: in groups, each of which may share one."""

    groups: tuple[tuple[Scope, ...], ...]
    reason: Reason

    @property
    def scopes(self) -> frozenset[Scope]:
        """All of the uses."""
        return frozenset(scope for group in self.groups for scope in group)
