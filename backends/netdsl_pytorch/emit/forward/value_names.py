"""What the author calls values."""

from __future__ import annotations

from netdsl.graph.graph import Naming, Node, Output, Scope, Value
from netdsl.lower.programs.align import Program, walk
from netdsl.lower.programs.values import canonical, is_alias, name_values


def value_names(program: Program) -> dict[Value, str]:
    """What the author calls values: labels, names of values, results."""
    names: dict[Value, str] = {}
    for step in walk(program):
        # `z = identity()` names on purpose what a label may have named by the way.
        for each in step.cases.values():
            if isinstance(each, Naming) and isinstance(each.value, Value) and is_alias(each.value.node):
                name_values(each.name, each.value, names)
    for step in walk(program):
        for each in step.cases.values():
            if isinstance(each, Naming):
                name_values(each.name, each.value, names)
            elif isinstance(each, Node | Scope) and each.labelled:
                name_values(each.name, tuple(each.outputs) if len(each.outputs) > 1 else each.outputs[0], names)
            elif isinstance(each, Output):
                names.setdefault(canonical(each.value), each.name)
    # A label stands for what `then` made of its operator.
    for step in walk(program):
        for each in step.cases.values():
            if isinstance(each, Node) and each.appended and each.inputs and each.inputs[0] in names:
                names.setdefault(each.outputs[0], names[each.inputs[0]])
    return names
