"""`forward`: a line per line of the spec.

Variables hold values, case by case. `x` is the current value, and is written again and again; when a value that it
held turns out to be needed later, the method is written anew with that value under its own name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netdsl.elaborate.evaluate import evaluate
from netdsl.elaborate.trouble import Poisoned, Trouble
from netdsl.graph.graph import Fetch, Naming, Node, Output, Scope, Value
from netdsl.graph.types import format_shape
from netdsl.syntax import tree
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor import Constructor, callee_differs, relative_path
from netdsl_pytorch.emit.layout import WIDTH
from netdsl_pytorch.emit.merge import (
    Case,
    Disagree,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedNote,
    MergedTurns,
    Program,
    walk,
)
from netdsl_pytorch.emit.operators import ATTRIBUTES, EXPRESSIONS
from netdsl_pytorch.emit.trouble import cannot
from netdsl_pytorch.emit.unit import Loop, Unit, safe
from netdsl_pytorch.emit.uses import Use

if TYPE_CHECKING:
    from netdsl_pytorch.emit.emission import Emission

MOST_CALLS = 4
"""Calls nested on one line, before it is split at a part with weights."""

CaseValues = Mapping[Case, Value]


class Lost(Exception):
    """A value is needed that no variable holds any more."""

    def __init__(self, values: Sequence[Value], loops: Sequence[MergedTurns]) -> None:
        super().__init__()
        self.values = list(values)
        self.loops = list(loops)


@dataclass(slots=True)
class Statement:
    """A line to be: `head` and an expression, with the shape that it gives."""

    head: str
    made: Code | None
    comment: str = ""
    indent: int = 8
    span: Span | None = None
    variable: str = ""
    tail: str = ""
    replaced: dict[Case, Value] = field(default_factory=dict)
    """What the variable held before."""

    def lines(self) -> list[str]:
        if self.made is None:
            return [" " * self.indent + self.head if self.head else ""]
        return code.statement(self.head, self.made, comment=self.comment, tail=self.tail, indent=self.indent)


@dataclass(slots=True)
class Pending:
    """An expression that is not on a line yet, since its only reader may take it in."""

    values: dict[Case, Value]
    made: Code
    running: str
    span: Span | None


class Forward:
    """Writes `forward` of a unit."""

    def __init__(self, unit: Unit, constructor: Constructor) -> None:
        self.unit = unit
        self.emission: Emission = unit.emission
        self.constructor = constructor
        self.named: set[Value] = set()
        """Values that need a variable of their own."""
        self.unrolled: set[int] = set()
        self.keep_input = False
        self.value_names = self._value_names()

    # --- The whole --------------------------------------------------------------------------------

    def write(self) -> list[Statement]:
        for _ in range(1000):
            state = self.unit.state.copy()
            attributes = dict(self.unit.attribute_names), dict(self.unit.counters)
            try:
                return self._attempt()
            except Lost as lost:
                self.unit.state = state
                self.unit.attribute_names, self.unit.counters = attributes
                self.unit.loops = []
                self._learn(lost)
        raise AssertionError("`forward` does not come to an end")

    def _learn(self, lost: Lost) -> None:
        formals = {formal for instance in self.unit.instances for formal in self.inputs_of(instance)}
        if any(value in formals for value in lost.values) and not self.keep_input:
            self.keep_input = True
            return
        fresh = [value for value in lost.values if value not in self.named]
        if fresh and not (lost.loops and any(value in formals for value in fresh)):
            self.named.update(fresh)
            return
        for loop in lost.loops:
            if id(loop.first.syntax) not in self.unrolled:
                self.unrolled.add(id(loop.first.syntax))
                return
        raise cannot("the flow of values here cannot be written yet", self.unit.instances[0].span)

    def _attempt(self) -> list[Statement]:
        self.statements: list[Statement] = []
        self.holds: dict[str, dict[Case, Value]] = {}
        self.typed: set[str] = set()
        self.first_line: dict[str, int] = {}
        self.pending: Pending | None = None
        self.indent = 8
        self.loops: list[MergedTurns] = []
        self.loop_modules: dict[int, str] = {}
        self.current: dict[Case, Value] = {}
        self.running = "x"
        self.span: Span | None = None
        self._statement: tree.Statement | None = None
        self._before: dict[Case, Value] = {}
        self.outputs: dict[str, dict[Case, Value]] = {}
        self.heads: dict[str, Code] = {}
        self.calls_after: dict[int, int] = {}
        self.deferred: list[Any] = []
        self.in_heads = False
        self._begin()
        self.program(self.unit.program)
        self._end()
        return self.statements

    def inputs_of(self, instance: Scope) -> tuple[Value, ...]:
        """The tensors that `forward` takes."""
        if instance.kind == "net":
            return tuple(each.value for each in self.emission.graph.inputs)
        if instance.kind == "sequence":
            return self.emission.free_values(instance)
        return instance.formals

    def parameters(self) -> list[str]:
        """The names of what `forward` takes."""
        instance = self.unit.instances[0]
        if instance.kind == "net":
            return [
                safe(each.name, ("x",) if len(self.emission.graph.inputs) > 1 else ())
                for each in self.emission.graph.inputs
            ]
        count = len(self.inputs_of(instance))
        if instance.kind == "sequence":
            return [
                "x",
                *[self._outer_name(value, number) for number, value in enumerate(self.inputs_of(instance)[1:], 2)],
            ]
        tensors = [p for p in getattr(instance.definition, "parameters", ()) if p.tensor]
        lists = {p.name: len(_flat(instance.arguments[p.name])) for p in tensors}
        own = count - sum(lists.values())
        names = ["x"] if own == 1 else [f"x{number + 1}" for number in range(own)]
        for each in tensors:
            name = safe(each.name, ("x",))
            size = lists[each.name]
            names += [name] if size == 1 else [f"{name}{number + 1}" for number in range(size)]
        return names

    def _outer_name(self, value: Value, number: int) -> str:
        name = self.emission.outer_names.get(value)
        return safe(name, ("x",)) if name else f"x{number}"

    def _begin(self) -> None:
        names = self.parameters()
        for instance, case in zip(self.unit.instances, self.unit.cases, strict=True):
            inputs = self.inputs_of(instance)
            if len(inputs) != len(names):
                raise Disagree({each: len(self.inputs_of(each.instance)) for each in self.unit.cases}, "inputs differ")
            for name, value in zip(names, inputs, strict=True):
                self.holds.setdefault(name, {})[case] = value
            if inputs:
                self.current[case] = inputs[0]
        self.typed.update(names)
        self.formal_names = set(names)
        if self.keep_input and names and not self.unit.is_net:
            self.running = "y"

    def _end(self) -> None:
        if self.unit.is_net:
            self._net_results()
            return
        results = {case: [_canonical(each.link) for each in case.instance.outputs] for case in self.unit.cases}
        counts = {case: len(each) for case, each in results.items()}
        if len(set(counts.values())) > 1:
            raise Disagree(counts, "the uses give differently many results")
        count = next(iter(counts.values()))
        if count == 1:
            values = {case: each[0] for case, each in results.items()}
            made = self.read(values, None)
            if not made.typed:
                made = self._assigned(values, made, self.running)
            self._return(made, values)
            return
        codes = [self.read({case: each[number] for case, each in results.items()}, None) for number in range(count)]
        self.flush()
        self.statements.append(Statement("return ", Code(", ".join(str(made) for made in codes)), indent=self.indent))

    def _return(self, made: Code, values: CaseValues) -> None:
        comment = "" if str(made).isidentifier() else self.shape_of(values)
        self.statements.append(Statement("return ", made, comment, self.indent, self.span))

    def _assigned(self, values: CaseValues, made: Code, variable: str) -> Code:
        """The expression in a variable that a type checker knows for a Tensor."""
        if not str(made).isidentifier():
            self.assign(variable, dict(values), made)
            made = Code(variable, typed=variable in self.typed)
        name = str(made)
        if not made.typed and name in self.first_line:
            line = self.statements[self.first_line[name]]
            if line.head == f"{name} = ":
                line.head = f"{name}: Tensor = "
            self.typed.add(name)
        return Code(name, typed=True)

    # --- Results of a net ---------------------------------------------------------------------------

    def _net_results(self) -> None:
        self.flush()
        case = self.unit.cases[0]
        graph = self.emission.graph
        results = [output for output in graph.outputs if not output.train]
        heads = self.emission.heads
        plain_codes: list[tuple[str, Code]] = []
        for output in results:
            values = {case: _canonical(output.value)}
            plain_codes.append((output.name, self._assigned(values, self.read(values, None), safe(output.name))))
        if heads:
            self._write_heads(plain_codes)
        if len(plain_codes) == 1:
            self.statements.append(Statement("return ", plain_codes[0][1], indent=self.indent))
        else:
            made = code.call(self.emission.output_class, [], [(safe(name), each) for name, each in plain_codes])
            self.statements.append(Statement("return ", made, indent=self.indent))

    def _write_heads(self, results: list[tuple[str, Code]]) -> None:
        """The heads of a net, which run in training only: their lines stand where their results are returned."""
        optional = [f"self.{name} is not None" for name in sorted(self.emission.optional_names)]
        made = code.name("self.training")
        for each in self.emission.optional_names:
            made = code.binary("and", made, Code(f"self.{each} is not None"))
        del optional
        self.statements.append(Statement("if ", made, tail=":", indent=self.indent))
        self.indent += 4
        self.in_heads = True
        for step in self.deferred:
            self.step(step)
        codes = []
        for output in self.emission.heads:
            values = {case: _canonical(output.value) for case in self.unit.cases}
            codes.append((output.name, self.heads.get(output.name) or self.read(values, None)))
        made = code.call(self.emission.output_class, [each for _, each in results[:1]], [*results[1:], *codes])
        self.statements.append(Statement("return ", made, indent=self.indent))
        self.indent -= 4

    # --- Variables ----------------------------------------------------------------------------------

    def _value_names(self) -> dict[Value, str]:
        """What the author calls values: labels, names of values, results."""
        names: dict[Value, str] = {}
        for step in walk(self.unit.program):
            for each in step.cases.values():
                if isinstance(each, Naming):
                    _name_values(each.name, each.value, names)
                elif isinstance(each, Node | Scope) and each.labelled:
                    _name_values(each.name, tuple(each.outputs) if len(each.outputs) > 1 else each.outputs[0], names)
                elif isinstance(each, Output):
                    names.setdefault(_canonical(each.value), each.name)
        # A label stands for what `then` made of its operator.
        for step in walk(self.unit.program):
            for each in step.cases.values():
                if isinstance(each, Node) and each.appended and each.inputs and each.inputs[0] in names:
                    names.setdefault(each.outputs[0], names[each.inputs[0]])
        return names

    def held(self, name: str, case: Case) -> Value | None:
        holds = self.holds.get(name, {})
        for each in case.around():
            if each in holds:
                return holds[each]
        return None

    def read(self, values: CaseValues, reader: MergedItem | None) -> Code:
        """The expression of a value: what is pending, or a variable that holds it in all cases."""
        fractions = any(value.type.dtype != _canonical(value).type.dtype for value in values.values())
        values = {case: _canonical(value) for case, value in values.items()}
        if fractions:
            # A constant of whole numbers, where fractions are due.
            return code.method(self.read(values, reader), "float", [])
        pending = self.pending
        if pending is not None and all(pending.values.get(case) is value for case, value in values.items()):
            if self._may_inline(pending, values, reader):
                self.pending = None
                return pending.made
            self.flush()
        for name in reversed(self.holds):
            if all(self.held(name, case) is value for case, value in values.items()):
                return Code(name, typed=name in self.typed)
        tensor = self._declared(values)
        if tensor is not None:
            return tensor
        raise Lost(list(values.values()), self.loops)

    def _may_inline(self, pending: Pending, values: CaseValues, reader: MergedItem | None) -> bool:
        if any(value in self.named for value in values.values()):
            return False
        return all(self.emission.uses_of(value) == 1 for value in values.values())

    def _declared(self, values: CaseValues) -> Code | None:
        """A tensor that the class itself holds."""
        names: dict[Case, str] = {}
        for case, value in values.items():
            node = value.node
            if node is None or node.op.name not in ("param", "constant", "buffer"):
                return None
            at: Any = node.scope
            if at is not case.instance:
                return None
            names[case] = node.name
        if len(set(names.values())) > 1:
            raise Disagree(names, "a tensor has different names")
        name = next(iter(names.values()))
        head, _, index = name.rpartition(".")
        if index.isdigit() and head:
            return Code(f"self.{head}[{index}]")
        return Code(f"self.{name}", typed=True)

    def flush(self) -> None:
        """Puts what is pending on a line."""
        pending = self.pending
        if pending is None:
            return
        self.pending = None
        self.assign(self._variable(pending), pending.values, pending.made, pending.span)

    def _variable(self, pending: Pending) -> str:
        if any(value in self.named for value in pending.values.values()):
            names = {self.value_names.get(value, "") for value in pending.values.values()}
            name = next(iter(names)) if len(names) == 1 else ""
            if name:
                return self.variable(name)
            base = pending.running if pending.running != "x" else "y"
            return self._fresh(base)
        return pending.running

    def variable(self, label: str) -> str:
        """The variable of a label."""
        head, _, index = label.rpartition(".")
        name = f"{head}{index}" if index.isdigit() and head else label
        taken = {"x", "y", *self.formal_names} if not self.unit.is_net else {"x", *self.formal_names}
        return safe("".join(c if c.isalnum() or c == "_" else "_" for c in name.replace(".", "_")), taken)

    def _fresh(self, base: str) -> str:
        number, name = 1, base
        while name in self.holds:
            number += 1
            name = f"{base}{number}"
        return name

    def assign(self, name: str, values: Mapping[Case, Value], made: Code, span: Span | None = None) -> None:
        if str(made) == name:
            self.holds.setdefault(name, {}).update(values)
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
        statement = Statement(
            f"{name} = ", made, self.shape_of(values), self.indent, span or self.span, name, replaced=replaced
        )
        self.statements.append(statement)

    def _rename(self, name: str, values: Mapping[Case, Value], made: Code) -> bool:
        """`z = identity()` names what the line before has made: that line gets the name, rather than `z = x` one of
        its own."""
        last = self.statements[-1] if self.statements else None
        if last is None or not last.variable or last.variable != str(made) or name in self.holds:
            return False
        before = self.holds.get(last.variable, {})
        if last.indent != self.indent or set(before) != set(values):
            return False
        if any(self.emission.uses_of(value) != 1 for value in before.values()):
            return False
        if last.head != f"{last.variable} = ":
            return False
        self.holds[last.variable] = last.replaced
        if not last.replaced:
            del self.holds[last.variable]
            self.first_line.pop(last.variable, None)
        last.head, old, last.variable = f"{name} = ", last.variable, name
        self.first_line[name] = len(self.statements) - 1
        if old in self.typed and last.made is not None and last.made.typed:
            self.typed.add(name)
        self._hold(name, values)
        return True

    def _hold(self, name: str, values: Mapping[Case, Value]) -> None:
        before = self.holds.pop(name, {})
        before = {case: value for case, value in before.items() if case not in values}
        before.update(values)
        self.holds[name] = before

    def shape_of(self, values: CaseValues) -> str:
        """The shape as a comment, where all cases have the same."""
        shapes = {tuple(int(size) for size in value.type.shape) for value in values.values()}
        if len(shapes) != 1:
            return ""
        if not self.unit.is_net and not self.emission.same_everywhere(self.unit, values):
            return ""
        return format_shape(next(iter(shapes)))

    # --- Steps --------------------------------------------------------------------------------------

    def program(self, program: Program) -> None:
        self._count_calls(program)
        for step in program:
            if self.unit.is_net and not self.in_heads and _for_heads(step):
                self.deferred.append(step)
            else:
                self.step(step)

    def _count_calls(self, program: Program) -> None:
        """How many calls without weights follow each step on its line."""
        following = 0
        after: Any = None
        for step in reversed(program):
            self.calls_after[id(step)] = following if after is not None and after is step.statement else 0
            weighted = not isinstance(step, MergedItem) or not isinstance(step.first, Node) or step.first.owns_module
            following = 0 if weighted else (following if after is step.statement else 0) + 1
            after = step.statement

    def step(self, step: Any) -> None:
        statement = step.statement
        if isinstance(step, MergedItem):
            self._begin_statement(statement)
            self.item(step)
        elif isinstance(step, MergedJoin):
            self._begin_statement(statement)
            self.join(step)
        elif isinstance(step, MergedTurns):
            self._begin_statement(statement)
            self.turns(step)
        elif isinstance(step, MergedChoice):
            self._begin_statement(statement)
            self.choice(step)
        elif isinstance(step, MergedNote):
            self.note(step)

    def _begin_statement(self, statement: tree.Statement | None) -> None:
        if statement is None or self._statement is statement:
            return
        # What stands before ends on a line of its own, unless a combine takes it in.
        self.flush()
        self._statement = statement
        self.span = statement.span
        self._before = dict(self.current)

    def note(self, step: MergedNote) -> None:
        first = step.first
        if isinstance(first, Fetch):
            self._begin_statement(first.statement)
            if isinstance(first.values, Value):
                self.flush()
                fetched = {case: each.values for case, each in step.cases.items() if isinstance(each, Fetch)}
                self.current.update({case: _canonical(value) for case, value in fetched.items()})
            return
        if isinstance(first, Output):
            self.result(step)
            return
        if isinstance(first.syntax, tree.Bind):
            self._keep(step)
            self.flush()
            self.current = dict(self._before)

    def _keep(self, step: MergedNote) -> None:
        """A named value ends on a line of its own, if it is read more than once or later."""

    def result(self, step: MergedNote) -> None:
        """`output n = …`: the head of a net in training is taken in where it is returned."""
        first = step.first
        case = next(iter(step.cases))
        pending = self.pending
        if first.train and pending is not None and pending.values.get(case) is _canonical(first.value):
            self.heads[first.name] = pending.made
            self.pending = None
        else:
            self.flush()
        self.current = dict(self._before)

    def region(self, statement: tree.Statement | None) -> str:
        """What the current value of a statement is called while it runs."""
        if isinstance(statement, tree.Bind) and isinstance(statement.target, tree.NamePattern):
            target = statement.target.target
            if isinstance(target, tree.Name) and target.id != "_":
                return self.variable(target.id)
        if isinstance(statement, tree.Output) and isinstance(statement.name, tree.Name):
            return safe(statement.name.id)
        return self.running

    def emit(self, step: MergedItem, made: Code) -> None:
        """The expression that a step gives becomes what is pending."""
        values = dict(step.values().items())
        running = self.region(step.statement) if not isinstance(self.running, _Branch) else self.running
        self.pending = Pending(values, made, str(running), self.span)
        self.current.update(values)
        if any(value in self.named for value in values.values()) and not self._continues(step):
            self.flush()

    def _continues(self, step: MergedItem) -> bool:
        """Whether a `then` follows, whose result has the label too."""
        return False

    def item(self, step: MergedItem) -> None:
        first = step.first
        if isinstance(first, Node) and first.op.name in ("param", "constant", "buffer"):
            return
        if isinstance(first, Node) and not callee_differs(step):
            self.operator(step)
            return
        inputs = [self._split_before(step, made, number) for number, made in enumerate(self._inputs(step))]
        self._finish(step, self.call_module(step, inputs))

    def _finish(self, step: MergedItem, made: Code) -> None:
        counts = {case: len(item.outputs) for case, item in step.cases.items()}
        if len(set(counts.values())) > 1:
            raise Disagree(counts, "the uses give differently many results")
        count = next(iter(counts.values()))
        if count == 1:
            self.emit(step, made)
            return
        self.flush()
        targets = []
        for index in range(count):
            values = {case: _canonical(value) for case, value in step.values(index).items()}
            if all(self.emission.uses_of(value) == 0 for value in values.values()):
                targets.append("_")
                continue
            names = {self.value_names.get(value, "") for value in values.values()}
            name = next(iter(names)) if len(names) == 1 else ""
            target = self.variable(name) if name else f"x{index + 1}"
            targets.append(target)
            self._hold(target, values)
            if made.typed:
                self.typed.add(target)
        self.statements.append(Statement(f"{', '.join(targets)} = ", made, "", self.indent, self.span))
        self.current.update(step.values())

    def _inputs(self, step: MergedItem) -> list[Code]:
        scopes = isinstance(step.first, Scope)
        all_inputs = {}
        for case, item in step.cases.items():
            if isinstance(item, Scope) and item.kind == "sequence":
                all_inputs[case] = self.emission.free_values(item)
            else:
                all_inputs[case] = item.inputs
        counts = {case: len(inputs) for case, inputs in all_inputs.items()}
        if len(set(counts.values())) > 1:
            raise Disagree(counts, "inputs differ")
        del scopes
        count = next(iter(counts.values()))
        made = []
        pending = self.pending
        for number in range(count):
            values = {case: inputs[number] for case, inputs in all_inputs.items()}
            if pending is not None and self.pending is None:
                # The pending expression was taken in; what else is read must not depend on the order of lines.
                pass
            made.append(self.read(values, step))
        return made

    def operator(self, step: MergedItem) -> None:
        node = step.first
        name = node.op.name
        inputs = self._inputs(step)
        self._operate(step, name, inputs)

    def _operate(self, step: MergedItem, name: str, inputs: list[Code]) -> None:
        node = step.first
        if node.fed and not all(isinstance(source, tuple) for source in node.fed.values()):
            self.emit(step, self._functional(step, inputs))
            return
        if name == "upsample" and sized_by(node) is not None and not self.unit.loops:
            self._finish(step, self._interpolate(step, inputs[0]))
            return
        if node.owns_module or name in ATTRIBUTES or name not in EXPRESSIONS:
            if node.owns_module:
                inputs = [self._split_before(step, made, number) for number, made in enumerate(inputs)]
            self._finish(step, self.call_module(step, inputs))
            return
        use = Use(self.unit, step.nodes, in_forward=True)
        use.spill = self._spill
        inputs = [self._simple(step, each, name, number) for number, each in enumerate(inputs)]
        if name == "crop" and sized_by(node) is not None:
            self.emission.uses.add("center_crop")
            made = code.call("center_crop", [inputs[0], self._size_of_value(step, inputs[0])], typed=True)
        else:
            made = EXPRESSIONS[name](use, inputs)
        if name in ("chunk", "split", "unbind"):
            # These give tuples, of Tensors where their input is one.
            made = Code(made.doc, made.level, True, made.calls)
        self._finish(step, made)

    def _interpolate(self, step: MergedItem, x: Code) -> Code:
        """An image in the size of another: the size is read from that one."""
        use = Use(self.unit, step.nodes, in_forward=True)
        keywords = [("size", self._size_of_value(step, x))]
        if use.same("mode") != "nearest":
            keywords.append(("mode", code.literal(use.same("mode"))))
        if use.same("align"):
            keywords.append(("align_corners", Code("True")))
        return code.call("F.interpolate", [x], keywords, typed=True)

    def _size_of_value(self, step: MergedItem, x: Code) -> Code:
        """`x.shape[2:]` of the value that the author names the size of."""
        values = {case: sized_by(node) for case, node in step.nodes.items()}
        pending, self.pending = self.pending, None
        like = self.read({case: value for case, value in values.items() if value is not None}, None)
        self.pending = pending
        del x
        return code.subscript(code.attribute(like, "shape"), [code.slice_of(Code("2"), None)])

    def _spill(self, made: Code) -> Code:
        """A part of a long expression on a line of its own."""
        name = self._fresh("y")
        self.statements.append(Statement(f"{name} = ", made, "", self.indent, self.span))
        self.holds[name] = {}
        if made.typed:
            self.typed.add(name)
        return Code(name, typed=made.typed)

    def _simple(self, step: MergedItem, made: Code, name: str, number: int) -> Code:
        """An input that an operator mentions more than once is put into a variable first."""
        repeated = name in ("rearrange", "reshape", "crop") or (
            name == "concat" and any(not value.type.batched for value in step.first.inputs)
        )
        if repeated and not str(made).replace(".", "").isidentifier():
            values = {case: _canonical(item.inputs[number]) for case, item in step.cases.items()}
            running = str(self.region(step.statement)) if not isinstance(self.running, _Branch) else str(self.running)
            self.assign(running, values, made)
            return Code(running, typed=running in self.typed)
        if not made.typed and str(made).isidentifier() is False and name in ("rearrange",):
            return made
        return made

    def _split_before(self, step: MergedItem, made: Code, number: int) -> Code:
        """A line with too many calls is split before a part with weights."""
        follow = 1 + self.calls_after.get(id(step), 0)
        long = len(str(made)) + self.indent > WIDTH - 40
        if number == 0 and not str(made).isidentifier() and (made.calls + follow > MOST_CALLS or long):
            values = {case: _canonical(item.inputs[0]) for case, item in step.cases.items()}
            running = str(self.region(step.statement)) if not isinstance(self.running, _Branch) else str(self.running)
            self.assign(running, values, made)
            return Code(running, typed=running in self.typed)
        return made

    def call_module(self, step: MergedItem, inputs: list[Code]) -> Code:
        module = self.module_reference(step)
        node = step.first
        if isinstance(node, Node) and node.op.name == "attention":
            return self._attention(step, module, inputs)
        if isinstance(node, Node) and node.op.name in ("lstm", "gru"):
            return self._recurrent(step, module, inputs)
        return code.call(module, inputs)

    def _attention(self, step: MergedItem, module: str, inputs: list[Code]) -> Code:
        x = inputs[0]
        if not str(x).isidentifier():
            values = {case: _canonical(item.inputs[0]) for case, item in step.cases.items()}
            running = str(self.region(step.statement)) if not isinstance(self.running, _Branch) else str(self.running)
            self.assign(running, values, x)
            x = Code(running, typed=running in self.typed)
        keywords = [("need_weights", Code("False"))]
        if Use(self.unit, step.nodes).same("causal"):
            self.emission.uses.add("causal_mask")
            mask = code.call("causal_mask", [x], nests=0)
            keywords = [("attn_mask", mask), ("is_causal", Code("True")), *keywords]
        if not step.first.inputs[0].type.batched:
            # Without a batch the module takes [length, features] as well.
            pass
        return code.subscript(code.call(module, [x, x, x], keywords), [Code("0")])

    def _recurrent(self, step: MergedItem, module: str, inputs: list[Code]) -> Code:
        """(sequence, last state): PyTorch gives the states of all layers and directions apart."""
        self.emission.uses.add("recur")
        return code.call("recur", [Code(module), inputs[0]], typed=True)

    def _functional(self, step: MergedItem, inputs: list[Code]) -> Code:
        """An operator whose weight is a value."""
        node = step.first
        use = Use(self.unit, step.nodes, in_forward=True)
        weights: dict[str, Code] = {}
        for name in node.fed:
            source = {case: item.fed[name] for case, item in step.nodes.items() if item.fed}
            if any(isinstance(each, tuple) for each in source.values()):
                owner, tied = node.fed[name]
                path = relative_path(owner, self.unit.instances[0], node)
                weights[name] = Code(self.constructor._tied_source(path, tied), typed=True)
            else:
                weights[name] = self.read(source, step)  # type: ignore[arg-type]
        for weight in node.weights:
            weights[weight.name] = Code(f"self.{self.constructor.attribute(step)}.{weight.name}", typed=True)
        return functional(use, inputs[0], weights, self)

    # --- References to modules --------------------------------------------------------------------

    def module_reference(self, step: MergedItem) -> str:
        if id(step) in self.loop_modules:
            return self.loop_modules[id(step)]
        shared = {case: item.shared for case, item in step.cases.items()}
        if all(each is not None for each in shared.values()):
            case = next(iter(step.cases))
            target = shared[case]
            assert target is not None
            return self._path_reference(relative_path(target, case.instance, step.first))
        if self.unit.loops:
            return self._loop_reference(step)
        name = self.constructor.attribute(step)
        return self._path_reference(name)

    def _path_reference(self, name: str) -> str:
        head, _, index = name.rpartition(".")
        if name.isidentifier():
            return f"self.{name}"
        if head in self.constructor.parts and index.isdigit():
            return f"self.{head}[{index}]"
        if head in self.constructor.holders and index in self.constructor.holders[head]:
            return f"self.{name}"
        return f"self.get_submodule({code.quote(name)})"

    def _loop_reference(self, step: MergedItem) -> str:
        names = {case: item.name for case, item in step.cases.items()}
        if not any(names.values()):
            return f"self.{self.constructor.attribute(step)}"
        raise Disagree(names, "a part of a loop has no common name")

    # --- Combines -----------------------------------------------------------------------------------

    def join(self, step: MergedJoin) -> None:
        before = self.current
        branches = self._branches(step.program)
        if (self.pending is not None and any(not _is_bare(branch) for branch in branches)) or self.pending is not None:
            self.flush()
        start = dict(self.current)
        made: dict[int, Code] = {}
        outer_running, outer_statement = self.running, self._statement
        outer_before = self._before
        region = str(self.region(step.statement)) if not isinstance(outer_running, _Branch) else str(outer_running)
        trivial = sum(1 for branch in branches if _is_bare(branch))
        simple = len(branches) == 2 and trivial == 1
        for number, branch in enumerate(branches):
            self.current = dict(start)
            self.current.update({case: start.get(_outer(case, start), value) for case, value in start.items()})
            prefix = f"{outer_running}_{number + 1}" if isinstance(outer_running, _Branch) else f"branch{number + 1}"
            self.running = _Branch(self._free_branch(prefix))
            self._statement = branch.first.syntax
            self._before = dict(start)
            count = len(self.statements)
            for each in branch.program:
                self.step(each)
            values = {case: each.value for case, each in branch.cases.items()}
            made[number] = self._branch_code(values, simple and len(self.statements) == count, branch)
        self.running, self._statement, self._before = outer_running, outer_statement, outer_before
        self.current = before
        inputs = [made[number] for number in range(len(branches))]
        # Branches that give lists, and names that were given to the combine, come as inputs of its node.
        node_inputs = step.node.first.inputs
        if len(node_inputs) != len(inputs):
            inputs = self._inputs(step.node)
        name = step.node.first.op.name
        use = Use(self.unit, step.node.nodes, in_forward=True)
        del region
        inputs = [self._simple(step.node, each, name, number) for number, each in enumerate(inputs)]
        self._finish(step.node, EXPRESSIONS[name](use, inputs))

    def _free_branch(self, prefix: str) -> str:
        return safe(prefix, self.unit.labels & set(self.value_names.values()))

    def _branches(self, program: Program) -> list[MergedBranch]:
        found: list[MergedBranch] = []
        for step in program:
            if isinstance(step, MergedBranch):
                found.append(step)
            elif isinstance(step, MergedTurns):
                self.constructor._pin_loop(step)
                for number in range(step.count):
                    found += self._branches(step.turn(number))
            elif isinstance(step, MergedChoice):
                if not step.agreed:
                    raise Disagree({case: each.arm for case, each in step.cases.items()}, "branches are optional")
                self.constructor.pin_choice(step)
                for arm in step.arms.values():
                    found += self._branches(arm)
        return found

    def _branch_code(self, values: CaseValues, short: bool, branch: MergedBranch) -> Code:
        """A branch of one call stands in the combine; others have a line before it."""
        if any(not isinstance(value, Value) for value in values.values()):
            self.flush()
            return Code("")
        made = self.read(values, None)
        width = len(str(made)) + self.indent
        if made.calls <= 1 or (short and made.calls <= 3 and width < WIDTH - 40):
            return made
        name = str(self.running)
        resolved = {case: _canonical(value) for case, value in values.items()}
        labels = {self.value_names.get(value, "") for value in resolved.values()}
        if any(value in self.named for value in resolved.values()) and len(labels) == 1 and "" not in labels:
            name = self.variable(next(iter(labels)))
        self.assign(name, resolved, made)
        return Code(name, typed=name in self.typed)

    # --- if -----------------------------------------------------------------------------------------

    def choice(self, step: MergedChoice) -> None:
        if step.agreed:
            self.constructor.pin_choice(step)
            for arm in step.arms.values():
                self._inside(arm)
            return
        if self.unit.loops:
            raise Disagree({case: each.arm for case, each in step.cases.items()}, "an `if` differs in a loop")
        self.flush()
        running = str(self.region(step.statement)) if not isinstance(self.running, _Branch) else str(self.running)
        entry = dict(self.current)
        if any(case not in entry for case in step.cases):
            raise Disagree({case: each.arm for case, each in step.cases.items()}, "an `if` without a current value")
        changes = any(not self._keeps_current(arm) for arm in step.arms.values())
        passed = [case for case, each in step.cases.items() if each.arm < 0 or self._keeps_current(step.arms[each.arm])]
        if changes and passed:
            made = self.read({case: entry[case] for case in step.cases}, None)
            if str(made) != running:
                self.assign(running, {case: entry[case] for case in step.cases}, made)
        tests = self.constructor.tests(step)
        named = _named_in_several(step.arms.values())
        holds = {name: dict(values) for name, values in self.holds.items()}
        typed = set(self.typed)
        results: dict[Case, Value] = {}
        after: dict[str, dict[Case, Value]] = {}
        word = "if"
        for number, test in enumerate(tests):
            arm = step.arms.get(number, [])
            later = any(each > number for each in step.arms)
            if not arm and not later:
                continue
            if test is None:
                self.statements.append(Statement("else:", None, indent=self.indent))
            else:
                attribute = self.unit.attribute(self._test_name(step, number), test)
                self.statements.append(Statement(f"{word} {attribute}:", None, indent=self.indent))
                word = "elif"
            self.holds = {name: dict(values) for name, values in holds.items()}
            self.indent += 4
            count = len(self.statements)
            inner = {case: each for case, each in step.cases.items() if each.arm == number}
            self.current = {_inner(case, arm): entry[case] for case in inner} if arm else {}
            self.program(arm)
            for name, values in _namings(arm).items():
                if name in named:
                    self.assign(safe(name), values, self.read(values, None))
            self.flush()
            if arm and changes:
                final = {case: self.current[case] for case in self.current}
                made = self.read(final, None)
                if str(made) != running:
                    self.assign(running, final, made)
                for case, value in final.items():
                    results[_parent(case, inner)] = value
            if len(self.statements) == count:
                self.statements.append(Statement("pass", None, indent=self.indent))
            self.indent -= 4
            for name, values in self.holds.items():
                for case, value in values.items():
                    parent = _parent(case, inner)
                    if case not in holds.get(name, {}) and parent is not case:
                        after.setdefault(name, {})[parent] = value
        self.holds = holds
        self.typed = typed
        for case in step.cases:
            results.setdefault(case, entry[case])
        for name, values in after.items():
            if name != running:
                self._hold(name, values)
        if changes:
            self._hold(running, results)
            self.current = {**entry, **results}
        else:
            self.current = entry

    def _keeps_current(self, program: Program) -> bool:
        return not any(isinstance(each, MergedItem | MergedJoin | MergedTurns | MergedChoice) for each in program)

    def _test_name(self, step: MergedChoice, number: int) -> str:
        """`with_add`: what an `if` of `forward` is about."""
        program = step.arms.get(number) or next(iter(step.arms.values()))
        for each in walk(program):
            if isinstance(each, MergedItem):
                first = each.first
                if isinstance(first, Scope):
                    what = first.name.split(".")[0] if first.labelled else self.emission.snake(first)
                else:
                    what = first.name.split(".")[0] if first.labelled else first.op.name
                return f"with_{what}"
        return "with_branch"

    # --- Loops --------------------------------------------------------------------------------------

    def turns(self, step: MergedTurns) -> None:
        counts = step.counts
        longest = max(counts.values(), default=0)
        whole = longest > 1 and id(step.first.syntax) not in self.unrolled and not self.unit.loops
        if whole and self._loop(step):
            return
        count = step.count
        if self.emission.whole_loops.get(id(step.first.syntax)) == "names":
            self.emission.unroll(step)
        self.constructor._pin_loop(step)
        for number in range(count):
            self._inside(step.turn(number))

    def _inside(self, program: Program) -> None:
        """A turn or an arm, written as if it stood in the text around it."""
        current = self.current
        inner = _cases_of(program)
        self.current = {case: current[case.parent] for case in inner if case.parent in current}
        self._statement = None
        self.program(program)
        after = self.current
        self.current = dict(current)
        for case, value in after.items():
            if case in inner and case.parent is not None:
                self.current[case.parent] = value
        self._lower(inner)
        self.flush()

    def _lower(self, inner: set[Case]) -> None:
        """What variables hold in a turn, they hold after it."""
        if self.pending is not None:
            self.pending.values = {(_up(case, inner)): value for case, value in self.pending.values.items()}
        for values in self.holds.values():
            for case in [each for each in values if each in inner]:
                assert case.parent is not None
                values[case.parent] = values.pop(case)

    def _loop(self, step: MergedTurns) -> bool:
        """A loop as a loop: over a list of parts, or over all children."""
        unit = self.unit
        try:
            body = step.body()
        except Disagree:
            return False
        iteration = self._iteration(step, body)
        if iteration is None:
            return False
        self.flush()
        head, modules = iteration
        running = str(self.running)
        cases = _cases_of(body)
        entry = dict(self.current)
        last = {case: _last_value(body, case) for case in cases}
        by_turn = {(case.parent, case.number): case for case in cases}
        if any(value is None for value in last.values()):
            return False
        loop = Loop(step, 0, unit)
        count = len(self.statements)
        holds = {name: dict(values) for name, values in self.holds.items()}
        typed, lines = set(self.typed), dict(self.first_line)
        state = unit.state.copy()
        current = self.current
        try:
            made = self.read({case: entry[case] for case in step.cases}, None)
            if str(made) != running:
                self.assign(running, {case: entry[case] for case in step.cases}, made)
            self.statements.append(Statement(head, None, indent=self.indent, span=self.span))
            unit.loops.append(loop)
            self.loops.append(step)
            self.loop_modules.update(modules)
            entering: dict[Case, Value] = {}
            for case in cases:
                assert case.parent is not None
                before = by_turn.get((case.parent, case.number - 1))
                value = entry[case.parent] if before is None else last[before]
                assert value is not None
                entering[case] = value
            self._hold(running, entering)
            self.current = dict(entering)
            self.indent += 4
            self._statement = None
            self.program(body)
            self.flush()
            final = {case: value for case, value in last.items() if value is not None}
            made = self.read(final, None)
            if str(made) != running:
                self.assign(running, final, made)
            self.indent -= 4
        except Disagree:
            if self.indent > 8 and len(self.statements) > count:
                self.indent -= 4
            del self.statements[count:]
            self.holds, self.typed, self.first_line, self.pending = holds, typed, lines, None
            unit.state, self.current = state, current
            return False
        finally:
            if loop in unit.loops:
                unit.loops.remove(loop)
            if step in self.loops:
                self.loops.remove(step)
        results = dict(entry)
        for case in step.cases:
            turns = step.counts[case]
            if turns:
                value = last[by_turn[case, turns - 1]]
                assert value is not None
                results[case] = value
        self.holds = holds
        self._hold(running, {case: results[case] for case in step.cases})
        self.current = results
        return True

    def _iteration(self, step: MergedTurns, body: Program) -> tuple[str, dict[int, str]] | None:
        """The head of a loop, and what the parts of its turns are called in it."""
        named = [each for each in _items(body) if any(item.name for item in each.cases.values())]
        if not named or id(step.first.syntax) not in self.emission.whole_loops:
            return None
        heads: dict[str, MergedItem] = {}
        for each in named:
            names = {case: item.name for case, item in each.cases.items()}
            bases = {name.rpartition(".")[0] for name in names.values()}
            if len(bases) == 1 and all(name.rpartition(".")[2] == str(case.number) for case, name in names.items()):
                base = bases.pop()
                if base:
                    heads[base] = each
        if len(heads) == len(named) and all(head in self.constructor.parts for head in heads):
            targets = {head: self._module_variable(item) for head, item in heads.items()}
            modules = {id(item): targets[head] for head, item in heads.items()}
            if len(heads) == 1:
                (head,) = heads
                return f"for {targets[head]} in self.{head}:", modules
            lists = ", ".join(f"self.{head}" for head in heads)
            return f"for {', '.join(targets.values())} in zip({lists}, strict=True):", modules
        if len(named) == 1 and self._only_children(named[0]):
            target = self._module_variable(named[0])
            return f"for {target} in self.children():", {id(named[0]): target}
        return None

    def _only_children(self, step: MergedItem) -> bool:
        """Whether a class has no other parts than those of a loop."""
        for instance in self.unit.instances:
            mine = {id(item) for item in step.cases.values()}
            for item in instance.items:
                if id(item) in mine:
                    continue
                if isinstance(item, Scope) or item.owns_module or item.op.name in (*ATTRIBUTES, "param", "buffer"):
                    return False
        return True

    def _module_variable(self, step: MergedItem) -> str:
        first = step.first
        if isinstance(first, Scope) and first.kind == "block":
            base = self.emission.snake(first)
        elif isinstance(first, Node):
            base = first.op.name
        else:
            base = "part"
        label = first.name.rstrip("0123456789_-.")
        if first.labelled and label and "." not in first.name and label.isidentifier():
            base = label
        return safe(base, {"x", "y", *self.formal_names, *self.holds})


class _Branch(str):
    """The running name of a branch."""


# --- Helpers --------------------------------------------------------------------------------------


def _for_heads(step: Any) -> bool:
    """Whether a step of the net belongs to a training head alone."""
    first = step.first
    if isinstance(first, Output):
        return first.train
    if isinstance(step.statement, tree.Output):
        return step.statement.train
    if isinstance(step, MergedItem):
        return bool(first.train_only)
    return isinstance(step, MergedJoin) and bool(step.node.first.train_only)


def _canonical(value: Any) -> Value:
    """The value itself: a view of whole numbers as fractions is no tensor of its own."""
    while value.link is not None and value.scope is None and value.node is None:
        value = value.link
    found: Value = value
    return found


def _flat(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [each for item in value for each in _flat(item)]
    return [value]


def _name_values(name: str, value: Any, names: dict[Value, str]) -> None:
    if isinstance(value, Value):
        names.setdefault(_canonical(value), name)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            _name_values(f"{name}_{number}", item, names)


def _is_bare(branch: MergedBranch) -> bool:
    """Whether a branch is a name or `identity()`."""
    for step in branch.program:
        if isinstance(step, MergedItem) and isinstance(step.first, Node) and step.first.op.name == "identity":
            continue
        if not isinstance(step, MergedNote):
            return False
    return True


def _outer(case: Case, known: Mapping[Case, Any]) -> Case:
    return next((each for each in case.around() if each in known), case)


def _inner(case: Case, program: Program) -> Case:
    """The case of an arm that belongs to a case around it."""
    return next(each for each in _cases_of(program) if each.parent is case)


def _namings(program: Program) -> dict[str, dict[Case, Value]]:
    """The values that a program names with `name = …`, directly."""
    found: dict[str, dict[Case, Value]] = {}
    for step in program:
        if isinstance(step, MergedNote):
            for case, each in step.cases.items():
                if isinstance(each, Naming) and isinstance(each.value, Value):
                    found.setdefault(each.name, {})[case] = _canonical(each.value)
    return found


def _named_in_several(arms: Iterable[Program]) -> set[str]:
    """The names that more than one arm of an `if` gives, so that each arm has to put its value in that variable."""
    counts = Counter(name for arm in arms for name in _namings(arm))
    return {name for name, count in counts.items() if count > 1}


def _parent(case: Case, inner: Mapping[Case, Any]) -> Case:
    return next((each for each in case.around() if each in inner), case)


def _up(case: Case, inner: set[Case]) -> Case:
    return case.parent if case in inner and case.parent is not None else case


def _cases_of(program: Program) -> set[Case]:
    return {case: None for step in program for case in step.cases}.keys()  # type: ignore[return-value]


def _items(program: Program) -> list[MergedItem]:
    found: list[MergedItem] = []
    for step in program:
        if isinstance(step, MergedItem):
            found.append(step)
        elif isinstance(step, MergedJoin):
            found += [*_items(step.program), step.node]
        elif isinstance(step, MergedBranch):
            found += _items(step.program)
        elif isinstance(step, MergedChoice):
            for arm in step.arms.values():
                found += _items(arm)
        elif isinstance(step, MergedTurns):
            for number in range(max(step.counts.values(), default=0)):
                found += _items(step.turn(number))
    return found


def _last_value(program: Program, case: Case) -> Value | None:
    """The current value at the end of a turn."""
    for step in reversed(program):
        statement = step.statement
        if isinstance(statement, tree.Bind | tree.Output):
            continue
        if isinstance(step, MergedItem) and case in step.cases:
            item = step.cases[case]
            if isinstance(item, Node) and item.op.name in ("param", "constant", "buffer"):
                continue
            return item.outputs[0] if len(item.outputs) == 1 else None
        if isinstance(step, MergedJoin) and case in step.cases:
            return step.node.cases[case].outputs[0]
        if isinstance(step, MergedNote) and isinstance(step.first, Fetch):
            fetched = step.cases[case].values  # type: ignore[union-attr]
            return _canonical(fetched) if isinstance(fetched, Value) else None
        if isinstance(step, MergedChoice | MergedTurns):
            return None
    return None


_SPATIAL = {2: ("length",), 3: ("height", "width"), 4: ("depth", "height", "width")}


def sized_by(node: Node) -> Value | None:
    """The value whose height and width, all of them, the author gives as a size: `crop([up.height, up.width])`."""
    origin = node.given.get("size")
    if origin is None or not isinstance(origin.expr, tree.Sequence) or not node.inputs[0].type.batched:
        return None
    axes = _SPATIAL.get(len(node.inputs[0].type.shape), ())
    items = origin.expr.items
    if tuple(each.name if isinstance(each, tree.Attribute) else "" for each in items) != axes:
        return None
    values = []
    for each in items:
        assert isinstance(each, tree.Attribute)
        try:
            values.append(evaluate(each.base, origin.env))
        except (Trouble, Poisoned):
            return None
    first = values[0]
    if not isinstance(first, Value) or any(value is not first for value in values) or not first.type.batched:
        return None
    return _canonical(first) if len(first.type.shape) == len(axes) + 1 else None


def functional(use: Use, x: Code, weights: Mapping[str, Code], forward: Forward) -> Code:
    """A weighted operator as a function of its input and weights."""
    node = use.node
    name = node.op.name
    bias = weights.get("bias")
    keywords: list[tuple[str, Code]] = [] if bias is None else [("bias", bias)]
    if name in ("conv", "convtranspose"):
        if not use.is_default("stride", 1):
            keywords.append(("stride", use.axes("stride")))
        keywords += use.optional("padding", "padding", 0, axes=True)
        if name == "convtranspose":
            keywords += use.optional("output_padding", "output_padding", 0, axes=True)
        keywords += use.optional("groups", "groups", 1) + use.optional("dilation", "dilation", 1, axes=True)
        function = f"F.{'conv_transpose' if name == 'convtranspose' else 'conv'}{use.rank}d"
        return code.call(function, [x, weights["weight"]], keywords, typed=True)
    if name == "linear":
        return code.call("F.linear", [x, weights["weight"]], keywords, typed=True)
    if name == "embedding":
        return code.call("F.embedding", [x, weights["weight"]], typed=True)
    raise cannot(f"weights of `{name}` that are given as values cannot be written yet", node.span)
