"""Names in scope: bindings, and the values that calls look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from netdsl.graph.graph import Item, Origin
from netdsl.ops.operator import Operator
from netdsl.ops.values import show
from netdsl.syntax import tree
from netdsl.text.source import Span

BindingKind = Literal["parameter", "let", "loop variable", "value", "label", "input", "block", "net", "model"]

UNLIMITED = 1 << 60


@dataclass(slots=True, eq=False)
class Binding:
    """What a name stands for.

    `order` is the number of the statement of the file that declares it, for names of the file; blocks see only those
    above them. `item` is the part that a label names.
    """

    kind: BindingKind
    value: Any
    span: Span
    origin: Origin | None = None
    order: int = 0
    item: Item | None = None


class DefaultArgument(NamedTuple):
    """An argument from a `default` statement, evaluated where it stands."""

    value: Any
    origin: Origin


Defaults: TypeAlias = Mapping[str, Mapping[str, DefaultArgument]]
"""Operator name to argument name to what `default` says."""


class Env:
    """The names that a pair of braces sees.

    Braces that are brackets have an `Env` of their own for lets and loop variables; labels and values go to `home`,
    the `Env` of the enclosing block, net or sequence. `limit` hides what stands below the block in the file.
    """

    __slots__ = ("defaults", "home", "limit", "names", "parent")

    def __init__(
        self, parent: Env | None, *, home: bool = False, defaults: Defaults | None = None, limit: int | None = None
    ) -> None:
        self.parent = parent
        self.names: dict[str, Binding] = {}
        self.defaults: Defaults = defaults if defaults is not None else (parent.defaults if parent else {})
        self.limit: int = limit if limit is not None else (parent.limit if parent else UNLIMITED)
        self.home: Env = self if home or parent is None else parent.home

    def lookup(self, name: str) -> Binding | None:
        """The innermost binding of a name."""
        env: Env | None = self
        while env is not None:
            found = env.names.get(name)
            if found is not None and found.order < self.limit:
                return found
            env = env.parent
        return None

    def hidden(self, name: str) -> Binding | None:
        """A binding of the file that stands below the block that asks."""
        env: Env | None = self
        while env is not None:
            found = env.names.get(name)
            if found is not None:
                return found
            env = env.parent
        return None

    def visible(self) -> list[str]:
        """Every name in scope, for suggestions."""
        found: dict[str, None] = {}
        env: Env | None = self
        while env is not None:
            found.update((name, None) for name, binding in env.names.items() if binding.order < self.limit)
            env = env.parent
        return list(found)


@dataclass(slots=True, eq=False)
class BlockValue:
    """A block as a value: its definition, and what the file said above it."""

    definition: tree.BlockDef
    env: Env
    order: int
    defaults: Defaults
    kind_name: ClassVar[str] = "a block"

    @property
    def name(self) -> str:
        return self.definition.name

    def __str__(self) -> str:
        return self.definition.name


@dataclass(slots=True, eq=False)
class OperatorValue:
    """An operator as a value (`act = relu`)."""

    op: Operator
    kind_name: ClassVar[str] = "an operator"

    @property
    def name(self) -> str:
        return self.op.name

    def __str__(self) -> str:
        return self.op.name


@dataclass(slots=True, eq=False)
class Made:
    """A call of an operator or block kept for later (`norm = batchnorm(eps = 0.001)`), with its arguments."""

    callee: BlockValue | OperatorValue
    call: tree.Call
    env: Env
    kind_name: ClassVar[str] = "a stage kept for later"

    @property
    def name(self) -> str:
        return self.callee.name

    def __str__(self) -> str:
        return self.call.span.text


@dataclass(slots=True, eq=False)
class Chain:
    """Several stages kept for later (`then = batchnorm() -> relu()`)."""

    pipeline: tree.Pipeline
    env: Env
    kind_name: ClassVar[str] = "stages kept for later"

    def __str__(self) -> str:
        return self.pipeline.span.text


class Poison:
    """The value of what was in error: everything made from it is silently passed over."""

    kind_name: ClassVar[str] = "a value in error"

    def __repr__(self) -> str:
        return "POISON"


POISON = Poison()


def title(name: str, positional: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """A call as messages show it: `Inception(64, 96, 128, 16, 32, 32)`."""
    arguments = [show(value) for value in positional]
    arguments += [f"{key} = {show(value)}" for key, value in named.items()]
    return f"{name}({', '.join(arguments)})"
