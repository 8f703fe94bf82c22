"""The meaning of a graph in numbers: every operator computed by itself, with no regard to how it is emitted.

This is what verification compares an emitted module with. It shares nothing with the emitter but the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netdsl.elaborate.evaluate import evaluate
from netdsl.graph.graph import Graph, Node, Value
from netdsl.graph.symbolic import plain
from netdsl.ops.pattern import parse, plan
from netdsl.syntax import tree

Args = Mapping[str, Any]
Weights = Mapping[str, Tensor]
Compute = Callable[[Node, list[Tensor], Args, Weights], Any]


def interpret(graph: Graph, state: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """The results of a graph at inference, by name, with the tensors of a `state_dict`."""
    values: dict[tuple[int, int], Tensor] = {}
    given = {id(each.value): tensor for each, tensor in zip(graph.inputs, inputs, strict=True)}

    def read(value: Value) -> Tensor:
        root = value.root
        tensor = given[id(root)] if root.node is None else values[id(root.node), root.index]
        return tensor.float() if value.type.dtype == "float" and not tensor.is_floating_point() else tensor

    for node in graph.nodes(train=False):
        args = {name: plain(value) for name, value in node.args.items()}
        if node.op.name in ("constant", "buffer"):
            assert isinstance(node.syntax, tree.Table)
            results: Any = table(node, node.syntax, values)
        elif node.op.name == "param":
            results = state[node.path]
        else:
            owner = node.shared or node
            weights = {each.name: state[f"{owner.path}.{each.name}"] for each in owner.weights}
            for name, source in (owner.fed or {}).items():
                if isinstance(source, tuple):
                    tied, weight = source
                    weights[name] = state[f"{tied.path}.{weight}" if weight else tied.path]
                else:
                    weights[name] = read(source)
            results = OPERATORS[node.op.name](node, [read(value) for value in node.inputs], args, weights)
        for index, tensor in enumerate(results if isinstance(results, tuple | list) else (results,)):
            values[id(node), index] = tensor
    return {output.name: read(output.value) for output in graph.outputs if not output.train}


def randomise(module: nn.Module) -> None:
    """Gives every parameter and running statistic a number that tells it apart, so that sizes stay in range: nothing
    is zero, as a part that begins with zeros would hide what is before it."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in module.state_dict(keep_vars=True).items():
            if not tensor.is_floating_point() or (not isinstance(tensor, nn.Parameter) and "running" not in name):
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1.0 + 0.1 * noise.abs())
            elif name.endswith(("running_mean", "bias")) or "bias_" in name:
                tensor.copy_(0.1 * noise)
            elif tensor.dim() <= 1:
                tensor.copy_(1.0 + 0.1 * noise)
            else:
                tensor.copy_(noise * math.sqrt(1.5 / max(1, math.prod(tensor.shape[1:]))))


# --- Formulas -----------------------------------------------------------------------------------------

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
        whole = _formula(syntax.formula, dict(zip(names, places, strict=True)), node, values)
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


# --- Operators ----------------------------------------------------------------------------------------

OPERATORS: dict[str, Compute] = {}


def _operator(*names: str) -> Callable[[Compute], Compute]:
    def add(compute: Compute) -> Compute:
        OPERATORS.update(dict.fromkeys(names, compute))
        return compute

    return add


def _pointwise(name: str, function: Callable[[Tensor], Tensor]) -> None:
    OPERATORS[name] = lambda node, x, args, weights: function(x[0])


for _name, _function in {
    "relu": lambda x: x.clamp(min=0),
    "relu6": lambda x: x.clamp(0, 6),
    "elu": lambda x: torch.where(x > 0, x, torch.expm1(x)),
    "selu": torch.selu,
    "silu": lambda x: x * torch.sigmoid(x),
    "mish": lambda x: x * torch.tanh(F.softplus(x)),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "exp": torch.exp,
    "sin": torch.sin,
    "cos": torch.cos,
    "abs": torch.abs,
    "square": lambda x: x * x,
    "sqrt": torch.sqrt,
    "identity": lambda x: x,
    "dropout": lambda x: x,
    "dropout2d": lambda x: x,
    "stochasticdepth": lambda x: x,
}.items():
    _pointwise(_name, _function)


def _lead(node: Node) -> int:
    return 1 if node.inputs[0].type.batched else 0


def _spatial(x: Tensor, node: Node, axes: int) -> tuple[Tensor, bool]:
    """The input with a batch, and whether it had none."""
    return (x, False) if node.inputs[0].type.batched else (x.unsqueeze(0), True)


@_operator("leakyrelu")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return torch.where(x[0] > 0, x[0], args["slope"] * x[0])


@_operator("prelu")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return torch.where(x[0] > 0, x[0], weights["weight"] * x[0])


@_operator("gelu")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    if args["tanh"]:
        return 0.5 * x[0] * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x[0] + 0.044715 * x[0] ** 3)))
    return 0.5 * x[0] * (1 + torch.erf(x[0] / math.sqrt(2)))


@_operator("softmax", "logsoftmax")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    dim = args["dim"] + _lead(node)
    return x[0].softmax(dim) if node.op.name == "softmax" else x[0].log_softmax(dim)


@_operator("clamp")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].clamp(args["min"], args["max"])


@_operator("scale")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result: Tensor = x[0] * args["by"] + args["shift"]
    return result


@_operator("conv", "convtranspose")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = len(args["kernel"])
    image, alone = _spatial(x[0], node, axes)
    common = {
        "stride": args["stride"],
        "padding": args["padding"],
        "groups": args["groups"],
        "dilation": args["dilation"],
    }
    bias = weights.get("bias")
    if node.op.name == "conv":
        function: Any = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    else:
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[axes - 1]
        common["output_padding"] = args["output_padding"]
    result: Tensor = function(image, weights["weight"], bias, **common)
    return result.squeeze(0) if alone else result


@_operator("linear")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result = x[0] @ weights["weight"].T
    return result + weights["bias"] if "bias" in weights else result


@_operator("embedding")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return weights["weight"][x[0]]


@_operator("attention")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    features, heads = x[0].shape[-1], args["heads"]
    projected = x[0] @ weights["in_proj_weight"].T + weights["in_proj_bias"]
    q, k, v = (
        part.reshape(*part.shape[:-1], heads, features // heads).transpose(-2, -3)
        for part in projected.chunk(3, dim=-1)
    )
    together = _attend(q, k, v, None, args["causal"], None).transpose(-2, -3).flatten(-2)
    return together @ weights["out_proj.weight"].T + weights["out_proj.bias"]


@_operator("attend")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    bias = None if args["bias"] is None else x[args["bias"]]
    return _attend(x[0], x[args["k"]], x[args["v"]], bias, args["causal"], args["scale"])


def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, causal: bool, scale: float | None) -> Tensor:
    scores = q @ k.transpose(-1, -2) * (scale if scale is not None else q.shape[-1] ** -0.5)
    if bias is not None:
        scores = scores + bias
    if causal:
        later = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    return scores.softmax(-1) @ v


@_operator("lstm", "gru")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> tuple[Tensor, Tensor]:
    sequence = x[0] if node.inputs[0].type.batched else x[0].unsqueeze(0)
    step = _lstm_step if node.op.name == "lstm" else _gru_step
    finals: list[Tensor] = []
    for layer in range(args["layers"]):
        outputs, finals = [], []
        for suffix in ("", "_reverse")[: 2 if args["bidirectional"] else 1]:
            w = {kind: weights[f"{kind}_l{layer}{suffix}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
            state = torch.zeros(2, sequence.shape[0], args["hidden"])
            places = range(sequence.shape[1])
            states = {}
            for place in reversed(places) if suffix else places:
                state = step(sequence[:, place], state, w)
                states[place] = state[0]
            outputs.append(torch.stack([states[place] for place in places], dim=1))
            finals.append(state[0])
        sequence = torch.cat(outputs, dim=-1)
    final = torch.cat(finals, dim=-1)
    return (sequence, final) if node.inputs[0].type.batched else (sequence[0], final[0])


def _lstm_step(x: Tensor, state: Tensor, w: Weights) -> Tensor:
    gates = x @ w["weight_ih"].T + w["bias_ih"] + state[0] @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.stack([torch.sigmoid(o) * torch.tanh(cell), cell])


def _gru_step(x: Tensor, state: Tensor, w: Weights) -> Tensor:
    ours, theirs = x @ w["weight_ih"].T + w["bias_ih"], state[0] @ w["weight_hh"].T + w["bias_hh"]
    (r1, z1, n1), (r2, z2, n2) = ours.chunk(3, dim=-1), theirs.chunk(3, dim=-1)
    r, z = torch.sigmoid(r1 + r2), torch.sigmoid(z1 + z2)
    hidden = (1 - z) * torch.tanh(n1 + r * n2) + z * state[0]
    return torch.stack([hidden, hidden])


@_operator("maxpool", "avgpool")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = len(args["kernel"])
    image, alone = _spatial(x[0], node, axes)
    common: dict[str, Any] = {"stride": args["stride"], "padding": args["padding"], "ceil_mode": args["ceil"]}
    function: Any
    if node.op.name == "maxpool":
        function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[axes - 1]
        common["dilation"] = args["dilation"]
    else:
        function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[axes - 1]
        common["count_include_pad"] = args["count_padding"]
    result: Tensor = function(image, args["kernel"], **common)
    return result.squeeze(0) if alone else result


@_operator("adaptivemaxpool", "adaptiveavgpool")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result = x[0]
    for offset, size in enumerate(args["size"]):
        axis = result.dim() - len(args["size"]) + offset
        length = result.shape[axis]
        cells = [
            result.narrow(axis, i * length // size, -(-(i + 1) * length // size) - i * length // size)
            for i in range(size)
        ]
        if node.op.name == "adaptivemaxpool":
            result = torch.cat([cell.amax(axis, keepdim=True) for cell in cells], dim=axis)
        else:
            result = torch.cat([cell.mean(axis, keepdim=True) for cell in cells], dim=axis)
    return result


@_operator("globalavgpool", "globalmaxpool")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = tuple(range(1 + _lead(node), x[0].dim()))
    if node.op.name == "globalavgpool":
        return x[0].mean(axes, keepdim=args["keep"])
    return x[0].amax(axes, keepdim=args["keep"])


def _along_channels(number: Tensor, node: Node, x: Tensor) -> Tensor:
    return number.reshape(-1, *[1] * (x.dim() - 1 - _lead(node)))


@_operator("batchnorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    mean, var = (_along_channels(weights[f"running_{which}"], node, x[0]) for which in ("mean", "var"))
    result = (x[0] - mean) / torch.sqrt(var + args["eps"])
    return _scaled(result, node, weights)


def _scaled(x: Tensor, node: Node, weights: Weights) -> Tensor:
    if "weight" in weights:
        x = x * _along_channels(weights["weight"], node, x)
    return x + _along_channels(weights["bias"], node, x) if "bias" in weights else x


@_operator("layernorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axis = args["dim"] % len(node.inputs[0].type.shape) + _lead(node)
    moved = x[0].movedim(axis, -1)
    mean, var = moved.mean(-1, keepdim=True), moved.var(-1, correction=0, keepdim=True)
    result = (moved - mean) / torch.sqrt(var + args["eps"])
    if "weight" in weights:
        result = result * weights["weight"]
    if "bias" in weights:
        result = result + weights["bias"]
    return result.movedim(-1, axis)


@_operator("groupnorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return _scaled(_normalised(x[0], args["groups"], args["eps"]), node, weights)


@_operator("instancenorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    image = x[0] if node.inputs[0].type.batched else x[0].unsqueeze(0)
    result = _normalised(image, image.shape[1], args["eps"])
    return _scaled(result if node.inputs[0].type.batched else result.squeeze(0), node, weights)


def _normalised(x: Tensor, groups: int, eps: float) -> Tensor:
    grouped = x.reshape(x.shape[0], groups, -1)
    mean, var = grouped.mean(-1, keepdim=True), grouped.var(-1, correction=0, keepdim=True)
    return ((grouped - mean) / torch.sqrt(var + eps)).reshape(x.shape)


@_operator("rmsnorm")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    eps = torch.finfo(x[0].dtype).eps if args["eps"] is None else args["eps"]
    result = x[0] / torch.sqrt((x[0] * x[0]).mean(-1, keepdim=True) + eps)
    return result * weights["weight"] if "weight" in weights else result


@_operator("lrn")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axis, size = _lead(node), args["size"]
    squares = (x[0] * x[0]).movedim(axis, -1)
    padded = F.pad(squares, (size // 2, (size - 1) // 2))
    mean = padded.unfold(-1, size, 1).mean(-1).movedim(-1, axis)
    result: Tensor = x[0] / (args["k"] + args["alpha"] * mean) ** args["beta"]
    return result


@_operator("normalize")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    length = (x[0] * x[0]).sum(args["dim"] + _lead(node), keepdim=True).sqrt()
    return x[0] / length.clamp(min=1e-12)


# --- Shapes -------------------------------------------------------------------------------------------


@_operator("flatten")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].flatten(args["from"] + _lead(node), args["to"] + _lead(node))


@_operator("reshape")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].reshape(*x[0].shape[: _lead(node)], *args["shape"])


@_operator("permute")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    lead = _lead(node)
    return x[0].permute(*range(lead), *(axis + lead for axis in args["axes"]))


@_operator("rearrange")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    lead = _lead(node)
    batch = x[0].shape[:lead]
    steps = plan(parse(args["pattern"]), tuple(x[0].shape[lead:]), args["sizes"])
    split = x[0].reshape(*batch, *steps.split)
    return split.permute(*range(lead), *(axis + lead for axis in steps.order)).reshape(*batch, *steps.merged)


@_operator("roll")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].roll(args["shifts"], tuple(axis + _lead(node) for axis in args["dims"]))


@_operator("slice")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    places = torch.arange(args["from"], args["to"], args["step"])
    return x[0].index_select(args["dim"] + _lead(node), places)


@_operator("select")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return x[0].select(args["dim"] + _lead(node), args["index"])


@_operator("chunk", "split", "unbind")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> tuple[Tensor, ...]:
    axis, start, parts = args["dim"] + _lead(node), 0, []
    for output in node.outputs:
        if node.op.name == "unbind":
            parts.append(x[0].select(axis, start))
            start += 1
            continue
        size = int(output.type.shape[args["dim"]])
        parts.append(x[0].narrow(axis, start, size))
        start += size
    return tuple(parts)


@_operator("take")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    index = x[args["index"]]
    if node.inputs[0].type.batched:
        return torch.stack([sample[index] for sample in x[0]])
    return x[0][index]


@_operator("crop")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    result = x[0]
    for offset, size in enumerate(args["size"]):
        axis = 1 + _lead(node) + offset
        result = result.narrow(axis, (result.shape[axis] - size) // 2, size)
    return result


@_operator("pad")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    if args["mode"] == "constant":
        flat = [amount for pair in reversed(args["border"]) for amount in pair]
        return F.pad(x[0], flat, value=args["value"])
    result = x[0]
    for axis, (before, behind) in enumerate(args["border"]):
        places = torch.arange(-before, node.inputs[0].type.shape[axis] + behind)
        last = int(node.inputs[0].type.shape[axis]) - 1
        if args["mode"] == "replicate":
            places = places.clamp(0, last)
        elif args["mode"] == "circular":
            places = places % (last + 1)
        else:
            places = last - (last - places.abs()).abs()
        result = result.index_select(axis + _lead(node), places)
    return result


@_operator("upsample")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    size = [int(each) for each in node.type.shape[1:]]
    align = args["align"] if args["mode"] != "nearest" else None
    return F.interpolate(x[0], size=size, mode=args["mode"], align_corners=align)


@_operator("mean", "maximum", "sum")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    axes = args["dims"] if args["dims"] is not None else range(len(node.inputs[0].type.shape))
    dims = tuple(axis + _lead(node) for axis in axes)
    reduce: Any = {"mean": x[0].mean, "maximum": x[0].amax, "sum": x[0].sum}[node.op.name]
    result: Tensor = reduce(dim=dims, keepdim=args["keep"])
    return result


# --- Combines -----------------------------------------------------------------------------------------


@_operator("concat")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    batch = next((t.shape[0] for t, value in zip(x, node.inputs, strict=True) if value.type.batched), None)
    if batch is None:
        return torch.cat(x, dim=args["dim"])
    repeated = [
        tensor if value.type.batched else torch.cat([tensor] * batch)
        for tensor, value in zip(x, node.inputs, strict=True)
    ]
    return torch.cat(repeated, dim=args["dim"] + 1)


@_operator("stack")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    return torch.stack(x, dim=args["dim"] + _lead(node))


@_operator("add", "sub", "mul", "max", "matmul")
def _(node: Node, x: list[Tensor], args: Args, weights: Weights) -> Tensor:
    combine: Any = {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "max": torch.maximum,
        "matmul": torch.matmul,
    }[node.op.name]
    result = x[0]
    for each in x[1:]:
        result = combine(result, each)
    return result
