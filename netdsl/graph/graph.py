"""The graph: a network with every shape known, and with the structure of its text kept.

A `Graph` has one tree of `Scope`s, whose leaves are `Node`s (operators). Nodes are joined by `Value`s. Every item
knows the span that made it, the statement and the turn of a loop it stands in, and where each of its arguments came
from, so that reports can be trees, errors can name lines, and emission can write what the author wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from netdsl.graph.types import TensorType, Weight

if TYPE_CHECKING:
    from netdsl.ops.initialisers import Initialiser
    from netdsl.ops.operator import Operator
    from netdsl.syntax import tree
    from netdsl.text.source import Span

ScopeKind = Literal["net", "block", "sequence"]


@dataclass(slots=True, eq=False)
class Value:
    """A tensor: made by `node` as its result number `index`, or an input of the graph (`node` is None)."""

    type: TensorType
    node: Node | None = None
    index: int = 0


@dataclass(slots=True, eq=False)
class Origin:
    """Where an argument came from: the expression as written, and the names it was evaluated under."""

    expr: tree.Expr
    env: Any


@dataclass(slots=True, eq=False)
class Region:
    """An arm of an `if` (`turn` is the arm's number) or a turn of a loop, within another region or none."""

    syntax: tree.If | tree.For | tree.Repeat
    turn: int
    parent: Region | None


@dataclass(slots=True, eq=False)
class Place:
    """Where in the text an item was made: the stage, its statement, the region, and the brace pairs around it.

    `branch` is the innermost branch of a combine: the combine's syntax node and the branch's number.
    """

    span: Span
    statement: tree.Statement
    region: Region | None = None
    branch: Branch | None = None


@dataclass(slots=True, eq=False)
class Branch:
    """A branch of a combine, within another branch or none."""

    combine: tree.Combine
    number: int
    parent: Branch | None


@dataclass(slots=True, eq=False)
class Node:
    """One use of an operator.

    `args` are the normalised arguments, all of them; `given` tells where the written ones came from. `name` is the
    attribute of its module, unique in the scope; `labelled` tells whether the author wrote it.
    `appended` marks the stages that a `then` added.
    """

    op: Operator
    args: dict[str, Any]
    given: dict[str, Origin]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    weights: tuple[Weight, ...]
    macs: int
    scope: Scope
    place: Place
    id: int
    name: str = ""
    labelled: bool = False
    appended: bool = False
    train_only: bool = False

    @property
    def path(self) -> str:
        return _path(self)

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def type(self) -> TensorType:
        return self.outputs[0].type

    @property
    def params(self) -> int:
        """Learned numbers that the node owns."""
        return sum(weight.elements for weight in self.weights if weight.learned)

    @property
    def title(self) -> str:
        return self.op.name

    @property
    def owns_module(self) -> bool:
        """Whether it has a place in the `state_dict`."""
        return bool(self.weights)


@dataclass(slots=True, eq=False)
class Scope:
    """A net, the use of a block, or a labelled group (a sequence).

    `arguments` are a block's or net's arguments by parameter name, `given` where the written ones came from; `env`
    holds the names that the body sees. `captured` are values that a sequence takes from around it besides its input.
    """

    kind: ScopeKind
    definition: tree.BlockDef | tree.NetDef | tree.Group | tree.If | tree.For | tree.Repeat
    arguments: dict[str, Any]
    given: dict[str, Origin]
    inputs: tuple[Value, ...]
    parent: Scope | None
    place: Place
    env: Any = None
    title: str = ""
    name: str = ""
    labelled: bool = False
    appended: bool = False
    train_only: bool = False
    items: list[Item] = field(default_factory=list)
    outputs: tuple[Value, ...] = ()
    inits: list[InitRule] = field(default_factory=list)

    @property
    def path(self) -> str:
        return _path(self)

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def type(self) -> TensorType:
        return self.outputs[0].type

    @property
    def owns_module(self) -> bool:
        """Whether anything in it has a place in the `state_dict`."""
        return any(node.weights for node in self.nodes())

    def nodes(self) -> Iterator[Node]:
        """Every operator in it, at any depth, in the order of the text."""
        stack: list[Iterator[Item]] = [iter(self.items)]
        while stack:
            for item in stack[-1]:
                if isinstance(item, Scope):
                    stack.append(iter(item.items))
                    break
                yield item
            else:
                stack.pop()

    def scopes(self) -> Iterator[Scope]:
        """Itself and every scope in it, at any depth, outer before inner."""
        stack = [self]
        while stack:
            scope = stack.pop()
            yield scope
            stack.extend(item for item in reversed(scope.items) if isinstance(item, Scope))


Item: TypeAlias = Node | Scope


@dataclass(slots=True, eq=False)
class InitRule:
    """`init conv(weight = …, bias = …)`: initialisers by weight name for every such operator in the scope."""

    op: Operator
    weights: dict[str, Initialiser]
    span: Span


@dataclass(slots=True, eq=False)
class Input:
    """An input of the net; `given` is where its shape came from."""

    name: str
    value: Value
    span: Span
    shape: Origin


@dataclass(slots=True, eq=False)
class Output:
    """A result of the net; heads have `train` and the weight of their loss."""

    name: str
    value: Value
    train: bool
    weight: float
    span: Span


@dataclass(slots=True, eq=False)
class Budget:
    """An `expect`: the test as written, the names it sees, and the scope that it speaks of."""

    test: tree.Expr
    env: Any
    scope: Scope
    span: Span


@dataclass(slots=True, eq=False)
class Graph:
    """A network. `name` is the model's name (`resnet50`), `root` the net's scope.

    `overridden` tells whether `--param` or `--input` changed what the file says, which turns failed contracts and
    budgets into notes. `doc` is the comment at the head of the file.
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

    def nodes(self, train: bool = True) -> Iterator[Node]:
        """Every operator, in an order in which each comes after what it reads; without `train`, no heads."""
        for node in self.root.nodes():
            if train or not node.train_only:
                yield node

    @property
    def heads(self) -> list[Output]:
        return [output for output in self.outputs if output.train]

    @property
    def results(self) -> list[Output]:
        return [output for output in self.outputs if not output.train]

    def find(self, path: str) -> Item:
        """The item at a label path (`i3a.conv1`); KeyError names the first part that is not there."""
        item: Item = self.root
        for part in filter(None, path.split(".")):
            children = {child.name: child for child in item.items} if isinstance(item, Scope) else {}
            if part not in children:
                raise KeyError(f"{path}: there is no `{part}` in `{item.path or self.name}`")
            item = children[part]
        return item


def _path(item: Item) -> str:
    names: list[str] = []
    at: Item | None = item
    while at is not None:
        if at.name:
            names.append(at.name)
        at = at.scope if isinstance(at, Node) else at.parent
    return ".".join(reversed(names))
