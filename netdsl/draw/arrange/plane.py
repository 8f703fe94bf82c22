"""What is placed: boxes, frames and rows in columns, in a plane in which the data flows along one axis.

Places are given *along* the flow (`y`) and *across* it (`x`), and turned at the very end for a figure that flows to
the right. A column has a spine, the line that its pieces are centred on, and a gap before, between and behind its
pieces. Edges that do not run straight down the spine use tracks, across a gap, and lanes, along a column beside its
pieces (netdsl.draw.arrange.routes).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from netdsl.draw.arrange.metrics import width
from netdsl.draw.figure.figure import Part

TRACK = 9.0
"""From one track to the next, and from one lane to the next."""
GAP, ARROW = 6.0, 12.0
"""The least of a gap before its tracks, and behind them, where arrows end."""
HEADER = 22.0
CARD = 4.0
"""By how much the cards of a stack show behind one another."""
LABEL_SIZE, HEADER_SIZE = 10.0, 11.5
BOLDER = 1.08
"""How much wider bold letters are."""
PORT = 14.0
"""From one input of a frame to the next, inside of it."""


class Line(NamedTuple):
    """A line of text in a box. Its style is that of a call (`c`), a label (`n`), a remark (`r`), a symbol (`s`), the
    head of a frame (`h`)."""

    text: str
    style: str
    size: float

    @property
    def width(self) -> float:
        return width(self.text, self.size) * (BOLDER if self.style == "n" else 1.0)


@dataclass(slots=True, eq=False, repr=False)
class Box:
    """A part as it is shown: closed, or as a frame around the column `inner`. `across` and `along` are its own size."""

    part: Part
    across: float
    along: float
    inner: Col | None = None
    times: int = 1
    lines: list[Line] = field(default_factory=list)
    """What is written in it; the name and the title in the head of a frame."""
    header_width: float = 0.0
    tensors: list[tuple[Part, float, float]] = field(default_factory=list)
    """Parameters and constants beside it, with their sizes across and along."""
    column: Col = field(default_factory=lambda: Col([]))
    """The column that it stands in."""
    index: int = 0
    x: float = 0.0
    y: float = 0.0
    own_left: float = 0.0
    own_right: float = 0.0
    left: float = 0.0
    right: float = 0.0
    length: float = 0.0
    arrivals: int = 0
    """Edges that come in from the side."""

    @property
    def cards(self) -> float:
        """What the cards behind a stack add to its size."""
        return 2 * CARD if self.times > 1 else 0.0

    @property
    def side(self) -> float:
        """Where edges come in from the side, along the flow."""
        return self.y + (min(11.0, self.along / 2) if self.inner is not None else self.along / 2)


@dataclass(slots=True, eq=False, repr=False)
class RowBox:
    """Branches side by side."""

    branches: list[Col]
    through: bool
    column: Col = field(default_factory=lambda: Col([]))
    index: int = 0
    x: float = 0.0
    y: float = 0.0
    left: float = 0.0
    right: float = 0.0
    length: float = 0.0
    offsets: list[float] = field(default_factory=list)


Placed: TypeAlias = "Box | RowBox"


@dataclass(slots=True, eq=False, repr=False)
class Gap:
    """The space before a piece of a column, or behind the last: labels of the edges that start in it, by port, and
    tracks, by what runs on them."""

    labels: dict[int, str] = field(default_factory=dict)
    sources: dict[Hashable, int] = field(default_factory=dict)
    targets: dict[Hashable, int] = field(default_factory=dict)
    y: float = 0.0
    length: float = 0.0
    label_along: float = 0.0
    step: float = PORT
    """From one port to the next."""

    @property
    def tracks(self) -> int:
        return len(self.sources) + len(self.targets)

    def track(self, key: tuple[str, Hashable]) -> float:
        """Where a track runs, along the flow."""
        kind, name = key
        number = self.sources[name] if kind == "s" else len(self.sources) + self.targets[name]
        return self.y + self.label_along + GAP + number * TRACK


@dataclass(slots=True, eq=False, repr=False)
class Lane:
    """A line along a column beside its pieces, from one place to another."""

    start: Y
    stop: Y
    x: float = 0.0


@dataclass(slots=True, eq=False, repr=False)
class Col:
    """A column as it is placed. `owner` is the frame or row that it lies in; `hangs` tells that it is a side."""

    items: list[Placed]
    owner: Box | RowBox | None = None
    hangs: Col | None = None
    gaps: list[Gap] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    sides: list[Col] = field(default_factory=list)
    depth: int = 0
    x: float = 0.0
    y: float = 0.0
    left: float = 0.0
    right: float = 0.0
    length: float = 0.0
    corridor: float = 0.0
    """Of a side: where the edge to it runs down, if it stands lower than where that starts."""
    start: Y | None = None
    """Of a side: where the edge to it leaves the column that it hangs beside."""


Y: TypeAlias = "tuple[str, Gap | Box | Col, Hashable]"
"""A place along the flow that is known once all is placed: a track, the top or side of a box, an end of a column."""


def at(place: Y) -> float:
    """The place along the flow."""
    kind, what, key = place
    if isinstance(what, Gap):
        return what.y if kind == "top" else what.track((kind, key))
    if isinstance(what, Box):
        return what.y if kind == "top" else what.side + _spread(what, key)
    return what.y + what.length


def _spread(box: Box, number: Hashable) -> float:
    """Edges that come in from the side stand apart, as far as the box is long."""
    assert isinstance(number, int)
    if box.inner is not None or number == 0 or box.arrivals > 3:
        return 0.0
    step = (number + 1) // 2 * 7.0 * (1 if number % 2 else -1)
    most = max(box.along / 2 - 4.0, 0.0)
    return max(-most, min(step, most))
