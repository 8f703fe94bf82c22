"""The shapes that the lines of a spec make: what a page shows beside the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.values.types import format_shape

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph, Scope
    from netdsl.text.source import Source

MOST = 3
"""Shapes of one operator's results that are listed."""


def shapes_by_line(graph: Graph, source: Source) -> dict[int, list[str]]:
    """By the number of a line, the shapes of what its last stage gives: one for each different use and turn."""
    by_line: dict[int, dict[str, None]] = {}
    for scope in graph.root.scopes():
        for line, shapes in _of_scope(scope, source).items():
            by_line.setdefault(line, {}).update(dict.fromkeys(shapes))
    for entry in graph.inputs:
        if entry.syntax.span.source is source:
            shape = format_shape(entry.value.type.shape)
            by_line.setdefault(entry.syntax.span.line, {}).setdefault(shape)
    return {line: list(shapes) for line, shapes in by_line.items()}


def _of_scope(scope: Scope, source: Source) -> dict[int, list[str]]:
    """The shapes that one scope made on each line: of the last stage of a pipeline, in each turn of a loop."""
    by_line: dict[int, list[str]] = {}
    before = (0, 0)
    for item in scope.items:
        span = item.span
        if span.source is not source or not item.outputs or item.appended:
            continue
        shapes = [format_shape(value.type.shape) for value in item.outputs]
        several = len(shapes) > 1 and len(set(shapes)) == 1
        shape = f"{len(shapes)} × {shapes[0]}" if several else ", ".join(shapes[:MOST])
        line = source.place(max(span.end - 1, span.start))[0]
        # A stage further right on the same line goes on from the one before; one further left begins another turn.
        if before[0] == line and span.start > before[1]:
            by_line[line][-1] = shape
        else:
            by_line.setdefault(line, []).append(shape)
        before = (line, span.start)
    return by_line
