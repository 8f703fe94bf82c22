"""What boxes say: calls as a spec writes them, with the values that their arguments have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netdsl.graph.graph import Given, Node, Scope, Value
from netdsl.graph.kept import Kept
from netdsl.syntax import tree
from netdsl.values.literals import Window, show
from netdsl.values.types import TensorType, format_shape

if TYPE_CHECKING:
    from netdsl.draw.figure.figure import Family
    from netdsl.ops.operator import Operator

SYMBOLS = {"add": "+", "mul": "×", "sub": "−"}
"""Combines that figures draw as a circle."""

_FAMILIES: dict[str, Family] = {
    "conv": "weights",
    "linear": "weights",
    "attention": "weights",
    "embedding": "weights",
    "recurrent": "weights",
    "pool": "pool",
    "reduce": "pool",
    "norm": "norm",
    "lrn": "norm",
    "activation": "pointwise",
    "dropout": "pointwise",
    "combine": "combine",
    "elementwise": "combine",
}
"""By the file that declares the operator; what else there is moves numbers about."""


def family(op: Operator) -> Family:
    """The kind of operator, for its colour."""
    return _FAMILIES.get(type(op).__module__.rpartition(".")[2], "shape")


def call_text(node: Node, written: bool = False) -> str:
    """`conv(64, 7x7/2)`; `written` gives the arguments as they stand in the text."""
    syntax, name = node.syntax, node.op.name
    if isinstance(syntax, tree.Combine):
        return f"{name}({_arguments(node.written, written)})" if node.written else name
    return f"{name}({_arguments(node.written, written)})" if isinstance(syntax, tree.Call) else name


def _arguments(given: tuple[Given, ...], written: bool) -> str:
    """The arguments of a call; if it is of what was kept for later (`norm = batchnorm(eps = 0.001)`), those first."""
    shown = []
    for argument in given:
        if argument.name == "then":
            continue
        text = _one_line(argument.syntax.span.text) if written else value_text(argument)
        shown.append(f"{argument.name} = {text}" if argument.name else text)
    return ", ".join(shown)


_AS_WRITTEN = (tree.Number, tree.Size, tree.Text, tree.Constant, tree.Pipeline)
_LITERAL = re.compile(r"[\d._x/,\[\]() -]+")
"""What holds numbers only (`3x3/2`), and is clearer as its author wrote it."""


def value_text(given: Given) -> str:
    """An argument by its value; tensors and what is a literal anyway as written."""
    text = _one_line(given.syntax.span.text)
    as_written = isinstance(given.syntax, _AS_WRITTEN) or _LITERAL.fullmatch(text) or _has_tensor(given.value)
    return text if as_written else short(given.value)


def short(value: Any) -> str:
    """A value as a spec would write it, fractions to four places."""
    if isinstance(value, Window) and value.stride == 1:
        return show(value.kernel)
    if isinstance(value, float):
        return f"{value:.4g}"
    if type(value) in (list, tuple):
        return f"[{', '.join(map(short, value))}]"
    return show(value)


def _has_tensor(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_has_tensor, value))
    return isinstance(value, Value) or getattr(value, "kind_name", "") == "a weight"


def scope_title(scope: Scope, written: bool = False) -> str:
    """`Inception(64, 96, 128, 16, 32, 32)`; of a group its name alone, which stands before it."""
    if scope.kind == "sequence":
        return ""
    syntax = scope.syntax
    name = scope.definition.name if isinstance(scope.definition, tree.BlockDef | tree.NetDef) else scope.title
    if isinstance(syntax, tree.Call):
        return f"{name}({_arguments(scope.written, written)})"
    shown = [
        f"{key} = {short(value)}"
        for key, value in scope.arguments.items()
        if not _has_tensor(value) and (key in scope.given or isinstance(value, Kept))
    ]
    return f"{name}({', '.join(shown)})"


def signature(scope: Scope) -> str:
    """The head of a block's definition, without the defaults: `Inception(n1, r3, n3, r5, n5, pool)`."""
    definition = scope.definition
    assert isinstance(definition, tree.BlockDef | tree.NetDef)
    return f"{definition.name}({', '.join(parameter.name for parameter in definition.parameters)})"


def shape_text(type_: TensorType) -> str:
    """`256x28x28`, `scalar`."""
    return format_shape(tuple(map(int, type_.shape)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
