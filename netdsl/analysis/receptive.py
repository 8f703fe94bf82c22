"""Receptive field: how many pixels of the input, per axis, one number of a tensor depends on.

A window of size k and dilation d over numbers that lie j input pixels apart adds d * (k - 1) * j pixels; its stride
multiplies j (Araujo et al. 2019, "Computing receptive fields of convolutional neural networks", eq. 2). Borders do
not clip it, so it may exceed the image, as the 715 pixels of GoogLeNet do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from netdsl.analysis.schedule import Schedule
    from netdsl.graph.graph import Node
    from netdsl.graph.types import TensorType


class Field(NamedTuple):
    """Along one axis: the pixels that one number sees, and the pixels between two neighbouring numbers."""

    pixels: Fraction | int
    jump: Fraction | int


Fields: TypeAlias = tuple[Field, ...] | None
"""A field per spatial axis; None where a number depends on all positions, or on none."""


def receptive_fields(plan: Schedule) -> list[Fields]:
    """The receptive field of each tensor of a schedule."""
    found: list[Fields] = [None] * len(plan.types)
    for number, entry in enumerate(plan.graph.inputs):
        axes = len(entry.value.type.shape) - (1 if entry.value.type.dtype == "float" else 0)
        found[number] = (Field(1, 1),) * axes if axes > 0 else None
    for at, node in enumerate(plan.nodes):
        fields = _through(node, [found[read] for read in plan.flows(at)], plan.types[plan.writes[at].start])
        for write in plan.writes[at]:
            found[write] = fields
    return found


def pixels(fields: Iterable[Fields]) -> int | None:
    """The largest receptive field among several, along its longest axis; None if there is none."""
    sizes = [field.pixels for each in fields if each is not None for field in each]
    return -int(-max(sizes) // 1) if sizes else None  # after upsampling some numbers see the next pixel, too


def _through(node: Node, inputs: list[Fields], output: TensorType) -> Fields:
    """The field of a result, from those of the inputs. Of several the largest counts; global ones are passed over."""
    op = node.op
    if op.global_window:
        return None
    fields: Fields = None
    for other in inputs:
        if fields is None:
            fields = other
        elif other is not None and other is not fields and other != fields:
            fields = _merged(fields, other)
    if fields is None:
        return None
    sliding = op.sliding(node.args)
    if sliding is None:
        return fields
    if len(fields) != len(sliding.kernel):
        return None  # a reshape made other axes of what was seen
    spread = zip(fields, sliding.kernel, sliding.stride, sliding.dilation, strict=True)
    if sliding.transposed:
        from fractions import Fraction  # two milliseconds, and few networks need it

        # Of the windows that write to one position, ceil(extent / stride) at most overlap there.
        return tuple(
            Field(field.pixels + ((dilation * (kernel - 1)) // stride) * field.jump, Fraction(field.jump) / stride)
            for field, kernel, stride, dilation in spread
        )
    return tuple(
        Field(field.pixels + dilation * (kernel - 1) * field.jump, field.jump * stride)
        for field, kernel, stride, dilation in spread
    )


def _merged(one: tuple[Field, ...], other: tuple[Field, ...]) -> tuple[Field, ...]:
    if len(one) != len(other):
        return max(one, other, key=lambda fields: max(field.pixels for field in fields))
    return tuple(Field(max(a.pixels, b.pixels), max(a.jump, b.jump)) for a, b in zip(one, other, strict=True))
