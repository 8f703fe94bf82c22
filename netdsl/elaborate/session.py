"""What one elaboration shares: its limits, what it found, and how deep it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

from netdsl.elaborate.errors import Enough, Trouble
from netdsl.text.codes import LIMIT
from netdsl.text.diagnostic import Diagnostic, Use

if TYPE_CHECKING:
    from netdsl.graph.graph import Item, Node
    from netdsl.graph.names import Names
    from netdsl.limits import Limits
    from netdsl.syntax import tree
    from netdsl.text.source import Span


_STEPS_FOR_A_STAGE = 16
"""Steps that a stage is worth: a network of many stages may compute much."""

_STAGES_OF_A_MODEL = 20
"""Stages in the time that a model takes, however small it is."""

ITEMS_IN_A_STEP = 8
"""Items of a list that are made or looked through in the time of a step."""

STEPS_OF_A_USE = 12
"""What the use of a block takes, in turns of an empty loop."""

STEPS_OF_A_BUDGET = 16
"""What checking an `expect` takes, in turns of an empty loop."""


Place: TypeAlias = tuple[str, int, int]
"""Where something stands: the source's name, and offsets. It is the same in every parse of a text."""


class Rewritten(NamedTuple):
    """What is elaborated in place of a combine: values that are named first, and another combine."""

    before: tuple[tree.Bind, ...]
    combine: tree.Combine


Instead: TypeAlias = Mapping[Place, Rewritten]


class Spent:
    """What elaborating the models of a file has taken so far."""

    def __init__(self) -> None:
        self.nodes = 0

    def add(self, session: Session) -> None:
        """Adds what one model took: its stages, and its steps as if they had led to some."""
        self.nodes += _STAGES_OF_A_MODEL + session.nodes + session.steps // _STEPS_FOR_A_STAGE


class Session:
    """One run of the elaborator."""

    def __init__(
        self, limits: Limits, *, traced: bool = False, instead: Instead | None = None, spent: Spent | None = None
    ) -> None:
        self.limits = limits
        self.instead: Instead = instead or {}
        """What stands in for combines."""
        self.traced = traced
        """Whether numbers remember the expressions that gave them."""
        self.errors: list[Diagnostic] = []
        self.notes: list[Diagnostic] = []
        self.told: set[tuple[str, int, int, str]] = set()
        self.uses: list[Use] = []
        """The blocks being used, outermost first."""
        self.depth = 0
        self.counting = 0
        """How deep bodies stand inside each other whose stages are being counted (scopes/bounds.py)."""
        self.nodes = 0
        self.spent = spent
        self.steps = 0
        """Turns, uses and items so far."""
        self._sizes: dict[int, tuple[tuple[Any, ...], int]] = {}
        self.overridden = False
        self.declared: list[Any] = []
        """The values that were given names, when traced: braces that end take their own names out of these."""
        self.budgets: list[Any] = []
        """The `expect`s so far (scopes/flow.py)."""
        self.scopes: dict[Names, Any] = {}
        """By what the graph keeps of names, the `Env` that has them, for `reuse` (scopes/env.py)."""
        self.tables: dict[int, Any] = {}
        """What is known of constants, by the identity of their nodes (expressions/formulas.py)."""
        self.cache: dict[Any, Any] = {}
        """What operators gave before, by call and arguments (walk/operators.py)."""
        self.then: dict[Node, tuple[Item, ...]] = {}
        """What the `then` of a labelled operator added (`reuse` shares the weights of that too)."""

    def report(self, diagnostic: Diagnostic) -> None:
        """Keeps a finding, with the chain of uses; a block used often is told about once. Raises Enough after the last
        of as many errors as are told."""
        span = diagnostic.span
        key = (diagnostic.code.id, span.start, span.end, span.source.name)
        if key in self.told:
            return
        self.told.add(key)
        if self.uses and not diagnostic.uses:
            diagnostic = diagnostic.used_in(reversed(self.uses))
        kept, most = self.errors if diagnostic.severity == "error" else self.notes, self.limits.errors
        if len(kept) < most:
            kept.append(diagnostic if len(kept) < most - 1 else diagnostic.noted("there may be more below"))
        if len(self.errors) >= most:
            raise Enough

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

    def work(self, steps: int, span: Span) -> None:
        """Counts steps that may lead to stages or not: without a bound on those that do not, a file of ten lines
        could keep the compiler busy for years."""
        self.steps += steps
        if self.steps - _STEPS_FOR_A_STAGE * self.nodes > self.limits.idle_steps:
            self.exceeded("idle_steps", "too much is computed for too few stages", span)

    def sized(self, items: tuple[Any, ...], span: Span) -> tuple[Any, ...]:
        """The list itself, within the limit on items, those of lists in it counted as often as they stand there."""
        size = self.size(items)
        if size > self.limits.list_length:
            self.exceeded("list_length", f"a list of {size:,} items is too long", span)
        self.work(1 + size // ITEMS_IN_A_STEP, span)
        return items

    def size(self, value: Any) -> int:
        """Items in a list at any depth. Lists in a list are counted when they are made, and remembered: a list of
        lists of lists can be larger than all memory, since they may be the same ones."""
        if not isinstance(value, tuple):
            return 1
        if not any(isinstance(item, tuple) for item in value):
            return len(value)
        known = self._sizes.get(id(value))
        if known is None:
            # The list is kept, so that no other gets its identity.
            # What stands in it again and again is looked at once.
            sizes = {id(item): self.size(item) for item in {id(item): item for item in value}.values()}
            known = self._sizes[id(value)] = (value, sum(sizes[id(item)] for item in value))
        return known[1]

    def exceeded(self, limit: str, message: str, span: Span) -> NoReturn:
        """Raises Trouble for a limit."""
        limits = self.limits
        trouble = Trouble(Diagnostic(LIMIT, message, span, limits.rule(limit), help=limits.way_out(limit)))
        trouble.final = True
        raise trouble


def place_of(span: Span) -> Place:
    """The place of a stretch of text."""
    return span.source.name, span.start, span.end
