"""From an expression of the text to a symbolic one, as the text stood where it was evaluated.

Labels and values are declared as elaboration goes on: one that comes later may hide a parameter of the same name, but
did not when the expression was evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.elaborate import symbols
from netdsl.elaborate.env import Binding, Env
from netdsl.symbolic import Expr
from netdsl.syntax import tree

if TYPE_CHECKING:
    from netdsl.text.source import Span


class _Before(Env):
    """The names that were in sight at a place of the text."""

    __slots__ = ("place",)

    def __init__(self, env: Env, place: Span) -> None:
        super().__init__(env)
        self.place = place

    def lookup(self, name: str) -> Binding | None:
        env: Env | None = self.parent
        while env is not None:
            found = env.names.get(name)
            if found is not None and found.order < self.limit and not self._later(found):
                return found
            env = env.parent
        return None

    def _later(self, binding: Binding) -> bool:
        if binding.kind not in ("label", "value"):
            return False
        if binding.span.source is not self.place.source:
            return False
        item = binding.item
        # A label is not in sight within its own stage either.
        return binding.span.start > self.place.start or (item is not None and item.span.end > self.place.start)


def symbol(expr: tree.Expr | tree.Pipeline, env: Env) -> Expr:
    """The symbolic form of an expression that was evaluated in `env`."""
    return symbols.symbol(expr, _Before(env, expr.span))
