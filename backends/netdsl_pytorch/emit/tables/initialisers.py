"""How weights begin: parameters made with their initialiser, and the loops that `init` by operator becomes."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from netdsl.graph.graph import Given
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Disagree
from netdsl.lower.programs.as_written import as_written
from netdsl.ops.initialisers import Initialiser
from netdsl.symbolic import Const, Expr, Ref, expr_of
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.python.nodes import Constant

_FILLS = {"zeros": "torch.zeros", "ones": "torch.ones"}

_KAIMING = (("slope", "a", 0), ("mode", "mode", "fan_in"), ("nonlinearity", "nonlinearity", "leakyrelu"))
_NONLINEARITIES = {"leakyrelu": "leaky_relu"}

_PYTORCH: dict[str, tuple[str, tuple[tuple[str, str, Any], ...]]] = {
    "zeros": ("nn.init.zeros_", ()),
    "ones": ("nn.init.ones_", ()),
    "constant": ("nn.init.constant_", (("value", "", None),)),
    "normal": ("nn.init.normal_", (("std", "std", 1), ("mean", "mean", 0))),
    "trunc_normal": (
        "nn.init.trunc_normal_",
        (("std", "std", 1), ("mean", "mean", 0), ("low", "a", -2), ("high", "b", 2)),
    ),
    "uniform": ("nn.init.uniform_", (("low", "", None), ("high", "", None))),
    "xavier_uniform": ("nn.init.xavier_uniform_", (("gain", "gain", 1),)),
    "xavier_normal": ("nn.init.xavier_normal_", (("gain", "gain", 1),)),
    "kaiming_uniform": ("nn.init.kaiming_uniform_", _KAIMING),
    "kaiming_normal": ("nn.init.kaiming_normal_", _KAIMING),
    "lecun_normal": ("nn.init.kaiming_normal_", ()),
    "lecun_trunc_normal": ("nn.init.trunc_normal_", ()),
    "orthogonal": ("nn.init.orthogonal_", (("gain", "gain", 1),)),
}
"""By rule: PyTorch's function; argument, keyword (none by position) and PyTorch's default."""


def fill(rule: Initialiser, target: Code, numbers: dict[str, Code] | None = None, fan_in: Code | None = None) -> Code:
    """The call that fills a tensor in place; `fan_in` unless the tensor can be asked for it."""
    function, arguments = _PYTORCH[rule.rule.name]
    positional, keywords = [target], []
    for name, keyword, default in arguments:
        value = rule.args[name]
        if name == "nonlinearity":
            value = _NONLINEARITIES.get(value, value)
            default = _NONLINEARITIES[default]
        made = (numbers or {}).get(name) or code.literal(value)
        if not keyword:
            positional.append(made)
        elif value != default:
            keywords.append((keyword, made))
    if rule.rule.name == "lecun_normal":
        keywords.append(("nonlinearity", code.literal("linear")))
    elif rule.rule.name == "lecun_trunc_normal":
        fan_in = fan_in or code.method(code.subscript(target, [code.literal(0)]), "numel", [])
        keywords.append(("std", code.binary("**", fan_in, code.literal(-0.5))))
    return code.call(function, positional, keywords)


def parameter(use: Use) -> Code:
    """`nn.Parameter(…)` of a declared tensor."""
    sizes = shape_codes(use)
    rule = use.node.args["init"]
    names = {
        case: None if node.args["init"] is None else node.args["init"].rule.name for case, node in use.nodes.items()
    }
    if len(set(names.values())) > 1:
        raise Disagree(names, "initialisers differ")
    if rule is None or rule.rule.name in _FILLS:
        return code.call("nn.Parameter", [code.call(_FILLS[rule.rule.name] if rule else "torch.zeros", sizes)])
    numbers = {name: _number(use, name) for name in rule.args if not isinstance(rule.args[name], str)}
    if rule.rule.name == "constant":
        value = numbers["value"]
        return code.call("nn.Parameter", [code.call("torch.full", [code.tuple_of(sizes), as_float(value)])])
    fan_in = reduce(partial(code.binary, "*"), sizes[1:]) if rule.rule.axes else None
    return code.call("nn.Parameter", [fill(rule, code.call("torch.empty", sizes), numbers, fan_in)])


def as_float(value: Code) -> Code:
    """A whole number as a fraction, so that a tensor of it holds fractions."""
    is_whole = isinstance(value, Constant) and type(value.value) is int
    return code.literal(float(code.value_of(value))) if is_whole else value


def shape_codes(use: Use) -> list[Code]:
    """The sizes of a declared tensor, as written."""
    return use.sizes("shape")


def _number(use: Use, name: str) -> Code:
    values = {case: node.args["init"].args[name] for case, node in use.nodes.items()}
    exprs = {case: _expr(node, name) for case, node in use.nodes.items()}
    return use.unit.number(Slot(values, exprs, use.envs, given=True, role=name))


def _expr(node: Any, name: str) -> Expr:
    origin = node.given.get("init")
    rule = node.args["init"]
    if origin is None or not isinstance(origin.syntax, tree.Call):
        return expr_of(rule.args[name])
    return argument_expr(origin, rule, name)


def argument_expr(given: Given, rule: Initialiser, name: str) -> Expr:
    """The expression that gave an argument of an initialiser."""
    names = [argument.name for argument in rule.rule.arguments]
    for number, part in enumerate(given.parts):
        if part.name == name or (part.name is None and number < len(names) and names[number] == name):
            return as_written(part)
    return Const(rule.args[name])


__all__ = ["Ref", "argument_expr", "as_float", "fill", "parameter", "shape_codes"]
