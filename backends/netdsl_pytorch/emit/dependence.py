"""Which parameters the factory may offer: those on whose value nothing in the text depends but what reads the argument.

Numbers carry where they came from, and a literal pins what it depends on; truth values, how often a loop ran and what
was generalised from a few cases do not. So a network is written once more for other values of each parameter: where
another number stands in the text then, it was that of the first value alone, and the parameter is not offered.

Where the text has another structure it may still be right: an arm that is never taken is left out, and one turn is no
loop. That it is wrong is told by structures that differ for every value, and else by `verify`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from typing import Literal

from netdsl.graph.graph import Graph, Node
from netdsl.text.codes import BRANCH_SHAPES
from netdsl.text.diagnostic import SpecError
from netdsl_pytorch.variation import other_values

Write = Callable[[Graph], str]
"""Writes the file of a graph, in which the parameters that are closed so far are not offered."""

MOST_STRUCTURES = 3
"""Values that are tried where the structure is another for each."""
SMALL = 100
"""Operators of a network that is small: for one, texts are compared for two values before they are taken to agree."""


def closed(graph: Graph, text: str, names: list[str], write: Write) -> set[str]:
    """The parameters among these, which the text offers, that it must not."""
    if graph.with_parameters is None:
        return set()
    small = sum(1 for _ in zip(graph.nodes(), range(SMALL), strict=False)) < SMALL
    return {name for name in names if _depends(graph, text, name, write, 2 if small else 1)}


def _depends(graph: Graph, text: str, name: str, write: Write, enough: int) -> bool:
    assert graph.with_parameters is not None
    ours = _program(text, name)
    equal = structures = 0
    others = _far_first(other_values(graph.parameters[name]))
    if enough > 1 and any(_stretches(graph, name, value) for value in others):
        return True
    for value in others:
        try:
            other = graph.with_parameters({name: value})
            if not equal and _changes_silent(graph, other) and _refused_unnoticed(graph, name):
                return True
            theirs = _program(write(other), name)
        except SpecError:
            continue
        difference = _difference(ours, theirs)
        if difference == "literals" or (difference == "structure" and _renames(graph, other)):
            return True
        equal += not difference
        structures += difference == "structure"
        if equal >= enough or equal + structures >= MOST_STRUCTURES:
            break
    return structures > 1 and not equal


def _renames(graph: Graph, other: Graph) -> bool:
    """Whether as many parts have weights in both, under other names."""
    ours, theirs = ({node.path for node in each.nodes() if node.owns_module} for each in (graph, other))
    return len(ours) == len(theirs) and ours != theirs


def _far_first(values: list[object]) -> list[object]:
    """The largest first, then the smallest: what is rounded comes out alike for neighbours."""
    if not all(type(value) is int for value in values):
        return values
    ordered = sorted(values)  # type: ignore[type-var]
    return [each for pair in zip(reversed(ordered), ordered, strict=True) for each in pair][: len(ordered)]


def _difference(ours: ast.Module, theirs: ast.Module) -> Literal["", "literals", "structure"]:
    if ast.dump(ours) == ast.dump(theirs):
        return ""
    return "literals" if _without_literals(ours) == _without_literals(theirs) else "structure"


def _program(text: str, name: str) -> ast.Module:
    """The program, without docstrings and without the default of an argument."""
    program = ast.parse(text)
    for node in ast.walk(program):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.arguments):
            for argument, at in zip(reversed(node.args), range(len(node.defaults) - 1, -1, -1), strict=False):
                if argument.arg == name:
                    node.defaults[at] = ast.Constant(None)
    return program


def _without_literals(program: ast.Module) -> str:
    class Masked(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.Constant(0) if isinstance(node.value, int | float) else node

        def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
            inner = self.visit(node.operand)
            return inner if isinstance(inner, ast.Constant) else ast.UnaryOp(node.op, inner)

    return ast.dump(Masked().visit(copy.deepcopy(program)))


def _changes_silent(graph: Graph, other: Graph) -> bool:
    """Whether two networks differ in what the spec refuses and PyTorch takes as something else: an even kernel with
    half of it as padding, a slice that ends beyond the last."""
    before = {node.path: node for node in graph.nodes() if _is_silent(node)}
    return any(
        node.path not in before or {**before[node.path].args, "out": 0} != {**node.args, "out": 0}
        for node in other.nodes()
        if _is_silent(node)
    )


def _is_silent(node: Node) -> bool:
    padding = node.given.get("padding")
    return node.op.name == "slice" or (padding is not None and padding.syntax.span.text == "same")


def _stretches(graph: Graph, name: str, value: object) -> bool:
    """Whether for a value branches are refused that PyTorch makes equal, an axis of 1 of one as long as another's."""
    assert graph.with_parameters is not None
    try:
        graph.with_parameters({name: value})
    except SpecError as error:
        return any(each.code == BRANCH_SHAPES and "an axis of 1" in each.help for each in error)
    return False


def _refused_unnoticed(graph: Graph, name: str) -> bool:
    """Whether a value is refused for such a reason."""
    assert graph.with_parameters is not None
    for value in other_values(graph.parameters[name]):
        try:
            graph.with_parameters({name: value})
        except SpecError as error:
            if any("`slice`" in each.message or "argument `padding` `same`" in each.message for each in error):
                return True
    return False
