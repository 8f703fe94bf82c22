"""Shared by the tests of drawings: networks from text, the drawings of built-in models."""

from __future__ import annotations

from functools import cache

from netdsl.draw.drawing import Drawing, Request
from netdsl.draw.figure.build import figure_of
from netdsl.draw.figure.figure import Column, Figure, Row
from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph
from netdsl.loading import load_spec
from netdsl.syntax.parser import parse
from netdsl.text.source import Source


def graph_of(text: str) -> Graph:
    return elaborate(parse(Source("test.net", text)))


def net(body: str, above: str = "", shape: str = "8x16x16") -> Graph:
    """The graph of a net with one input."""
    lines = "\n".join(f"    {line}" for line in body.strip().split("\n"))
    return graph_of(f"{above}\nnet Test() {{\n    input image: {shape}\n{lines}\n}}\n")


@cache
def model(name: str) -> Graph:
    return load_spec(name).graph


def drawing(graph: Graph, **how: object) -> Drawing:
    return Drawing(graph, Request(**how))  # type: ignore[arg-type]


def outline(figure: Figure | Graph) -> str:
    """A figure in one line: pipelines with `>`, branches in `( | )`, what lies in a block in `{ }`."""
    found = figure if isinstance(figure, Figure) else figure_of(figure)
    sides = "".join(f" beside {_column(side)}" for side in found.root.sides)
    return _column(found.root) + sides


def _column(column: Column) -> str:
    pieces = []
    for item in column.items:
        if isinstance(item, Row):
            pieces.append(f"({' | '.join(_column(branch) for branch in item.branches)})")
            continue
        said = item.symbol or " ".join(item.lines)
        if item.columns:
            said = f"{item.name or item.title}{{{_column(item.columns[0])}}}"
        pieces.append(f"[{' '.join(each.lines[0] for each in item.tensors)}]{said}" if item.tensors else said)
    return " > ".join(pieces)
