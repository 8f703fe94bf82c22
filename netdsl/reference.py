"""The reference of operators, docs/operators.md, from their declarations: `python -m netdsl.reference` prints it.

What an example says of itself (the shape of its result, weights, multiply-adds) is found by compiling it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from netdsl.elaborate import elaborate
from netdsl.ops import FAMILIES, INITIALISERS, REGISTRY
from netdsl.ops.arguments import REQUIRED, Maybe
from netdsl.ops.operator import Operator
from netdsl.syntax.parser import parse
from netdsl.text import Source
from netdsl.values.literals import show
from netdsl.values.types import TensorType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netdsl.graph.graph import Graph, Node
    from netdsl.ops.arguments import Argument
    from netdsl.ops.initialisers import Rule

_HEAD = """\
# Operators

Generated from the declarations by `python -m netdsl.reference`; do not edit.

Shapes are written without the batch, and so axes count: 0 is the first of a shape, -1 the last; no operator reaches
the batch. A value in an example is called `x`. Arguments are given by position, in this order, or by name; where a
list of values ends in `…`, all that follow by position belong to it, and what stands behind it is given by name.
Defaults are PyTorch's but for the stride of pools, which must be said. Any weight may be given as a value under its
own name, as in `conv(64, 7x7, weight = bank)`. What is refused though PyTorch takes it, and why, stands in
[decisions/0003-refusals.md](decisions/0003-refusals.md). Packages may bring others ([extending](extending.md)).

Multiply-adds count convolutions, linear layers (those of attention and of recurrence too), and products of matrices.
"""


def reference() -> str:
    """The page, in Markdown."""
    parts = [_HEAD, _contents()]
    for family in FAMILIES:
        parts.append(f"## {_title(family.__doc__)}\n")
        parts.extend(_operator(op) for op in REGISTRY.values() if type(op).__module__ == family.__name__)
    parts.append("## Initialisers\n")
    parts.append("For `init conv(weight = …)`, `init fc.weight = …` and `param name: [n, m] init …`.\n")
    parts.extend(_initialiser(rule) for rule in INITIALISERS.values())
    return "\n".join(parts)


def _title(doc: str | None) -> str:
    assert doc is not None
    return doc.strip().splitlines()[0].removesuffix(".").split("; ")[0]


def _contents() -> str:
    rows = []
    for family in FAMILIES:
        names = [op.name for op in REGISTRY.values() if type(op).__module__ == family.__name__]
        rows.append((_title(family.__doc__), " ".join(f"[`{name}`](#{name})" for name in names)))
    return _table(("family", "operators"), rows)


def _operator(op: Operator) -> str:
    parts = [f"### {op.name}\n", f"`{_signature(op.name, op.arguments)}`\n", f"{op.doc}\n"]
    more = inspect.cleandoc(type(op).__doc__ or "")
    if more and type(op).__doc__ != Operator.__doc__:
        parts.append(f"{more}\n")
    if op.combines:
        parts.append(f"With branches, `{op.name} {{ … }}`, or as a stage, `-> {op.name}(other)`.\n")
    if op.training_only:
        parts.append("At inference it is the identity.\n")
    if op.arguments:
        parts.append(_arguments(op.arguments))
    parts.append(_example(op))
    return "\n".join(parts)


def _initialiser(rule: Rule) -> str:
    parts = [f"### {rule.name}\n", f"`{_signature(rule.name, rule.arguments)}`\n", f"{rule.doc}\n"]
    if rule.arguments:
        parts.append(_arguments(rule.arguments))
    return "\n".join(parts)


def _signature(name: str, arguments: Sequence[Argument]) -> str:
    return f"{name}({', '.join(map(_declared, arguments))})"


def _declared(argument: Argument) -> str:
    if argument.variadic:
        return f"{argument.name}…" if argument.variadic == "positional" else "name = …"
    default = _default(argument)
    return f"{argument.name} = {default}" if default else argument.name


def _default(argument: Argument) -> str:
    """The default as a spec would write it; empty where there is none, or none that could be written."""
    default = argument.default
    if default is REQUIRED or argument.variadic or (default is None and not isinstance(argument.kind, Maybe)):
        return ""
    return default if isinstance(default, str) else show(default)


def _arguments(arguments: Sequence[Argument]) -> str:
    rows = []
    for argument in arguments:
        name = "any other name" if argument.variadic == "named" else f"`{argument.name}`"
        default = _default(argument)
        needed = "required" if argument.required else f"`{default}`" if default else ""
        rows.append((name, argument.kind.noun, needed, argument.doc))
    return _table(("argument", "takes", "default", "meaning"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _example(op: Operator) -> str:
    input, statements = op.example
    node = _use(op)
    lines = [f"input x: {input}", *([statements] if "{" in statements else statements.split("; "))]
    facts = [f"gives {' and '.join(_shape(value.type) for value in node.outputs)}"]
    if node.weights:
        facts.append("owns " + ", ".join(f"`{weight.name}` {_plain(weight.shape)}" for weight in node.weights))
    if node.macs:
        facts.append(f"{node.macs:,} multiply-adds")
    return "```\n" + "".join(f"{line}\n" for line in lines) + f"```\n\nHere `{op.name}` " + "; ".join(facts) + ".\n"


def _shape(kind: TensorType) -> str:
    return str(kind) + ("" if kind.batched else ", the same for all samples")


def _plain(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "(one number)"


def _use(op: Operator) -> Node:
    """The operator's use in its example."""
    return next(node for node in example(op).nodes() if node.op is op)


def example(op: Operator) -> Graph:
    """The network that an operator's example makes."""
    input, statements = op.example
    text = f"net Example() {{ input x: {input}; {statements}; output result = identity() }}"
    return elaborate(parse(Source(f"{op.name}.net", text)))


def main() -> None:
    """Prints the page."""
    print(reference(), end="")


if __name__ == "__main__":
    main()
