"""What writers of operators may ask of a use, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from netdsl.graph.graph import Node
from netdsl_pytorch.emit.code import Code

Keywords = list[tuple[str, Code]]


class Use(Protocol):
    """What a writer of an operator may ask of its use (uses.py): the operator as all cases have it."""

    node: Node
    """The node of the first case: for what all cases have in common."""
    uses: set[str]

    def same(self, argument: str) -> Any:
        """The value of an argument that must be the same in all cases."""

    def number(self, argument: str) -> Code:
        """An argument as the author wrote it."""

    def axes(self, argument: str) -> Code:
        """An argument with a number per axis."""

    def size(self, axis: int) -> Code:
        """The size of an axis of the input."""

    def is_default(self, argument: str, value: Any) -> bool:
        """Whether an argument has this value in all cases."""

    def is_given(self, argument: str, value: int) -> bool:
        """Whether the author wrote this number for an argument, at every use."""

    def optional(self, argument: str, keyword: str, default: Any, *, axes: bool = False) -> Keywords:
        """The argument as a keyword, nothing where it is PyTorch's default in all cases."""

    def sizes(self, argument: str) -> list[Code]:
        """An argument that is a list of numbers, one by one."""

    def crop(self, x: Code) -> Code:
        """The middle of an image."""

    def pad(self, x: Code) -> Code:
        """A tensor with a border."""

    def rearrange(self, x: Code) -> Code:
        """A tensor with its axes split, ordered and merged."""

    @property
    def rank(self) -> int:
        """Spatial axes of the input."""

    @property
    def lead(self) -> int:
        """Axes before those that the spec counts: 1 for the batch, 0 for tensors without one."""

    def dim(self, axis: int) -> int:
        """An axis of the spec as PyTorch counts it."""


Maker = Callable[[Any], Code]
Writer = Callable[[Any, Sequence[Code]], Code]


def negative_axis(use: Use, argument: str) -> int:
    """An axis as PyTorch counts it; the last one is -1, as a person writes it."""
    axes = len(use.node.inputs[0].type.shape)
    axis = use.same(argument)
    return -1 if axis % axes == axes - 1 else use.dim(axis)


def flatten_axes(use: Use) -> tuple[int, int | None]:
    """The first and last axis of `flatten` as PyTorch counts them; None for the last of all."""
    axes = len(use.node.inputs[0].type.shape)
    first, last = use.same("from"), use.same("to")
    return use.dim(first), None if last == axes - 1 else use.dim(last)
