"""Receptive field: how many pixels of the input, per axis, one number of a tensor depends on.

A window of size k and dilation d over numbers that lie j input pixels apart adds d * (k - 1) * j pixels; its stride
multiplies j (Araujo et al. 2019, "Computing receptive fields of convolutional neural networks", eq. 2). Where positions
become channels (space to depth, patches) a layer over the channels sees all of them. Borders do not clip the field, so
it may exceed the image, as the 715 pixels of GoogLeNet do. After upsampling numbers differ in what they see; those
that could see most count, which may be a pixel of the image before the upsampling more than any does.

Numbers that depend on the whole image (a gate after global pooling, the mean of a group norm) end the field, and what
they are combined with passes them over. Where no step from number to number describes what is seen, there is none.
"""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from netdsl.analysis.places import Axes, Axis, Factor, Lost, Offset, Places, lost, plus, simple, split, still, times
from netdsl.ops.moves import Shuffle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    from netdsl.analysis.schedule import Schedule
    from netdsl.graph.graph import Node
    from netdsl.ops.moves import Mixing
    from netdsl.values.types import TensorType


Extent: TypeAlias = "int | Fraction | None"
"""Pixels that a number sees along one axis of the image, without the first: 2 for a 3x3 window. None is all of them."""

UNKNOWN = -1
"""The extent of what cannot be told."""


class Grain(NamedTuple):
    """After upsampling: numbers see `whole`, and more than that in steps of `size`, as each is one of the image before.

    What two neighbours see may be the same, or a step apart; a window over them sees a step more than their share.
    """

    whole: int | Fraction
    size: int | Fraction


class Field(NamedTuple):
    """What the numbers of a tensor see: by axis of the image how much (None: all of it), and where."""

    extents: tuple[Extent, ...]
    places: Places
    grains: tuple[Grain | None, ...] | None = None
    """By axis of the image; None where nothing was upsampled."""

    def pixels(self) -> Iterator[int]:
        """How many pixels a number sees at most, along each axis of the image of which it does not see all; 0 where
        that is not known."""
        for at, extent in enumerate(self.extents):
            if extent is not None:
                yield 1 + int(self.extent(at, extent))

    def extent(self, at: int, extent: int | Fraction) -> int | Fraction:
        """The extent along one axis for the numbers that see most."""
        grain = self.grains[at] if self.grains is not None else None
        if grain is None or extent == UNKNOWN:
            return extent
        steps = -(-(extent - grain.whole) // grain.size)
        return grain.whole + max(steps, 0) * grain.size


Fields: TypeAlias = "Field | None"
"""None where a number depends on all of the image, or on none of it."""


def receptive_fields(plan: Schedule) -> list[Fields]:
    """The receptive field of each tensor of a schedule."""
    fields: list[Fields] = [None] * len(plan.types)
    images = [entry.value.type.shape[entry.value.type.dtype == "float" :] for entry in plan.graph.inputs]
    # Images of one size lie on each other; those of another have axes of their own.
    starts: dict[tuple[int, ...], int] = {}
    coordinates = 0
    for image in images:
        if image not in starts:
            starts[image] = coordinates
            coordinates += len(image)
    for number, (entry, image) in enumerate(zip(plan.graph.inputs, images, strict=True)):
        if image:
            fields[number] = _image(entry.value.type.shape, len(image), starts[image], coordinates)
    for at, node in enumerate(plan.nodes):
        flows = plan.flows(at)
        inputs = [fields[read] for read in flows]
        if all(field is None for field in inputs):
            continue
        types = tuple(plan.types[read] for read in flows)
        field = _computed(node, inputs, types)
        if field is not None:
            for result, write in enumerate(plan.writes[at]):
                fields[write] = _arranged(field, node, types, result)
    return fields


def pixels(fields: Iterable[Fields]) -> int | None:
    """The largest receptive field among several, along its longest axis; None if there is none, or one is unknown."""
    sizes = [size for field in fields if field is not None for size in field.pixels()]
    return max(sizes) if sizes and min(sizes) > 0 else None


def _image(shape: tuple[int, ...], rank: int, start: int, coordinates: int) -> Field:
    """What the numbers of an input see: themselves."""
    extents = tuple(0 if start <= axis < start + rank else None for axis in range(coordinates))
    axes: list[Axis] = [still(size, coordinates) for size in shape[: len(shape) - rank]]
    for axis, size in enumerate(shape[len(shape) - rank :], start):
        axes.append((Factor(size, tuple(1 if other == axis else 0 for other in range(coordinates))),))
    return Field(extents, Places(tuple(axes), (0,) * coordinates))


def _computed(node: Node, inputs: list[Fields], types: tuple[TensorType, ...]) -> Fields:
    """The field of what an operator computes, before it arranges it."""
    op = node.op
    if op.sees_all(node.args):
        return None
    mixings = op.mixes(types, node.args)
    if inputs[0] is None and not op.combines and not mixings:
        # Rows of a table, which the image only chooses.
        (chosen,) = {field for field in inputs if field is not None}
        count = len(chosen.extents)
        axes = tuple(still(size, count) for size in types[0].shape)
        return Field(_unknown(chosen, range(count)), chosen.places._replace(axes=axes))
    field = inputs[0] if len(inputs) == 1 else _combined(node, inputs)
    assert field is not None
    arranged = bool(op.moves(types, node.args))
    for mixing in mixings:
        field = _mixed(field, mixing, 0 if arranged else node.type.shape[mixing.axis])
    if all(extent is None for extent in field.extents):
        return None
    resizing = op.resizes(types, node.args)
    sliding = None if resizing is not None else op.sliding(node.args)
    sizes = node.type.shape
    if resizing is not None:
        for axis, (start, apart, reads, size) in enumerate(
            zip(resizing.start, resizing.step, resizing.reads, sizes[1:], strict=True), 1
        ):
            if reads:
                field = _stepped(field, axis, size, start - _half(reads - 1), apart, reads - 1)
            else:
                field = _untold(field, axis, size)
    elif sliding is not None:
        for axis, (kernel, stride, dilation, padding, size) in enumerate(
            zip(sliding.kernel, sliding.stride, sliding.dilation, sliding.padding, sizes[1:], strict=True), 1
        ):
            reach = dilation * (kernel - 1)
            if not sliding.transposed:
                field = _stepped(field, axis, size, -padding, stride, reach)
            else:
                from fractions import Fraction  # two milliseconds, and few networks need it

                # Of the windows that write to one place, those overlap whose taps meet it: every so many of them.
                every = stride // gcd(stride, dilation)
                more = ((kernel - 1) // every) * every * dilation // stride
                middle = Fraction(2 * padding - reach, 2 * stride)
                field = _stepped(
                    field, axis, size, middle - _half(more), Fraction(1, stride) if stride > 1 else 1, more
                )
    return field


def _half(number: int) -> int | Fraction:
    from fractions import Fraction

    return Fraction(number, 2) if number % 2 else number // 2


def _arranged(field: Field, node: Node, types: tuple[TensorType, ...], result: int) -> Field:
    moves = node.op.moves(types, node.args, result)
    places = field.places
    for move in moves:
        places = places.moved(move)
    return field._replace(places=places) if moves else field


def _stepped(field: Field, at: int, size: int, start: int | Fraction, step: int | Fraction, more: int) -> Field:
    """An axis whose place o now reads the places from o * step + start on, and `more` behind it."""
    axis = simple(field.places.axes[at], len(field.extents))
    if step == 1 and start == 0 and more == 0 and prod(factor.size for factor in axis) == size:
        return field
    if len(axis) > 1:
        return _untold(field, at, size)
    extents = list(field.extents)
    old = axis[0].steps
    begins: list[Offset] = list(field.places.start)
    grains: list[Grain | None] | None = None
    for coordinate, jump in enumerate(old):
        extent = extents[coordinate]
        if isinstance(jump, Lost):
            if extent is not None:
                extents[coordinate] = UNKNOWN
        elif jump:
            begins[coordinate] = plus(begins[coordinate], start * jump)
            if extent is not None and extent != UNKNOWN:
                extents[coordinate] = extent + more * jump
                if step != int(step):
                    before = field.grains[coordinate] if field.grains else None
                    coarse = before.size if before else 0
                    grains = list(field.grains or [None] * len(extents)) if grains is None else grains
                    grains[coordinate] = Grain(field.extent(coordinate, extent + more * jump), max(jump, coarse))
    new = (Factor(size, tuple(times(jump, step) for jump in old)),)
    places = Places(_replaced(field.places.axes, at, new), tuple(begins))
    return Field(tuple(extents), places, field.grains if grains is None else tuple(grains))


def _untold(field: Field, at: int, size: int) -> Field:
    """An axis that has another size now, and whose places read others of it in a way that no step describes."""
    count, axis = len(field.extents), field.places.axes[at]
    extents = _unknown(field, (c for c in range(count) if any(factor.steps[c] != 0 for factor in axis)))
    return Field(extents, field.places._replace(axes=_replaced(field.places.axes, at, still(size, count))))


def _replaced(axes: Axes, at: int, axis: Axis) -> Axes:
    return (*axes[:at], axis, *axes[at + 1 :])


def _unknown(field: Field, coordinates: Iterable[int]) -> tuple[Extent, ...]:
    gone = set(coordinates)
    return tuple(UNKNOWN if at in gone and extent is not None else extent for at, extent in enumerate(field.extents))


def _mixed(field: Field, mixing: Mixing, length: int) -> Field:
    """After each number has become one of all places of an axis, or of its group; the axis then has `made` places, as
    many as before if 0."""
    axes, count = field.places.axes, len(field.extents)
    axis = axes[mixing.axis]
    size = prod(factor.size for factor in axis)
    length = length or size
    if all(factor.still for factor in axis):
        if length == size:
            return field
        return field._replace(places=field.places._replace(axes=_replaced(axes, mixing.axis, still(length, count))))
    inside = still(length // mixing.groups, count)
    if mixing.groups == 1:
        inner, rest = axis, _replaced(axes, mixing.axis, inside)
    else:
        outer, inner = split(simple(axis, count), (mixing.groups, size // mixing.groups), count)
        rest = _replaced(axes, mixing.axis, (*outer, *inside))
    extents, grains = list(field.extents), list(field.grains or [None] * count)
    for coordinate, extent in enumerate(extents):
        steps = [(factor.size, factor.steps[coordinate]) for factor in inner if factor.size > 1]
        if extent is None or all(step == 0 for _, step in steps):
            continue
        if not any(factor.steps[coordinate] != 0 and factor.size > 1 for axis in rest for factor in axis):
            if mixing.statistic:
                return field  # a mean of the whole image
            extents[coordinate] = None
        elif extent == UNKNOWN or mixing.partly or any(isinstance(step, Lost) for _, step in steps):
            extents[coordinate] = UNKNOWN
        else:
            spans = [(size - 1) * step for size, step in steps if not isinstance(step, Lost)]
            extents[coordinate] = extent + sum(spans)
            grain = grains[coordinate]
            if grain is not None:
                # What stood side by side before the upsampling is seen whole.
                grains[coordinate] = grain._replace(whole=grain.whole + sum(s for s in spans if isinstance(s, int)))
    places = field.places._replace(axes=rest)
    return Field(tuple(extents), places, field.grains and tuple(grains))


def _combined(node: Node, inputs: Sequence[Fields]) -> Field:
    """The field of several inputs together, before what the operator arranges."""
    known = [field for field in inputs if field is not None]
    first, op = known[0], node.op
    if op.crosses:
        count = len(first.extents)
        moving = {c for axis in first.places.axes[-2:] for factor in axis for c in range(count) if factor.steps[c] != 0}
        axes = (still(size, count) for size in node.type.shape[-2:])
        places = first.places._replace(axes=(*first.places.axes[:-2], *axes))
        return Field(_unknown(first, range(count) if len(known) > 1 else moving), places)
    joined = op.joins(node.args)
    for other in known[1:]:
        if other is not first:
            first = _merged(first, other, joined)
    if joined is not None:
        size = node.type.shape[joined]
        if prod(factor.size for factor in first.places.axes[joined]) != size:
            return first._replace(places=first.places.moved(Shuffle(joined, size)))
    return first


def _merged(one: Field, other: Field, joined: int | None) -> Field:
    """Both at once: along each axis of the image from the first pixel that either sees to the last."""
    count = len(one.extents)
    if one == other:
        return one
    axes: list[Axis] = []
    apart: set[int] = set()
    for at, (a, b) in enumerate(zip(one.places.axes, other.places.axes, strict=True)):
        if a == b:
            axes.append(a)
            continue
        a, b = simple(a, count), simple(b, count)
        sizes = [prod(factor.size for factor in factors) for factors in (a, b)]
        if at == joined:
            axes.append(lost(sum(sizes), (*a, *b), count))
            continue
        longer = a if sizes[0] > 1 or sizes[1] == 1 else b
        for c in range(count):
            steps = [[(factor.size, factor.steps[c]) for factor in axis] for axis in (a, b)]
            if sizes[0] == sizes[1]:
                if steps[0] != steps[1] and any(step != 0 for pairs in steps for _, step in pairs):
                    apart.add(c)
            elif any(step != 0 for _, step in steps[0 if longer is a else 1]):
                apart.add(c)  # a number of one is combined with many of the other
        axes.append(longer)
    extents: list[Extent] = []
    begins: list[Offset] = []
    for c, (a_extent, b_extent) in enumerate(zip(one.extents, other.extents, strict=True)):
        a_start, b_start = one.places.start[c], other.places.start[c]
        if a_extent is None or b_extent is None:
            extents.append(b_extent if a_extent is None else a_extent)
            begins.append(b_start if a_extent is None else a_start)
        elif a_start == b_start and UNKNOWN not in (a_extent, b_extent) and c not in apart:
            extents.append(max(a_extent, b_extent))
            begins.append(a_start)
        elif UNKNOWN in (a_extent, b_extent) or c in apart or isinstance(a_start, Lost) or isinstance(b_start, Lost):
            extents.append(UNKNOWN)
            begins.append(a_start)
        else:
            first, last = min(a_start, b_start), max(a_start + a_extent, b_start + b_extent)
            extents.append(last - first)
            begins.append(first)
    return Field(tuple(extents), Places(tuple(axes), tuple(begins)), _coarser(one.grains, other.grains))


def _coarser(
    one: tuple[Grain | None, ...] | None, other: tuple[Grain | None, ...] | None
) -> tuple[Grain | None, ...] | None:
    if one is None or other is None or one == other:
        return other if one is None else one
    pairs = zip(one, other, strict=True)
    return tuple(max((grain for grain in pair if grain), key=lambda grain: grain.size, default=None) for pair in pairs)
