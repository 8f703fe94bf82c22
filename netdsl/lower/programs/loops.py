"""A loop that stays one: what its variables are called while its body is written, and which of them are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netdsl.graph import graph
from netdsl.lower.programs.align import Case, MergedTurns
from netdsl.symbolic import Apply, Const, Expr, Ref, plain, simplify
from netdsl.syntax import tree


class Loop:
    """A loop that stays one: what its variables are called while its body is written."""

    def __init__(self, step: MergedTurns, start: int, local: Callable[[str], str]) -> None:
        self.step = step
        self.start = start
        self.names: dict[Any, str] = {}
        self.used: set[Any] = set()
        pattern = step.first.syntax.pattern if isinstance(step.first.syntax, tree.For) else None
        self.pattern = pattern
        self._index: str | None = None
        self._local = local
        self.settles = False
        """Whether tests for the turns before `start` are known to fail, and left out."""
        self.columns: dict[str, tuple[int, ...]] = {}
        """Variables that the spec does not have: numbers, turn by turn, that no expression gives."""
        self.counts = True
        """Whether the only variable is the number of the turn."""
        for each in pattern_names(pattern):
            assert isinstance(each.target, tree.Name)
            if each.target.id != "_":
                self.names[each] = local(each.target.id)
        self.index_declaration: Any = next(
            (
                each
                for each in self.names
                if all(
                    plain(turn.names.names[each.target.id].value) == number
                    for loop in step.cases.values()
                    for number, turn in enumerate(loop.turns)
                    if each.target.id in turn.names.names
                )
            ),
            None,
        )

    def turn_of(self, case: Case) -> Case | None:
        """The turn that a case stands in."""
        return next((each for each in case.around() if each.parent in self.step.cases), None)

    @property
    def index_name(self) -> str:
        """The name that counts the turns, if the text has used one so far."""
        if self.index_declaration is not None:
            return self.names[self.index_declaration]
        return self._index or ""

    @property
    def index(self) -> str:
        """The name that counts the turns."""
        if self.index_declaration is not None:
            self.used.add(self.index_declaration)
            return self.names[self.index_declaration]
        if self._index is None:
            self._index = self._local("i")
            while self._index in self.names.values():
                self._index += "_"
        return self._index


def item_of_list(ref: Ref, case: Case, back: int = 0) -> Expr | None:
    """A loop variable in one turn, or `back` turns before it, as an item of the list that the loop goes through:
    `drops[0]`."""
    for each in case.around():
        item = item_of(ref, each.loop, each.number - back) if each.loop is not None else None
        if item is not None:
            return item if each.number >= back else None
    return None


def item_of(ref: Ref, loop: graph.Loop, number: int) -> Expr | None:
    """A variable of a loop as an item of the list that it goes through; None where it is none of that loop."""
    syntax = loop.syntax
    path = _path_to(ref.declaration, syntax.pattern) if isinstance(syntax, tree.For) else None
    if path is None:
        return None
    expr = loop.domain.expr
    if path and isinstance(expr, Apply) and expr.op == "enumerate":
        if path[0] == 0:
            return Const(number)
        expr, path = expr.operands[0], path[1:]
    if path and isinstance(expr, Apply) and expr.op == "zip":
        expr, path = expr.operands[path[0]], path[1:]
    for place in (number, *path):
        expr = simplify("index", [expr, Const(place)])
    return expr


def _path_to(declaration: object, pattern: tree.Pattern) -> tuple[int, ...] | None:
    """The places that lead to a name in a pattern; None where it is not there."""
    if isinstance(pattern, tree.NamePattern):
        return () if pattern is declaration else None
    found = ((place, _path_to(declaration, item)) for place, item in enumerate(pattern.items))
    return next(((place, *path) for place, path in found if path is not None), None)


def pattern_id(pattern: tree.NamePattern) -> str:
    """The name that a pattern of a `let` or loop declares."""
    assert isinstance(pattern.target, tree.Name)
    return pattern.target.id


def pattern_names(pattern: tree.Pattern | None) -> list[tree.NamePattern]:
    if pattern is None:
        return []
    if isinstance(pattern, tree.NamePattern):
        return [pattern]
    return [name for item in pattern.items for name in pattern_names(item)]
