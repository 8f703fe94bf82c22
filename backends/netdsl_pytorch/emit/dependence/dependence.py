"""Which parameters the factory may offer: those on whose value nothing in the text depends but what reads the argument,
and whose values the file refuses where the spec does.

Numbers carry where they came from, and a literal pins what it depends on; truth values, how often a loop ran and what
was generalised from a few cases do not. So a network is elaborated, and where it is needed written, once more for other
values of each parameter: where another number stands in the text then, it was that of the first value alone, and the
parameter is not offered.

Where the text has another structure it may still be right: an arm that is never taken is left out, and one turn is no
loop. That it is wrong is told by structures that differ for every value that is possible, of several that were tried,
and else by `verify`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Literal

from netdsl.graph.graph import Graph
from netdsl.syntax import tree
from netdsl.syntax.walk import walk
from netdsl.text.errors import SpecError
from netdsl_pytorch.emit.dependence.changes import Changes, changes
from netdsl_pytorch.emit.dependence.refusals import left_open, silent
from netdsl_pytorch.variation import fitting, other_values

Write = Callable[[Graph], str]
"""Writes the file of a graph, in which the parameters that are closed so far are not offered."""

MOST_STRUCTURES = 3
"""Values that are tried where the structure is another for each."""
SMALL = 100
"""Operators of a network that is small: for one, texts are compared for two values before they are taken to agree."""
MOST_OF_LARGE = 3
"""Values of one that is large of which it is seen whether the spec refuses them."""


class Others:
    """A network with other values of its parameters, each elaborated once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._found: dict[str, Graph | SpecError] = {}

    def elaborated(self, values: dict[str, object]) -> Graph:
        """The graph with these values; raises SpecError where they are refused."""
        assert self.graph.with_parameters is not None
        key = repr(sorted(values.items()))
        if key not in self._found:
            try:
                self._found[key] = self.graph.with_parameters(values)
            except SpecError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, SpecError):
            raise found
        return found


def closed(others: Others, text: str, names: list[str], write: Write, inference: bool = False) -> dict[str, str]:
    """The parameters among these, which the text offers, that it must not; and why."""
    if others.graph.with_parameters is None or not names:
        return {}
    tried = _Tried(others, text, write, inference)
    # What a list of another length makes is told of it alone.
    lists = [name for name in names if isinstance(others.graph.parameters[name], tuple)]
    numbers = [name for name in names if name not in lists]
    if len(numbers) > 1 and tried.all_at_once(numbers):
        numbers = []
    found = {name: tried.depends(name) for name in names if name in numbers or name in lists}
    return {name: why for name, why in found.items() if why}


class _Tried:
    """A network with other values of its parameters, and what is written of it."""

    def __init__(self, others: Others, text: str, write: Write, inference: bool) -> None:
        self.others = others
        self.graph = graph = others.graph
        self.write = write
        self.inference = inference and bool(graph.heads)
        self.text = text
        factory = ast.parse(text).body[-1]
        assert isinstance(factory, ast.FunctionDef)
        arguments = [each for each in factory.args.kwonlyargs if each.annotation is not None]
        self.annotations = {each.arg: ast.unparse(each.annotation) for each in arguments if each.annotation is not None}
        small = sum(1 for _ in zip(graph.nodes(), range(SMALL), strict=False)) < SMALL
        self.enough = 2 if small else 1

    def all_at_once(self, names: list[str]) -> bool:
        """Whether all parameters may be offered, as far as is seen when all of them have other values: not if one is
        refused, nor if something differs that need not be wrong."""
        if any(isinstance(each, tree.Name) for parameter in self.graph.net.parameters for each in walk(parameter)):
            return False  # what one is by default may depend on another
        values = {name: self._values(name) for name in names}
        if not all(values.values()):
            return False
        for turn in range(self.enough):
            # Not the same step for all of them, which would keep what they have in common.
            given = {name: each[(turn + at) % len(each)] for at, (name, each) in enumerate(values.items())}
            try:
                other = self.others.elaborated(given)
            except SpecError:
                return False
            found = changes(self.graph, other, names)
            if found is None or found.may_be_silent(self.inference):
                return False
            if found.formulas:
                return True
            if self._difference(other, names):
                return False
        return True

    def depends(self, name: str) -> str:
        """Why the file must not offer a parameter; empty where it may."""
        equal = structures = 0
        looked = False
        values = self._values(name)
        refusals: list[SpecError] = []
        enough = len(values) if isinstance(self.graph.parameters[name], tuple) else self.enough
        for at, value in enumerate(values):
            try:
                other = self.others.elaborated({name: value})
            except SpecError as error:
                refusals.append(error)
                continue
            found = changes(self.graph, other, [name])
            if not looked and (found is None or found.may_be_silent(self.inference)):
                refusals += self._refusals(name, values[at + 1 : None if self.enough > 1 else MOST_OF_LARGE])
                if self._takes_too_much(refusals, found):
                    return "the spec refuses values that the file would take"
            looked = True
            if found is not None and found.formulas and (found.nodes or not isinstance(value, tuple)):
                return ""
            try:
                difference = self._difference(other, [name])
            except SpecError:
                continue
            if difference == "literals" or (difference == "structure" and _renames(self.graph, other)):
                return f"numbers in the file hold for {self.graph.parameters[name]} alone: not for {value}"
            equal += not difference
            structures += difference == "structure"
            if equal >= enough or equal + structures >= max(enough, MOST_STRUCTURES):
                break
        if not looked:
            # An argument that only one value fits is a constant.
            return "the spec takes no other value that was tried" if values else ""
        if not equal and (structures > 1 or (structures > 0 and bool(refusals))):
            return "with other values the file is of another structure"
        return ""

    def _values(self, name: str) -> list[object]:
        """Other values of a parameter, those first that are far from its own: what is rounded comes out alike for
        neighbours. Of a large network the small ones come first, and one that makes it several times as large last."""
        values = fitting(other_values(self.graph.parameters[name]), self.annotations.get(name, ""))
        if not all(type(value) is int for value in values):
            return values
        ordered = sorted(values)
        small = zip(reversed(ordered), ordered, strict=True)
        pairs = small if self.enough > 1 else zip(ordered, ordered[-2::-1], strict=False)
        return list(dict.fromkeys([*(each for pair in pairs for each in pair), *ordered]))

    def _refusals(self, name: str, values: list[object]) -> list[SpecError]:
        found: list[SpecError] = []
        for value in values:
            try:
                self.others.elaborated({name: value})
            except SpecError as error:
                found.append(error)
        return found

    def _takes_too_much(self, refusals: list[SpecError], found: Changes | None) -> bool:
        """Whether a file may take for another network what the spec refuses, for one of these reasons."""
        if self.inference and (found is None or found.in_heads):
            return not all(map(left_open, refusals))
        return any(map(silent, refusals))

    def _difference(self, other: Graph, names: list[str]) -> Literal["", "literals", "structure"]:
        # Both are programs of their own by now, so that what is compared may be changed.
        ours, theirs = (_without_defaults(ast.parse(each), names) for each in (self.text, self.write(other)))
        return _difference(ours, theirs)


def _renames(graph: Graph, other: Graph) -> bool:
    """Whether as many parts have weights in both, under other names."""
    ours, theirs = ({node.path for node in each.nodes() if node.owns_module} for each in (graph, other))
    return len(ours) == len(theirs) and ours != theirs


def _difference(ours: ast.Module, theirs: ast.Module) -> Literal["", "literals", "structure"]:
    if ast.dump(ours) == ast.dump(theirs):
        return ""
    return "literals" if _without_literals(ours) == _without_literals(theirs) else "structure"


def _without_defaults(program: ast.Module, names: list[str]) -> ast.Module:
    """The program, without docstrings and without the defaults of arguments."""
    for node in ast.walk(program):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.arguments):
            for argument, at in zip(reversed(node.args), range(len(node.defaults) - 1, -1, -1), strict=False):
                if argument.arg in names:
                    node.defaults[at] = ast.Constant(None)
            for at, argument in enumerate(node.kwonlyargs):
                if argument.arg in names:
                    node.kw_defaults[at] = ast.Constant(None)
    return program


_MATH = ast.dump(ast.Name("math", ast.Load()))


def _without_literals(program: ast.Module) -> str:
    class Masked(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.Constant(0) if isinstance(node.value, int | float) else node

        def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
            inner = self.visit(node.operand)
            return inner if isinstance(inner, ast.Constant) else ast.UnaryOp(node.op, inner)

        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            left, right = self.visit(node.left), self.visit(node.right)
            both = all(isinstance(each, ast.Constant) and each.value == 0 for each in (left, right))
            return ast.Constant(0) if both else ast.BinOp(left, node.op, right)

        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            is_math = isinstance(node.func, ast.Attribute) and ast.dump(node.func.value) == _MATH
            known = all(isinstance(each, ast.Constant) and each.value == 0 for each in node.args)
            return ast.Constant(0) if is_math and known else node

    return ast.dump(Masked().visit(program))
