"""What the tests of lowering share: a spec of a few lines as the stages see it, and programs as a few lines of text."""

from __future__ import annotations

from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph, Naming, Node, Output
from netdsl.lower.classes.answers import Added, Answer, Formula, Growth, Literal
from netdsl.lower.classes.class_program import ClassProgram
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.classes.solve import Solution
from netdsl.lower.programs.align import (
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedNote,
    MergedTurns,
    Program,
)
from netdsl.lower.programs.collect import Traces
from netdsl.lower.programs.partition import partition
from netdsl.symbolic import Const, Expr, Ref, expr_of, plain
from netdsl.syntax.parser import parse
from netdsl.text.source import Source


def traced(text: str, **params: object) -> Graph:
    return elaborate(parse(Source("test.net", text)), params=params, traced=True)


def traces(text: str, *, inference: bool = False) -> Traces:
    return Traces(traced(text), inference)


def outline(program: Program, depth: int = 0) -> list[str]:
    """The steps of a program, inner ones indented, each with the cases that it has."""
    lines: list[str] = []
    for step in program:
        count = f" x{len(step.cases)}"
        if isinstance(step, MergedItem):
            first = step.first
            kinds = {item.op.name if isinstance(item, Node) else item.kind for item in step.cases.values()}
            lines.append(" or ".join(sorted(kinds)) + (f" {first.name}" if first.labelled else "") + count)
        elif isinstance(step, MergedTurns):
            lines.append(f"loop of {sorted(set(step.counts.values()))}{count}")
            lines += outline(step.body(), depth + 1)
        elif isinstance(step, MergedChoice):
            lines.append(f"if, arms {sorted({choice.arm for choice in step.cases.values()})}{count}")
            for number, arm in step.arms.items():
                lines += [f"  {number}: {line}" for line in outline(arm)]
        elif isinstance(step, MergedJoin):
            lines.append(f"{step.node.first.op.name}{count}")
            lines += outline(step.program, depth + 1)
        elif isinstance(step, MergedBranch):
            lines.append(f"branch{count}")
            lines += outline(step.program, depth + 1)
        elif isinstance(step, MergedNote) and isinstance(step.first, Naming | Output):
            lines.append(f"{type(step.first).__name__.lower()} {step.first.name}{count}")
    return [("  " if depth else "") + line for line in lines]


def class_of(text: str, name: str, *, inference: bool = False) -> ClassProgram:
    """The class program of a block, with all of its uses."""
    given = traces(text, inference=inference)
    found = [uses for uses in partition(given) if getattr(uses.definition, "name", "") == name]
    return ClassProgram(given, Solution(), found[0])


def item(program: Program, op: str) -> MergedItem:
    """The first step of an operator, in loops as one text."""
    for step in program:
        if isinstance(step, MergedItem) and isinstance(step.first, Node) and step.first.op.name == op:
            return step
        if isinstance(step, MergedTurns):
            return item(step.body(), op)
    raise KeyError(op)


def slot(step: MergedItem, argument: str, *, role: str = "") -> Slot:
    """The request for an argument of an operator that the author gave."""
    nodes = step.nodes
    values = {case: node.args[argument] for case, node in nodes.items()}
    exprs = {case: node.given[argument].expr for case, node in nodes.items()}
    return Slot(values, exprs, {case: node.names for case, node in nodes.items()}, given=True, role=role)


def size_slot(step: MergedItem, *, role: str = "in_channels") -> Slot:
    """The request for the size of the first axis of what goes into an operator."""
    nodes = step.nodes
    values = {case: node.inputs[0].type.shape[0] for case, node in nodes.items()}
    exprs = {case: expr_of(value) for case, value in values.items()}
    return Slot(values, exprs, {case: node.names for case, node in nodes.items()}, given=False, role=role)


def told(given: Answer | Expr) -> str:
    """An answer, as the author would write it."""
    if isinstance(given, Formula):
        return told(given.expr)
    if isinstance(given, Literal):
        return str(plain(given.value))
    if isinstance(given, Growth):
        return f"{told(given.first)} + {given.loop.index} * {told(given.step)}"
    if isinstance(given, Added):
        return f"<{given.name}>"
    if isinstance(given, Ref):
        return given.name
    if isinstance(given, Const):
        return str(plain(given.value))
    operands = list(map(told, given.operands))
    return f"({operands[0]} {given.op} {operands[1]})" if len(operands) == 2 else f"{given.op}({', '.join(operands)})"
