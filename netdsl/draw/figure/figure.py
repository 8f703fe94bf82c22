"""What a figure shows, before it is decided how much of it: boxes in columns and rows, and the tensors between them.

A `Column` is a pipeline: its items stand one after the other in the direction of the flow. An item is a `Part`, a box,
or a `Row`, whose branches are columns side by side. A part that holds others (a block, a group, the turns of a loop)
can be open, a frame around its column, or closed. Edges tell which parts read what other parts give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph, Item
    from netdsl.text.source import Span

PartKind = Literal["stage", "frame", "stack", "input", "output", "tensor"]

Family = Literal["weights", "pool", "norm", "pointwise", "combine", "shape", "group", "end"]
"""What a part is coloured by."""


@dataclass(slots=True, eq=False, repr=False)
class Part:
    """A box: an operator with what `then` appends to it, a block or group, equal turns of a loop, an input, an output,
    a parameter or constant. `number` counts parts in the order of the text."""

    kind: PartKind
    number: int
    family: Family
    lines: list[str]
    """What it says: the call, then what is appended to it."""
    name: str = ""
    """The label, if the author wrote one."""
    path: str = ""
    span: Span | None = None
    train: bool = False
    symbol: str = ""
    """`+` and its like, for combines that are drawn as a circle."""
    shape: str = ""
    """The shape of its result."""
    changes: bool = True
    """Whether its result has another shape than what it reads first: then its edge is labelled."""
    items: list[Item] = field(default_factory=list)
    """The operators or the scope that it stands for: what its figures are summed over."""
    columns: list[Column] = field(default_factory=list)
    """What lies inside: one column; in a stack one for each turn."""
    title: str = ""
    """What a frame is headed with."""
    key: int = 0
    """Parts of equal key look the same, but for names and shapes."""
    tensors: list[Part] = field(default_factory=list)
    """Parameters and constants that it reads, drawn beside it."""
    parent: Part | None = None
    level: int = 0
    """How many blocks and groups it lies in."""

    @property
    def holds(self) -> bool:
        return bool(self.columns)


@dataclass(slots=True, eq=False, repr=False)
class Row:
    """Branches side by side. A `through` row has its first branch empty: the spine of the column passes there."""

    branches: list[Column]
    through: bool = False


Piece: TypeAlias = "Part | Row"


@dataclass(slots=True, eq=False, repr=False)
class Column:
    """Pieces one after the other; `sides` are columns that hang beside it (auxiliary heads)."""

    items: list[Piece] = field(default_factory=list)
    sides: list[Column] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        """The parts that stand in it, through rows and sides, not those inside of parts."""
        for item in self.items:
            if isinstance(item, Row):
                for branch in item.branches:
                    yield from branch.parts()
            else:
                yield item
        for side in self.sides:
            yield from side.parts()


class End(NamedTuple):
    """An end of an edge: a part, or with `inside` the place where a frame takes its input to the parts in it (where an
    edge starts), or takes its result from them (where it ends). `port` is the number of the input where an edge starts
    inside, else of the result that it carries."""

    part: Part
    inside: bool = False
    port: int = 0

    @property
    def place(self) -> End:
        """The end, whichever result it is of."""
        return self if self.inside or not self.port else End(self.part)


@dataclass(slots=True, eq=False, repr=False)
class Edge:
    """A tensor on its way from where it is made to where it is read."""

    source: End
    target: End
    shape: str
    name: str = ""
    """What the source is called, where that is not told otherwise: a block's second input."""
    entry: int = 0
    """Which input of a block it becomes, or which result, where it ends inside of it."""


@dataclass(slots=True, eq=False, repr=False)
class Figure:
    """All of a network, or of one use of a block (`subject`), as parts and edges."""

    graph: Graph
    root: Column
    edges: list[Edge]
    parts: list[Part]
    title: str
    subtitle: str
