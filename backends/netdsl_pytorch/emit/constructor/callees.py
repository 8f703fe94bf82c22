"""Operators and blocks that are arguments of a block: `act()`, `norm(out)`, `block(64)`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from netdsl.graph.graph import Node, Scope
from netdsl.lower.programs.align import Case, Disagree, MergedItem
from netdsl.symbolic import Ref
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.unit import Unit, unit_of
from netdsl_pytorch.python.nodes import Call

DIFFERENT = "the uses are of different operators"


class _Made(NamedTuple):
    """The call that makes an operator or block, and what its arguments are called, where they have names."""

    call: Call
    names: list[str]


class _Shared(NamedTuple):
    """What several calls have alike: their first or last arguments, and keywords."""

    arguments: tuple[Code, ...]
    keywords: dict[str, Code]
    first: bool = False


class Callees:
    """Writes what is made by an argument that is a class, or a `partial` of one."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.emission = unit.emission

    def operator(self, step: MergedItem) -> Code:
        raise NotImplementedError

    def use_of(self, unit: Unit, scopes: Mapping[Case, Scope]) -> Code:
        raise NotImplementedError

    def callee(self, step: MergedItem) -> Code:
        """`act()`, `norm(out)`: what the uses agree on stands in the call; what else an operator or a block is given is
        bound by the `partial` that each use passes."""
        groups = {case: callee_of(item) for case, item in step.cases.items()}
        parts: dict[Hashable, dict[Case, Any]] = {}
        for case, item in step.cases.items():
            parts.setdefault(groups[case], {})[case] = item
        before = self.unit.state
        self.unit.state = before.copy()
        calls = [self._call(cases, groups) for cases in parts.values()]
        shared = _shared(calls)
        arguments, keywords = shared.arguments, shared.keywords
        words = set().union(*map(code.names, [*arguments, *keywords.values()]))
        needs = {key: ref for key, ref in self.unit.state.needs.items() if self.unit.python_name(ref) in words}
        passed: dict[Scope, Code] = {}
        for case, item in step.cases.items():
            self.unit.state = before.copy()
            value = self._bound(self._call({case: item}, groups), shared)
            own = self.own_names() & code.names(value)
            if own:
                # What a `partial` binds is known where the block is used.
                refs = [ref for ref in self.unit.state.needs.values() if self.unit.python_name(ref) in own]
                value = self._sealed({case: item}, groups, shared)
                self.unit.pin(refs, {case: case.names}, "an operator or block as an argument is given its value")
            if passed.setdefault(case.instance, value) != value:
                raise Disagree(groups, DIFFERENT)
        self.unit.state = before
        before.needs.update(needs)
        name = self.unit.module_argument(_parameter_of(step, self.unit), name_of(step), passed)
        return code.call(name, list(arguments), list(keywords.items()))

    def _bound(self, made: _Made, shared: _Shared) -> Code:
        """A class, or a `partial` of it that binds what it is given beside what all are given."""
        arguments = made.call.arguments
        bound, named = list(arguments), [each for each in made.call.keywords if each[0] not in shared.keywords]
        count = len(shared.arguments)
        if count and shared.first:
            named = [*zip(made.names[count:], arguments[count:], strict=True), *named]
            bound = []
        elif count:
            bound = bound[:-count]
        if not bound and not named:
            return made.call.function
        self.emission.uses.add("partial")
        return code.call("partial", [made.call.function, *bound], named)

    def _sealed(self, cases: Mapping[Case, Any], groups: Mapping[Case, Hashable], shared: _Shared) -> Code:
        """What one use passes, in numbers alone."""
        self.unit.sealed = True
        try:
            value = self._bound(self._call(cases, groups), shared)
        finally:
            self.unit.sealed = False
        if self.own_names() & code.names(value):
            raise Disagree(groups, DIFFERENT)
        return value

    def own_names(self) -> set[str]:
        """What the constructor that is being written has of names: arguments, `let`s, variables of loops."""
        unit = self.unit
        names = {unit.python_name(ref) for ref in unit.state.needs.values()}
        names |= unit.state.added()
        return names | {name for loop in unit.loops for name in (*loop.names.values(), loop.index_name)}

    def _call(self, cases: Mapping[Case, Any], groups: Mapping[Case, Hashable]) -> _Made:
        """The call that makes one of the operators or blocks."""
        step = MergedItem(dict(cases))
        names: list[str] = []
        if step.is_node:
            made = self.operator(step)
        else:
            units = {case: unit_of(self.emission, scope) for case, scope in step.scopes.items()}
            unit = next(iter(units.values()))
            if unit is None or any(each is not unit for each in units.values()):
                raise Disagree(groups, DIFFERENT)
            made = self.use_of(unit, step.scopes)
            names = [argument.name for argument in unit.arguments if argument.default is None]
        if not isinstance(made, Call):
            raise Disagree(groups, DIFFERENT)
        return _Made(made, names)

    def passed_on(self, unit: Unit, argument: Any, scopes: Mapping[Case, Scope]) -> Code:
        """What is given for an argument that is a class: one, or what this block is given itself."""
        found = {case: unit.state.modules[argument.key].codes[scope] for case, scope in scopes.items()}
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        passed: dict[Scope, Code] = {}
        for case, made in found.items():
            if passed.setdefault(case.instance, made) != made:
                raise Disagree(found, "different operators are passed on")
        parameter = _one_parameter(scopes, argument.name, self.unit)
        return self.unit.module_argument(parameter, argument.name, passed)


def callee_of(item: Any) -> Any:
    """What a step calls: its operator, or the definition of its block."""
    return item.op.name if isinstance(item, Node) else ("scope", id(item.definition))


def callee_differs(step: MergedItem) -> bool:
    return len({callee_of(item) for item in step.cases.values()}) > 1


def _shared(made: Sequence[_Made]) -> _Shared:
    """What calls have alike. A `partial` binds the arguments before, or by name those behind."""
    first = made[0].call
    keywords = {
        name: value for name, value in first.keywords if all((name, value) in each.call.keywords for each in made)
    }
    start = _alike([each.call.arguments for each in made])
    end = _alike([each.call.arguments[::-1] for each in made])
    named = all(len(each.call.arguments) in (start, len(each.names)) for each in made)
    if named and start > end:
        return _Shared(first.arguments[:start], keywords, first=True)
    return _Shared(first.arguments[len(first.arguments) - end :], keywords)


def _alike(rows: Sequence[Sequence[Code]]) -> int:
    """How many items all rows begin with."""
    return len(list(takewhile(lambda items: len(set(items)) == 1, zip(*rows, strict=False))))


def name_of(step: MergedItem) -> str:
    """What the text calls what differs."""
    syntax = step.first.syntax
    function = syntax.function if isinstance(syntax, tree.Call) else syntax
    return function.id if isinstance(function, tree.Name) else "module"


def _parameter_of(step: MergedItem, unit: Unit) -> tree.Parameter | None:
    """The parameter of the block that is called, if it is one."""
    name = name_of(step)
    return next((each for each in unit.parameters if each.name == name), None)


def _one_parameter(scopes: Mapping[Case, Scope], name: str, unit: Unit) -> tree.Parameter | None:
    """The parameter of this block that all uses of another pass on as the argument of a name."""
    origins = [scope.given.get(name) for scope in scopes.values()]
    places = {
        id(each.expr.declaration): each.expr for each in origins if each is not None and isinstance(each.expr, Ref)
    }
    if len(places) != 1 or any(each is None or not isinstance(each.expr, Ref) for each in origins):
        return None
    (ref,) = places.values()
    return next((each for each in unit.parameters if each is ref.declaration), None)
