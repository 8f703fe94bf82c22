"""The emission of one model: finds what becomes a class, and writes each until nothing new is pinned."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from netdsl.graph.graph import Graph, Scope, Value
from netdsl.graph.kept import Kept
from netdsl.lower.align import Case, Disagree, MergedItem, MergedTurns
from netdsl.lower.collect import Traces
from netdsl.lower.errors import cannot
from netdsl.lower.heads import heads_within
from netdsl.lower.parameters import identity
from netdsl.lower.partition import aligned, grouped, partition
from netdsl.lower.solve import Solution, solve
from netdsl.ops.values import Word
from netdsl.symbolic import expr_of, plain
from netdsl.syntax import tree
from netdsl.text.words import snake_case
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.classes import StageClass, WrittenClass
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.namer import RESERVED, interface, safe
from netdsl_pytorch.emit.operators import not_chained, record_of
from netdsl_pytorch.emit.unit import Unit
from netdsl_pytorch.emit.uses import Use


class Again(Exception):
    """Something was found that makes what is written so far wrong."""


class Emission:
    """What all units of a model share."""

    def __init__(self, graph: Graph, inference: bool, closed: frozenset[str] = frozenset()) -> None:
        self.graph = graph
        self.inference = inference
        self.traces = Traces(graph, inference, not_chained())
        self.closed = closed
        """The parameters of the net that its class must not have as arguments."""
        self.uses: set[str] = set()
        self.solution = Solution()
        self.unrolled: set[int] = set()
        self.whole_loops: dict[int, str] = {}
        self.stages: dict[Hashable, StageClass] = {}
        self.holders: dict[tuple[int, str], tuple[str, dict[str, str]]] = {}
        self.taken: set[str] = set()
        """The names of classes so far."""
        self.written: set[str] = set()
        """What the author calls parts and numbers, which no class that comes in addition hides."""
        self.heads = [] if inference else graph.heads
        self.unit_by_scope: dict[Scope, Unit] = {}
        self.units: list[Unit] = []
        self.output_class = ""
        """The class of the results, where there are several."""
        self.heads_optional = bool(self.heads)
        self.optional_names: dict[str, None] = {}
        """The attributes of the net that are None without heads."""

    def unit_of(self, scope: Scope) -> Unit | None:
        return self.unit_by_scope.get(scope)

    def make_units(self) -> None:
        """A unit for each group of uses that share a class, inner ones first."""
        for uses in partition(self.traces):
            unit = Unit(self, uses, "")
            unit.name = self.class_name(unit.instances[0])
            self.units.append(unit)
            self.unit_by_scope.update(dict.fromkeys(unit.instances, unit))
            self._pin_at_first(unit)

    def class_name(self, scope: Scope) -> str:
        if scope.kind == "sequence":
            words = list("".join(c if c.isalnum() else " " for c in scope.name).split())
            base = "".join(word[:1].upper() + word[1:] for word in words).rstrip("0123456789")
            base = base if base and not base[0].isdigit() else "Group"
        else:
            base = scope.definition.name  # type: ignore[union-attr]
        if scope.kind == "net" and base == self.factory:
            base += "Net"
        return self.free_name(base)

    @property
    def factory(self) -> str:
        return safe(self.graph.name)

    @property
    def interface(self) -> set[str]:
        """What the author calls the function that makes the model, the net's parameters and its inputs."""
        inputs = {interface(each.name) for each in self.graph.inputs}
        return {self.factory, *self.graph.parameters, *inputs}

    def local(self, name: str, taken: Iterable[str] = ()) -> str:
        """A name for a parameter or variable that hides no class of the file."""
        return safe(name, {*taken, *self.taken})

    def free_name(self, base: str) -> str:
        """A name for a class that no other has."""
        number, name = 1, base
        while name in self.taken or name in self.interface or name in RESERVED or name in self.written:
            number += 1
            name = f"{base}{number}"
        self.taken.add(name)
        return name

    def _pin_at_first(self, unit: Unit) -> None:
        """Lists, texts, operators and blocks as arguments fold to their values, where all uses agree."""
        if unit.is_group:
            return
        for parameter in unit.parameters:
            values = [instance.arguments.get(parameter.name) for instance in unit.instances]
            if unit.is_net and parameter.name in self.closed:
                self.solution.specialise(unit.definition, parameter, at_once=True)
                continue
            special = [v for v in values if isinstance(v, (Kept, str | Word | tuple)) or v is None]
            if not special:
                continue
            first = identity(values[0]) if isinstance(values[0], Kept) else plain(values[0])
            if all((identity(v) if isinstance(v, Kept) else plain(v)) == first for v in values):
                self.solution.specialise(unit.definition, parameter, at_once=True)

    def write(self) -> list[WrittenClass]:
        """The classes, inner ones first; raises SpecError for what cannot be written."""
        self.make_units()
        written = solve(self.solution, self._round)
        if written is None:
            raise cannot("the arguments of the classes cannot be found", self.graph.root.span)
        return written

    def _round(self) -> list[WrittenClass] | None:
        """The classes, with what is known by now; None where something was found that makes them wrong."""
        self.uses = set()
        self.stages = {}
        self.holders = {}
        self.taken, self.written = set(), set()
        for unit in self.units:
            unit.name = self.class_name(unit.instances[0])
        self.written = {name for unit in self.units for name in (*unit.declared, *unit.labels)}
        if self.heads or len([each for each in self.graph.outputs if not each.train]) > 1:
            self.output_class = self.free_name(f"{self.net.name}Output")
        self.whole_loops = {}
        self.optional_names = {}
        try:
            return [self._unit(unit) for unit in self.units]
        except Again:
            return None

    def _unit(self, unit: Unit) -> WrittenClass:
        unit.reset()
        try:
            return WrittenClass.of(unit)
        except Disagree as error:
            groups = grouped(unit.instances, error)
            if len(groups) < 2:
                raise cannot(f"`{unit.name}` cannot be written yet: {error}", unit.instances[0].span) from error
            at = self.units.index(unit)
            made: list[Unit] = []
            for number, group in enumerate(groups):
                name = unit.name if number == 0 else self.free_name(unit.name)
                new = Unit(self, aligned(self.traces, group), name)
                made.append(new)
                for scope in group:
                    self.unit_by_scope[scope] = new
            self.units[at : at + 1] = made
            raise Again from error

    def unroll(self, step: MergedTurns) -> None:
        """A loop that `forward` cannot keep is written out in the constructor too."""
        self.unrolled.add(id(step.first.syntax))
        raise Again

    def is_unrolled(self, step: MergedTurns) -> bool:
        return id(step.first.syntax) in self.unrolled

    def snake(self, scope: Scope) -> str:
        if scope.kind == "block":
            return snake_case(scope.definition.name)  # type: ignore[union-attr]
        return scope.name.split(".")[0] if scope.name and not scope.name.isdigit() else "group"

    def holder_class(self, unit: Unit, prefix: str) -> str:
        key = (id(unit), prefix)
        if key not in self.holders:
            word = prefix.rpartition(".")[2]
            name = "".join(part[:1].upper() + part[1:] for part in word.split("_"))
            name = self.free_name(name if name.isidentifier() else "Holder")
            self.holders[key] = (name, {})
        return self.holders[key][0]

    def holder_attribute(self, unit: Unit, prefix: str, name: str, type_name: str) -> None:
        self.holders[(id(unit), prefix)][1].setdefault(name, type_name)

    def stage_class(self, unit: Unit, step: MergedItem) -> Code:
        """A small class for an operator that PyTorch has no module for, as a member of a sequence."""
        node = step.first
        record = record_of(node)
        assert record.function is not None
        before = unit.state.attributes
        unit.state.attributes = {}
        lines: list[tuple[str, Code]] = []

        def spill(made: Code) -> Code:
            lines.append(("y" * (len(lines) + 1), made))
            return code.name(lines[-1][0], typed=True)

        try:
            use = Use(unit, step.nodes, in_forward=True)
            use.spill = spill
            made = record.function(use, [code.name("x", typed=True)])
            attributes = unit.state.attributes
        finally:
            unit.state.attributes = before
        key = (node.op.name, code.text(made), tuple(attributes))
        if key not in self.stages:
            name = self.free_name("".join(word[:1].upper() + word[1:] for word in node.op.name.split("_")))
            self.stages[key] = StageClass(name, record.doc(node), made, tuple(attributes), tuple(lines))
        return code.call(self.stages[key].name, list(attributes.values()))

    def same_everywhere(self, unit: Unit, values: Mapping[Case, Value]) -> bool:
        return len({case.instance for case in values}) == len(unit.instances)

    def pin_outer(self, outer: Unit, unit: Unit, scopes: Mapping[Case, Scope], envs: Mapping[Case, Any]) -> None:
        """What a class has in literals, or is given in literals, its uses must not offer as arguments."""
        given = [key for extra in unit.state.extras for key in extra.roots]
        for key in [*self.solution.specialised(unit.owner.definition), *given]:
            for case, scope in scopes.items():
                if isinstance(key, tuple) and key[0] == "axis":
                    _, number, axis, _ = key
                    if number < len(scope.inputs) and axis < len(scope.inputs[number].type.shape):
                        outer.pin([expr_of(scope.inputs[number].type.shape[axis])], {case: envs[case]})
                elif isinstance(key, tree.Parameter) and key.name in scope.given:
                    outer.pin([scope.given[key.name].expr], {case: envs[case]})

    @property
    def heads_flag(self) -> str:
        """The argument that leaves the heads out: `aux`, unless something else is called so. A net's own `aux` that
        decides whether there are heads is that argument."""
        if self.heads and heads_within(self.graph.root.steps, "aux") == len(self.heads):
            return "aux"
        names = ("aux", "with_heads", *(f"with_heads{number}" for number in range(2, 99)))
        known = {*self.graph.parameters, *self.taken, *self.net.declared}
        return next(name for name in names if name not in known)

    @property
    def net(self) -> Unit:
        return next(unit for unit in self.units if unit.is_net)
