"""Budgets: what an `expect` says of the figures of a part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netdsl.graph.structure import Item, Scope

if TYPE_CHECKING:
    from netdsl.symbolic import Expr
    from netdsl.syntax import tree
    from netdsl.text.diagnostic import Diagnostic


FIGURES = ("params", "macs", "flops", "depth", "receptive_field", "memory")
"""What a budget may speak of."""


class Figure(NamedTuple):
    """A figure of a part of the network, at inference or while training."""

    name: str
    item: Item
    train: bool


class Test(NamedTuple):
    """One of the tests that an `expect` joins by `and`."""

    syntax: tree.Expr
    expr: Expr
    """The test over names that stand for figures: a `Figure` declares each."""
    figures: dict[tree.Expr, Figure]
    """Where which figure is spoken of."""
    fault: Diagnostic | None = None
    """Why it means nothing, whatever the figures are."""


@dataclass(slots=True, eq=False, repr=False)
class Budget:
    """An `expect`, and the scope that it speaks of."""

    syntax: tree.Expect
    scope: Scope
    tests: tuple[Test, ...]
