"""Operators as expressions in `forward`: a function for each that has no weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operator_use import Keywords, Use, Writer, flatten_axes, negative_axis
from netdsl_pytorch.python.nodes import Constant
from netdsl_pytorch.python.precedence import is_negative


def _call(name: str, **arguments: tuple[str, Any]) -> Writer:
    """A function of one tensor, its keywords as for `_plain`."""

    def write(use: Use, inputs: Sequence[Code]) -> Code:
        keywords: Keywords = []
        for keyword, (argument, default) in arguments.items():
            keywords += use.optional(argument, keyword, default)
        return code.call(name, inputs, keywords, typed=True)

    return write


def _method(name: str, *arguments: Any) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        return _typed(code.method(inputs[0], name, [code.literal(argument) for argument in arguments]), inputs[0])

    return write


def _typed(made: Code, like: Code) -> Code:
    """A call whose result a type checker knows if it knows its tensor."""
    return code.typed_as(made, like.typed)


def _gelu_call(use: Use, inputs: Sequence[Code]) -> Code:
    return code.call("F.gelu", inputs, [("approximate", code.literal("tanh"))] if use.same("tanh") else [], typed=True)


def _along_call(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        return code.call(name, inputs, [("dim", code.literal(negative_axis(use, "dim")))], typed=True)

    return write


def _flatten(use: Use, inputs: Sequence[Code]) -> Code:
    first, last = flatten_axes(use)
    arguments = [code.literal(axis) for axis in ([first, last] if last is not None else [first])]
    return code.method(inputs[0], "flatten", arguments)


def _axes_tuple(axes: Sequence[int]) -> Code:
    return code.literal(axes[0]) if len(axes) == 1 else code.literal(tuple(axes))


def _global_call(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        dims = _axes_tuple([use.dim(axis + 1) for axis in range(use.rank)])
        keywords: Keywords = [("dim", dims)]
        if use.same("keep"):
            keywords.append(("keepdim", code.literal(True)))
        return code.method(inputs[0], name, [], keywords)

    return write


def _reduce(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        axes = use.same("dims")
        if axes is None:
            axes = tuple(range(len(use.node.inputs[0].type.shape)))
        keywords: Keywords = [("dim", _axes_tuple([use.dim(axis) for axis in axes]))]
        if use.same("keep"):
            keywords.append(("keepdim", code.literal(True)))
        return code.method(inputs[0], name, [], keywords)

    return write


def _clamp(use: Use, inputs: Sequence[Code]) -> Code:
    return code.method(inputs[0], "clamp", [], use.optional("min", "min", None) + use.optional("max", "max", None))


def _scale(use: Use, inputs: Sequence[Code]) -> Code:
    made = inputs[0]
    if not use.is_default("by", 1):
        made = code.binary("*", made, use.number("by"))
    if not use.is_default("shift", 0):
        shift = use.number("shift")
        negative = isinstance(shift, Constant) and is_negative(shift)
        made = (
            code.binary("-", made, code.literal(-code.value_of(shift))) if negative else code.binary("+", made, shift)
        )
    return made


def _chain(op: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        made = inputs[0]
        for each in inputs[1:]:
            made = code.binary(op, made, each)
        return made

    return write


def _maximum(use: Use, inputs: Sequence[Code]) -> Code:
    made = inputs[0]
    for each in inputs[1:]:
        made = code.call("torch.maximum", [made, each], typed=True)
    return made


def _expanded(use: Use, inputs: Sequence[Code]) -> list[Code]:
    """Branches of `concat`: those without a batch repeated over it, where others have one."""
    batched = [value.type.batched for value in use.node.inputs]
    if all(batched) or not any(batched):
        return list(inputs)
    like = inputs[batched.index(True)]
    result = []
    for value, each, has in zip(use.node.inputs, inputs, batched, strict=True):
        if not has:
            keep = [code.literal(-1)] * (len(value.type.shape) - 1)
            each = code.method(
                each, "expand", [code.subscript(code.attribute(like, "shape"), [code.literal(0)]), *keep]
            )
        result.append(each)
    return result


def _concat(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(_output_dim(use, use.same("dim")))
    return code.call("torch.cat", [code.list_of(_expanded(use, inputs))], [("dim", dim)], typed=True)


def _output_dim(use: Use, axis: int) -> int:
    return axis + (1 if use.node.type.batched else 0)


def _stack(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(_output_dim(use, use.same("dim")))
    return code.call("torch.stack", [code.list_of(inputs)], [("dim", dim)], typed=True)


def _permute(use: Use, inputs: Sequence[Code]) -> Code:
    axes = [*range(use.lead), *(use.dim(axis) for axis in use.same("axes"))]
    return code.method(inputs[0], "permute", [code.literal(axis) for axis in axes])


def _reshape(use: Use, inputs: Sequence[Code]) -> Code:
    sizes = use.sizes("shape")
    lead = [code.subscript(code.attribute(inputs[0], "shape"), [code.literal(0)])] if use.lead else []
    return code.method(inputs[0], "reshape", [*lead, *sizes])


def _roll(use: Use, inputs: Sequence[Code]) -> Code:
    dims = _axes_tuple([use.dim(axis) for axis in use.same("dims")])
    shifts = use.sizes("shifts")
    return code.method(inputs[0], "roll", [shifts[0] if len(shifts) == 1 else code.tuple_of(shifts), dims])


def _select(use: Use, inputs: Sequence[Code]) -> Code:
    axis = use.dim(use.same("dim"))
    # What the author counts from the end stays so, whatever the size.
    index = code.literal(-1) if use.is_given("index", -1) else use.number("index")
    return code.subscript(inputs[0], [*[code.ALL] * axis, index], typed=inputs[0].typed)


def _slice(use: Use, inputs: Sequence[Code]) -> Code:
    axis = use.dim(use.same("dim"))
    size = use.node.inputs[0].type.shape[use.same("dim")]
    start = None if use.is_default("from", 0) else use.number("from")
    stop = None if use.node.args["to"] == size and use.is_default("to", size) else use.number("to")
    step = None if use.is_default("step", 1) else use.number("step")
    return code.subscript(inputs[0], [*[code.ALL] * axis, code.slice_of(start, stop, step)], typed=inputs[0].typed)


def _chunk(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(use.dim(use.same("dim")))
    return code.method(inputs[0], "chunk", [use.number("n")], [("dim", dim)])


def _split(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(use.dim(use.same("dim")))
    sizes = use.sizes("sizes")
    size = sizes[0] if len(set(sizes)) == 1 else code.list_of(sizes)
    if inputs[0].typed:
        # The method of a Tensor tells a type checker nothing, and the function does.
        return code.call("torch.split", [inputs[0], size], [("dim", dim)], typed=True)
    return code.method(inputs[0], "split", [size], [("dim", dim)])


def _unbind(use: Use, inputs: Sequence[Code]) -> Code:
    return code.method(inputs[0], "unbind", [], [("dim", code.literal(use.dim(use.same("dim"))))])


def _take(use: Use, inputs: Sequence[Code]) -> Code:
    table, index = inputs
    lead = [code.ALL] if use.node.inputs[0].type.batched else []
    return code.subscript(table, [*lead, index], typed=table.typed)


def _crop(use: Use, inputs: Sequence[Code]) -> Code:
    """Exactly `center_crop` where borders are even; where one is odd, the smaller half goes first."""
    return use.crop(inputs[0])


def _pad(use: Use, inputs: Sequence[Code]) -> Code:
    return use.pad(inputs[0])


def _attend(use: Use, inputs: Sequence[Code]) -> Code:
    node = use.node
    keywords: Keywords = []
    if node.args["bias"] is not None:
        keywords.append(("attn_mask", inputs[node.args["bias"]]))
    if use.same("causal"):
        keywords.append(("is_causal", code.literal(True)))
    keywords += use.optional("scale", "scale", None)
    if not use.is_default("dropout", 0):
        p = use.number("dropout")
        keywords.append(("dropout_p", code.ternary(code.name("self.training"), p, code.literal(0.0))))
    q, k, v = inputs[0], inputs[node.args["k"]], inputs[node.args["v"]]
    return code.call("F.scaled_dot_product_attention", [q, k, v], keywords, typed=True)


def _rearrange(use: Use, inputs: Sequence[Code]) -> Code:
    return use.rearrange(inputs[0])


def _square(use: Use, inputs: Sequence[Code]) -> Code:
    return code.call("torch.square", inputs, typed=True)


def _identity(use: Use, inputs: Sequence[Code]) -> Code:
    return inputs[0]


EXPRESSIONS: dict[str, Writer] = {
    "relu": _call("F.relu"),
    "relu6": _call("F.relu6"),
    "leakyrelu": _call("F.leaky_relu", negative_slope=("slope", 0.01)),
    "elu": _call("F.elu"),
    "selu": _call("F.selu"),
    "gelu": _gelu_call,
    "silu": _call("F.silu"),
    "mish": _call("F.mish"),
    "hardswish": _call("F.hardswish"),
    "hardsigmoid": _call("F.hardsigmoid"),
    "sigmoid": _call("torch.sigmoid"),
    "tanh": _call("torch.tanh"),
    "softplus": _call("F.softplus"),
    "softmax": _along_call("F.softmax"),
    "logsoftmax": _along_call("F.log_softmax"),
    "exp": _call("torch.exp"),
    "sin": _call("torch.sin"),
    "cos": _call("torch.cos"),
    "abs": _call("torch.abs"),
    "square": _call("torch.square"),
    "sqrt": _call("torch.sqrt"),
    "clamp": _clamp,
    "scale": _scale,
    "normalize": _along_call("F.normalize"),
    "identity": _identity,
    "globalavgpool": _global_call("mean"),
    "globalmaxpool": _global_call("amax"),
    "mean": _reduce("mean"),
    "maximum": _reduce("amax"),
    "sum": _reduce("sum"),
    "flatten": _flatten,
    "reshape": _reshape,
    "permute": _permute,
    "rearrange": _rearrange,
    "roll": _roll,
    "slice": _slice,
    "select": _select,
    "chunk": _chunk,
    "split": _split,
    "unbind": _unbind,
    "take": _take,
    "crop": _crop,
    "pad": _pad,
    "attend": _attend,
    "concat": _concat,
    "stack": _stack,
    "add": _chain("+"),
    "sub": _chain("-"),
    "mul": _chain("*"),
    "max": _maximum,
    "matmul": _chain("@"),
}
