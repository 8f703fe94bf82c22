"""Names in scope: bindings, and the values that have no type in Python."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from netdsl.graph.graph import Given, Item, Node
from netdsl.graph.kept import Kept
from netdsl.graph.names import Named, Names
from netdsl.ops.values import show

if TYPE_CHECKING:
    from netdsl.elaborate.session import Session
    from netdsl.ops.operator import Operator
    from netdsl.symbolic import Expr, RefKind
    from netdsl.syntax import tree
    from netdsl.text.source import Span

BindingKind = Literal["parameter", "let", "loop variable", "value", "label", "input", "block", "net", "model"]

UNLIMITED = 1 << 60


@dataclass(slots=True, eq=False)
class Binding:
    """What a name stands for.

    `order` is the number of the statement of the file that declares it, -1 for other names; blocks see only names of
    the file above them. `item` is the part that a label names. `declaration` is the syntax that declares a parameter,
    `let` or loop variable, and `definition` what gave its number, in terms of the names around (when traced).
    """

    kind: BindingKind
    value: Any
    span: Span
    order: int = -1
    item: Item | None = None
    declaration: Any = None
    definition: Expr | None = None


Defaults: TypeAlias = Mapping[str, Mapping[str, Given]]
"""Operator name to argument name to what `default` says, evaluated where it stands."""


class Env:
    """The names that a pair of braces sees.

    Braces that are brackets have an `Env` of their own for lets and loop variables; labels and values go to `home`,
    the `Env` of the enclosing block, net or sequence. `limit` hides what stands below the block in the file. `owner`
    is the definition of the block or net whose braces these are, None for names of a file.
    """

    __slots__ = ("defaults", "home", "limit", "names", "numbers", "owner", "parent", "session")

    def __init__(
        self,
        parent: Env | None,
        *,
        session: Session | None = None,
        home: bool = False,
        defaults: Defaults | None = None,
        limit: int | None = None,
        owner: object = None,
    ) -> None:
        self.parent = parent
        self.names: dict[str, Binding] = {}
        self.numbers: Names = Names(parent.numbers if parent is not None else None)
        """What the graph keeps of the names."""
        self.defaults: Defaults = defaults if defaults is not None else (parent.defaults if parent else {})
        self.limit: int = limit if limit is not None else (parent.limit if parent else UNLIMITED)
        self.home: Env = self if home or parent is None else parent.home
        self.owner: object = owner if owner is not None or parent is None else parent.owner
        if session is None:
            assert parent is not None
            session = parent.session
        self.session: Session = session
        session.scopes[self.numbers] = self

    def declare_number(self, kind: RefKind, name: str, binding: Binding) -> None:
        """Declares a parameter, a `let` or a loop variable."""
        self.names[name] = binding
        self.numbers.names[name] = Named(kind, binding.value, binding.declaration, binding.definition)

    def lookup(self, name: str) -> Binding | None:
        """The innermost binding of a name."""
        env: Env | None = self
        limit = self.limit
        while env is not None:
            found = env.names.get(name)
            if found is not None and found.order < limit:
                return found
            env = env.parent
        return None

    def callable(self, name: str) -> Binding | None:
        """The innermost binding of a name to what can be called: what cannot is passed over."""
        env: Env | None = self
        while env is not None:
            found = env.names.get(name)
            if found is not None and found.order < self.limit and isinstance(found.value, Kept):
                return found
            env = env.parent
        return None

    def hidden(self, name: str) -> Binding | None:
        """A binding of the file that stands below the block that asks."""
        env: Env | None = self
        while env is not None:
            found = env.names.get(name)
            if found is not None and found.order >= self.limit:
                return found
            env = env.parent
        return None

    def visible(self) -> Iterator[tuple[str, Binding]]:
        """Every name in scope, for suggestions."""
        env: Env | None = self
        while env is not None:
            for name, binding in env.names.items():
                if binding.order < self.limit:
                    yield name, binding
            env = env.parent


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
class Made(Kept):
    """A call of an operator or block kept for later (`norm = batchnorm(eps = 0.001)`), with its arguments."""

    callee: BlockValue | OperatorValue | Made
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


@dataclass(slots=True, eq=False)
class Indexed:
    """What `branches[i]: …` and `c[i] = …` fill: bindings by index."""

    entries: dict[int, Binding] = field(default_factory=dict)
    open: bool = False
    """Whether an error kept it from being filled."""
    kind_name: ClassVar[str] = "a list that is still being filled"


@dataclass(slots=True, eq=False)
class Prefix:
    """What stands before the dot of `transformer.wte: …`: bindings by the name after it."""

    entries: dict[str, Binding] = field(default_factory=dict)
    open: bool = False
    kind_name: ClassVar[str] = "a prefix of labels"


@dataclass(frozen=True, slots=True)
class WeightRef:
    """A weight of a part (`wte.weight`)."""

    node: Node
    name: str
    kind_name: ClassVar[str] = "a weight"

    def __str__(self) -> str:
        return f"{self.node.path}.{self.name}"


class Poison:
    """The value of what was in error: everything made from it is silently passed over."""

    kind_name: ClassVar[str] = "a value in error"

    def __repr__(self) -> str:
        return "POISON"


POISON = Poison()


_MOST_SHOWN = 32
_LONGEST_TITLE = 1_000


class _Rest:
    def __str__(self) -> str:
        return "…"


def _short(value: Any) -> Any:
    """A value with the start of what is a long list."""
    return _start(value, [_MOST_SHOWN])


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
    arguments = [show(_short(value)) for value in positional[:_MOST_SHOWN]]
    arguments += [f"{key} = {show(_short(value))}" for key, value in islice(named.items(), _MOST_SHOWN)]
    if len(positional) > _MOST_SHOWN or len(named) > _MOST_SHOWN:
        arguments.append("…")
    text = f"{name}({', '.join(arguments)})"
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 2]}…)"
