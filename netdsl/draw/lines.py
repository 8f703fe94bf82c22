"""The shapes that the lines of a spec make: what a page shows beside the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.graph.types import format_shape

if TYPE_CHECKING:
    from netdsl.graph.graph import Graph, Scope
    from netdsl.text.source import Source

MOST = 3
"""Shapes of one operator's results that are listed."""


def shapes_by_line(graph: Graph, source: Source) -> dict[int, list[str]]:
    """By the number of a line, the shapes of what its last stage gives: one for each different use of the block."""
    found: dict[int, dict[str, None]] = {}
    for scope in graph.root.scopes():
        for line, shape in _of_scope(scope, source).items():
            found.setdefault(line, {})[shape] = None
    for entry in graph.inputs:
        if entry.syntax.span.source is source:
            shape = format_shape(entry.value.type.shape)
            found.setdefault(entry.syntax.span.line, {}).setdefault(shape)
    return {line: list(shapes) for line, shapes in found.items()}


def _of_scope(scope: Scope, source: Source) -> dict[int, str]:
    """The last shape that the stages of one scope made on each line."""
    found = {}
    for item in scope.items:
        span = item.span
        if span.source is source and item.outputs and not item.appended:
            shapes = [format_shape(value.type.shape) for value in item.outputs]
            several = len(shapes) > 1 and len(set(shapes)) == 1
            found[source.place(max(span.end - 1, span.start))[0]] = (
                f"{len(shapes)} × {shapes[0]}" if several else ", ".join(shapes[:MOST])
            )
    return found
