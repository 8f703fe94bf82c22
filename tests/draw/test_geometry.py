"""Every figure of every spec: no boxes overlap, no text leaves its box, no edge runs through a box."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from netdsl.catalogue import built_ins
from netdsl.draw.arrange.view import Opened, View, opened_to
from netdsl.draw.drawing import Drawing
from netdsl.draw.figure.figure import Part
from netdsl.draw.write.graphs import Boxes, boxes_in
from netdsl.draw.write.svg import Look, draw
from netdsl.graph.graph import Graph, Scope
from tests.draw.drawings import drawing, graph_of, model, net, outline
from tests.draw.geometry import faults

MODELS = sorted(built_ins())
FILES = list({each.path: name for name, each in reversed(built_ins().items())}.values())
"""A model of each spec, the first by name, which is the smallest of most families."""


def all_open(made: Drawing, right: bool = False, turns: bool = False) -> View:
    parts = made.figure.parts
    frames = {part for part in parts if part.kind == "frame"}
    stacks: set[Part] = {part for part in parts if part.kind == "stack"} if turns else set()
    return View(made.figure, Opened(frames, stacks), right)


@pytest.mark.nightly
@pytest.mark.parametrize("name", MODELS)
def test_the_figure_of_a_model_is_sound(name: str) -> None:
    made = drawing(model(name))
    assert faults(made.drawn()) == []


@pytest.mark.parametrize("name", FILES)
def test_open_and_closed_down_and_right_it_is_sound(name: str) -> None:
    made = drawing(model(name))
    views = [
        all_open(made),
        View(made.figure, opened_to(made.figure, 2)),
        View(made.figure, opened_to(made.figure), True),
    ]
    if len(made.figure.parts) < 200:
        views.append(all_open(made, right=True, turns=True))
    for view in views:
        found = draw(view, Look(made.figure.title, made.totals()))
        assert faults(found) == []
        ElementTree.fromstring(found.svg)


@pytest.mark.parametrize("name", FILES)
def test_each_block_alone_is_sound(name: str) -> None:
    blocks = {getattr(scope.definition, "name", "") for scope in model(name).root.scopes() if scope.kind == "block"}
    for block in blocks:
        assert faults(drawing(model(name), block=block).drawn()) == []


def expected_edges(graph: Graph) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """The edges between operators of the figure fully open, by the numbers of their boxes, and those of the graph."""
    made = drawing(graph)
    view = all_open(made, turns=True)
    boxes = Boxes(view)
    owners: dict[object, int] = {}
    for column in (view.root, *view.root.sides):
        for box in boxes_in(column):
            for item in box.part.items if box.inner is None else ():
                nodes = item.nodes() if isinstance(item, Scope) else (item,)
                owners.update((node, boxes.number(box)) for node in nodes)
    expected = set()
    for node in (each for each in graph.nodes() if each in owners):
        for value in node.inputs:
            at = value.root.node
            while at is not None and at.op.name == "identity" and at not in owners:
                at = at.inputs[0].root.node
            if at in owners and owners[at] != owners[node]:
                expected.add((owners[at], owners[node]))
    drawn = {(link.source, link.target) for link in boxes.links()}
    ends = {boxes.number(box) for part, box in view.boxes.items() if part.kind in ("input", "output")}
    return {pair for pair in drawn if not ends & set(pair)}, expected


@pytest.mark.parametrize("name", ["googlenet", "unet", "fpn", "wavenet", "siamese", "swin_t", "lenet5"])
def test_no_edge_is_lost(name: str) -> None:
    """Fully open, the figure has an edge for each pair of operators of which one reads the other's result."""
    drawn, expected = expected_edges(model(name))
    assert drawn == expected


def test_the_checks_find_faults() -> None:
    """The tests above would fail if a box stood elsewhere, a text were longer, or an edge ran straight."""
    drawn = drawing(model("googlenet"), depth=3).drawn()
    part, (left, top, wide, high) = drawn.boxes[8]
    drawn.boxes[8] = (part, (left, top + 40.0, wide, high))
    assert any("passes through" in fault for fault in faults(drawn))
    drawn = drawing(model("googlenet")).drawn()
    part, text = drawn.texts[3]
    drawn.texts[3] = (part, replace(text, left=text.left + 30.0))
    assert any("leaves its box" in fault for fault in faults(drawn))


SHAPES = {
    "a skip over branches": "concat { identity(); conv(4, 1x1); conv(4, 1x1) -> relu() }\noutput y = globalavgpool()",
    "branches in branches": (
        "concat { conv(4, 1x1) -> concat { conv(4, 1x1); relu() -> conv(2, 1x1) }; add { conv(3, 1x1); conv(3, 1x1) } }"
        "\noutput y = globalavgpool()"
    ),
    "a branch that reads another": "concat { a: conv(8, 1x1); a -> conv(8, 1x1) }\noutput y = globalavgpool()",
    "a value from within a branch": (
        "concat { a: conv(8, 1x1) -> relu(); conv(4, 1x1) }\nconv(2, 1x1)\nconcat { a; identity() }\noutput y = relu()"
    ),
    "values that are read much later": (
        "a = conv(8, 1x1)\nb = conv(8, 3x3, padding = 1)\nrelu() -> conv(8, 1x1)\nrelu()\n"
        "add { identity(); a; b }\nrelu()\nadd { identity(); a }\noutput y = globalavgpool()"
    ),
    "many skips": "\n".join(f"x{i} = conv(8, 1x1)\nx{i} -> y{i}: relu()" for i in range(12))
    + "\nconcat { "
    + "; ".join(f"x{i}; y{i}" for i in range(12))
    + " }\noutput y = globalavgpool()",
    "results in the middle": (
        "conv(8, 1x1)\noutput a = relu() -> globalavgpool()\nconv(4, 1x1) -> relu()\noutput b = globalavgpool()\n"
        "conv(2, 1x1)\noutput c = globalavgpool()"
    ),
    "a head between values that are read later": (
        "v = sigmoid() -> relu()\ntrain output a = add { v -> conv(8, 1x1); relu() } weight 1\nc: conv(8, 1x1)\n"
        "w = identity()\nmul { add(w); identity(); add(v) }\ntrain output b = relu() weight 1\n"
        "add { identity(); v; w }\noutput y = globalavgpool()"
    ),
    "a group that reads what is outside": (
        "a = conv(8, 1x1)\nrelu()\ngroup: { conv(8, 1x1) -> relu() -> add(a) -> relu() }\noutput y = globalavgpool()"
    ),
    "a loop that carries two values": (
        "a[0] = relu()\nfor i in range(5) { a[i] -> conv(8, 1x1) -> relu()\na[i + 1] = add(a[i]) }\n"
        "add { for i in range(6) { a[i] } }\noutput y = globalavgpool()"
    ),
    "parameters": (
        "param s: [8, 1, 1]\nparam t: [8, 1, 1]\nmul(s) -> add(t) -> conv(8, 1x1)\nadd { identity(); s; t }\n"
        "output y = globalavgpool()"
    ),
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES.keys())
def test_unusual_networks_are_sound(body: str) -> None:
    made = drawing(net(body))
    for right in (False, True):
        for turns in (False, True):
            found = draw(all_open(made, right, turns), Look(made.figure.title))
            assert faults(found) == []


def test_an_input_that_an_earlier_part_reads_stands_on_top() -> None:
    """The second line that `right` begins comes after one that reads it: its edge would lead back, through boxes."""
    graph = graph_of(
        "net N() {\n    input image: 8x4x4\n    input right: 8x4x4\n    image -> concat(right)\n    tail = relu()\n"
        "    image -> add(right)\n    concat(tail)\n    output y = relu()\n"
        "    train output aux = right -> relu() weight 0.3\n}\n"
    )
    made = drawing(graph)
    assert outline(made.figure).startswith("(image: 8x4x4 | right: 8x4x4) > ")
    assert faults(draw(all_open(made), Look(made.figure.title))) == []


def test_pipelines_that_others_read_from_do_not_hang_beside() -> None:
    # Two hang on their own until the sum reads both: neither may stay in a column to which no edge leads back.
    text = """block Two(skip: tensor) { conv(8, 3x3, padding = same) -> add(skip) }
net N() {
    input left: 3x16x16
    input right: 3x16x16
    left -> a: { conv(8, 3x3, padding = same) -> relu() }
    train output h8 = m8: { flatten() -> linear(2) }
    right -> b: { conv(8, 3x3, padding = same) -> relu() }
    a -> Two(b)
    x = identity()
    output first = x -> globalavgpool() -> linear(4)
    output second = x -> globalmaxpool() -> linear(5)
    train output aux = a -> globalavgpool() -> linear(3) -> relu()
}"""
    made = drawing(graph_of(text))
    assert faults(draw(all_open(made), Look(made.figure.title, made.totals()))) == []
    assert faults(made.drawn()) == []
