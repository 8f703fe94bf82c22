"""Stages in `forward`: calls of modules, and expressions of operators without weights."""

from __future__ import annotations

from netdsl.graph.graph import Naming, Node, Scope, Value
from netdsl.lower.programs.align import (
    Disagree,
    MergedChoice,
    MergedItem,
)
from netdsl.lower.programs.errors import cannot
from netdsl.lower.programs.values import DECLARED, canonical, is_alias, relative_path, sized_by, within
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.emit.constructor.attributes import in_list, part_at
from netdsl_pytorch.emit.constructor.callees import callee_differs
from netdsl_pytorch.emit.forward.inputs import RUNNING
from netdsl_pytorch.emit.forward.lines import BranchName, Line, Pending
from netdsl_pytorch.emit.forward.sizes import Sizes
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.emit.operators.record import Call
from netdsl_pytorch.python.layout import WIDTH
from netdsl_pytorch.python.nodes import Name

MOST_CALLS = 4
"""Calls nested on one line, before it is split at a part with weights."""


LONG = 80
"""Columns of an expression that is put on a line of its own before more is done with it."""


class Stages(Sizes):
    """Writes operators and uses of blocks."""

    def region(self, statement: tree.Statement | None) -> str:
        """What the current value of a statement is called while it runs."""
        if isinstance(statement, tree.Bind) and isinstance(statement.target, tree.NamePattern):
            target = statement.target.target
            if isinstance(target, tree.Name) and target.id != "_":
                return self.clear(self.variable(target.id), id(statement))
        if isinstance(statement, tree.Output) and isinstance(statement.name, tree.Name):
            return self.clear(self.emission.local(statement.name.id), id(statement))
        return self.running

    def running_name(self, step: MergedItem | MergedChoice) -> str:
        """The variable of the current value at a step: within a branch that of the branch."""
        name = str(self.running) if isinstance(self.running, BranchName) else str(self.region(step.statement))
        return self.clear(name, None) if self.single else name

    def emit(self, step: MergedItem, made: Code) -> None:
        """The expression that a step gives becomes what is pending."""
        values = dict(step.values().items())
        running = self.running_name(step)
        self.pending = Pending(values, made, str(running), self.span)
        self.current.update(values)
        if self.single or any(value in self.named and value not in self.goes_on for value in values.values()):
            self.flush()

    def item(self, step: MergedItem) -> None:
        first = step.first
        if isinstance(first, Node) and first.op.name in DECLARED:
            return
        if is_alias(first) and not callee_differs(step):
            self.current.update({case: canonical(value) for case, value in step.values().items()})
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
            values = {case: canonical(value) for case, value in step.values(index).items()}
            if all(self.emission.traces.uses_of(value) == 0 for value in values.values()):
                targets.append("_")
                continue
            names = {self.value_names.get(value, "") for value in values.values()}
            name = next(iter(names)) if len(names) == 1 else ""
            name = name or (self.result_name(step, index) if self.unit.loops else "")
            usual = str(self.running) if self.goes_on.issuperset(values.values()) else f"x{index + 1}"
            target = self.clear(
                self.variable(name) if name and usual != self.running else usual, frozenset(values.values())
            )
            targets.append(target)
            if target not in self.holds:
                self.first_line[target] = len(self.statements)
            self._hold(target, values)
            if made.typed:
                self.typed.add(target)
        self.statements.append(Line(made, tuple(targets), self.comment({}), self.indent, self.span))
        self.current.update(step.values())

    def result_name(self, step: MergedItem, number: int) -> str:
        """What a block calls one of its results; empty where its uses differ in that."""
        names = {_own_name(item, number) for item in step.cases.values()}
        name = names.pop()
        return name if not names and name.isidentifier() and not RUNNING.fullmatch(name) else ""

    def _inputs(self, step: MergedItem) -> list[Code]:
        scopes = isinstance(step.first, Scope)
        all_inputs = {}
        for case, item in step.cases.items():
            if isinstance(item, Scope) and item.kind == "sequence":
                all_inputs[case] = self.emission.traces.free_values(item)
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

    def use(self, step: MergedItem) -> Use:
        """The use of an operator in `forward`."""
        use = Use(self.unit, step.nodes, in_forward=True)
        use.spill, use.size_here = self._spill, self.size_here
        return use

    def operator(self, step: MergedItem) -> None:
        node = step.first
        record = record_of(node)
        inputs = self._inputs(step)
        if node.fed and not all(isinstance(source, tuple) for source in node.fed.values()):
            self.emit(step, self._functional(step, inputs))
            return
        by_value = record.sized is not None and sized_by(node) is not None
        if by_value and not (record.attribute and self.unit.loops):
            self._sized(step, inputs)
            return
        if node.owns_module or record.attribute or record.function is None:
            if node.owns_module:
                inputs = [self._split_before(step, made, number) for number, made in enumerate(inputs)]
            if record.results > 1:
                self._first_of_several(step, inputs[0])
            else:
                self._finish(step, self.call_module(step, inputs))
            return
        use, inputs = self._prepared(step, inputs)
        made = record.function(use, inputs)
        # A tuple is of Tensors where the input is one.
        self._finish(step, code.typed_as(made, inputs[0].typed) if record.several else made)

    def _prepared(self, step: MergedItem, inputs: list[Code]) -> tuple[Use, list[Code]]:
        """What an expression is written from: what it mentions more than once is in a variable."""
        use = self.use(step)
        if len(inputs) == 1 and code.width(inputs[0]) + self.indent > LONG and not isinstance(inputs[0], Name):
            # A chain of methods on a long call would not fit on its line.
            values = {case: canonical(item.inputs[0]) for case, item in step.cases.items()}
            running = self.running_name(step)
            self.assign(running, values, inputs[0])
            inputs = [code.name(running, typed=running in self.typed)]
        inputs = [self._simple(step, use, each, number) for number, each in enumerate(inputs)]
        note = record_of(step.first).note(step.first)
        if note:
            self.notes.append(note)
        return use, inputs

    def _sized(self, step: MergedItem, inputs: list[Code]) -> None:
        """An operator that makes an image as large as another: the size is read from that one."""
        record = record_of(step.first)
        assert record.sized is not None
        if record.attribute:
            use = self.use(step)
        else:
            use, inputs = self._prepared(step, inputs)
        self._finish(step, record.sized(use, inputs, self._sized_like(step)))

    def _sized_like(self, step: MergedItem) -> Code:
        """The value that the author names the size of."""
        values = {case: sized_by(node) for case, node in step.nodes.items()}
        pending, self.pending = self.pending, None
        like = self.read({case: value for case, value in values.items() if value is not None}, None)
        self.pending = pending
        return like

    def _spill(self, made: Code) -> Code:
        """A part of a long expression on a line of its own."""
        name = self._fresh("y")
        self.statements.append(Line(made, (name,), "", self.indent, self.span))
        self.holds[name] = {}
        if made.typed:
            self.typed.add(name)
        return code.name(name, typed=made.typed)

    def _simple(self, step: MergedItem, use: Use, made: Code, number: int) -> Code:
        """An input that an operator mentions more than once is put into a variable first."""
        if not record_of(step.first).repeats(use, number) or code.is_path(made):
            return made
        if len(step.first.inputs) > 1:
            # A name of its own: other inputs may be computed from what the running variable holds.
            return self._spill(made)
        values = {case: canonical(item.inputs[number]) for case, item in step.cases.items()}
        running = self.running_name(step)
        self.assign(running, values, made)
        return code.name(running, typed=running in self.typed)

    def _split_before(self, step: MergedItem, made: Code, number: int) -> Code:
        """A line with too many calls is split before a part with weights."""
        follow = 1 + self.calls_after.get(id(step), 0)
        long = code.width(made) + self.indent > WIDTH - 40
        if number == 0 and not isinstance(made, Name) and (made.calls + follow > MOST_CALLS or long):
            values = {case: canonical(item.inputs[0]) for case, item in step.cases.items()}
            running = self.running_name(step)
            self.assign(running, values, made)
            return code.name(running, typed=running in self.typed)
        return made

    def call_module(self, step: MergedItem, inputs: list[Code]) -> Code:
        module = self.module_reference(step)
        call = record_of(step.first).call if isinstance(step.first, Node) else None
        if call is not None:
            return call(Call(Use(self.unit, step.nodes), module, inputs))
        return code.call(module, [*inputs, *self._parts_passed(step)])

    def _parts_passed(self, step: MergedItem) -> tuple[Code, ...]:
        """The parts around a group that it uses again, which its `forward` is given."""
        found = {
            case: tuple([self.part_reference(part, case.instance) for part in self.emission.traces.outer_parts(scope)])
            for case, scope in step.scopes.items()
            if case.instance.shared is None
        }
        if len(set(found.values())) > 1:
            raise Disagree(found, "the uses are given different parts")
        return next(iter(found.values()), ())

    def part_reference(self, part: Node | Scope, instance: Scope) -> Code:
        """A part that is made elsewhere: in this class, or around it and given to `forward`."""
        if within(part, instance):
            return self._path_reference(relative_path(part, instance, part))
        return code.name(self.part_names()[part])

    def _first_of_several(self, step: MergedItem, x: Code) -> None:
        """`x, _ = self.attn(x, x, x)`: the module gives more than the result."""
        if not isinstance(x, Name):
            values = {case: canonical(item.inputs[0]) for case, item in step.cases.items()}
            running = self.running_name(step)
            self.assign(running, values, x)
            x = code.name(running, typed=running in self.typed)
        made = self.call_module(step, [x])
        values = step.values()
        target = self._variable(Pending(values, x, self.running_name(step), self.span))
        others = ("_",) * (record_of(step.first).results - 1)
        self.first_line.setdefault(target, len(self.statements))
        self.statements.append(Line(made, (target, *others), self.shape_of(values), self.indent, self.span))
        self._hold(target, values)
        if target not in self.formal_names:
            self.typed.discard(target)
        self.current.update(values)

    def _functional(self, step: MergedItem, inputs: list[Code]) -> Code:
        """An operator whose weight is a value."""
        node = step.first
        held = bool(node.weights) or any(isinstance(source, tuple) for source in node.fed.values())
        if held and self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "weights are given in a loop")
        use = self.use(step)
        weights: dict[str, Code] = {}
        for name in node.fed:
            source = {case: item.fed[name] for case, item in step.nodes.items() if item.fed}
            if any(isinstance(each, tuple) for each in source.values()):
                weights[name] = self.constructor.held_weight(step, name)
            else:
                weights[name] = self.read(source, step)  # type: ignore[arg-type]
        for weight in node.weights:
            weights[weight.name] = self.constructor.held_weight(step, weight.name)
        write = record_of(node).weighted
        if write is None:
            raise cannot(f"weights of `{node.op.name}` that are given as values cannot be written yet", node.span)
        return write(use, inputs[0], [(name, weights[name]) for name in ("weight", "bias") if name in weights])

    def module_reference(self, step: MergedItem) -> Code:
        if id(step) in self.loop_modules:
            return code.name(self.loop_modules[id(step)])
        shared = {case: item.shared for case, item in step.cases.items()}
        if all(each is not None for each in shared.values()):
            cases = [case for case in step.cases if case.instance.shared is None] or list(step.cases)[:1]
            found = {case: self.part_reference(part, case.instance) for case in cases if (part := shared[case])}
            if len(set(found.values())) > 1:
                raise Disagree(found, "the uses share different parts")
            return found[cases[0]]
        if self.unit.loops:
            return self._loop_reference(step)
        name = self.constructor.attribute(step)
        return self._path_reference(name)

    def _path_reference(self, name: str) -> Code:
        head, _, index = name.rpartition(".")
        if name.isidentifier():
            return code.name(f"self.{name}")
        if head in self.constructor.parts and index.isdigit() and not in_list(head):
            return self.constructor.element(head, index)
        if head in self.constructor.holders and index in self.constructor.holders[head]:
            return code.name(f"self.{name}")
        return part_at(name)

    def _loop_reference(self, step: MergedItem) -> Code:
        names = {case: item.name for case, item in step.cases.items()}
        if not any(names.values()):
            return code.name(f"self.{self.constructor.attribute(step)}")
        raise Disagree(names, "a part of a loop has no common name")


def _own_name(item: Node | Scope, number: int) -> str:
    """What the author calls a result of a block where it is made."""
    if isinstance(item, Node) or item.outputs[number].link is None:
        return ""
    result = canonical(item.outputs[number].link)
    for step in item.steps:
        if isinstance(step, Naming) and isinstance(step.value, Value) and canonical(step.value) is result:
            return step.name
        if isinstance(step, Node | Scope) and step.labelled and canonical(step.outputs[0]) is result:
            return step.name
    return ""
