"""Where the numbers of a tensor come from: how far apart neighbours along each of its axes lie in the image.

An axis is a list of factors, the outermost first, as axes in brackets are in einops: after space to depth the channels
are `(c a b)`, of which `a` and `b` step by a pixel. A factor knows its step along every axis of the image: 0 where it
does not move, a `Lost` where it moves in a way that no step describes.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from netdsl.ops.moves import Cut, Drop, Grow, Move, New, Order, Shuffle, View

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction


class Lost:
    """A step that is not known; equal to itself alone, as two axes may have lost their arrangement in two ways."""


Step: TypeAlias = "int | Fraction | Lost"
Offset: TypeAlias = "int | Fraction | Lost"


class Factor(NamedTuple):
    size: int
    steps: tuple[Step, ...]
    """By axis of the image."""

    @property
    def still(self) -> bool:
        return all(step == 0 for step in self.steps)


Axis: TypeAlias = tuple[Factor, ...]
Axes: TypeAlias = tuple[Axis, ...]


def still(size: int, coordinates: int) -> Axis:
    """An axis along which nothing moves."""
    return (Factor(size, (0,) * coordinates),)


def simple(axis: Iterable[Factor], coordinates: int) -> Axis:
    """The same axis in fewest factors: neighbours that step alike are one, and those of one place none."""
    factors: list[Factor] = []
    for factor in axis:
        if factor.size == 1:
            continue
        if factors and all(
            _continues(*pair, factor.size) for pair in zip(factors[-1].steps, factor.steps, strict=True)
        ):
            factors[-1] = Factor(factors[-1].size * factor.size, factor.steps)
        else:
            factors.append(factor)
    return tuple(factors) or still(1, coordinates)


def _continues(outer: Step, inner: Step, size: int) -> bool:
    return outer == times(inner, size)


def times(step: Step, number: int | Fraction) -> Step:
    """A step so many times."""
    return step if isinstance(step, Lost) else step * number


def lost(size: int, factors: Iterable[Factor], coordinates: int) -> Axis:
    """One axis in place of the factors, whose arrangement is lost: what moved along any of them moves somehow."""
    lost = Lost()
    step_lists = [factor.steps for factor in factors]
    moves = (any(steps[at] != 0 for steps in step_lists) for at in range(coordinates))
    return (Factor(size, tuple(lost if moved else 0 for moved in moves)),)


def split(axis: Axis, sizes: Sequence[int], coordinates: int) -> Axes:
    """The axis as several, the outermost first, whose sizes multiply to its own."""
    left = list(axis)
    axes: list[Axis] = []
    for size in sizes:
        taken: list[Factor] = []
        wanted = size
        while wanted > 1:
            outer = left.pop(0)
            if outer.size <= wanted and wanted % outer.size == 0:
                taken.append(outer)
                wanted //= outer.size
            elif outer.size % wanted == 0:
                inner = outer.size // wanted
                taken.append(Factor(wanted, tuple(times(step, inner) for step in outer.steps)))
                left.insert(0, Factor(inner, outer.steps))
                wanted = 1
            else:
                return tuple(lost(part, axis, coordinates) for part in sizes)
        axes.append(simple(taken, coordinates))
    return tuple(axes)


class Places(NamedTuple):
    """The axes of a tensor, and by axis of the image the place that its first number has there."""

    axes: Axes
    start: tuple[Offset, ...]

    def moved(self, move: Move) -> Places:
        """The places after a move."""
        axes, coordinates = self.axes, len(self.start)
        match move:
            case Order(order):
                return Places(tuple(axes[axis] for axis in order), self.start)
            case New(at, size):
                return Places((*axes[:at], still(size, coordinates), *axes[at:]), self.start)
            case View(shape):
                return Places(_reshaped(axes, shape, coordinates), self.start)
            case Shuffle(at, size):
                return self._with(at, lost(size, axes[at], coordinates))
            case Grow(at, before, behind):
                size = prod(factor.size for factor in axes[at]) + before + behind
                whole = simple(axes[at], coordinates)
                if len(whole) > 1 or any(isinstance(step, Lost) for step in whole[0].steps):
                    return self._with(at, lost(size, whole, coordinates))
                return self._with(at, (Factor(size, whole[0].steps),), _along(whole[0], -before))
            case Drop(at, index):
                rest = (*axes[:at], *axes[at + 1 :])
                return Places(rest, self._shifted(_at(axes[at], index)))
            case Cut(at, begin, stop, step):
                size = prod(factor.size for factor in axes[at])
                cut, by = _cut(simple(axes[at], coordinates), size, begin, stop, step, coordinates)
                return self._with(at, cut, by)

    def _with(self, at: int, axis: Axis, by: tuple[Offset, ...] = ()) -> Places:
        return Places((*self.axes[:at], axis, *self.axes[at + 1 :]), self._shifted(by))

    def _shifted(self, by: tuple[Offset, ...]) -> tuple[Offset, ...]:
        return tuple(plus(*pair) for pair in zip(self.start, by, strict=True)) if by else self.start


def plus(one: Offset, other: Offset) -> Offset:
    """The offset of both together; not known where either is not."""
    return Lost() if isinstance(one, Lost) or isinstance(other, Lost) else one + other


def _along(factor: Factor, places: int) -> tuple[Offset, ...]:
    """How far so many places along a factor lie from its first."""
    return tuple((Lost() if places else 0) if isinstance(step, Lost) else step * places for step in factor.steps)


def _at(axis: Axis, index: int) -> tuple[Offset, ...]:
    """How far place `index` lies from the first."""
    offsets: tuple[Offset, ...] = (0,) * len(axis[0].steps)
    for factor in reversed(axis):
        offsets = tuple(map(plus, offsets, _along(factor, index % factor.size)))
        index //= factor.size
    return offsets


def _cut(axis: Axis, size: int, start: int, stop: int, step: int, coordinates: int) -> tuple[Axis, tuple[Offset, ...]]:
    """The places that a cut keeps, and how far the first of them lies from the first of all."""
    count = (stop - start + step - 1) // step
    if count == 1:
        return still(1, coordinates), _at(axis, start)
    outer, inner = axis[0], axis[1:]
    if not inner:
        if (start or step != 1) and any(isinstance(stride, Lost) for stride in outer.steps):
            return lost(count, axis, coordinates), _along(outer, start)
        steps = tuple(times(stride, step) for stride in outer.steps)
        return (Factor(count, steps),), _along(outer, start)
    within = size // outer.size
    first, last = start // within, (start + (count - 1) * step) // within
    if first == last:
        cut, by = _cut(inner, within, start % within, stop - first * within, step, coordinates)
        return cut, tuple(map(plus, by, _along(outer, first)))
    if step == 1 and start % within == 0 and stop % within == 0:
        return (Factor(last - first + 1, outer.steps), *inner), _along(outer, first)
    if step % within == 0:
        steps = tuple(times(stride, step // within) for stride in outer.steps)
        return (Factor(count, steps),), _at(axis, start)
    return lost(count, axis, coordinates), (0,) * coordinates


def _reshaped(axes: Axes, shape: tuple[int, ...], coordinates: int) -> Axes:
    """The axes in another shape: by the smallest runs of neighbours that hold as many numbers."""
    reshaped: list[Axis] = []
    before, after = list(axes), list(shape)
    while before or after:
        run = [before.pop(0)] if before else [still(1, coordinates)]
        sizes = [after.pop(0)] if after else []
        have, want = prod(factor.size for factor in run[0]), prod(sizes)
        while have != want:
            if have < want:
                run.append(before.pop(0))
                have *= prod(factor.size for factor in run[-1])
            else:
                sizes.append(after.pop(0))
                want *= sizes[-1]
        reshaped += split(simple((factor for axis in run for factor in axis), coordinates), sizes, coordinates)
    return tuple(reshaped)
