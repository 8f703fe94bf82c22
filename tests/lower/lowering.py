"""What the tests of lowering share: a spec of a few lines as the stages see it, and programs as a few lines of text."""

from __future__ import annotations

from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph, Naming, Node, Output
from netdsl.lower.align import MergedBranch, MergedChoice, MergedItem, MergedJoin, MergedNote, MergedTurns, Program
from netdsl.lower.collect import Traces
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
