"""Networks of any structure: their figures are sound, and have every edge."""

from __future__ import annotations

from hypothesis import given, reject
from hypothesis import strategies as st

from netdsl.draw.arrange.view import Opened, View
from netdsl.draw.write.svg import Look, draw
from netdsl.graph.graph import Graph
from netdsl.text.errors import SpecError
from tests.draw.drawings import drawing, graph_of
from tests.draw.geometry import faults
from tests.draw.test_geometry import expected_edges

BLOCKS = """
block Plain(act = relu) { act() -> conv(in.channels, 1x1) }
block Residual() { add { identity(); conv(in.channels, 1x1) -> relu() } }
block Gated(gate: tensor) { param scale: [in.channels, 1, 1]; mul(scale) -> add(gate) -> relu() }
block Pair() { a: conv(in.channels, 1x1)
    b: relu()
    [a, b] }
"""


class Writer:
    """Writes a body whose values all have the same shape, so that any can meet any other."""

    def __init__(self, choose: st.DataObject) -> None:
        self.choose = choose
        self.names = 0

    def pick(self, most: int) -> int:
        return self.choose.draw(st.integers(0, most))

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def stage(self, values: list[str], depth: int) -> str:
        kind = self.pick(9 if depth else 5)
        if kind == 0:
            return "relu()"
        if kind == 1:
            return f"{self.name()}: conv(8, 1x1)"
        if kind == 2:
            return f"add({values[self.pick(len(values) - 1)]})" if values else "tanh()"
        if kind == 3:
            return f"{self.name()}: {('Plain()', 'Residual()', 'Plain(tanh)')[self.pick(2)]}"
        if kind == 4:
            return f"{self.name()}: Gated({values[self.pick(len(values) - 1)]})" if values else "sigmoid()"
        if kind == 5:
            name = self.name()
            if self.pick(1):
                return f"for i in range(3) {{ {name}_{{i}}: Residual() }}"
            return f"for i in range(3) {{ relu() -> {name}_{{i}}: conv(8, 1x1) }}"
        if kind == 6:
            return f"{self.name()}: {{ {self.chain(values, depth - 1)} }}"
        op = ("add", "max", "mul")[self.pick(2)]
        branches = [self.branch(values, depth - 1) for _ in range(2 + self.pick(2))]
        return f"{op} {{ {'; '.join(branches)} }}"

    def branch(self, values: list[str], depth: int) -> str:
        kind = self.pick(5)
        if kind == 0:
            return "identity()"
        if kind == 1 and values:
            return values[self.pick(len(values) - 1)]
        if kind == 2 and values:
            return f"{values[self.pick(len(values) - 1)]} -> {self.chain(values, depth)}"
        return self.chain(values, depth)

    def chain(self, values: list[str], depth: int) -> str:
        return " -> ".join(self.stage(values, depth) for _ in range(1 + self.pick(2)))

    def body(self, values: list[str]) -> list[str]:
        """Lines that read each other and the `values`, what further inputs give."""
        lines: list[str] = []
        for _ in range(1 + self.pick(5)):
            kind = self.pick(5)
            chain = self.chain(values, 2)
            if kind == 0:
                values.append(self.name())
                lines.append(f"{values[-1]} = {chain}")
            elif kind == 1 and values:
                lines.append(f"{values[self.pick(len(values) - 1)]} -> {chain}")
                values.append(self.name())
                lines.append(f"{values[-1]} = identity()")
            elif kind == 2:
                lines.append(f"train output {self.name()} = {chain} weight 1")
            elif kind == 3:
                first, second = self.name(), self.name()
                values += [first, second]
                lines.append(f"({first}, {second}) = {self.name()}: Pair()")
            else:
                lines.append(chain)
                values.append(self.name())
                lines.append(f"{values[-1]} = identity()")
        if values:
            lines.append(f"add {{ identity(); {'; '.join(values)} }}")
        return [*lines, "output y = relu()"]


@st.composite
def graphs(draw_: st.DrawFn) -> Graph:
    inputs = ["x", "other", "third"][: draw_(st.sampled_from((1, 1, 2, 3)))]
    body = Writer(draw_(st.data())).body(inputs[1:])
    begin = [f"input {name}: 8x16x16" for name in inputs] + (["x"] if len(inputs) > 1 else [])
    try:
        return graph_of(f"{BLOCKS}\nnet N() {{\n    " + "\n    ".join([*begin, *body]) + "\n}\n")
    except SpecError:  # a stage reaches no output
        reject()


@given(graphs(), st.booleans(), st.booleans(), st.integers(0, 3))
def test_any_network_has_a_sound_figure(graph: Graph, right: bool, turns: bool, closed: int) -> None:
    made = drawing(graph)
    parts = made.figure.parts
    frames = {part for number, part in enumerate(parts) if part.kind == "frame" and (closed == 0 or number % closed)}
    stacks = {part for part in parts if part.kind == "stack"} if turns else set()
    view = View(made.figure, Opened(frames, stacks), right)
    assert faults(draw(view, Look(made.figure.title))) == []


@given(graphs())
def test_no_edge_of_any_network_is_lost(graph: Graph) -> None:
    drawn, expected = expected_edges(graph)
    assert drawn == expected
