"""Where everything stands: boxes, frames and rows in a plane in which the data flows along one axis.

Places are given *along* the flow (`y`) and *across* it (`x`), and turned at the very end for a figure that flows to
the right. A column has a spine, the line that its pieces are centred on, and a gap before, between and behind its
pieces. Edges that do not run straight down the spine use tracks, across a gap, and lanes, along a column beside its
pieces (netdsl.draw.arrange.routes), so gaps grow with their tracks and columns with their lanes.

web/layout.js does the same in the browser; a test holds the two together.
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
LABEL = 13.0
PAD = 12.0
"""Between a frame and what is in it, and between a lane and a box."""
HEADER = 22.0
BETWEEN = 22.0
"""Between branches."""
CARD = 4.0
"""By how much the cards of a stack show behind one another."""
LABEL_SIZE, HEADER_SIZE = 10.0, 11.5
BOLDER = 1.08
"""How much wider bold letters are."""
PORT = 14.0
"""From one input of a frame to the next, inside of it."""
MOST_NAMED = 4
"""Inputs of a frame that are labelled, at most."""
STRETCH = 36.0
"""By how much a short branch is stretched."""
CORNER = 26.0
"""From a column to what hangs beside it."""


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


class Layout:
    """Places a column and all in it. `right` tells that the figure will be turned."""

    def __init__(self, root: Col, right: bool) -> None:
        self.root = root
        self.right = right

    def place(self) -> tuple[float, float]:
        """Sets all places; returns the size across and along, the column's own top left corner being the origin."""
        root = self.root
        self.measure(root)
        self.go_along(root, 0.0)
        self.spread(root)
        sides = sorted(root.sides, key=lambda side: at(side.start) if side.start else 0.0)
        pushed, last = 0, -1e9
        for side in sides:
            self.measure(side)
            # The track that leads to it goes on from the one that it starts at, if there is room.
            level = (at(side.start) if side.start else 0.0) - GAP
            y = max(level, last + GAP)
            pushed += y > level
            self.go_along(side, y)
            self.spread(side)
            side.corridor = root.right + PAD + TRACK * pushed
            last = y + side.length
        right, bottom = root.right, root.length
        for side in sides:
            x = root.right + CORNER + TRACK * pushed + side.left
            self.go_across(side, x)
            right, bottom = max(right, x + side.right), max(bottom, side.y + side.length)
        self.go_across(root, 0.0)
        return right + root.left, bottom

    # --- along the flow: lengths, then places

    def measure(self, column: Col) -> None:
        """Sets the lengths of a column and of all in it."""
        total = 0.0
        count = len(column.items)
        for number, gap in enumerate(column.gaps):
            self.measure_gap(column, gap, number, count)
            total += gap.length
        for item in column.items:
            if isinstance(item, RowBox):
                for branch in item.branches:
                    self.measure(branch)
                item.length = max(branch.length for branch in item.branches)
            else:
                self.measure_box(item)
            total += item.length
        column.length = total

    def measure_box(self, box: Box) -> None:
        if box.inner is not None:
            self.measure(box.inner)
            box.along = box.inner.length + (0.0 if self.right else HEADER)
            if self.right:
                box.along = max(box.along, box.header_width + 2 * GAP)
        beside = sum(along for _, _, along in box.tensors) + 4.0 * max(len(box.tensors) - 1, 0)
        if box.inner is None:
            box.along = max(box.along, beside)
        box.length = box.along + box.cards

    def measure_gap(self, column: Col, gap: Gap, number: int, count: int) -> None:
        if len(gap.labels) > MOST_NAMED:
            gap.labels.clear()
        labels = [text for text in gap.labels.values() if text]
        gap.label_along, gap.step = 0.0, PORT
        if len(labels) > 1:
            gap.step = LABEL + 2.0 if self.right else max(width(text, LABEL_SIZE) for text in labels) + 14.0
        if labels:
            gap.label_along = max(width(text, LABEL_SIZE) for text in labels) + 8.0 if self.right else LABEL
        used = gap.tracks * TRACK
        in_row = isinstance(column.owner, RowBox)
        framed = isinstance(column.owner, Box)
        if 0 < number < count:
            gap.length = gap.label_along + GAP + used + ARROW
        elif number == 0 and count:
            gap.length = gap.label_along + used + (GAP + ARROW if framed or used else 0.0)
            if in_row and not used:
                gap.length = gap.label_along
        elif framed:
            gap.length = gap.label_along + GAP + used + GAP
        else:
            gap.length = gap.label_along + (used + 2 * GAP if used else 0.0) + (GAP if labels else 0.0)

    def go_along(self, column: Col, y: float) -> None:
        """Sets the places along the flow. Branches that are shorter than others end where those end."""
        column.y = y
        for number, gap in enumerate(column.gaps):
            gap.y = y
            y += gap.length
            if number == len(column.items):
                break
            item = column.items[number]
            item.y = y
            if isinstance(item, RowBox):
                for branch in item.branches:
                    self.justify(branch, item.length)
                    self.go_along(branch, y + item.length - branch.length)
            elif item.inner is not None:
                self.go_along(item.inner, y + (0.0 if self.right else HEADER))
            y += item.length

    @staticmethod
    def justify(branch: Col, length: float) -> None:
        """Stretches a branch that is a little shorter than others, so that its first pieces stand beside theirs."""
        inner = branch.gaps[1:-1] or branch.gaps[-1:]
        missing = length - branch.length
        if 0 < missing <= STRETCH:
            for gap in inner:
                gap.length += missing / len(inner)
            branch.length = length

    # --- across the flow: extents, then places

    def spread(self, column: Col) -> None:
        """Sets how far a column and all in it reach from its spine to both sides, and where its lanes run."""
        reach: list[tuple[float, float, float]] = []
        left = 0.0
        for item in column.items:
            if isinstance(item, RowBox):
                self.spread_row(item)
            else:
                self.spread_box(item)
            left = max(left, item.left)
            reach.append((item.y, item.y + item.length, item.right))
        for gap in column.gaps:
            for port, text in gap.labels.items():
                if text:
                    beside = LABEL if self.right else width(text, LABEL_SIZE) + 8.0
                    reach.append((gap.y, gap.y + gap.label_along, port * gap.step + beside))
        taken: list[tuple[float, float, float]] = []
        for lane in sorted(column.lanes, key=lambda lane: at(lane.stop) - at(lane.start)):
            start, stop = at(lane.start), at(lane.stop)
            clear = max((right for low, high, right in reach if low < stop + 4 and high > start - 4), default=0.0)
            x = clear + PAD + 2.0
            for low, high, other in sorted(taken, key=lambda each: each[2]):
                if low <= stop + 4 and high >= start - 4 and abs(other - x) < TRACK:
                    x = other + TRACK
            lane.x = x
            taken.append((start, stop, x))
        column.left = left
        right = max([right for _, _, right in reach] + [x + 4.0 for _, _, x in taken], default=0.0)
        column.right = max(right, 1.0)

    def spread_box(self, box: Box) -> None:
        if box.inner is not None:
            self.spread(box.inner)
            own_left, own_right = box.inner.left + PAD, box.inner.right + PAD
            if self.right:
                own_left += HEADER
            else:
                missing = box.header_width + 2 * GAP - own_left - own_right
                if missing > 0:
                    own_left += missing / 2
                    own_right += missing / 2
            # A frame around one straight line of boxes is centred on it.
            box.across = own_left + own_right
            box.own_left, box.own_right = own_left, own_right
        else:
            box.own_left = box.own_right = box.across / 2
        beside = max((across for _, across, _ in box.tensors), default=0.0)
        box.left = box.own_left + (beside + ARROW + GAP if box.tensors else 0.0)
        box.right = box.own_right + box.cards

    def spread_row(self, row: RowBox) -> None:
        for branch in row.branches:
            self.spread(branch)
        offset = 0.0
        row.offsets = []
        for number, branch in enumerate(row.branches):
            offset += branch.left + (BETWEEN if number else 0.0)
            row.offsets.append(offset)
            offset += branch.right
        first, last = row.branches[0], row.branches[-1]
        if row.through:
            middle = row.offsets[0]
        else:
            middle = (row.offsets[0] - min(first.left, first.right) + row.offsets[-1] + min(last.left, last.right)) / 2
            middle = min(max(middle, 0.0), offset)
        row.offsets = [each - middle for each in row.offsets]
        row.left, row.right = middle, offset - middle

    def go_across(self, column: Col, x: float) -> None:
        """Sets the places across the flow."""
        column.x = x
        for lane in column.lanes:
            lane.x += x
        for item in column.items:
            item.x = x
            if isinstance(item, RowBox):
                for branch, offset in zip(item.branches, item.offsets, strict=True):
                    self.go_across(branch, x + offset)
            elif item.inner is not None:
                self.go_across(item.inner, x)
