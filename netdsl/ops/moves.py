"""What operators do to positions, as data: which places of an axis they keep, split, merge, put elsewhere or mix.

An operator that arranges numbers says so by a list of moves, one after another; one that computes across places says
which axes it mixes. Analyses that follow positions (receptive fields) know these, and no operator by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction


class Cut(NamedTuple):
    """The places `start`, `start + step`, … before `stop` of an axis are kept."""

    axis: int
    start: int
    stop: int
    step: int = 1


class Drop(NamedTuple):
    """One place of an axis is kept, and the axis is gone."""

    axis: int
    place: int


class Order(NamedTuple):
    """Axis i of the result is the axis that is named at place i."""

    axes: tuple[int, ...]


class View(NamedTuple):
    """The same numbers in the same order in another shape."""

    shape: tuple[int, ...]


class New(NamedTuple):
    """A new axis, along which nothing changes its place, stands at `axis`."""

    axis: int
    size: int


class Grow(NamedTuple):
    """So many places are added before and behind an axis."""

    axis: int
    before: int
    behind: int


class Shuffle(NamedTuple):
    """The places of an axis change in a way that no distance describes, into so many."""

    axis: int
    size: int


Move: TypeAlias = Cut | Drop | Order | View | New | Grow | Shuffle


class Mixing(NamedTuple):
    """Each number of the result depends on all places of this axis of the input, or of its group of `groups`.

    `statistic`: through a mean or a spread that normalises; where that is one of the whole image, receptive fields pass
    it over, as they do batch norm's. `partly`: on some places only.
    """

    axis: int
    groups: int = 1
    statistic: bool = False
    partly: bool = False


class Resizing(NamedTuple):
    """An image in another size: place o of an axis of the result reads the places around `o * step + start`.

    `reads` tells how many neighbouring places: 1 is the nearest, and 0 that no distance describes it.
    """

    start: tuple[Fraction, ...]
    step: tuple[Fraction, ...]
    reads: tuple[int, ...]
