"""Classes as plain data, once their numbers have answers: what a backend wrote from, for people and for tests.

`to_json(classes)` gives a list, inner classes first, of

    name         the definition, or for a group its label
    kind         net, block, sequence
    uses         the paths of the scopes that share it
    arguments    name, type, and default where there is one
    specialised  parameters and axes of which some literal depends, so that they are no arguments
    numbers      what was asked for: role, and formula, literal, first and step with the turns of a loop, or argument
    steps        the program that all uses have in common

A step has `step` (operator, block, group, loop, if, combine, branch, name, output) and `uses`, how many readings have
it; a loop its `turns`, an `if` its `arms`, a combine its `branches`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdsl.graph.graph import Fetch, Naming, Node
from netdsl.lower.classes.answers import Added, Answer, Formula, Growth
from netdsl.lower.classes.class_program import ClassProgram
from netdsl.lower.classes.signature import UNSET, Formal, arguments_of, axes_of, extras_of, outer_lets_of
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
from netdsl.symbolic import plain
from netdsl.symbolic.text import text_of, text_of_value


def to_json(classes: Iterable[ClassProgram]) -> list[dict[str, Any]]:
    """The classes as plain data, in the form that this module describes."""
    return [_class(program) for program in classes]


def _class(program: ClassProgram) -> dict[str, Any]:
    first = program.instances[0]
    formals = [*axes_of(program)]
    for parameter in program.parameters:
        formals += arguments_of(program, parameter)
    formals += [*outer_lets_of(program), *extras_of(program)]
    keys = program.solution.specialised(program.owner.definition)
    numbers = [{"role": each.role, **_answer(each.answer)} for each in program.state.answers]
    return {
        "name": first.name if first.kind == "sequence" else program.definition.name,
        "kind": first.kind,
        "uses": [instance.path for instance in program.instances],
        "arguments": list(map(_formal, formals)),
        "specialised": sorted(map(_key, keys)),
        "numbers": list({str(each): each for each in numbers}.values()),
        "steps": _steps(program.program),
    }


def _formal(formal: Formal) -> dict[str, Any]:
    made = {"name": formal.name, "type": formal.type}
    return made if formal.default is UNSET else {**made, "default": text_of_value(plain(formal.default))}


def _key(key: Any) -> str:
    if isinstance(key, tuple) and key[0] == "axis":
        return f"axis {key[2]} of input {key[1]}"
    return f"{key[0]} of {key[1].name}" if isinstance(key, tuple) else str(key.name)


def _answer(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Formula):
        return {"formula": text_of(answer.expr)}
    if isinstance(answer, Growth):
        return {"first": _answer(answer.first), "step": _answer(answer.step)}
    if isinstance(answer, Added):
        return {"argument": answer.name}
    return {"literal": text_of_value(plain(answer.value))}


def _steps(program: Program) -> list[dict[str, Any]]:
    return [_step(step) for step in program if not isinstance(step.first, Fetch)]


def _step(step: MergedStep) -> dict[str, Any]:
    made: dict[str, Any] = {"step": _kind(step), "uses": len(step.cases)}
    if isinstance(step, MergedItem):
        if step.first.labelled and len({item.name for item in step.cases.values()}) == 1:
            made["label"] = step.first.name
    elif isinstance(step, MergedTurns):
        made["turns"] = sorted(set(step.counts.values()))
        made["body"] = _body(step)
    elif isinstance(step, MergedChoice):
        made["arms"] = {str(number): _steps(arm) for number, arm in step.arms.items()}
    elif isinstance(step, MergedJoin):
        made["branches"] = _steps(step.program)
    elif isinstance(step, MergedBranch):
        made["body"] = _steps(step.program)
    else:
        made["name"] = step.first.name
    return made


def _body(step: MergedTurns) -> list[dict[str, Any]]:
    """The turns as one text; turn by turn where they are none."""
    try:
        return _steps(step.body())
    except Disagree:
        return [{"step": "turn", "body": _steps(step.turn(number))} for number in range(max(step.counts.values()))]


def _kind(step: MergedStep) -> str:
    if isinstance(step, MergedItem):
        items = step.cases.values()
        return " or ".join(sorted({item.op.name if isinstance(item, Node) else _name(item) for item in items}))
    if isinstance(step, MergedJoin):
        return f"combine {step.node.first.op.name}"
    kinds = {MergedTurns: "loop", MergedChoice: "if", MergedBranch: "branch"}
    return kinds.get(type(step), "name" if isinstance(step.first, Naming) else "output")


def _name(scope: Any) -> str:
    return f"block {scope.definition.name}" if scope.kind == "block" else "group"
