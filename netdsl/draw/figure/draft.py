"""A figure while it is built: the parts and edges so far, and where the values that are read come from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from netdsl.draw.figure import texts
from netdsl.draw.figure.figure import Column, Edge, End, Part, PartKind, Row
from netdsl.graph.graph import Graph, Value

if TYPE_CHECKING:
    from netdsl.draw.figure.figure import Family
    from netdsl.text.source import Span


class Stretch(NamedTuple):
    """Parts that were built one after the other: the first number and the one after the last, of parts and edges."""

    first: int
    last: int
    mark: int
    end: int


class Draft:
    """Parts and edges in the order of the text, and what is known at the step that they have come to."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parts: list[Part] = []
        self.edges: list[Edge] = []
        self.ends: dict[Value, End] = {}
        self.current: tuple[End, ...] = ()
        self.around: list[tuple[Part, tuple[End, ...]]] = []
        """The groups around, which see the values outside, and what each was given as it began."""
        self.waiting: dict[Part, int] = {}
        """The inputs that have no place yet, and how often they are read."""
        self.first_readers: dict[Part, int] = {}
        """The first part that reads an input, by its number."""
        self.apart_from_root = 0
        """How many branches and blocks around may hold only some of the readers of an input."""
        self.in_turns = 0
        """How many loops are around, whose turns are compared, and so hold no input."""
        self.keys: dict[Hashable, int] = {}

    def since(self, first: int, mark: int) -> Stretch:
        """The parts and edges that were made since there were so many."""
        return Stretch(first, len(self.parts), mark, len(self.edges))

    def part(self, kind: PartKind, family: Family, lines: list[str], span: Span | None, name: str = "") -> Part:
        part = Part(kind, len(self.parts), family, lines, name, span=span)
        self.parts.append(part)
        return part

    # --- where values come from

    def raw(self, value: Value) -> End | None:
        """The end where a value is made."""
        at: Value | None = value
        while at is not None:
            if at in self.ends:
                return self.ends[at]
            at = at.link
        return None

    def local(self, end: End) -> End:
        """The same end as seen from here: what a group around was given comes in where the group begins."""
        for part, entry in reversed(self.around):
            if end in entry:
                return End(part, True, entry.index(end))
        return end

    def read(self, value: Value, target: End, entry: int = 0) -> None:
        """An edge from where the value is made; parameters and constants are set beside their reader instead."""
        raw = self.raw(value)
        if raw is None:
            return
        if raw.part.kind == "tensor":
            if not target.inside and raw.part not in target.part.tensors:
                target.part.tensors.append(raw.part)
            return
        if raw.part.kind == "input":
            self.first_readers.setdefault(raw.part, target.part.number)
        shape = texts.shape_text(value.type)
        self.edges.append(Edge(self.local(raw), target, shape, entry=entry))

    def input(self, value: Value, name: str, lines: list[str], span: Span) -> None:
        """An input of the net, or of the block that is drawn."""
        part = self.part("input", "end", lines, span, name)
        part.shape = texts.shape_text(value.type)
        part.changes = False
        part.path = name
        part.key = self.key("input", name)
        self.ends[value] = End(part)
        self.waiting[part] = sum(input.root is value.root for node in self.graph.nodes() for input in node.inputs)

    def inputs_to_place(self, sources: Iterable[End], first: int) -> list[Part]:
        """The inputs that a new thread starts from and that stand nowhere yet; `first` is its first part.

        One that an earlier part reads stands on top of the figure, since no edge leads back.
        """
        parts = [end.part for end in sources if end.part in self.waiting and not end.inside]
        if len(parts) != 1 or self.in_turns or (self.apart_from_root and self.waiting[parts[0]] != 1):
            return []
        if self.first_readers.get(parts[0], first) < first:
            return []
        del self.waiting[parts[0]]
        return parts

    # --- keys

    def key(self, *what: Hashable) -> int:
        return self.keys.setdefault(what, len(self.keys))

    def part_key(self, part: Part) -> int:
        inside = tuple(self.column_key(column) for column in part.columns[:1])
        tensors = tuple(tensor.lines[0] for tensor in part.tensors)
        return self.key(part.kind, *part.lines, part.title, part.train, tensors, inside, len(part.columns))

    def column_key(self, column: Column) -> int:
        keys: list[Hashable] = []
        for item in column.items:
            if isinstance(item, Row):
                keys.append(("row", *[self.column_key(branch) for branch in item.branches]))
            else:
                keys.append(item.key)
        return self.key("column", *keys)
