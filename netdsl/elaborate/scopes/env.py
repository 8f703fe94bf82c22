"""Names in scope: what each is bound to, and what names of one scope see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from netdsl.elaborate.session import Session
from netdsl.graph.graph import Given, Item
from netdsl.graph.kept import Kept
from netdsl.graph.names import Named, Names

if TYPE_CHECKING:
    from netdsl.symbolic import Expr, RefKind
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
            binding = env.names.get(name)
            if binding is not None and binding.order < limit:
                return binding
            env = env.parent
        return None

    def callable(self, name: str) -> Binding | None:
        """The innermost binding of a name to what can be called: what cannot is passed over."""
        env: Env | None = self
        while env is not None:
            binding = env.names.get(name)
            if binding is not None and binding.order < self.limit and isinstance(binding.value, Kept):
                return binding
            env = env.parent
        return None

    def hidden(self, name: str) -> Binding | None:
        """A binding of the file that stands below the block that asks."""
        env: Env | None = self
        while env is not None:
            binding = env.names.get(name)
            if binding is not None and binding.order >= self.limit:
                return binding
            env = env.parent
        return None

    def visible(self) -> Iterator[tuple[str, Binding]]:
        """Every name in scope with its `Binding`, for suggestions."""
        env: Env | None = self
        while env is not None:
            for name, binding in env.names.items():
                if binding.order < self.limit:
                    yield name, binding
            env = env.parent


def env_of(names: Names, session: Session) -> Env:
    """The `Env` whose names the graph keeps as these."""
    env: Env = session.scopes[names]
    return env


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


class Poison:
    """The value of what was in error: everything made from it is silently passed over."""

    kind_name: ClassVar[str] = "a value in error"

    def __repr__(self) -> str:
        return "POISON"


POISON = Poison()
