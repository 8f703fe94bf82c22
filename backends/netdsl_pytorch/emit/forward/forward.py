"""`forward`: a line per line of the spec.

Variables hold values, case by case. `x` is the current value, and is written again and again; when a value that it
held turns out to be needed later, the method is written anew with that value under its own name.
"""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from netdsl.graph.graph import Fetch, Node, Output, Value, nodes_of
from netdsl.lower.programs.align import (
    Case,
    Disagree,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedNote,
    MergedTurns,
    Program,
    walk,
)
from netdsl.lower.programs.errors import cannot
from netdsl.lower.programs.heads import for_heads
from netdsl.lower.programs.values import canonical
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.namer import interface
from netdsl_pytorch.emit.forward.heads import Heads
from netdsl_pytorch.emit.forward.lines import CaseValues, Line, Lost, Uncollected
from netdsl_pytorch.python.nodes import Name

PATIENCE = 12
"""Attempts that end with the first value that no variable holds; later ones go on, to find all such values at once."""


class Forward(Heads):
    """Writes `forward` of a unit."""

    def write(self) -> list[Line]:
        for attempt in range(1000):
            self.lost = [] if attempt >= PATIENCE else None
            state = self.unit.state.copy()
            attributes = dict(self.unit.attribute_names), dict(self.unit.counters)
            found = self.unit.solution.found()
            try:
                lines = self._attempt()
                if not self.lost:
                    return lines
                raise self.lost[0]
            except Lost as lost:
                self.unit.state = state
                self.unit.solution.forget_since(found)
                self.unit.attribute_names, self.unit.counters = attributes
                self.unit.loops = []
                for each in self.lost or [lost]:
                    self._learn(each)
        raise AssertionError("`forward` does not come to an end")

    def _learn(self, lost: Lost) -> None:
        values = set(lost.values)
        read = [each for each, results in self.unsettled.items() if results == values and each not in self.settled]
        if read and len(values) > 1:
            self.settled.update(read)
            return
        if isinstance(lost, Uncollected):
            self.collected.add(lost.collection)
            return
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
        # What a turn gave is needed when the loop has ended: written turn by turn, each value keeps its name.
        makers = {value.root.node for value in lost.values}
        for step in walk(self.unit.program):
            if isinstance(step, MergedTurns) and id(step.first.syntax) not in self.unrolled:
                turns = [turn for loop in step.cases.values() for turn in loop.turns]
                if any(node in makers for turn in turns for node in nodes_of(turn.steps)):
                    self.unrolled.add(id(step.first.syntax))
                    return
        if not self.apart:
            self.apart = True
            return
        self._write_singly()

    def _write_singly(self) -> None:
        """The last resort: a class for each use, and in it a variable for each value."""
        if self.single:
            raise cannot("the flow of values here cannot be written yet", self.unit.instances[0].span)
        if len(self.unit.instances) > 1:
            raise Disagree({case: number for number, case in enumerate(self.unit.cases)}, "their values flow apart")
        self.single = True

    def _is_nameable(self, lost: Lost) -> bool:
        formals = {formal for instance in self.unit.instances for formal in self.inputs_of(instance)}
        return not lost.loops and not any(value in formals or value in self.named for value in lost.values)

    def _attempt(self) -> list[Line]:
        self.begin()
        self._begin()
        self.program(self.unit.program)
        self._end()
        return [*self.size_lines(), *self.statements]

    def _begin(self) -> None:
        names = self.parameters()
        for instance, case in zip(self.unit.instances, self.unit.cases, strict=True):
            inputs = self.inputs_of(instance)
            if len(inputs) != len(names):
                raise Disagree({each: len(self.inputs_of(each.instance)) for each in self.unit.cases}, "inputs differ")
            for name, value in zip(names, inputs, strict=True):
                self.holds.setdefault(name, {})[case] = value
                self._note_names(name, {case: value})
            if inputs:
                self.current[case] = inputs[0]
        self.typed.update(names)
        self.formal_names = {*names, *self.part_names().values()}
        if self.keep_input and self.usual == "x" and "x" in names:
            self.running = "y"
        if self.apart:
            taken = {*names, *self.all_names()}
            names_of_none = chain((self.running, "y"), map("h{}".format, count(1)))
            self.running = next(name for name in names_of_none if name not in taken)

    def _end(self) -> None:
        if self.unit.is_net:
            self._net_results()
            return
        results = {case: [canonical(each.link) for each in case.instance.outputs] for case in self.unit.cases}
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
        self.statements.append(Line(code.tuple_of(codes, bare=True), indent=self.indent))

    def _return(self, made: Code, values: CaseValues) -> None:
        comment = "" if isinstance(made, Name) else self.comment(values)
        self.statements.append(Line(made, (), comment, self.indent, self.span))

    def _assigned(self, values: CaseValues, made: Code, variable: str) -> Code:
        """The expression in a variable that a type checker knows for a Tensor."""
        if not isinstance(made, Name):
            self.assign(variable, dict(values), made)
            made = Name(variable, typed=variable in self.typed)
        name = made.id
        if not made.typed and name in self.first_line:
            at = self.first_line[name]
            line = self.statements[at]
            if line.targets == (name,):
                line.annotation = "Tensor"
            elif (line.targets[:1] == (name,) and line.targets[-1] == "_") or self._is_returned(name, line.targets):
                # One of several targets takes no annotation; it stands before them.
                self.statements.insert(at, Line(None, (name,), indent=line.indent, span=line.span, annotation="Tensor"))
                self.first_line = {each: place + (place >= at) for each, place in self.first_line.items()}
            self.typed.add(name)
        return code.name(name, typed=True)

    def _is_returned(self, name: str, targets: tuple[str, ...]) -> bool:
        """Whether one of several targets is what the method returns, and not a field of what it returns."""
        single = not self.unit.is_net or len(self.emission.graph.results) == 1
        return single and name in targets

    def _net_results(self) -> None:
        self.flush()
        case = self.unit.cases[0]
        graph = self.emission.graph
        results = [output for output in graph.outputs if not output.train]
        heads = self.emission.heads
        plain_codes: list[tuple[str, Code]] = []
        for output in results:
            values = {case: canonical(output.value)}
            variable = self.clear(self.emission.local(output.name), frozenset(values.values()))
            plain_codes.append((output.name, self._assigned(values, self.read(values, None), variable)))
        if heads:
            self._write_heads(plain_codes)
        if len(plain_codes) == 1:
            self.statements.append(Line(plain_codes[0][1], indent=self.indent))
        else:
            made = code.call(self.emission.output_class, [], [(interface(name), each) for name, each in plain_codes])
            self.statements.append(Line(made, indent=self.indent))

    def program(self, program: Program) -> None:
        self._count_calls(program)
        for step in program:
            self.unit.place = step.first.syntax.span
            try:
                self.step(step)
                self.collect(step)
            except Disagree as misfit:
                misfit.at(step)
                raise

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
        if self.unit.is_net and self.emission.heads:
            if not self.in_heads and for_heads(step):
                self._defer(step)
                return
            if self.in_heads and isinstance(step, MergedItem) and not for_heads(step):
                return  # of a branch: it stands above
        statement = step.statement
        if isinstance(step, MergedItem):
            self._begin_statement(statement)
            self.item(step)
        elif isinstance(step, MergedJoin):
            self._begin_statement(statement)
            self.join(step)
        elif isinstance(step, MergedTurns):
            self._begin_statement(statement)
            before = self._before
            self.turns(step)
            self._resume(statement, before)
        elif isinstance(step, MergedChoice):
            self._begin_statement(statement)
            before = self._before
            self.choice(step)
            self._resume(statement, before)
        elif isinstance(step, MergedNote):
            self.note(step)

    def _begin_statement(self, statement: tree.Statement | None) -> None:
        if statement is None or self._statement is statement:
            return
        # What stands before ends on a line of its own, unless a combine takes it in.
        self.flush()
        self._statement = statement
        self.span = statement.span
        self._before = self._resumed.pop(id(statement), {}) or dict(self.current)

    def _resume(self, statement: tree.Statement | None, before: dict[Case, Value]) -> None:
        """Goes on with a statement that names a value, after the statements of an arm or a turn within it."""
        if isinstance(statement, tree.Bind | tree.Output):
            self._before = self._resumed[id(statement)] = before

    def note(self, step: MergedNote) -> None:
        first = step.first
        if isinstance(first, Fetch):
            self._begin_statement(first.statement)
            if isinstance(first.values, Value):
                self.flush()
                fetched = {case: each.values for case, each in step.cases.items() if isinstance(each, Fetch)}
                self.current.update({case: canonical(value) for case, value in fetched.items()})
            return
        if isinstance(first, Output):
            self.result(step)
            return
        if isinstance(first.syntax, tree.Bind):
            self.flush()
            self._resumed.pop(id(first.syntax), None)
            self.current = dict(self._before)

    def result(self, step: MergedNote) -> None:
        """`output n = …`: the head of a net in training is taken in where it is returned."""
        first = step.first
        case = next(iter(step.cases))
        pending = self.pending
        if first.train and pending is not None and pending.values.get(case) is canonical(first.value):
            self.heads[first.name] = pending.made
            mentioned = code.names(pending.made) & self.holds.keys()
            self.head_reads[first.name] = {name: self.held(name, case) for name in mentioned}
            self.pending = None
        else:
            self.flush()
        self._resumed.pop(id(first.syntax), None)
        self.current = dict(self._before)
