"""What names of numbers stood for where a stage stands: all that is left of the names that were in scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from netdsl.symbolic import Expr, RefKind


class Named(NamedTuple):
    """A parameter, a `let` or a loop variable in one use: its value, what declares it (the same object in all uses),
    and what gave it in terms of the names around it, where numbers are traced."""

    kind: RefKind
    value: Any
    declaration: Any
    definition: Expr | None


class Names:
    """The names that a pair of braces declares, and those around it."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Names | None) -> None:
        self.parent = parent
        self.names: dict[str, Named] = {}

    def find(self, name: str, declaration: Any) -> Named | None:
        """The `Named` of a declared name; None where it is out of sight."""
        at: Names | None = self
        while at is not None:
            named = at.names.get(name)
            if named is not None and named.declaration is declaration:
                return named
            at = at.parent
        return None
