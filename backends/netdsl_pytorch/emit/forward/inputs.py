"""What `forward` of a class takes: tensors, and parts of a group that it uses again."""

from __future__ import annotations

import re

from netdsl.graph.graph import Node, Scope, Value
from netdsl.lower.programs.values import flat_values
from netdsl_pytorch.emit.common.namer import interface
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.emit.common.unit import Unit

RUNNING = re.compile(r"[xyh]\d*|branch[\d_]*")
"""What variables may come to be called by themselves."""


class Inputs:
    """The inputs of a `forward`."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.emission: Emission = unit.emission

    def inputs_of(self, instance: Scope) -> tuple[Value, ...]:
        """The tensors that `forward` takes."""
        if instance.kind == "net":
            return tuple(each.value for each in self.emission.graph.inputs)
        if instance.kind == "sequence":
            return self.emission.traces.free_values(instance)
        return instance.formals

    def parameters(self) -> list[str]:
        """The names of what `forward` takes."""
        instance = self.unit.instances[0]
        if instance.kind == "net":
            return [interface(each.name) for each in self.emission.graph.inputs]
        count = len(self.inputs_of(instance))
        if instance.kind == "sequence":
            return [
                "x",
                *[self._outer_name(value, number) for number, value in enumerate(self.inputs_of(instance)[1:], 2)],
            ]
        tensors = [p for p in getattr(instance.definition, "parameters", ()) if p.tensor]
        tensors = [p for p in tensors if instance.arguments[p.name] is not None]
        lists = {p.name: len(flat_values(instance.arguments[p.name])) for p in tensors}
        own = count - sum(lists.values())
        names = ["x"] if own == 1 else [f"x{number + 1}" for number in range(own)]
        for each in tensors:
            size = lists[each.name]
            written = [each.name] if size == 1 else [f"{each.name}{number + 1}" for number in range(size)]
            for name in written:
                names.append(self.emission.local(name, {"x", *names}))
        return names

    def part_names(self) -> dict[Node | Scope, str]:
        """What `forward` of a group calls the parts that it is given to use again."""
        instance = self.unit.instances[0]
        found: dict[Node | Scope, str] = {}
        if instance.kind != "sequence":
            return found
        taken = set(self.parameters())
        for part in self.emission.traces.outer_parts(instance):
            label = part.name.rpartition(".")[2]
            if not label.isidentifier() or RUNNING.fullmatch(label):
                label = f"{part.op.name if isinstance(part, Node) else self.emission.snake(part)}_part"
            found[part] = self.emission.local(label, taken)
            taken.add(found[part])
        return found

    def _outer_name(self, value: Value, number: int) -> str:
        name = self.emission.traces.outer_names.get(value)
        return self.emission.local(name, ("x",)) if name else f"x{number}"
