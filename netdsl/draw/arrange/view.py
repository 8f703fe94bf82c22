"""How much of a figure is shown: which blocks are open, how stacks are shown, and the edges between what is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from netdsl.draw.arrange.boxes import closed_box, many_named, open_box, tensor_size
from netdsl.draw.arrange.plane import Box, Col, Gap, Placed, RowBox
from netdsl.draw.figure.figure import Column, Edge, End, Figure, Part, Row

PAGE = 60
"""Boxes and frames that a figure shows, at most, if nothing else is asked for."""


@dataclass(slots=True, eq=False)
class Opened:
    """The blocks and groups that are open, and the stacks that show each of their turns."""

    frames: set[Part] = field(default_factory=set)
    stacks: set[Part] = field(default_factory=set)


def opened_to(figure: Figure, depth: int | None = None, expand: tuple[Part, ...] = ()) -> Opened:
    """What is open when so many levels are shown (the net is the first, as in `netdsl stats`), and some parts besides.

    Without a depth, as many levels as a page takes.
    """
    if depth is None:
        deepest = max((part.level for part in figure.parts), default=1) + 1
        depth = 2
        # An expanded part is looked at itself: what is around stays as small as it can.
        while not expand and depth < deepest and count(figure.root, depth + 1) <= PAGE:
            depth += 1
    opened = Opened({part for part in figure.parts if part.kind == "frame" and part.level + 2 <= depth})
    for part in expand:
        at: Part | None = part
        while at is not None:
            if at.kind == "frame":
                opened.frames.add(at)
            parent = at.parent
            # The first turn of a stack is seen anyway.
            if parent is not None and parent.kind == "stack" and at not in set(parent.columns[0].parts()):
                opened.stacks.add(parent)
            at = parent
    return opened


def count(column: Column, depth: int) -> int:
    """The boxes and frames that are seen at a depth."""
    total = 0
    stack = [column]
    while stack:
        for part in stack.pop().parts():
            if part.kind == "stack" or (part.kind == "frame" and part.level + 2 <= depth):
                stack.append(part.columns[0])
            total += 1
    return total


class Spot(NamedTuple):
    """A place where an edge starts or ends: before or behind an item of a column; -1 is where a frame is entered, and
    the number of items where it is left."""

    column: Col
    item: int
    port: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Wire:
    """An edge between what is seen; `label` is set where its shape is to be told. `edges` are all that it stands for,
    `edge` the first of them."""

    source: Spot
    target: Spot
    edge: Edge
    label: str
    train: bool
    edges: list[Edge] = field(default_factory=list)


class View:
    """The boxes that are seen, and the edges between them."""

    def __init__(
        self, figure: Figure, opened: Opened, right: bool = False, note: Callable[[Part], str] = lambda part: ""
    ) -> None:
        self.figure = figure
        self.opened = opened
        self.right = right
        self.note = note
        """What a closed box says besides its call."""
        self.boxes: dict[Part, Box] = {}
        self.twins: dict[Part, Part] = {}
        """What stands for a part that lies in a turn that is not shown."""
        self.turns: dict[Part, tuple[Part, int]] = {}
        """The stack with one turn shown that a part lies in, and the number of its turn."""
        self.root = self.column(figure.root.items, None, 0)
        for beside in figure.root.sides:
            side = self.column(beside.items, None, 1)
            side.hangs = self.root
            self.root.sides.append(side)
        self.wires = self.wire()

    # --- boxes

    def column(self, items: list[Part | Row], owner: Box | RowBox | None, depth: int) -> Col:
        column = Col([], owner, depth=depth)
        for item in items:
            placed: Placed
            if isinstance(item, Row):
                placed = RowBox([], item.through)
                placed.branches = [self.column(branch.items, placed, depth + 1) for branch in item.branches]
            else:
                placed = self.box(item, depth)
            placed.column, placed.index = column, len(column.items)
            column.items.append(placed)
        column.gaps = [Gap() for _ in range(len(column.items) + 1)]
        return column

    def box(self, part: Part, depth: int) -> Box:
        if part.kind == "stack":
            return self.stack(part, depth)
        if part in self.opened.frames and part.columns and part.columns[0].items:
            return self.frame(part, part.columns[0].items, depth)
        box = closed_box(part, self.right, 1, self.note(part))
        return self.seen(part, box)

    def frame(self, part: Part, items: list[Part | Row], depth: int, times: int = 1, name: str | None = None) -> Box:
        box = open_box(part, self.right, times, name)
        box.inner = self.column(items, box, depth + 1)
        return self.seen(part, box)

    def seen(self, part: Part, box: Box) -> Box:
        box.tensors = [(tensor, *tensor_size(tensor, self.right)) for tensor in part.tensors]
        self.boxes[part] = box
        return box

    def stack(self, part: Part, depth: int) -> Box:
        """All turns, or the first one for all; if that is one part, the part itself is shown as many."""
        if part in self.opened.stacks:
            return self.frame(part, [item for turn in part.columns for item in turn.items], depth)
        times = len(part.columns)
        self.pair(part)
        items = part.columns[0].items
        only = items[0]
        if len(items) != 1 or isinstance(only, Row) or only.kind == "stack":
            return self.frame(part, items, depth, times)
        if only in self.opened.frames and only.columns[0].items:
            box = self.frame(only, only.columns[0].items, depth, times, many_named(part))
        else:
            box = self.seen(only, closed_box(only, self.right, times, self.note(part), many_named(part)))
        self.boxes[part] = box
        return box

    def pair(self, stack: Part) -> None:
        """Let the parts of the first turn stand for those of the others."""
        first = stack.columns[0]
        for number, turn in enumerate(stack.columns):
            pairs = [(first, turn)]
            while pairs:
                ours, theirs = pairs.pop()
                for one, other in zip(ours.parts(), theirs.parts(), strict=True):
                    self.turns[other] = (stack, number)
                    if number:
                        self.twins[other] = one
                    pairs.extend(zip(one.columns, other.columns, strict=True))

    # --- edges

    def wire(self) -> list[Wire]:
        wires: dict[tuple[Col, int, Col, int], Wire] = {}
        for edge in self.figure.edges:
            if self.between_turns(edge):
                continue
            source, target = self.spot(edge.source, False), self.spot(edge.target, True)
            if source is None or target is None:
                continue
            if source.column is target.column and source.item >= target.item:
                continue
            if self.within(edge.source, edge.target, source, target):
                continue
            key = (source.column, source.item, target.column, target.item)
            if key not in wires:
                part = edge.target.part
                train = part.train or edge.source.part.train
                wires[key] = Wire(source, target, edge, self.label(edge, source), train)
            wires[key].edges.append(edge)
        self.trim(list(wires.values()))
        return list(wires.values())

    @staticmethod
    def trim(wires: list[Wire]) -> None:
        """Leaves out what is told at the end of the way: by a result of the net, or where a frame is left."""
        told = {
            (wire.source.column, wire.source.item)
            for wire in wires
            if wire.edge.target.part.kind != "output" and wire.target.item < len(wire.target.column.items)
        }
        for wire in wires:
            if (wire.source.column, wire.source.item) not in told and wire.source.item >= 0:
                wire.label = ""

    def label(self, edge: Edge, source: Spot) -> str:
        """What an edge says at its start: its shape where that is news."""
        part = edge.source.part
        if edge.source.inside:
            if part.kind == "stack" or edge.source.port == 0:
                return ""
            return f"{edge.name} {edge.shape}".strip()
        if part.kind == "input" or not part.changes:
            return ""
        item = source.column.items[source.item]
        if isinstance(item, Box) and item.part.kind != "stack" and item.part is not part and item.inner is None:
            part = item.part
        return part.shape or edge.shape

    def spot(self, end: End, target: bool) -> Spot | None:
        """Where an end of an edge is seen; None where it is hidden in a closed block."""
        part = end.part
        while part in self.twins:
            part = self.twins[part]
        box = self.boxes.get(part)
        if end.inside:
            if box is None or box.inner is None:
                return None
            return Spot(box.inner, len(box.inner.items) if target else -1, end.port)
        at: Part | None = part
        while box is None:
            assert at is not None
            at = at.parent
            if at is None:
                return None
            while at in self.twins:
                at = self.twins[at]
            box = self.boxes.get(at)
        return Spot(box.column, box.index)

    def within(self, source: End, target: End, start: Spot, stop: Spot) -> bool:
        """Whether an edge leads from a frame's entry to the frame itself: a stack that is shown as its only part."""
        owner = start.column.owner
        return start.item == -1 and isinstance(owner, Box) and (owner.column, owner.index) == (stop.column, stop.item)

    def between_turns(self, edge: Edge) -> bool:
        """Whether an edge leads from one turn to another of which one stands for all."""
        a, b = self.path(edge.source.part), self.path(edge.target.part)
        return any(stack in b and b[stack] != number for stack, number in a.items())

    def path(self, part: Part) -> dict[Part, int]:
        """The stacks shown by one turn around a part, with the number of its turn."""
        turns: dict[Part, int] = {}
        at: Part | None = part
        while at is not None:
            twin: Part | None = at
            while twin is not None:
                if twin in self.turns:
                    stack, number = self.turns[twin]
                    turns.setdefault(stack, number)
                twin = self.twins.get(twin)
            at = at.parent
        return turns
