"""The variables of a `forward` that is being written: what each holds, case by case, and the lines so far."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from netdsl.graph.graph import Node, Value
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedItem,
    MergedTurns,
)
from netdsl.lower.programs.values import DECLARED, canonical
from netdsl.syntax import tree
from netdsl.text.source import Span
from netdsl.values.types import format_shape
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.namer import interface
from netdsl_pytorch.emit.common.unit import Unit
from netdsl_pytorch.emit.constructor.attributes import in_list
from netdsl_pytorch.emit.constructor.constructor import Constructor
from netdsl_pytorch.emit.forward.inputs import Inputs
from netdsl_pytorch.emit.forward.lines import CaseValues, Line, Lost, Pending
from netdsl_pytorch.emit.forward.value_names import value_names
from netdsl_pytorch.emit.operators import record_of


class Variables(Inputs):
    """What a `forward` has written so far."""

    def __init__(self, unit: Unit, constructor: Constructor) -> None:
        super().__init__(unit)
        self.constructor = constructor
        self.named: set[Value] = set()
        """Values that need a variable of their own."""
        self.unrolled: set[int] = set()
        self.settled: set[int] = set()
        """Every `if` after which the current value is read, so that all arms leave it in one variable."""
        self.unsettled: dict[int, set[Value]] = {}
        """What the others give, arm by arm."""
        self.lost: list[Lost] | None = None
        """What was lost so far, in an attempt that goes on to find all that is; None where the first ends it."""
        self.keep_input = False
        self.apart = False
        """Whether values that get a variable of their own keep off the names of all others, those still to come too,
        and nothing is written over them."""
        self.single = False
        """Whether every value gets a variable of its own, loops are written out, and nothing is written over: the way
        out where all else fails."""
        self.value_names = value_names(self.unit.program)
        self.usual = self._usual()
        """What the current value is called, where nothing else is said."""

    def begin(self) -> None:
        """Begins anew, with nothing written."""
        self.statements: list[Line] = []
        self.unsettled = {}
        self.holds: dict[str, dict[Case, Value]] = {}
        self.names_of: dict[Value, dict[str, None]] = {}
        """The variables that held a value at some time."""
        self.touched: set[str] = set()
        """The variables that were given something in the turn or arm that is being written."""
        self.entered: set[str] = set()
        """The variables that were read in it before that."""
        self.typed: set[str] = set()
        """Variables that a type checker knows for Tensors."""
        self.formal_names: set[str] = set()
        self.first_line: dict[str, int] = {}
        self.pending: Pending | None = None
        self.indent = 8
        self.loops: list[MergedTurns] = []
        self.loop_modules: dict[int, str] = {}
        self.current: dict[Case, Value] = {}
        self.running = self.usual
        self.span: Span | None = None
        self._statement: tree.Statement | None = None
        self._before: dict[Case, Value] = {}
        """The current value where the statement began."""
        self._resumed: dict[int, dict[Case, Value]] = {}
        """Likewise of statements that go on after the statements of an arm or a turn within them."""
        self.outputs: dict[str, dict[Case, Value]] = {}
        self.heads: dict[str, Code] = {}
        self.head_reads: dict[str, dict[str, Value | None]] = {}
        """What the variables held from which the result of a head is computed where it is returned."""
        self.calls_after: dict[int, int] = {}
        self.notes: list[str] = []
        """What the comment of the next line says beside the shape: patterns of `rearrange`."""
        self.deferred: list[Any] = []
        self.in_heads = False
        self.instead: dict[Hashable, str] = {}
        """The variables that stand in for others, over which nothing is to be written."""
        self.listed: dict[Value, tuple[str, int]] = {}
        """Values that turns of a loop have put into a list: its variable, and their places."""
        self.goes_on: set[Value] = set()
        """The values that turns of the loop that is being written end with."""
        self.inside: list[set[Case]] = []
        """The cases of the turns and arms that are being written, outermost first."""

    def _usual(self) -> str:
        """`x`, unless one of several inputs is called so: then a name that nothing has."""
        graph = self.emission.graph
        inputs = {interface(each.name) for each in graph.inputs} if self.unit.is_net else set()
        if len(inputs) < 2 or "x" not in inputs:
            return "x"
        named = {*inputs, *self.value_names.values(), *(output.name for output in graph.outputs)}
        return next(
            name for name in ("h", "y", "z", *(f"h{number}" for number in range(len(named) + 1))) if name not in named
        )

    def held(self, name: str, case: Case) -> Value | None:
        holds = self.holds.get(name, {})
        for each in case.around():
            if each in holds:
                return holds[each]
        return None

    def read(self, values: CaseValues, reader: MergedItem | None) -> Code:
        """The expression of a value: what is pending, or a variable that holds it in all cases."""
        fractions = any(value.type.dtype != canonical(value).type.dtype for value in values.values())
        values = {case: canonical(value) for case, value in values.items()}
        if fractions:
            # A constant of whole numbers that is an index elsewhere, where fractions are due: beside fractions it
            # becomes one of their precision by itself.
            made = self.read(values, reader)
            return made if reader is not None and _promotes(reader.first) else code.method(made, "float", [])
        pending = self.pending
        if pending is not None and all(pending.values.get(case) is value for case, value in values.items()):
            if self._may_inline(pending, values, reader):
                self.pending = None
                return pending.made
            self.flush()
        name = self._holder_of(values)
        if name:
            if name not in self.touched:
                self.entered.add(name)
            return code.name(name, typed=name in self.typed)
        tensor = self._declared(values)
        if tensor is not None:
            return tensor
        places = {self.listed.get(value) for value in values.values()}
        place = next(iter(places))
        if len(places) == 1 and place is not None:
            return code.subscript(code.name(place[0]), [code.literal(place[1])], typed=True)
        lost = Lost(list(values.values()), self.loops)
        if self.lost is None or not self._is_nameable(lost):
            raise lost
        self.lost.append(lost)
        return code.name("lost", typed=True)

    def _holder_of(self, values: CaseValues) -> str:
        """The variable that holds a value in all cases, the latest of several; empty where there is none."""
        some = next(iter(values.values()))
        names = [each for each in self.names_of.get(some, ()) if self._holds(each, values)]
        if len(names) < 2:
            return names[0] if names else ""
        return next(each for each in reversed(self.holds) if each in names)

    def _holds(self, name: str, values: CaseValues) -> bool:
        return all(self.held(name, case) is value for case, value in values.items())

    def _is_nameable(self, lost: Lost) -> bool:
        """Whether variables of their own are all that lost values need."""
        raise NotImplementedError

    def _may_inline(self, pending: Pending, values: CaseValues, reader: MergedItem | None) -> bool:
        if any(value in self.named and value not in self.goes_on for value in values.values()):
            return False
        return all(self.emission.traces.uses_of(value) == 1 for value in values.values())

    def _declared(self, values: CaseValues) -> Code | None:
        """A tensor that the class itself holds."""
        names: dict[Case, str] = {}
        for case, value in values.items():
            node = value.node
            if node is None or node.op.name not in DECLARED:
                return None
            at: Any = node.scope
            if at is not case.instance:
                return None
            names[case] = node.name
        if len(set(names.values())) > 1:
            raise Disagree(names, "a tensor has different names")
        name = next(iter(names.values()))
        head, _, index = name.rpartition(".")
        mixed = bool(head) and index.isdigit() and self.constructor.mixed(head)
        if in_list(head) or mixed:
            made = next(iter(values.values())).node
            kind = "parameter" if made is not None and made.op.name == "param" else "buffer"
            return code.call(f"self.get_{kind}", [code.literal(name)], typed=True, nests=0)
        if index.isdigit() and head:
            return self.constructor.element(head, index)
        return code.name(f"self.{name}", typed=True)

    def flush(self) -> None:
        """Puts what is pending on a line."""
        pending = self.pending
        if pending is None:
            return
        self.pending = None
        self.assign(self._variable(pending), pending.values, pending.made, pending.span)

    def _variable(self, pending: Pending) -> str:
        if self.single:
            return pending.running
        if any(value in self.named and value not in self.goes_on for value in pending.values.values()):
            names = {self.value_names.get(value, "") for value in pending.values.values()}
            name = next(iter(names)) if len(names) == 1 else ""
            if name:
                return self.clear(self.variable(name), frozenset(pending.values.values()))
            base = pending.running if pending.running != self.usual else "y"
            return self._fresh(base)
        return pending.running

    def variable(self, label: str) -> str:
        """The variable of a label."""
        head, _, index = label.rpartition(".")
        name = f"{head}{index}" if index.isdigit() and head else label
        taken = {"x", "y", *self.formal_names} if not self.unit.is_net else {self.usual, *self.formal_names}
        return self.emission.local(
            "".join(c if c.isalnum() or c == "_" else "_" for c in name.replace(".", "_")), taken
        )

    def _fresh(self, base: str) -> str:
        number, name = 1, base
        others = self.all_names() if self.apart else set()
        while name in self.holds or name in others:
            number += 1
            name = f"{base}{number}"
        return name

    def all_names(self) -> set[str]:
        """The variables that the author's names become, those still to come too."""
        results = [output.name for output in self.emission.graph.outputs] if self.unit.is_net else []
        return {*map(self.variable, self.value_names.values()), *map(self.emission.local, results)}

    def clear(self, name: str, user: Hashable) -> str:
        """The variable, or another one for what uses it where values are apart and one of them is in it."""
        if self.single:
            return name if name not in self.holds else self._fresh(name)
        if not self.apart:
            return name
        now = self.instead.get((user, name), name)
        if any(value in self.named for value in self.holds.get(now, {}).values()):
            now = self.instead[user, name] = self._fresh(name)
        return now

    def assign(self, name: str, values: Mapping[Case, Value], made: Code, span: Span | None = None) -> None:
        if made == code.name(name):
            self.holds.setdefault(name, {}).update(values)
            self._note_names(name, values)
            return
        if self._rename(name, values, made):
            return
        known = name in self.holds
        replaced = dict(self.holds.get(name, {}))
        self._hold(name, values)
        if not known:
            self.first_line[name] = len(self.statements)
        if made.typed and not known:
            self.typed.add(name)
        elif not made.typed and name not in self.formal_names:
            # A type checker forgets what a variable was, once it is given what it does not know.
            self.typed.discard(name)
        comment = self.comment(values)
        line = Line(made, (name,), comment, self.indent, span or self.span, name)
        line.replaced, line.assigned = replaced, dict(values)
        self.statements.append(line)

    def _rename(self, name: str, values: Mapping[Case, Value], made: Code) -> bool:
        """`z = identity()` names what the line before has made: that line gets the name, rather than `z = x` one of
        its own."""
        last = self.statements[-1] if self.statements else None
        if last is None or not last.variable or made != code.name(last.variable) or name in self.holds:
            return False
        if last.indent != self.indent or set(last.assigned) != set(values):
            return False
        if any(self.emission.traces.uses_of(value) != 1 or value in self.named for value in last.assigned.values()):
            return False
        if last.targets != (last.variable,) or last.annotation:
            return False
        self.holds[last.variable] = last.replaced
        if not last.replaced:
            del self.holds[last.variable]
            self.first_line.pop(last.variable, None)
        old, last.variable, last.targets = last.variable, name, (name,)
        self.first_line[name] = len(self.statements) - 1
        if old in self.typed and last.made is not None and last.made.typed:
            self.typed.add(name)
        self._hold(name, values)
        return True

    def _hold(self, name: str, values: Mapping[Case, Value]) -> None:
        before = self.holds.pop(name, {})
        # What is written in a turn is written over for all that the turn stands in.
        over = {each for case in values for each in case.around()}
        before = {case: value for case, value in before.items() if case not in over}
        before.update(values)
        self.holds[name] = before
        self._note_names(name, values)

    def _note_names(self, name: str, values: CaseValues) -> None:
        self.touched.add(name)
        for value in values.values():
            self.names_of.setdefault(value, {})[name] = None

    def comment(self, values: CaseValues) -> str:
        """What a line ends with: the patterns that it rearranges by, and the shape that it gives."""
        notes, self.notes = ", ".join(self.notes), []
        shape = self.shape_of(values)
        return ": ".join(filter(None, (notes, shape)))

    def shape_of(self, values: CaseValues) -> str:
        """The shape as a comment, where all cases have the same."""
        shapes = {tuple(int(size) for size in value.type.shape) for value in values.values()}
        if len(shapes) != 1:
            return ""
        if not self.unit.is_net and len({case.instance for case in values}) != len(self.unit.instances):
            return ""
        return format_shape(next(iter(shapes)))


def _promotes(node: Any) -> bool:
    """Whether an operator gives fractions of the precision of those that it is given, whatever else it is given."""
    if not isinstance(node, Node) or not record_of(node).promotes:
        return False
    return any(canonical(value).type.dtype == "float" for value in node.inputs)
