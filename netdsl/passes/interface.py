"""What a pass is. docs/extending.md writes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, final

from netdsl.extension.options import Option, defaults

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph


class Pass(ABC):
    """A pass, set up with a value for each of its options (`self.given`).

    What it gives is compared with what it was given: results and keys at once, and the numbers by the verification,
    unless the pass itself has proved them the same (Rewriting.proved).
    """

    name: ClassVar[str]
    """In small letters and hyphens."""
    doc: ClassVar[str]
    """What it does, in some words."""
    options: ClassVar[tuple[Option, ...]] = ()

    @final
    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.given: Mapping[str, Any] = {**defaults(self.options), **(given or {})}

    @final
    def __str__(self) -> str:
        """What `--pass` takes for it."""
        changed = {option.name: self.given[option.name] for option in self.options}
        said = [
            name if value is True else f"{name}={value}"
            for name, value in changed.items()
            if value != defaults(self.options)[name]
        ]
        return f"{self.name}:{','.join(said)}" if said else self.name

    @abstractmethod
    def apply(self, graph: Graph) -> Graph:
        """A graph that computes the same, elaborated with `traced = True`: the one that is given, which may be changed,
        or another. Raises PassRefused, or SpecError.

        A pass that gives tensors other keys tells of them in the graph's `rewriting`.
        """


class PassRefused(Exception):
    """A pass cannot be applied, and why; `help` is the way out."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help
