"""The figure for Model Explorer: every operator, its blocks as a namespace, which Model Explorer folds by itself.

The form is that of the JSON files that it opens: a list of graphs (`Graph` in its `input_graph.ts`).
"""

from __future__ import annotations

from typing import Any

from netdsl.analysis.figures import Figures
from netdsl.draw.arrange.plane import Box
from netdsl.draw.arrange.view import Opened, View
from netdsl.draw.figure.figure import Figure
from netdsl.draw.room import room
from netdsl.draw.write.graphs import Boxes, boxes_in, words


@room()
def as_graphs(figure: Figure, figures: Figures) -> list[dict[str, Any]]:
    """All of a network, whatever levels were asked for."""
    parts = figure.parts
    opened = Opened({part for part in parts if part.kind == "frame"}, {part for part in parts if part.kind == "stack"})
    view = View(figure, opened)
    boxes = Boxes(view)
    nodes: dict[int, dict[str, Any]] = {}
    for column in (view.root, *view.root.sides):
        for box in boxes_in(column):
            if box.inner is None:
                nodes[boxes.number(box)] = _node(figures, box, boxes.number(box))
    for link in boxes.links():
        edges = nodes[link.target].setdefault("incomingEdges", [])
        edges.append(
            {"sourceNodeId": str(link.source), "sourceNodeOutputId": "0", "targetNodeInputId": str(len(edges))}
        )
    return [{"id": figure.title, "nodes": list(nodes.values())}]


def _node(figures: Figures, box: Box, number: int) -> dict[str, Any]:
    part = box.part
    attributes = {"path": part.path}
    params = sum(map(figures.params, part.items))
    macs = sum(map(figures.macs, part.items))
    if params:
        attributes["parameters"] = f"{params:,}"
    if macs:
        attributes["MACs"] = f"{macs:,}"
    if part.train:
        attributes["train"] = "true"
    if part.span is not None:
        attributes["line"] = str(part.span.line)
    for tensor in part.tensors:
        attributes[tensor.lines[0]] = tensor.shape
    return {
        "id": str(number),
        "label": words(box),
        "namespace": "/".join(_around(box)),
        "attrs": [{"key": key, "value": value} for key, value in attributes.items()],
        "outputsMetadata": [{"id": "0", "attrs": [{"key": "tensor_shape", "value": part.shape}]}],
    }


def _around(box: Box) -> list[str]:
    """What the box lies in, outermost first; a slash would divide a name."""
    names: list[str] = []
    owner = box.column.owner
    while owner is not None:
        if isinstance(owner, Box) and owner.part.kind == "frame":
            name = owner.part.name or f"{owner.part.title} #{owner.part.number}"
            names.append(name.replace("/", "\u2215"))
        owner = owner.column.owner
    return names[::-1]
