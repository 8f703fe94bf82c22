"""What the text of a class mentions: names, numbers that were asked for, arguments that no name gives."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from netdsl.graph.graph import Scope
from netdsl.lower.classes.answers import Answered
from netdsl.lower.classes.claims import Claim
from netdsl.symbolic import Expr, Ref


@dataclass(slots=True)
class Extra:
    """An argument that the spec does not have: a number that differs between uses, and that no name gives."""

    name: str
    values: dict[Scope, Any]
    default: Any = None
    has_default: bool = False
    roots: dict[Hashable, None] = field(default_factory=dict)
    """The parameters and axes that it depends on, which its uses give in literals."""

    def copy(self) -> Extra:
        """Another one that is the same."""
        return Extra(self.name, dict(self.values), self.default, self.has_default, dict(self.roots))


@dataclass(slots=True)
class Mentions:
    """What the text of a class mentions so far; copied before an attempt that may fail."""

    needs: dict[Hashable, Ref] = field(default_factory=dict)
    """Names that become arguments or locals of the constructor."""
    extras: list[Extra] = field(default_factory=list)
    written: set[Expr] = field(default_factory=set)
    """Expressions of the author's."""
    answers: list[Answered] = field(default_factory=list)
    """What was asked for, in the order of the text."""
    claims: dict[Claim, None] = field(default_factory=dict)
    """What the text says is the same number in all networks."""

    def copy(self) -> Mentions:
        """What is mentioned now, whatever is mentioned later."""
        extras = [extra.copy() for extra in self.extras]
        return Mentions(dict(self.needs), extras, set(self.written), list(self.answers), dict(self.claims))

    def added(self) -> set[str]:
        """The names of arguments that the spec does not have."""
        return {extra.name for extra in self.extras}
