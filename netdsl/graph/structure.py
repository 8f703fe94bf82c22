"""What a graph is made of: tensors, operators, scopes, and the steps by which the text made them.

No class here has a generated `__repr__`: it would follow every link, over and over, until the memory is full.

Tensors are `Value`s. A scope sees its inputs as values of its own (`formals`), and gives values of its own
(`outputs`): `Value.root` leads from either to the operator or input that made the tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

from netdsl.graph.names import Names
from netdsl.values.types import TensorType, Typed, Weight

if TYPE_CHECKING:
    from netdsl.ops.initialisers import Initialiser
    from netdsl.ops.operator import Operator
    from netdsl.symbolic import Expr
    from netdsl.syntax import tree
    from netdsl.text.source import Span


ScopeKind = Literal["net", "block", "sequence"]
"""`sequence` is a labelled group, an unlabelled one inside a sequence, or a block defined by `= pipeline`'s inside."""


@dataclass(slots=True, eq=False, repr=False)
class Value(Typed):
    """A tensor: result number `index` of `node`; or, without a node, an input of the net, a scope's view of a tensor
    from around it, or a scope's result. `link` is the value that such a view or result stands for."""

    type: TensorType
    node: Node | None = None
    index: int = 0
    link: Value | None = None
    scope: Scope | None = None
    """The scope whose formal or output it is, where it is one."""
    kind_name: ClassVar[str] = "a tensor"

    def __str__(self) -> str:
        return str(self.type)

    def __repr__(self) -> str:
        return f"<Value {self.type}>"

    @property
    def root(self) -> Value:
        """The value itself as its operator made it, or the net's input."""
        value = self
        while value.link is not None:
            value = value.link
        return value


def values_of(current: Any) -> tuple[Value, ...]:
    """All tensors (`Value`s) in a value or a list, in order."""
    if isinstance(current, Value):
        return (current,)
    if isinstance(current, tuple):
        return tuple(value for item in current for value in values_of(item))
    return ()


class Given(NamedTuple):
    """What the text gives: an argument of a call, the count of a loop, a test; its value and where that came from."""

    name: str | None
    """Of an argument that was given by name."""
    value: Any
    syntax: tree.Expr | tree.Pipeline
    expr: Expr
    """The same over the names around it, where numbers are traced; else a constant that tells nothing."""
    span: Span
    """All of an argument, its name too: `padding = same`."""
    owner: object = None
    """The definition of the block or net whose names it is over; None for what stands in the file."""
    sized_by: Value | None = None
    """The tensor whose axes it lists, one by one: `[up.height, up.width]`."""
    parts: tuple[Given, ...] = ()
    """The arguments of the initialiser that it is: of `normal(0.02)`."""


class Placed:
    """What operators and scopes have in common: a place in the text and in the net, and results."""

    __slots__ = ()
    syntax: Any
    name: str
    outputs: tuple[Value, ...]

    @property
    def span(self) -> Span:
        span: Span = self.syntax.span
        return span

    @property
    def path(self) -> str:
        """The names of the scopes around it and its own, with dots between: the beginning of its keys."""
        names: list[str] = []
        at: Any = self
        while at is not None:
            if at.name:
                names.append(at.name)
            at = at.parent
        return ".".join(reversed(names))

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def type(self) -> TensorType:
        return self.outputs[0].type


@dataclass(slots=True, eq=False, repr=False)
class Node(Placed):
    """One use of an operator; also a `param`, `constant` or `buffer`, whose operators are in ops.tensors.

    `args` are the normalised arguments, all of them; `given` are those that the text gives (in the call, or in a
    `default`) by name. `name` is the attribute of its module or tensor, unique in the scope, empty for a stage
    without one; `labelled` tells whether the author wrote it. `syntax` is the call, the combine, or the declaration.
    """

    op: Operator
    args: dict[str, Any]
    given: dict[str, Given]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    weights: tuple[Weight, ...]
    macs: int
    scope: Scope
    syntax: tree.Call | tree.Combine | tree.Param | tree.Table | tree.Name
    statement: tree.Statement
    names: Names
    """The names of numbers where the call stands."""
    written: tuple[Given, ...] = ()
    """The arguments of the call, in order; those of a call kept for later first."""
    name: str = ""
    labelled: bool = False
    appended: bool = False
    """Whether a `then` added it."""
    train_only: bool = False
    """Whether it is part of a head only."""
    fed: dict[str, Value | tuple[Node, str]] | None = None
    """Weights that are given as values: by name the value, or the node and the weight of it that is tied."""
    shared: Node | None = None
    """The node whose weights it uses again (`reuse`)."""
    parts: Parts | None = None
    """What the parts of the formula of a constant stand for."""
    looked_up: tuple[Value, ...] = ()
    """The constants whose numbers the formula of a constant reads."""

    def __repr__(self) -> str:
        return f"<Node {self.path or '.'}: {self.op.name} -> {self.type}>"

    @property
    def parent(self) -> Scope | None:
        return self.scope

    @property
    def params(self) -> int:
        """Learned numbers that the node owns."""
        return 0 if self.shared else sum(weight.elements for weight in self.weights if weight.learned)

    @property
    def title(self) -> str:
        """The operator's name."""
        return self.op.name

    @property
    def unused(self) -> bool:
        """Whether the text says that nothing reads it (`unused param`)."""
        return bool(getattr(self.syntax, "unused", False))

    @property
    def owns_module(self) -> bool:
        """Whether it has a place in the `state_dict`."""
        return bool(self.weights) or bool(self.fed)


@dataclass(slots=True, eq=False, repr=False)
class Parts:
    """What the parts of the formula of a constant stand for, by the identity of their syntax: the values of those that
    no index is in, as far as they have any, and the constants that are read by index."""

    values: dict[int, Given]
    reads: dict[int, Value]


@dataclass(slots=True, eq=False, repr=False)
class Scope(Placed):
    """A net, the use of a block, or a group (a sequence).

    `arguments` are a block's or net's arguments by parameter name, `given` the written ones of them; `names` are what
    the names of numbers stand for that the body sees. `title` is the call with its values (`Inception(64, 96, …)`).
    `inputs` are the values outside, `formals` the same inside: the current value first, if the definition takes one,
    then its `tensor` parameters; a sequence has no formals of its own, it sees the values around it.
    """

    kind: ScopeKind
    definition: tree.BlockDef | tree.NetDef | tree.Group | tree.If | tree.For | tree.Repeat | tree.Labelled
    syntax: tree.Call | tree.Combine | tree.Group | tree.If | tree.For | tree.Repeat | tree.NetDef | tree.Name
    statement: tree.Statement | None
    parent: Scope | None
    names: Names
    outer: Names
    """The names where the block is called, or the group stands."""
    written: tuple[Given, ...] = ()
    """The arguments of the call, in order; those of a call kept for later first."""
    arguments: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Given] = field(default_factory=dict)
    defaults: dict[str, Expr] = field(default_factory=dict)
    """The defaults of its parameters, of those too that are given something else, where numbers are traced."""
    inputs: tuple[Value, ...] = ()
    formals: tuple[Value, ...] = ()
    title: str = ""
    name: str = ""
    labelled: bool = False
    appended: bool = False
    train_only: bool = False
    steps: list[Step] = field(default_factory=list)
    outputs: tuple[Value, ...] = ()
    inits: list[InitRule | WeightInit] = field(default_factory=list)
    shared: Scope | None = None
    """The scope whose weights it uses again (`reuse`)."""

    def __repr__(self) -> str:
        return f"<Scope {self.path or '.'}: {self.title or self.kind}>"

    @property
    def items(self) -> Iterator[Item]:
        """The items (`Node`s and `Scope`s) directly in it, in the order of the text, through loops and branches."""
        return items_of(self.steps)

    @property
    def owns_module(self) -> bool:
        """Whether anything in it has a place in the `state_dict`."""
        return any(node.owns_module for node in self.nodes())

    def nodes(self) -> Iterator[Node]:
        """Every `Node` in it, at any depth, in the order of the text."""
        return nodes_of(self.steps)

    def scopes(self) -> Iterator[Scope]:
        """Itself and every scope in it, at any depth, outer before inner."""
        stack = [self]
        while stack:
            scope = stack.pop()
            yield scope
            stack.extend(reversed([item for item in scope.items if isinstance(item, Scope)]))


Item: TypeAlias = Node | Scope


@dataclass(slots=True, eq=False, repr=False)
class Turn:
    """One turn of a loop, or the arm that an `if` took: its names and what it did."""

    names: Names
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class Loop:
    """A `for` or `repeat` with its turns, and the list or the number that says how many there are. (A labelled one lies
    in a sequence scope.)"""

    syntax: tree.For | tree.Repeat
    statement: tree.Statement
    domain: Given
    turns: list[Turn] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class Choice:
    """An `if`: the number of the arm taken (-1 for none), and what that did; by arm the test, where numbers are traced
    (None for `else`). (A labelled one lies in a sequence.)"""

    syntax: tree.If
    statement: tree.Statement
    tests: tuple[Expr | None, ...]
    arm: int
    taken: Turn | None


@dataclass(slots=True, eq=False, repr=False)
class Branch:
    """A branch of a combine: what it did, and the value that it gives."""

    syntax: tree.Statement
    value: Value
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class Join:
    """A combine with braces: its branches, then the operator that joins them (`node`).

    `steps` is what the braces did, in order: `Branch`es, and the loops and arms around branches, whose turns hold
    `Branch`es in their turn; `branches` are all of them in order.
    """

    syntax: tree.Combine
    statement: tree.Statement
    steps: list[Step] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    node: Node | None = None


@dataclass(slots=True, eq=False, repr=False)
class Naming:
    """A value that gets a name: `z = …`, one name of `(q, k, v) = …`, a label on a combine or a bare name."""

    syntax: tree.Bind | tree.Labelled
    name: str
    value: Value | tuple[Any, ...]


@dataclass(slots=True, eq=False, repr=False)
class Fetch:
    """A bare name (or a list of values) as a stage: what it makes the current value."""

    syntax: tree.Stage
    statement: tree.Statement
    values: Value | tuple[Any, ...]


@dataclass(slots=True, eq=False, repr=False)
class Output:
    """A result of the net; heads have `train` and the weight of their loss. Its stages stand before it."""

    name: str
    value: Value
    train: bool
    weight: float
    syntax: tree.Output


Step: TypeAlias = Node | Scope | Loop | Choice | Join | Branch | Naming | Fetch | Output


@dataclass(slots=True, eq=False, repr=False)
class InitRule:
    """`init conv(weight = …, bias = …)`: initialisers by weight name for every such operator in the scope."""

    op: Operator
    weights: dict[str, Initialiser]
    syntax: tree.Init
    given: dict[str, Given] = field(default_factory=dict)


@dataclass(slots=True, eq=False, repr=False)
class WeightInit:
    """`init fc.weight = normal(0.01)`: an initialiser for one weight of one node in the scope."""

    node: Node
    weight: str
    initialiser: Initialiser
    syntax: tree.Init
    given: Given | None = None


def nodes_of(steps: list[Step]) -> Iterator[Node]:
    """Every `Node` in steps, at any depth, in the order of the text."""
    stack = [items_of(steps)]
    while stack:
        for item in stack[-1]:
            if isinstance(item, Scope):
                stack.append(item.items)
                break
            yield item
        else:
            stack.pop()


def items_of(steps: list[Step]) -> Iterator[Item]:
    """The items (`Node`s and `Scope`s) in steps, in the order of the text: through loops, arms and branches."""
    for step in steps:
        if isinstance(step, Node | Scope):
            yield step
        elif isinstance(step, Loop):
            for turn in step.turns:
                yield from items_of(turn.steps)
        elif isinstance(step, Choice):
            if step.taken is not None:
                yield from items_of(step.taken.steps)
        elif isinstance(step, Join):
            yield from items_of(step.steps)
            if step.node is not None:
                yield step.node
        elif isinstance(step, Branch):
            yield from items_of(step.steps)
