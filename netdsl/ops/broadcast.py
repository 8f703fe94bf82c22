"""Broadcasting as the framework does it: shapes aligned at their last axis, the batch counted, a size of 1 repeated.

Values without a batch (params, constants) write out the axis that meets the batch, as 1, or have fewer axes.
"""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.values.types import TensorType

Full = tuple[int | None, ...]
"""A shape with its batch, which is `None`: equal to itself and to no number."""


def full(x: TensorType) -> Full:
    """The shape as the framework sees it."""
    return (None, *x.shape) if x.batched else x.shape


class Clash(Exception):
    """Shapes that cannot be broadcast; `axes` count from the last, which is 1. `batch`: one meets a batch there."""

    def __init__(self, axes: list[int], batch: bool) -> None:
        super().__init__(axes, batch)
        self.axes = axes
        self.batch = batch


def broadcast(shapes: Sequence[Full]) -> Full:
    """The shape that all of them are repeated to; raises Clash.

    Of equal sizes it has the one that tells what the result is for other values of parameters too: a size that is
    always 1 follows the others, and one that never is 1 is followed by them.
    """
    first = shapes[0]
    if all(other == first for other in shapes):
        return tuple(map(_leading, zip(*shapes, strict=True)))
    result: list[int | None] = []
    clashes: list[int] = []
    batch = False
    for axis in range(max(map(len, shapes)), 0, -1):
        met = tuple(shape[-axis] for shape in shapes if len(shape) >= axis)
        sizes = tuple(size for size in met if size != 1)
        if len(set(sizes)) > 1:
            clashes.append(axis)
            batch = batch or None in sizes
        result.append(_leading(sizes or met))
    if clashes:
        raise Clash(clashes, batch)
    return tuple(result)


def _leading(sizes: Sequence[int | None]) -> int | None:
    """Of equal sizes the one that the others follow; a plain number is the same whatever the parameters are."""
    is_one = sizes[0] == 1
    return next((size for size in sizes if (type(size) is int) != is_one), sizes[0])


def reaches_batch(result: Full, shapes: Sequence[Full]) -> bool:
    """Whether the batch is not the first axis of the result, or not the same axis of all that have it."""
    return None in result[1:] or any(shape[:1] == (None,) and len(shape) != len(result) for shape in shapes)


def as_type(result: Full, like: TensorType) -> TensorType:
    """The type of a broadcast shape."""
    batched = result[:1] == (None,)
    shape = tuple(size for size in result if size is not None)
    return like._replace(shape=shape, batched=batched)
