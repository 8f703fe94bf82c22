"""Loops that stay loops, and which names are free: what the variables of an emitted file may be called."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl_pytorch.emit.merge import MergedTurns

if TYPE_CHECKING:
    pass


RESERVED = frozenset(
    (
        *("self", "torch", "F", "nn", "math", "Tensor", "OrderedDict", "Callable", "ClassVar", "NamedTuple", "partial"),
        *("module", "l", "O", "I", "__class__", "__debug__"),
        *("ChannelNorm", "Permute", "StochasticDepth", "causal_mask", "center_crop", "linspace", "recur", "round_to"),
        *("sign",),
        *dir(builtins),
        *keyword.kwlist,
    )
)
"""What a parameter or local name of the emitted file may not be called; it gets an underscore."""


def safe(name: str, taken: Iterable[str] = ()) -> str:
    """A name for a parameter or variable: the author's, or with underscores behind it."""
    name = name.replace(".", "_")
    taken = frozenset(taken)
    while name in RESERVED or name in taken:
        name += "_"
    return name


def interface(name: str) -> str:
    """An input, result or parameter of a net as Python has it: `check` refuses what could not stay as it is."""
    return name.replace(".", "_")


class Loop:
    """A loop that stays one: what its variables are called while its body is written."""

    def __init__(self, step: MergedTurns, start: int, local: Callable[[str], str]) -> None:
        self.step = step
        self.start = start
        self.names: dict[Any, str] = {}
        self.used: set[Any] = set()
        pattern = step.first.syntax.pattern if isinstance(step.first.syntax, tree.For) else None
        self.pattern = pattern
        self._index: str | None = None
        self._local = local
        self.settles = False
        """Whether tests for the turns before `start` are known to fail, and left out."""
        self.counts = True
        """Whether the only variable is the number of the turn."""
        for each in pattern_names(pattern):
            assert isinstance(each.target, tree.Name)
            if each.target.id != "_":
                self.names[each] = local(each.target.id)
        self.index_declaration: Any = next(
            (
                each
                for each in self.names
                if all(
                    plain(turn.names.names[each.target.id].value) == number
                    for loop in step.cases.values()
                    for number, turn in enumerate(loop.turns)
                    if each.target.id in turn.names.names
                )
            ),
            None,
        )

    @property
    def index_name(self) -> str:
        """The name that counts the turns, if the text has used one so far."""
        if self.index_declaration is not None:
            return self.names[self.index_declaration]
        return self._index or ""

    @property
    def index(self) -> str:
        """The name that counts the turns."""
        if self.index_declaration is not None:
            self.used.add(self.index_declaration)
            return self.names[self.index_declaration]
        if self._index is None:
            self._index = self._local("i")
            while self._index in self.names.values():
                self._index += "_"
        return self._index


def pattern_id(pattern: tree.NamePattern) -> str:
    """The name that a pattern of a `let` or loop declares."""
    assert isinstance(pattern.target, tree.Name)
    return pattern.target.id


def pattern_names(pattern: tree.Pattern | None) -> list[tree.NamePattern]:
    if pattern is None:
        return []
    if isinstance(pattern, tree.NamePattern):
        return [pattern]
    return [name for item in pattern.items for name in pattern_names(item)]
