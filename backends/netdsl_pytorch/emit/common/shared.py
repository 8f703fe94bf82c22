"""What all classes of a file share while they are written: names, helpers, what is found of heads and loops."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from netdsl.graph.graph import Graph, Scope
from netdsl.lower.classes.class_program import ClassProgram
from netdsl.lower.classes.solve import Solution
from netdsl.lower.programs.align import MergedTurns
from netdsl.lower.programs.collect import Traces
from netdsl.lower.programs.heads import heads_within
from netdsl.text.words import snake_case
from netdsl_pytorch.emit.common.namer import RESERVED, interface, safe
from netdsl_pytorch.emit.common.small_class import SmallClass
from netdsl_pytorch.emit.operators import not_chained, without_batch


class Again(Exception):
    """Something was found that makes what is written so far wrong."""


class Emission:
    """A file that is being written."""

    def __init__(self, graph: Graph, inference: bool, closed: Mapping[str, str] | None = None) -> None:
        self.graph = graph
        self.inference = inference
        self.traces = Traces(graph, inference, not_chained(), without_batch())
        self.closed = closed or {}
        """The parameters of the net that its class must not have as arguments, and why."""
        self.uses: set[str] = set()
        self.solution = Solution()
        self.unrolled: set[int] = set()
        self.whole_loops: dict[int, str] = {}
        self.stages: dict[Hashable, SmallClass] = {}
        self.holders: dict[tuple[ClassProgram, str], tuple[str, dict[str, str]]] = {}
        self.taken: set[str] = set()
        """The names of classes so far."""
        self.written: set[str] = set()
        """What the author calls parts and numbers, which no class that comes in addition hides."""
        self.heads = [] if inference else graph.heads
        self.class_by_scope: dict[Scope, ClassProgram] = {}
        self.classes: list[ClassProgram] = []
        self.output_class = ""
        """The class of the results, where there are several."""
        self.heads_optional = bool(self.heads)
        self.optional_names: dict[str, None] = {}
        """The attributes of the net that are None without heads."""

    def begin(self) -> None:
        """Begins a round, with nothing written."""
        self.uses = set()
        self.stages = {}
        self.holders = {}
        self.taken, self.written = set(), set()
        self.whole_loops = {}
        self.optional_names = {}

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

    def holder_class(self, unit: ClassProgram, prefix: str) -> str:
        key = (unit, prefix)
        if key not in self.holders:
            word = prefix.rpartition(".")[2]
            name = "".join(part[:1].upper() + part[1:] for part in word.split("_"))
            name = self.free_name(name if name.isidentifier() else "Holder")
            self.holders[key] = (name, {})
        return self.holders[key][0]

    def holder_attribute(self, unit: ClassProgram, prefix: str, name: str, type_name: str) -> None:
        self.holders[(unit, prefix)][1].setdefault(name, type_name)

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
    def net(self) -> ClassProgram:
        """The class of the net."""
        return next(each for each in self.classes if each.is_net)
