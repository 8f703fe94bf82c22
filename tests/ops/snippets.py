"""A reader of one-line examples, enough for those of the operators: `a(1, 3x3/2) -> b()`, `add { a(); b() }`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from netdsl.graph.types import TensorType
from netdsl.ops import REGISTRY
from netdsl.ops.operator import Operator
from netdsl.ops.values import Size, Window, Word

Visit = Callable[[Operator, dict[str, Any], tuple[TensorType, ...]], TensorType]


def shape(text: str) -> TensorType:
    return TensorType(tuple(map(int, text.split("x"))))


def value(text: str) -> Any:
    if text in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text]
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?[\d.]+(e-?\d+)?", text):
        return float(text)
    kernel, _, stride = text.partition("/")
    if re.fullmatch(r"\d+(x\d+)+", kernel):
        sizes = Size(map(int, kernel.split("x")))
        return Window(sizes, value(stride)) if stride else sizes
    return Word(text)


def run(text: str, x: TensorType, visit: Visit) -> TensorType:
    """The type that a pipeline gives; `visit` is told of each operator, with its arguments by name."""
    for stage in re.split(r"\s*->\s*(?![^{]*})", text):
        matched = re.fullmatch(r"(\w+)(?:\((.*?)\))?(?: \{ (.*) \})?", stage)
        assert matched, stage
        name, arguments, branches = matched.groups()
        op = REGISTRY[name]
        given: dict[str, Any] = {}
        for number, part in enumerate(filter(None, (arguments or "").split(", "))):
            key, equals, rest = part.partition(" = ")
            given[key if equals else op.arguments[number].name] = value(rest if equals else part)
        inputs = tuple(run(branch, x, visit) for branch in branches.split("; ")) if branches else (x,)
        x = visit(op, given, inputs)
    return x
