"""What one elaboration shares: its limits, what it found, and how deep it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from netdsl.elaborate.trouble import Trouble
from netdsl.text.codes import LIMIT, Code
from netdsl.text.diagnostic import Diagnostic, Label, Use

if TYPE_CHECKING:
    from netdsl.graph.graph import Budget
    from netdsl.limits import Limits
    from netdsl.text.source import Span


class Session:
    """One run of the elaborator."""

    def __init__(self, limits: Limits, *, traced: bool = False) -> None:
        self.limits = limits
        self.traced = traced
        """Whether numbers remember the expressions that gave them."""
        self.found: list[Diagnostic] = []
        self.notes: list[Diagnostic] = []
        self.told: set[tuple[str, int, int, str]] = set()
        self.uses: list[Use] = []
        """The blocks being used, outermost first."""
        self.depth = 0
        self.nodes = 0
        self.overridden = False
        self.declared: list[Any] = []
        """The values that were given names, when traced: braces that end take their own names out of these."""
        self.budgets: list[Budget] = []
        self.cache: dict[Any, Any] = {}
        """What operators gave before, by call and arguments (calls.py)."""

    def report(self, diagnostic: Diagnostic) -> None:
        """Keeps a finding, with the chain of uses; a block used often is told about once."""
        span = diagnostic.span
        key = (diagnostic.code.id, span.start, span.end, span.source.name)
        if key in self.told:
            return
        self.told.add(key)
        if self.uses and not diagnostic.uses:
            diagnostic = diagnostic.used_in(reversed(self.uses))
        (self.found if diagnostic.severity == "error" else self.notes).append(diagnostic)

    def enter(self, span: Span) -> None:
        """Counts one more pair of braces that is being elaborated; `leave` takes it back."""
        self.depth += 1
        if self.depth > self.limits.elaboration_depth:
            self.exceeded("elaboration_depth", "blocks, groups and loops stand too deep inside each other", span)

    def leave(self) -> None:
        self.depth -= 1

    def count(self, nodes: int, span: Span) -> None:
        """Makes sure that so many more stages are within the limit, before they are made."""
        if self.nodes + nodes > self.limits.nodes:
            self.exceeded("nodes", f"the network has more than {self.limits.nodes:,} stages", span)

    def exceeded(self, limit: str, message: str, span: Span) -> NoReturn:
        """Raises Trouble for a limit."""
        limits = self.limits
        trouble = Trouble(Diagnostic(LIMIT, message, span, limits.rule(limit), help=limits.way_out(limit)))
        trouble.final = True
        raise trouble


def trouble(
    code: Code, message: str, span: Span, label: str = "", *, help: str = "", labels: tuple[Label, ...] = ()
) -> Trouble:
    """An exception with a diagnostic."""
    return Trouble(Diagnostic(code, message, span, label, labels, help=help))
