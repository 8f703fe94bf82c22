"""The graph: a network with every shape known, and with the structure of its text kept.

A `Graph` has one tree of `Scope`s (the net, uses of blocks, labelled groups). What a scope did is its `steps`, in the
order of the text: operators (`Node`), scopes, loops with their turns, the arm that an `if` took, combines with their
branches, names given to values. Each step knows the piece of syntax that made it and the names that were in scope, so
reports can be trees, errors can name lines, and emission can write what the author wrote. Flat views are derived.

What the graph is made of stands in structure.py and budgets.py, and is had from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.graph.budgets import FIGURES, Budget, Figure, Test
from netdsl.graph.structure import (
    Branch,
    Choice,
    Fetch,
    Given,
    InitRule,
    Item,
    Join,
    Loop,
    Naming,
    Node,
    Output,
    Parts,
    Scope,
    ScopeKind,
    Step,
    Turn,
    Value,
    WeightInit,
    items_of,
    nodes_of,
    values_of,
)
from netdsl.values.types import Weight

if TYPE_CHECKING:
    from netdsl.syntax import tree
    from netdsl.text.diagnostic import Diagnostic

__all__ = [
    "FIGURES",
    "Branch",
    "Budget",
    "Choice",
    "Fetch",
    "Figure",
    "Given",
    "Graph",
    "InitRule",
    "Input",
    "Item",
    "Join",
    "Loop",
    "Naming",
    "Node",
    "Output",
    "Parts",
    "Rewriting",
    "Scope",
    "ScopeKind",
    "Step",
    "Test",
    "Turn",
    "Value",
    "WeightInit",
    "items_of",
    "nodes_of",
    "values_of",
]


@dataclass(slots=True, eq=False, repr=False)
class Input:
    """An input of the net; an integer input has a bound, if one was given. `shape` is where its shape came from."""

    name: str
    value: Value
    syntax: tree.Input
    shape: Given
    bound: int | None = None


class Rewriting(NamedTuple):
    """What a pass tells of the graph that it gives.

    `moves` has for each key of its `state_dict` the keys of the graph that the pass was given, whose tensors stand side
    by side in it along the first axis. `said` is a line for the user, `notes` are findings; `proved` tells that the
    pass has compared the two graphs, so that nobody needs to compute both.
    """

    moves: Mapping[str, tuple[str, ...]]
    said: str = ""
    notes: tuple[Diagnostic, ...] = ()
    proved: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Graph:
    """A network. `name` is the model's name (`resnet50`), `root` the net's scope.

    `overridden` tells whether `--param` or `--input` changed what the file says, which turns failed contracts and
    budgets into notes. `doc` is the comment at the head of the file. `parameters` are the net's arguments by name,
    `open` the names of those that the `model` line leaves to their defaults.
    """

    name: str
    root: Scope
    inputs: list[Input]
    outputs: list[Output]
    budgets: list[Budget]
    doc: str = ""
    model: tree.ModelDef | None = None
    overridden: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    notes: list[Diagnostic] = field(default_factory=list)
    """What was found that is no error: contracts that an override has made untrue."""
    with_parameters: Callable[[Mapping[str, Any]], Graph] | None = None
    """Elaborates the model once more with other values for some of its parameters, all else being the same; raises
    SpecError where they are refused."""
    with_combines: Callable[[Mapping[Any, Any]], Graph] | None = None
    """Elaborates the model once more with others in place of some of its combines (an elaborate.session.Instead); None
    for a graph that a pass has changed otherwise."""
    rewriting: Rewriting | None = None
    """What the pass that made it tells of it, until that is read (passes/run.py)."""

    def __repr__(self) -> str:
        return f"<Graph {self.name}>"

    def nodes(self, train: bool = True) -> Iterator[Node]:
        """Every `Node`, in an order in which each comes after what it reads; without `train`, no heads."""
        for node in self.root.nodes():
            if train or not node.train_only:
                yield node

    @property
    def net(self) -> tree.NetDef:
        """The `NetDef` of the net."""
        definition = self.root.definition
        assert type(definition).__name__ == "NetDef"
        return definition  # type: ignore[return-value]

    @property
    def heads(self) -> list[Output]:
        return [output for output in self.outputs if output.train]

    @property
    def results(self) -> list[Output]:
        return [output for output in self.outputs if not output.train]

    def find(self, path: str) -> Item:
        """The item at a label path (`i3a.conv1`); KeyError names the first part that is not there."""
        item: Item = self.root
        rest = path
        while rest:
            # A name may hold dots itself (`transformer.wte`, `branches.0`), so the longest that fits is taken.
            children = {child.name: child for child in item.items if child.name} if isinstance(item, Scope) else {}
            for name in sorted(children, key=len, reverse=True):
                if rest == name or rest.startswith(name + "."):
                    item, rest = children[name], rest[len(name) + 1 :]
                    break
            else:
                raise KeyError(f"{path}: there is no `{rest.partition('.')[0]}` in `{item.path or self.name}`")
        return item

    def state(self, train: bool = True) -> dict[str, Weight]:
        """Every `Weight` of the `state_dict` by its key, in the order of the text; tied ones under both keys. Without
        `train`, those of no head."""
        weights: dict[str, Weight] = {}
        for node in self.nodes(train):
            if node.shared is not None:
                continue
            for weight in node.weights:
                weights[f"{node.path}.{weight.name}" if weight.name else node.path] = weight
            for name, source in (node.fed or {}).items():
                if isinstance(source, tuple):
                    owner, tied = source
                    weights[f"{node.path}.{name}"] = next(weight for weight in owner.weights if weight.name == tied)
        return weights
