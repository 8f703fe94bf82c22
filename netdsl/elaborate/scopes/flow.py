"""Where elaboration stands: the part being made, the current value, and what waits until a scope is complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.elaborate.scopes.env import Env
from netdsl.elaborate.session import Session
from netdsl.graph.graph import Item, Scope, Step

if TYPE_CHECKING:
    from netdsl.ops.initialisers import Initialiser
    from netdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class PendingInit:
    """An `init` by weight, which may stand before the part that it speaks of: resolved when the scope is complete."""

    statement: tree.Init
    initialiser: Initialiser
    env: Env


class PendingBudget(NamedTuple):
    """An `expect`, which may stand before the parts that it speaks of: the names it sees, and its scope."""

    syntax: tree.Expect
    env: Env
    scope: Scope


@dataclass(slots=True, eq=False)
class Part:
    """A net, the use of a block, or a sequence that is being elaborated: its scope, its names, its numbering."""

    scope: Scope
    env: Env
    numbered: bool
    """Whether it is a sequence, whose stages are numbered."""
    next_number: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """How many parts of each kind (`conv`, `inception`) there are."""
    names: dict[str, Item] = field(default_factory=dict)
    """The attribute names taken."""
    pending: list[PendingInit] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Flow:
    """Where elaboration stands: the current value, and where steps go."""

    session: Session
    part: Part
    steps: list[Step]
    statement: tree.Statement
    current: Any = None
    """A Value, a tuple of them, None (nothing yet) or POISON."""
    in_combine: bool = False
    """Whether braces of a combine stand between this place and the part: nothing is numbered there."""
    appended: bool = False
    """Whether stages of a `then` are being added."""
    after_broken: bool = False
    """Whether the last contract was found broken."""
