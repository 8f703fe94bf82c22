"""Loops and combines of a figure: turns and branches are built apart, then stacked, set side by side or lined up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import groupby
from typing import NamedTuple

from netdsl.draw.figure.draft import Draft, Stretch
from netdsl.draw.figure.figure import Column, Edge, End, Row
from netdsl.draw.figure.threads import Ends, Threads, crossing
from netdsl.graph.graph import Branch, Choice, Join, Loop, Node, Step


class Walk(Draft, ABC):
    """A draft with the walk over the steps of its graph; loops and combines hand it the steps inside them."""

    @abstractmethod
    def steps(self, steps: list[Step], threads: Threads) -> None: ...

    @abstractmethod
    def step(self, step: Step, threads: Threads) -> None: ...

    @abstractmethod
    def node(self, node: Node, threads: Threads) -> None: ...


class Built(NamedTuple):
    """Pieces that were built apart, what was current before them, and what is after them."""

    threads: Threads
    stretch: Stretch
    entry: tuple[End, ...]
    gives: tuple[End, ...]


def add_loop(walk: Walk, loop: Loop, threads: Threads) -> None:
    """The turns of a loop; equal ones that follow each other become a stack."""
    walk.in_turns += 1
    built = [build_apart(walk, turn.steps) for turn in loop.turns]
    walk.in_turns -= 1
    columns = [turn.threads.finish() for turn in built]
    keys = [walk.column_key(column) for column in columns]
    for _, group in groupby(range(len(built)), key=lambda number: keys[number]):
        turns = list(group)
        if len(turns) == 1 or not columns[turns[0]].items:
            for number in turns:
                splice(walk, built[number], columns[number], threads)
        else:
            stack(walk, loop, [built[number] for number in turns], [columns[number] for number in turns], threads)


def build_apart(walk: Walk, steps: list[Step]) -> Built:
    """Build steps into threads of their own."""
    first, mark, entry = len(walk.parts), len(walk.edges), walk.current
    threads = Threads(walk)
    walk.apart_from_root += 1
    walk.steps(steps, threads)
    walk.apart_from_root -= 1
    return Built(threads, walk.since(first, mark), entry, walk.current)


def given(walk: Walk, built: Built) -> Ends:
    """What pieces that were built apart give to those that follow."""
    last = built.threads.threads[-1].last if built.threads.threads else frozenset()
    return last | {walk.local(end).place for end in built.gives}


def splice(walk: Walk, built: Built, column: Column, threads: Threads) -> None:
    """Go on with pieces that were built apart."""
    if column.items:
        threads.add(column.items, built.stretch, given(walk, built))


def stack(walk: Walk, loop: Loop, turns: list[Built], columns: list[Column], threads: Threads) -> None:
    """Equal turns as one part. What is current before the first comes in where the stack begins."""
    part = walk.part("stack", "group", [f"{len(turns):,} ×"], loop.syntax.span)
    part.columns, part.title = columns, part.lines[0]
    parts = [inner for column in columns for inner in column.parts()]
    part.train = all(inner.train for inner in parts)
    part.items = [item for inner in parts for item in inner.items]
    part.path = f"{parts[0].path} … {parts[-1].path}"
    part.shape = parts[-1].shape
    entry = [walk.local(end) for end in turns[0].entry]
    shapes: dict[int, str] = {}
    for edge in walk.edges[turns[0].stretch.mark : turns[0].stretch.end]:
        if edge.source in entry:
            port = entry.index(edge.source)
            edge.source = End(part, True, port)
            shapes[port] = edge.shape
    for port, shape in shapes.items():
        walk.edges.append(Edge(entry[port], End(part), shape, entry=port))
    part.changes = part.shape not in shapes.values()
    part.key = walk.part_key(part)
    stretch = turns[0].stretch._replace(last=turns[-1].stretch.last, end=turns[-1].stretch.end)
    reads = frozenset(entry[port].place for port in shapes)
    threads.add([part], stretch, given(walk, turns[-1]), reads)


def add_join(walk: Walk, join: Join, threads: Threads) -> None:
    """Branches side by side, then what joins them."""
    before = walk.current
    branches: list[Built] = []
    build_branches(walk, join.steps, before, branches, threads)
    walk.current = before
    full = [branch for branch in branches if not branch.threads.empty]
    columns = [branch.threads.finish() for branch in full]
    passes = frozenset(walk.local(end).place for end in before)
    if len(full) > 1 and not crossing([branch.stretch for branch in full], walk.edges):
        stretch = full[0].stretch._replace(last=full[-1].stretch.last, end=full[-1].stretch.end)
        threads.add([Row(columns)], stretch, frozenset().union(*[given(walk, branch) for branch in full]))
    elif len(full) == 1 and len(branches) > 1 and threads.threads:
        if passes & threads.sources(full[0].stretch):
            splice(walk, full[0], columns[0], threads)
        else:
            row = Row([Column(), columns[0]], through=True)
            threads.add([row], full[0].stretch, given(walk, full[0]) | passes, passes)
    else:
        for branch, column in zip(full, columns, strict=True):
            splice(walk, branch, column, threads)
    if join.node is not None:
        walk.node(join.node, threads)


def build_branches(
    walk: Walk, steps: list[Step], before: tuple[End, ...], branches: list[Built], threads: Threads
) -> None:
    """Build the branches of a combine, those of its loops and arms too."""
    for step in steps:
        walk.current = before
        if isinstance(step, Branch):
            branches.append(build_apart(walk, step.steps))
        elif isinstance(step, Loop):
            for turn in step.turns:
                build_branches(walk, turn.steps, before, branches, threads)
        elif isinstance(step, Choice):
            build_branches(walk, step.taken.steps if step.taken is not None else [], before, branches, threads)
        else:
            walk.step(step, threads)
