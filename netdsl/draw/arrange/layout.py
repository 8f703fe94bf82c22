"""Where everything stands: how long and wide each piece is, then its place, inside first.

Gaps grow with the tracks in them, and columns with their lanes. page/web/layout.js does the same in the browser; a
test holds the two together.
"""

from __future__ import annotations

from netdsl.draw.arrange.metrics import width
from netdsl.draw.arrange.plane import ARROW, GAP, HEADER, LABEL_SIZE, PORT, TRACK, Box, Col, Gap, RowBox, at

LABEL = 13.0
PAD = 12.0
"""Between a frame and what is in it, and between a lane and a box."""
BETWEEN = 22.0
"""Between branches."""
MAX_NAMED = 4
"""Inputs of a frame that are labelled, at most."""
STRETCH = 36.0
"""By how much a short branch is stretched."""
CORNER = 26.0
"""From a column to what hangs beside it."""


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
        if len(gap.labels) > MAX_NAMED:
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
            for low, high, other in sorted(taken, key=lambda entry: entry[2]):
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
        row.offsets = [offset - middle for offset in row.offsets]
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
