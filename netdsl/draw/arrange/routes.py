"""The ways of the edges: straight down the spine, or around what stands between, never through a box.

A way is planned before anything is placed, as corners whose places are known later: it leaves its source into the gap
behind it, crosses gaps on tracks, passes pieces on lanes, and comes to its target from above or from the side. A frame
lets edges pass across the flow, since nothing stands beside it in its column; out of a branch leads its own end only.
"""

from __future__ import annotations

from typing import TypeAlias

from netdsl.draw.arrange.plane import Box, Col, Gap, Lane, RowBox, Y, at
from netdsl.draw.arrange.view import View, Wire

X: TypeAlias = "tuple[str, Col | Lane | Box, int]"
Corner: TypeAlias = "tuple[X, Y]"


def plan(view: View) -> list[list[Corner]]:
    """The ways of all edges; sets the tracks, lanes and labels that they need."""
    for wire in view.wires:
        column, index, port = wire.source
        if wire.label:
            column.gaps[index + 1].labels.setdefault(port, wire.label)
    return [_Way(view, wire).corners for wire in view.wires]


def across(place: X) -> float:
    """A place across the flow."""
    kind, what, number = place
    if isinstance(what, Box):
        return what.x + what.own_right + what.cards
    if kind == "corridor":
        assert isinstance(what, Col)
        return what.corridor
    return what.x + what.gaps[0].step * number if isinstance(what, Col) and number else what.x


def points(corners: list[Corner]) -> list[tuple[float, float]]:
    """The corners as (across, along), without those where the way does not turn."""
    turns: list[tuple[float, float]] = []
    for x, y in corners:
        point = (across(x), at(y))
        if turns and abs(turns[-1][0] - point[0]) < 0.6 and abs(turns[-1][1] - point[1]) < 0.6:
            continue
        if len(turns) > 1 and _straight(turns[-2], turns[-1], point):
            turns[-1] = point
        else:
            turns.append(point)
    return turns


def _straight(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (abs(a[0] - b[0]) < 0.6 and abs(b[0] - c[0]) < 0.6) or (abs(a[1] - b[1]) < 0.6 and abs(b[1] - c[1]) < 0.6)


class _Way:
    """Plans one way. `x` is where it runs along the flow, `y` the place where it runs across it, if it does."""

    def __init__(self, view: View, wire: Wire) -> None:
        self.wire = wire
        source, target = wire.source, wire.target
        self.source_key = (id(source.column), source.item, source.port)
        self.target_key = (id(target.column), target.item)
        common = _common(source.column, target.column, view.root)

        # From the source to the column that has both.
        column, index = source.column, source.item
        self.x: X = ("spine", column, source.port)
        self.y: Y | None = None
        self.corners: list[Corner] = [(self.x, ("top", column.gaps[index + 1], None))]
        self.on_spine = source.port == 0
        while column is not common:
            owner = column.owner
            assert owner is not None
            if not (self.on_spine and index == len(column.items) - 1):
                if isinstance(owner, RowBox):
                    self.take_lane(column, self.turn(column.gaps[index + 1]), ("end", column, None))
                else:
                    self.turn(column.gaps[index + 1])
            column, index = owner.column, owner.index
        if self.y is not None and self.on_spine:
            self.on_spine = False

        tail = self.approach(common)
        if isinstance(tail, Col):
            self.to_side(tail, column, index)
            return
        self.arrive(common, index, *tail)

    # --- moving on

    def turn(self, gap: Gap, key: str = "s") -> Y:
        """Run across the flow, on a track of a gap unless it does already."""
        if self.y is None:
            self.y = self.track(gap, key)
            self.corners.append((self.x, self.y))
            self.on_spine = False
        return self.y

    def track(self, gap: Gap, key: str) -> Y:
        tracks, name = (gap.sources, self.source_key) if key == "s" else (gap.targets, self.target_key)
        tracks.setdefault(name, len(tracks))
        return (key, gap, name)

    def take_lane(self, column: Col, start: Y, stop: Y) -> None:
        """Run along a column beside its pieces."""
        lane = Lane(start, stop)
        column.lanes.append(lane)
        self.x = ("lane", lane, 0)
        self.corners.append((self.x, start))
        self.y = None
        self.on_spine = False

    # --- to the target

    def approach(self, common: Col) -> tuple[list[Corner], int, X | None, Y | None] | Col:
        """The end of the way, from where it comes out of `common`: its corners, the piece of `common` that the target
        is or lies in, and where it runs: along the flow at an X from above that piece, or across it at a Y from its
        side. Neither, if the target is that piece. For a target in a side, that side."""
        column, index = self.wire.target.column, self.wire.target.item
        tail: list[Corner] = []
        x: X | None = None
        y: Y | None = None
        while column is not common:
            owner = column.owner
            if owner is None:
                self.tail = (tail, index, x, y, column)
                return column
            if isinstance(owner, RowBox):
                if x is None and y is None and index == 0:
                    x = ("spine", column, 0)
                    tail.insert(0, (x, self.target_top()))
                else:
                    x, y = self.down_a_lane(column, index, tail, x, y), None
            elif x is None and y is None:
                y = self.target_side(tail)
            elif x is not None:
                y = self.track(column.gaps[index], "t")
                tail.insert(0, (x, y))
                x = None
            column, index = owner.column, owner.index
        return tail, index, x, y

    def down_a_lane(self, column: Col, index: int, tail: list[Corner], x: X | None, y: Y | None) -> X:
        """Pass the first pieces of a branch on the way to one behind them; gives the lane."""
        if x is not None:
            y = self.track(column.gaps[index], "t")
            tail.insert(0, (x, y))
        elif y is None:
            y = self.target_side(tail)
        lane = Lane(("top", column.gaps[0], None), y)
        column.lanes.append(lane)
        place: X = ("lane", lane, 0)
        tail.insert(0, (place, y))
        return place

    def target_top(self) -> Y:
        column, index, _ = self.wire.target
        if index == len(column.items):
            return ("end", column, None)
        item = column.items[index]
        assert isinstance(item, Box)
        return ("top", item, None)

    def target_side(self, tail: list[Corner]) -> Y:
        """Come to the target from its side."""
        column, index, _ = self.wire.target
        if index == len(column.items):
            y = self.track(column.gaps[index], "t")
            spine: X = ("spine", column, 0)
            tail[:0] = [(spine, y), (spine, ("end", column, None))]
            return y
        item = column.items[index]
        assert isinstance(item, Box)
        y = ("side", item, item.arrivals)
        item.arrivals += 1
        tail.insert(0, (("side", item, 0), y))
        return y

    def arrive(self, common: Col, index: int, tail: list[Corner], goal: int, x: X | None, y: Y | None) -> None:
        """From behind piece `index` of the common column to piece `goal`."""
        between = common.items[index + 1 : goal]
        spine: X = ("spine", common, 0)
        passes = all(isinstance(item, RowBox) and item.through for item in between)
        if x is None and y is None and self.y is None and passes:
            if self.x != spine:
                self.turn_to(common.gaps[index + 1], spine)
            self.corners.append((spine, self.target_top()))
        elif x is not None and self.y is None and not between:
            gap = common.gaps[goal]
            track = self.track(gap, "s")
            self.corners += [(self.x, track), (x, track), *tail]
        else:
            start = self.turn(common.gaps[index + 1])
            if x is not None:
                y = self.track(common.gaps[goal], "t")
                tail.insert(0, (x, y))
            elif y is None:
                y = self.target_side(tail)
            self.take_lane(common, start, y)
            self.corners += [(self.x, y), *tail]

    def turn_to(self, gap: Gap, x: X) -> None:
        """Cross a gap to the spine, where all that goes to one target meets."""
        track = self.track(gap, "t")
        self.corners += [(self.x, track), (x, track)]
        self.x = x

    def to_side(self, side: Col, column: Col, index: int) -> None:
        """To a column that hangs beside: across to it, and down."""
        tail, goal, x, y, _ = self.tail
        start = self.turn(column.gaps[index + 1])
        if side.start is None:
            side.start = start
        corridor: X = ("corridor", side, 0)
        above: Y = ("t", side.gaps[0], self.target_key)
        side.gaps[0].targets.setdefault(self.target_key, 0)
        if x is None and y is None and goal == 0:
            x = ("spine", side, 0)
            tail = [(x, self.target_top())]
        elif x is None or goal > 0:
            x = self.down_a_lane(side, goal, tail, x, y)
        self.corners += [(corridor, start), (corridor, above), (x, above), *tail]


def _common(a: Col, b: Col, root: Col) -> Col:
    """The innermost column that two lie in."""
    seen = set()
    at_: Col | None = a
    while at_ is not None:
        seen.add(id(at_))
        at_ = at_.owner.column if at_.owner is not None else None
    at_ = b
    while at_ is not None:
        if id(at_) in seen:
            return at_
        at_ = at_.owner.column if at_.owner is not None else None
    return root
