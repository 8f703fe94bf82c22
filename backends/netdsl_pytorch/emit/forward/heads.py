"""The heads of a net in `forward`: their lines stand where their results are returned, in training alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from netdsl.graph.graph import Output, Value
from netdsl.lower.programs.align import Case, MergedJoin
from netdsl.lower.programs.heads import after, for_heads, items_in_text
from netdsl.lower.programs.values import canonical
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.namer import interface
from netdsl_pytorch.emit.forward.lines import Line, Lost
from netdsl_pytorch.emit.forward.turns import Turns


class Deferred(NamedTuple):
    """A step of the heads, with what was current before it, and the turns and arms that it stands in."""

    step: Any
    current: dict[Case, Value]
    inside: tuple[set[Case], ...]


class Heads(Turns):
    """Writes the heads of a net."""

    def _write_heads(self, results: list[tuple[str, Code]]) -> None:
        """The heads of a net, which run in training only: their lines stand where their results are returned."""
        made = code.name("self.training")
        for each in self.emission.optional_names:
            made = code.binary("and", made, code.binary("is not", code.name(f"self.{each}"), code.NONE))
        if not self.emission.optional_names:
            flag = self.emission.heads_flag
            made = code.binary("and", made, self.unit.attribute(flag, code.name(flag)))
        self.statements.append(Line(made, opens="if", indent=self.indent))
        self.indent += 4
        self.in_heads = True
        inside: tuple[set[Case], ...] = ()
        for each in self.deferred:
            if each.inside != inside:
                self._leave(inside)
                inside = each.inside
            self.current = dict(each.current)
            self.step(each.step)
        self._leave(inside)
        codes = []
        for output in self.emission.heads:
            values = {case: canonical(output.value) for case in self.unit.cases}
            codes.append((interface(output.name), self.heads.get(output.name) or self.read(values, None)))
        for number, output in enumerate(each for each in self.emission.graph.outputs if not each.train):
            # What heads have written over is kept under a name.
            again = self.read({case: canonical(output.value) for case in self.unit.cases}, None)
            results[number] = (output.name, again)
        self._heads_still_hold()
        named = [(interface(name), each) for name, each in results[1:]]
        made = code.call(self.emission.output_class, [each for _, each in results[:1]], [*named, *codes])
        self.statements.append(Line(made, indent=self.indent))
        self.indent -= 4

    def _leave(self, inside: tuple[set[Case], ...]) -> None:
        """Ends the turns and arms that steps of heads were taken out of."""
        for inner in reversed(inside):
            self.flush()
            self._lower(inner, self.holds)
            self._statement = None

    def _defer(self, step: Any) -> None:
        """Keeps a step for the heads."""
        statement = step.statement
        if statement is not None and statement is not self._statement:
            self._statement, self._before = statement, dict(self.current)
        self.deferred.append(Deferred(step, dict(self.current), tuple(self.inside)))
        if isinstance(step, MergedJoin):
            for each in items_in_text(step.program):
                if not for_heads(each):
                    self.step(each)
        self.current = dict(self._before) if isinstance(step.first, Output) else after(step, self.deferred[-1].current)

    def _heads_still_hold(self) -> None:
        """A head may write over a variable that an earlier head's result is computed from; that gets a name then."""
        case = self.unit.cases[0]
        for output in self.emission.heads:
            reads = self.head_reads.get(output.name, {})
            if any(self.held(name, case) not in (None, value) for name, value in reads.items()):
                raise Lost([canonical(output.value)], ())
