"""Tensor types: what is known of a tensor before it exists."""

from __future__ import annotations

from math import prod
from typing import Literal, NamedTuple

Dtype = Literal["float", "int"]

BYTES: dict[str, int] = {"float": 4, "int": 8}
"""Bytes of one element: float32, and the int64 of indices and counters."""


class TensorType(NamedTuple):
    """The shape without the batch axis, the kind of number, and whether there is a batch axis at all."""

    shape: tuple[int, ...]
    dtype: Dtype = "float"
    batched: bool = True

    @property
    def elements(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of one sample, floats as float32."""
        return prod(self.shape) * BYTES[self.dtype]

    def __str__(self) -> str:
        return format_shape(self.shape)


class Typed:
    """What has the type of a tensor: the values of a graph."""

    __slots__ = ()
    type: TensorType


class Weight(NamedTuple):
    """A tensor that an operator owns: its name within the module, its shape, whether it is learned or a buffer."""

    name: str
    shape: tuple[int, ...]
    learned: bool = True
    dtype: Dtype = "float"

    @property
    def elements(self) -> int:
        return prod(self.shape)


def format_shape(shape: tuple[int, ...]) -> str:
    """`256x28x28`; `scalar` for no axes."""
    return "x".join(map(str, shape)) or "scalar"
