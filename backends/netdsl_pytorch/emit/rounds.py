"""The rounds: every class of a file is written, until nothing new is found that makes another text of one."""

from __future__ import annotations

from netdsl.graph.kept import Kept
from netdsl.lower.classes.claims import decided
from netdsl.lower.classes.solve import solve
from netdsl.lower.programs.align import Disagree
from netdsl.lower.programs.errors import cannot
from netdsl.lower.programs.parameters import identity, is_argument
from netdsl.lower.programs.partition import aligned, parted, partition
from netdsl.lower.programs.reasons import Reason
from netdsl.symbolic import plain
from netdsl.values.literals import Word
from netdsl_pytorch.emit.classes import WrittenClass
from netdsl_pytorch.emit.common.shared import Again, Emission
from netdsl_pytorch.emit.common.unit import Unit


def written(emission: Emission) -> list[WrittenClass]:
    """The classes of a file, inner ones first; raises SpecError for what cannot be written."""
    return _Rounds(emission).write()


class _Rounds:
    def __init__(self, emission: Emission) -> None:
        self.emission = emission
        self.solution = emission.solution
        self.units: list[Unit] = []

    def write(self) -> list[WrittenClass]:
        for uses in partition(self.emission.traces):
            unit = Unit(self.emission, uses, "")
            self.units.append(unit)
            self._specialise_at_first(unit)
        self._share()
        found = solve(self.solution, self._round)
        if found is None:
            raise cannot("the arguments of the classes cannot be found", self.emission.graph.root.span)
        return found

    def _share(self) -> None:
        """Tells the classes of each other."""
        self.emission.classes = list(self.units)
        self.emission.class_by_scope = {scope: unit for unit in self.units for scope in unit.instances}

    def _specialise_at_first(self, unit: Unit) -> None:
        """Lists, texts, operators and blocks as arguments fold to their values, where all uses agree."""
        if unit.is_group:
            return
        for parameter in unit.parameters:
            values = [instance.arguments.get(parameter.name) for instance in unit.instances]
            if unit.is_net and parameter.name in self.emission.closed:
                why = Reason(self.emission.closed[parameter.name])
                self.solution.specialise(unit.definition, parameter, why, at_once=True)
                continue
            if unit.is_net and type(values[0]) is tuple and is_argument(values[0]):
                continue  # a list that loops go through, unless they are written out
            special = [v for v in values if isinstance(v, (Kept, str | Word | tuple)) or v is None]
            if not special:
                continue
            first = identity(values[0]) if isinstance(values[0], Kept) else plain(values[0])
            if all((identity(v) if isinstance(v, Kept) else plain(v)) == first for v in values):
                where = "the text of the class has it" if unit.is_net else "all uses give the same"
                why = Reason(f"it is a list, text, operator or block, and {where}", parameter.span)
                self.solution.specialise(unit.definition, parameter, why, at_once=True)

    def _round(self) -> list[WrittenClass] | None:
        """The classes, with what is known by now; None where something was found that makes them wrong."""
        emission = self.emission
        emission.begin()
        for unit in self.units:
            unit.name = emission.class_name(unit.instances[0])
        emission.written = {name for unit in self.units for name in (*unit.declared, *unit.labels)}
        if emission.heads or len([each for each in emission.graph.outputs if not each.train]) > 1:
            net = next(unit for unit in self.units if unit.is_net)
            emission.output_class = emission.free_name(f"{net.name}Output")
        try:
            classes = [self._class(unit) for unit in self.units]
        except Again:
            return None
        if self.solution.settled:
            self._decide()
        return classes

    def _decide(self) -> None:
        """Specialises the parameters of the net that the texts rest on, all others being settled."""
        root = self.emission.graph.root
        claims = (claim for unit in self.units for claim in unit.state.claims)
        for parameter in decided(claims, root, lambda key: self.solution.is_specialised(root.definition, key)):
            self.solution.specialise(root.definition, parameter)

    def _class(self, unit: Unit) -> WrittenClass:
        unit.reset()
        try:
            return WrittenClass.of(unit)
        except Disagree as misfit:
            groups = parted(unit.traces, unit.instances, misfit)
            if len(groups) < 2:
                raise cannot(f"`{unit.name}` cannot be written yet: {misfit}", unit.instances[0].span) from misfit
            at = self.units.index(unit)
            self.units[at : at + 1] = [Unit(self.emission, aligned(unit.traces, group), "") for group in groups]
            self._share()
            raise Again from misfit
