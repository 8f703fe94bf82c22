"""Values that have no type in Python: blocks, operators and nets as values, calls and stages kept for later."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from netdsl.elaborate.scopes.env import Defaults, Env
from netdsl.graph.graph import Given, Node
from netdsl.graph.kept import Kept
from netdsl.values.literals import show

if TYPE_CHECKING:
    from netdsl.ops.operator import Operator
    from netdsl.syntax import tree


@dataclass(slots=True, eq=False)
class BlockValue(Kept):
    """A block as a value: its definition, and what the file said above it."""

    definition: tree.BlockDef
    env: Env
    """The names of its file."""
    order: int
    defaults: Defaults
    kind_name: ClassVar[str] = "a block"

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def identity(self) -> Hashable:
        return ("block", id(self.definition))

    def __str__(self) -> str:
        return self.definition.name


@dataclass(slots=True, eq=False)
class NetValue:
    """A net as a value: its definition, and what the file said above it."""

    definition: tree.NetDef
    env: Env
    order: int
    defaults: Defaults
    kind_name: ClassVar[str] = "a net"


@dataclass(slots=True, eq=False)
class OperatorValue(Kept):
    """An operator as a value (`act = relu`)."""

    op: Operator
    kind_name: ClassVar[str] = "an operator"

    @property
    def name(self) -> str:
        return self.op.name

    @property
    def identity(self) -> Hashable:
        return ("operator", self.op.name)

    def __str__(self) -> str:
        return self.op.name

    # An operator is the same however it was come by, so that arguments can be compared.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, OperatorValue) and other.op is self.op

    def __hash__(self) -> int:
        return hash(self.op)


@dataclass(slots=True, eq=False)
class KeptCall(Kept):
    """A call of an operator or block kept for later (`norm = batchnorm(eps = 0.001)`), with its arguments."""

    callee: BlockValue | OperatorValue | KeptCall
    call: tree.Call
    env: Env
    kind_name: ClassVar[str] = "a stage kept for later"

    @property
    def name(self) -> str:
        return self.callee.name

    @property
    def identity(self) -> Hashable:
        return ("made", id(self.call))

    def __str__(self) -> str:
        return " ".join(self.call.span.text.split())


@dataclass(slots=True, eq=False)
class Chain(Kept):
    """Several stages kept for later (`then = batchnorm() -> relu()`)."""

    pipeline: tree.Pipeline
    env: Env
    kind_name: ClassVar[str] = "stages kept for later"
    name: ClassVar[str] = "a chain of stages"

    def __str__(self) -> str:
        return " ".join(self.pipeline.span.text.split())


@dataclass(frozen=True, slots=True)
class WeightRef:
    """A weight of a part (`wte.weight`)."""

    node: Node
    name: str
    kind_name: ClassVar[str] = "a weight"

    def __str__(self) -> str:
        return f"{self.node.path}.{self.name}"


@dataclass(slots=True)
class Call:
    """A call with its arguments evaluated; `syntax` is the stage as written."""

    callee: BlockValue | OperatorValue | Chain
    args: list[Given]
    syntax: tree.Call | tree.Combine | tree.Name
    env: Env


_MAX_SHOWN = 32


_LONGEST_TITLE = 1_000


class _Rest:
    def __str__(self) -> str:
        return "…"


def _short(value: Any) -> Any:
    """A value with the start of what is a long list."""
    return _start(value, [_MAX_SHOWN])


def _start(value: Any, room: list[int]) -> Any:
    """A value with as many items, at any depth, as there is room for."""
    if type(value) is not tuple:
        room[0] -= 1
        return value
    items: list[Any] = []
    for item in value:
        if room[0] <= 0:
            return (*items, _Rest())
        items.append(_start(item, room))
    return tuple(items)


def title(name: str, positional: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """A call as messages show it: `Inception(64, 96, 128, 16, 32, 32)`."""
    arguments = [show(_short(value)) for value in positional[:_MAX_SHOWN]]
    arguments += [f"{key} = {show(_short(value))}" for key, value in islice(named.items(), _MAX_SHOWN)]
    if len(positional) > _MAX_SHOWN or len(named) > _MAX_SHOWN:
        arguments.append("…")
    text = f"{name}({', '.join(arguments)})"
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 2]}…)"
