"""The constructor of a class: a line for each part that the text makes, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from netdsl.graph.graph import Node, Scope
from netdsl.lower.programs.align import (
    Disagree,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedStep,
    MergedTurns,
    Program,
)
from netdsl.lower.programs.loops import Loop
from netdsl.lower.programs.values import DECLARED, sized_by
from netdsl.symbolic import Unknown
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.unit import unit_of
from netdsl_pytorch.emit.constructor.callees import callee_differs
from netdsl_pytorch.emit.constructor.growing import Growing
from netdsl_pytorch.emit.constructor.modules import INDENT, Line, Parts
from netdsl_pytorch.emit.constructor.tensors import named
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.python.statements import Evaluate, For, Statement, assigned, choice


class Constructor(Growing):
    """Writes the body of `__init__`."""

    def write(self) -> list[Line]:
        self.program(self.unit.program, INDENT)
        self.unit.carried = None  # what stands before these lines, or in other methods, does not see it
        for entry in self.entries:
            if entry.parts:
                entry.statements = [self._list_statement(entry.parts)]
        return self.entries

    def program(self, program: Program, indent: int) -> None:
        for step in program:
            self.unit.place = step.first.syntax.span
            try:
                self._step(step, indent)
            except Disagree as misfit:
                misfit.at(step)
                raise

    def _step(self, step: MergedStep, indent: int) -> None:
        if isinstance(step, MergedItem):
            self.item(step, indent)
        elif isinstance(step, MergedTurns):
            self.turns(step, indent)
        elif isinstance(step, MergedChoice):
            self.choice(step, indent)
        elif isinstance(step, MergedJoin):
            self.program(step.program, indent)
            self.item(step.node, indent)
        elif isinstance(step, MergedBranch):
            self.program(step.program, indent)

    def item(self, step: MergedItem, indent: int) -> None:
        first = step.first
        if all(item.shared is not None for item in step.cases.values()):
            return
        if not self.makes_attribute(step):
            return
        if isinstance(first, Node) and first.op.name in DECLARED:
            self.tensor(step, indent)
        elif isinstance(first, Node) and first.fed:
            self.fed(step, indent)
        elif isinstance(first, Scope) and self._labelled_if(step) is not None:
            self.labelled_choice(step, indent)
            self.tie_inside(step, indent)
        elif self.grown(step, indent):
            self.tie_inside(step, indent)
        else:
            made = self.module(step)
            self.assign(step, made, indent, self._type_name(made))
            if isinstance(first, Scope):
                self.tie_inside(step, indent)

    def makes_attribute(self, step: MergedItem) -> bool:
        """Whether the class has an attribute for a step."""
        first = step.first
        if isinstance(first, Scope):
            return True
        if first.op.name in DECLARED or first.owns_module:
            return True
        if callee_differs(step):
            return True
        record = record_of(first)
        return record.attribute and (record.sized is None or sized_by(first) is None)

    def choice(self, step: MergedChoice, indent: int) -> None:
        self.pin_choice(step)
        if step.agreed:
            for arm in step.arms.values():
                self.program(arm, indent)
            return
        if (self.unit.loops or self.apart) and self._some_have(step, indent):
            return
        arms = self.ordered_arms(step)
        written: list[tuple[Code | None, list[Statement]]] = []
        for number, test in arms:
            body: list[Statement] = []
            if number in step.arms:
                before, self.entries = self.entries, []
                try:
                    self.program(step.arms[number], indent + 4)
                except Disagree as error:
                    if len({repr(group) for group in error.groups.values()}) > 1:
                        raise
                    # What cannot stand under a condition can where all uses take one arm.
                    raise Disagree({case: each.arm for case, each in step.cases.items()}, str(error)) from error
                body = [each for entry in self.entries if not entry.always for each in entry.statements]
                self.entries = before + [each for each in self.entries if each.always]
            written.append((test, body))
        while written and not written[-1][1]:
            written.pop()  # an arm that owns nothing is no matter of the constructor
        if written:
            self.entries.append(Line([choice(written)], step.first.syntax.span))

    def _some_have(self, step: MergedChoice, indent: int) -> bool:
        """A part in each turn that only some uses have: in others `nn.Identity()` is in its place, and the loop is one
        for all."""
        item = step.only_item
        arms = {(case.instance, choice.arm) for case, choice in step.cases.items()}
        if item is None or len(arms) != len({case.instance for case in step.cases}):
            return False
        heads = {each.name.rpartition(".")[0] for each in item.cases.values()}
        if len(heads) != 1 or not next(iter(heads)):
            return False
        (test,) = self.tests(step)
        assert test is not None
        self.optional.setdefault(heads.pop(), Counter()).update(case.instance for case in item.cases)
        made = code.ternary(test, self.module(item), code.call("nn.Identity", []))
        self.assign(item, made, indent, "nn.Module")
        return True

    def _labelled_if(self, step: MergedItem) -> MergedChoice | None:
        """A labelled `if` on which the cases do not agree."""
        scope = step.first
        if not isinstance(scope.definition, tree.If) or unit_of(self.emission, scope) is not None or self.unit.loops:
            return None
        program = step.inside(self.emission.traces.steps)
        if len(program) == 1 and isinstance(program[0], MergedChoice) and not program[0].agreed:
            return program[0]
        return None

    def labelled_choice(self, step: MergedItem, indent: int) -> None:
        """`downsample: if … { … } else { … }`: an attribute with a module for each arm."""
        chosen = self._labelled_if(step)
        assert chosen is not None
        tests = self.tests(chosen)
        name = self.attribute(step)
        if not named(name):
            raise Disagree({case: each.arm for case, each in chosen.cases.items()}, "a list has another part")
        self._holder(name, "nn.Module", step.first.span)
        arms: list[tuple[Code | None, list[Statement]]] = []
        for number, test in enumerate([*tests, *([] if tests[-1] is None else [None])]):
            rows = self.members(chosen.arms[number]) if number in chosen.arms else []
            made = self.sequential("nn.Sequential", rows)
            if not rows or (len(rows) == 1 and rows[0].code == code.call("nn.Identity", [])):
                made = code.call("nn.Identity", [])
            arms.append((test, [assigned(f"self.{name}", made, "" if arms else "nn.Module")]))
        self.entries.append(Line([choice(arms)], step.first.span))

    def turns(self, step: MergedTurns, indent: int) -> None:
        counts = step.counts
        longest = max(counts.values(), default=0)
        if longest > 1 and not self.emission.is_unrolled(step):
            if self._whole_loop(step, indent, 0):
                return
            apart = min(counts.values()) > 0 and (longest > 2 or len(set(counts.values())) > 1)
            if apart and self._whole_loop(step, indent, 1):
                return
            if indent == INDENT and self.grown_turns(step):
                return
        count = step.count
        self._pin_loop(step)
        for number in range(count):
            self.program(step.turn(number), indent)

    def _fills(self, step: MergedTurns, path: str) -> bool:
        """Whether the parts of a list are those of the turns of a loop, and no others."""
        turns = Counter({case.instance: 0 for case in step.cases})
        for case, count in step.counts.items():
            turns[case.instance] += count
        if path in self.optional:
            turns = Counter({instance: self.optional[path][instance] for instance in turns})
        return all(
            count == sum(item.name.startswith(f"{path}.") for item in instance.items)
            for instance, count in turns.items()
        )

    def _whole_loop(self, step: MergedTurns, indent: int, start: int) -> bool:
        """A loop whose parts are elements of lists, or have computed names, as one statement each; from turn `start`
        on, those before on their own."""
        unit, state, entries = self.unit, self.unit.state.copy(), list(self.entries)
        parts = dict(self.parts)
        holders = {prefix: dict(names) for prefix, names in self.holders.items()}
        known = self.emission.solution.found()
        attributes = dict(unit.attribute_names), dict(unit.counters)
        loop = Loop(step, start, unit.variable)
        loop.settles = start > 0
        before, self.found = self.found, []
        optional = {head: Counter(each) for head, each in self.optional.items()}
        try:
            self.apart = True
            for number in range(start):
                self.program(step.turn(number), indent)
            self.apart = False
            own = list(self.entries)
            unit.loops.append(loop)
            body = step.body(start)
            self.program(body, indent)
            unit.loops.pop()
            if not self.found:
                self.entries = entries
                nothing = not any(isinstance(each, MergedItem) and each.first.owns_module for each in body)
                if not nothing or start:
                    raise Disagree(dict.fromkeys(step.cases, 0), "a loop makes no parts")
                return True
            span = step.statement.span if step.statement is not None else step.first.syntax.span
            turn = [each for _, made, template, _ in self.found for each in (made, template) if each is not None]
            target, iterable = self.loop_head(loop, turn)
            self.entries = own
            for head, made, template, train in self.found:
                if template is None:
                    self._fill(step, head, made, self.loop_head(loop, [made]), train, parts)
            named = [each for each in self.found if each[2] is not None]
            if named:
                adding: list[Statement] = []
                for _, made, template, _ in named:
                    assert template is not None
                    adding.append(Evaluate(code.call("self.add_module", [template, made])))
                self.entries.append(Line([For(target, iterable, tuple(adding))], span))
                for each in loop.names.values():
                    self.indices.pop(each, None)  # such a name stays what the last turn made it
                self.indices.pop(loop.index_name, None)
            self.emission.whole_loops[id(step.first.syntax)] = "names" if named else "lists"
            return True
        except (Disagree, Unknown):
            if loop in unit.loops:
                unit.loops.remove(loop)
            unit.state, self.entries, self.parts, self.holders = state, entries, parts, holders
            unit.attribute_names, unit.counters = attributes
            self.emission.solution.forget_since(known)
            self.optional, self.apart = optional, False
            return False
        finally:
            self.found = before

    def _fill(
        self,
        step: MergedTurns,
        head: str,
        each: Code,
        loop: tuple[str, Code],
        train: bool,
        parts: Mapping[str, Parts],
    ) -> None:
        """A list of what a loop makes, and what its first turns have made; `parts` are the lists before the loop."""
        if head in parts or not self._fills(step, head):
            raise Disagree(dict.fromkeys(step.cases, 0), "a loop is not all that fills a list")
        span = step.statement.span if step.statement is not None else step.first.syntax.span
        filled = self.list_at(head, span)
        first = [self._element(filled, name) for name in filled.elements]
        if first == [each] and loop[0] == "_":
            first, loop = [], self.loop_head(Loop(step, 0, self.unit.local), [each])
        turns = code.generator(each, loop)
        made = code.list_of([*first, code.star(turns)]) if first else turns
        filled.whole, filled.whole_optional = code.call("nn.ModuleList", [made]), train
