"""Long pipelines, folded: what repeats becomes a stack, and the rest groups of stages, so that a page holds the net."""

from __future__ import annotations

from netdsl.analysis.report import repeats
from netdsl.draw.figure.draft import Draft
from netdsl.draw.figure.figure import Column, Edge, End, Part, Piece, Row

LONG = 40
"""Pieces of a column that are shown one by one."""
GROUPS = 20
"""Groups that a longer column is divided into, about."""


def fold(draft: Draft, root: Column) -> None:
    """Folds a column and all in it that are long."""
    stack = [root, *root.sides]
    while stack:
        column = stack.pop()
        if len(column.items) > LONG:
            _fold(draft, column)
        for part in column.parts():
            stack.extend(part.columns)
        for item in column.items:
            if isinstance(item, Row):
                stack.extend(item.branches)


def _fold(draft: Draft, column: Column) -> None:
    keys = [_key(draft, item) for item in column.items]
    folded: list[Piece] = []
    heads = [isinstance(item, Part) and item.family in ("weights", "group") for item in column.items]
    for start, period, times in repeats(keys, heads):
        items = column.items[start : start + period * times]
        if times > 1 and all(map(_foldable, items)):
            turns = [Column(items[turn * period : (turn + 1) * period]) for turn in range(times)]
            folded.append(_part(draft, folded, turns, f"{times:,} ×"))
        else:
            folded += items
    if len(folded) > LONG:
        folded = _grouped(draft, folded)
    column.items = folded


def _grouped(draft: Draft, items: list[Piece]) -> list[Piece]:
    """The pieces in closed groups of equal size; inputs, results and rows stay as they are."""
    size = -(-len(items) // GROUPS)
    pieces: list[Piece] = []
    run: list[Piece] = []
    for number, item in enumerate([*items, None]):
        if item is not None and _foldable(item):
            run.append(item)
        if run and (len(run) == size or item is None or not _foldable(item) or number == len(items)):
            if len(run) > 1:
                first, last = _said(run[0]), _said(run[-1])
                title = f"{first} … {last}, {len(run)} stages"
                pieces.append(_part(draft, pieces, [Column(run)], title))
            else:
                pieces += run
            run = []
        if item is not None and not _foldable(item):
            pieces.append(item)
    return pieces


def _foldable(item: Piece) -> bool:
    return isinstance(item, Part) and item.kind not in ("input", "output")


def _said(item: Piece) -> str:
    assert isinstance(item, Part)
    return item.name or item.lines[0].partition("(")[0]


def _key(draft: Draft, item: Piece) -> int:
    return item.key if isinstance(item, Part) else draft.column_key(Column([item]))


def _part(draft: Draft, before: list[Piece], columns: list[Column], title: str) -> Part:
    """A stack or, of one column, a group; what the piece before gives comes in where it begins."""
    parts = [part for column in columns for part in column.parts()]
    part = draft.part("stack" if len(columns) > 1 else "frame", "group", [title], parts[0].span)
    part.columns, part.title = columns, title
    part.items = [item for inner in parts for item in inner.items]
    part.train = all(inner.train for inner in parts)
    part.path = f"{parts[0].path} … {parts[-1].path}".strip(" …")
    part.shape = parts[-1].shape
    inside = set(_all(columns[0]))
    previous = before[-1] if before else None
    if isinstance(previous, Part):
        shape = ""
        for edge in draft.edges:
            if edge.source.part is previous and not edge.source.inside and edge.target.part in inside:
                edge.source, shape = End(part, True), edge.shape
        if shape:
            draft.edges.append(Edge(End(previous), End(part), shape))
        part.changes = shape != part.shape
    part.key = draft.part_key(part)
    return part


def _all(column: Column) -> list[Part]:
    """Every part in a column, at any depth."""
    parts: list[Part] = []
    stack = [column]
    while stack:
        for part in stack.pop().parts():
            parts.append(part)
            stack.extend(part.columns)
    return parts
