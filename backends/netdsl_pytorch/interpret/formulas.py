"""Formulas of tables: constants and buffers, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from netdsl.elaborate.evaluate import evaluate
from netdsl.graph.graph import Node, Value
from netdsl.graph.symbolic import plain
from netdsl.syntax import tree

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log2": math.log2,
    "max": max,
    "min": min,
    "round": round,
    "sign": lambda x: (x > 0) - (x < 0),
    "sin": math.sin,
    "sqrt": math.sqrt,
}

_TENSOR_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs,
    "ceil": torch.ceil,
    "cos": torch.cos,
    "exp": torch.exp,
    "floor": torch.floor,
    "log": torch.log,
    "log2": torch.log2,
    "round": torch.round,
    "sign": torch.sign,
    "sin": torch.sin,
    "sqrt": torch.sqrt,
}

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}


_ONE_BY_ONE = 5_000
"""Numbers of a table that are computed one by one, as the language says it; larger ones all at once."""


def table(node: Node, syntax: tree.Table, values: Mapping[tuple[int, int], Tensor]) -> Tensor:
    """A constant by its formula."""
    shape = tuple(plain(size) for size in node.args["shape"])
    names = [index.id for index in syntax.indices]
    dtype = torch.long if node.args["dtype"] == "int" else torch.float32
    if math.prod(shape) > _ONE_BY_ONE:
        places = torch.meshgrid(*[torch.arange(size) for size in shape], indexing="ij")
        usual = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # what fractions of whole numbers are
        try:
            whole = _formula(syntax.formula, dict(zip(names, places, strict=True)), node, values)
        finally:
            torch.set_default_dtype(usual)
        return torch.as_tensor(whole).expand(shape).to(dtype)
    numbers = [
        _formula(syntax.formula, dict(zip(names, place, strict=True)), node, values)
        for place in product(*map(range, shape))
    ]
    return torch.tensor(numbers, dtype=dtype).reshape(shape)


def _formula(expr: Any, at: Mapping[str, Any], node: Node, values: Mapping[tuple[int, int], Tensor]) -> Any:
    if isinstance(expr, tree.Name) and expr.id in at:
        return at[expr.id]
    if isinstance(expr, tree.Unary):
        operand = _formula(expr.operand, at, node, values)
        if expr.op == "not":
            return ~operand if isinstance(operand, Tensor) else not operand
        return -operand if expr.op == "-" else operand
    if isinstance(expr, tree.Binary):
        left, right = _formula(expr.left, at, node, values), _formula(expr.right, at, node, values)
        if expr.op in ("and", "or") and (isinstance(left, Tensor) or isinstance(right, Tensor)):
            return left & right if expr.op == "and" else left | right
        return _OPERATIONS[expr.op](left, right)
    if isinstance(expr, tree.Conditional):
        test = _formula(expr.test, at, node, values)
        if isinstance(test, Tensor):
            arms = (_formula(arm, at, node, values) for arm in (expr.then, expr.otherwise))
            then, otherwise = (torch.as_tensor(arm, dtype=torch.float64) for arm in arms)
            return torch.where(test, then, otherwise)
        return _formula(expr.then if test else expr.otherwise, at, node, values)
    if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name):
        operands = [_formula(arg.value, at, node, values) for arg in expr.args]
        if any(isinstance(operand, Tensor) for operand in operands):
            return _of_tensors(expr.function.id, operands)
        return _FUNCTIONS[expr.function.id](*operands)
    if isinstance(expr, tree.Index):
        base = evaluate(expr.base, node.env)
        if isinstance(base, Value):
            place = [_formula(index, at, node, values) for index in expr.indices]
            root = base.root
            found = values[id(root.node), root.index]
            if any(isinstance(index, Tensor) for index in place):
                return found[tuple(torch.as_tensor(index, dtype=torch.long) for index in place)]
            return found[tuple(map(int, place))].item()
    return plain(evaluate(expr, node.env))


def _of_tensors(name: str, operands: Sequence[Any]) -> Tensor:
    """A function of the language on all indices at once, in double precision."""
    tensors = [torch.as_tensor(operand) for operand in operands]
    if name in ("max", "min"):
        pick = torch.maximum if name == "max" else torch.minimum
        result = tensors[0]
        for each in tensors[1:]:
            result = pick(result, each)
        return result
    (x,) = tensors
    one = _TENSOR_FUNCTIONS[name](x if name in ("abs", "sign") else x.double())
    return one.long() if name in ("ceil", "floor", "round") else one
