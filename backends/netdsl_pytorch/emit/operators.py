"""How each operator is written in PyTorch: as a module, as an expression in `forward`, or as both.

`MODULES` gives the constructor of a module, `EXPRESSIONS` what stands in `forward` for an operator without weights. An
operator in both is an attribute when it has weights or hyper-parameters (`ATTRIBUTES`), and otherwise a module only as
a member of an `nn.Sequential`. One that is in `EXPRESSIONS` alone gets a small class of its own there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from netdsl.graph.graph import Node
from netdsl.ops.operator import REGISTRY
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

Keywords = list[tuple[str, Code]]


class Use(Protocol):
    """What a writer of an operator may ask of its use (uses.py): the operator as all cases have it."""

    node: Node
    """The node of the first case: for what all cases have in common."""
    uses: set[str]

    def same(self, argument: str) -> Any:
        """The value of an argument that must be the same in all cases."""

    def number(self, argument: str) -> Code:
        """An argument as the author wrote it."""

    def axes(self, argument: str) -> Code:
        """An argument with a number per axis."""

    def size(self, axis: int) -> Code:
        """The size of an axis of the input."""

    def is_default(self, argument: str, value: Any) -> bool:
        """Whether an argument has this value in all cases."""

    def optional(self, argument: str, keyword: str, default: Any, *, axes: bool = False) -> Keywords:
        """The argument as a keyword, nothing where it is PyTorch's default in all cases."""

    @property
    def rank(self) -> int:
        """Spatial axes of the input."""

    @property
    def lead(self) -> int:
        """Axes before those that the spec counts: 1 for the batch, 0 for tensors without one."""

    def dim(self, axis: int) -> int:
        """An axis of the spec as PyTorch counts it."""


Maker = Callable[[Any], Code]
Writer = Callable[[Any, Sequence[Code]], Code]

# --- Modules ------------------------------------------------------------------------------------


def _window(use: Use, default_stride: bool) -> Keywords:
    keywords: Keywords = [("kernel_size", use.axes("kernel"))]
    if not default_stride or not use.is_default("stride", 1):
        keywords.append(("stride", use.axes("stride")))
    return keywords


def _conv(use: Use) -> Code:
    keywords = _window(use, True)
    keywords += use.optional("padding", "padding", 0, axes=True) + use.optional("dilation", "dilation", 1, axes=True)
    keywords += use.optional("groups", "groups", 1) + use.optional("bias", "bias", True)
    return code.call(f"nn.Conv{use.rank}d", [use.size(0), use.number("out")], keywords)


def _conv_transpose(use: Use) -> Code:
    keywords = _window(use, True)
    keywords += use.optional("padding", "padding", 0, axes=True)
    keywords += use.optional("output_padding", "output_padding", 0, axes=True)
    keywords += use.optional("groups", "groups", 1) + use.optional("bias", "bias", True)
    keywords += use.optional("dilation", "dilation", 1, axes=True)
    return code.call(f"nn.ConvTranspose{use.rank}d", [use.size(0), use.number("out")], keywords)


def _linear(use: Use) -> Code:
    return code.call("nn.Linear", [use.size(-1), use.number("out")], use.optional("bias", "bias", True))


def _max_pool(use: Use) -> Code:
    keywords = _window(use, False) + use.optional("padding", "padding", 0, axes=True)
    keywords += use.optional("dilation", "dilation", 1, axes=True) + use.optional("ceil", "ceil_mode", False)
    return code.call(f"nn.MaxPool{use.rank}d", [], keywords)


def _avg_pool(use: Use) -> Code:
    keywords = _window(use, False) + use.optional("padding", "padding", 0, axes=True)
    keywords += use.optional("ceil", "ceil_mode", False)
    # Where nothing is padded, both ways to count are one.
    if not (use.is_default("padding", 0) and use.is_default("ceil", False)):
        keywords += use.optional("count_padding", "count_include_pad", True)
    return code.call(f"nn.AvgPool{use.rank}d", [], keywords)


def _adaptive(kind: str) -> Maker:
    def make(use: Use) -> Code:
        return code.call(f"nn.Adaptive{kind}Pool{use.rank}d", [use.axes("size")])

    return make


def _global(kind: str) -> Maker:
    def make(use: Use) -> Code:
        pool = code.call(f"nn.Adaptive{kind}Pool{max(use.rank, 1)}d", [Code("1")])
        if use.same("keep"):
            return pool
        return code.call("nn.Sequential", [pool, code.call("nn.Flatten", [])])

    return make


def _batch_norm(use: Use) -> Code:
    keywords = use.optional("eps", "eps", 1e-5) + use.optional("momentum", "momentum", 0.1)
    keywords += use.optional("affine", "affine", True)
    return code.call(f"nn.BatchNorm{use.rank or 1}d", [use.size(0)], keywords)


def _layer_norm(use: Use) -> Code:
    keywords = use.optional("eps", "eps", 1e-5)
    bias = use.optional("bias", "bias", True)
    if use.same("affine"):
        keywords += bias
    else:
        keywords += use.optional("affine", "elementwise_affine", True)
    axes = len(use.node.inputs[0].type.shape)
    if use.same("dim") % axes == axes - 1:
        return code.call("nn.LayerNorm", [use.size(-1)], keywords)
    use.uses.add("ChannelNorm")
    return code.call("ChannelNorm", [use.size(0)], keywords)


def _group_norm(use: Use) -> Code:
    keywords = use.optional("eps", "eps", 1e-5) + use.optional("affine", "affine", True)
    return code.call("nn.GroupNorm", [use.number("groups"), use.size(0)], keywords)


def _instance_norm(use: Use) -> Code:
    keywords = use.optional("eps", "eps", 1e-5) + use.optional("affine", "affine", False)
    return code.call(f"nn.InstanceNorm{use.rank}d", [use.size(0)], keywords)


def _rms_norm(use: Use) -> Code:
    keywords = use.optional("eps", "eps", None) + use.optional("affine", "elementwise_affine", True)
    return code.call("nn.RMSNorm", [use.size(-1)], keywords)


def _lrn(use: Use) -> Code:
    keywords = use.optional("alpha", "alpha", 1e-4) + use.optional("beta", "beta", 0.75) + use.optional("k", "k", 1.0)
    return code.call("nn.LocalResponseNorm", [use.number("size")], keywords)


def _embedding(use: Use) -> Code:
    return code.call("nn.Embedding", [use.number("n"), use.number("dim")])


def _attention(use: Use) -> Code:
    keywords = use.optional("dropout", "dropout", 0.0)
    return code.call(
        "nn.MultiheadAttention", [use.size(-1), use.number("heads")], [*keywords, ("batch_first", Code("True"))]
    )


def _recurrent(name: str) -> Maker:
    def make(use: Use) -> Code:
        keywords = use.optional("layers", "num_layers", 1) + use.optional("bidirectional", "bidirectional", False)
        return code.call(name, [use.size(-1), use.number("hidden")], [*keywords, ("batch_first", Code("True"))])

    return make


def _upsample(use: Use) -> Code:
    if use.same("by") is not None:
        keywords: Keywords = [("scale_factor", use.axes("by"))]
    else:
        keywords = [("size", use.axes("size"))]
    mode = use.same("mode")
    if mode != "nearest":
        keywords.append(("mode", code.literal(mode)))
    if use.same("align"):
        keywords.append(("align_corners", Code("True")))
    return code.call("nn.Upsample", [], keywords)


def _dropout(name: str) -> Maker:
    def make(use: Use) -> Code:
        return code.call(name.format(rank=use.rank), [use.number("p")])

    return make


def _stochastic_depth(use: Use) -> Code:
    use.uses.add("StochasticDepth")
    return code.call("StochasticDepth", [use.number("p")])


def _plain(name: str, **arguments: tuple[str, Any]) -> Maker:
    """A module whose keywords are arguments of the operator: keyword=(argument, PyTorch's default)."""

    def make(use: Use) -> Code:
        keywords: Keywords = []
        for keyword, (argument, default) in arguments.items():
            keywords += use.optional(argument, keyword, default)
        return code.call(name, [], keywords)

    return make


def _gelu(use: Use) -> Code:
    return code.call("nn.GELU", [], [("approximate", Code('"tanh"'))] if use.same("tanh") else [])


def _along(name: str) -> Maker:
    def make(use: Use) -> Code:
        return code.call(name, [], [("dim", code.literal(_negative(use, "dim")))])

    return make


def _negative(use: Use, argument: str) -> int:
    """An axis as PyTorch counts it; the last one is -1, as a person writes it."""
    axes = len(use.node.inputs[0].type.shape)
    axis = use.same(argument)
    return -1 if axis % axes == axes - 1 else use.dim(axis)


def _flatten_module(use: Use) -> Code:
    first, last = _flatten_axes(use)
    arguments = [code.literal(axis) for axis in ([first, last] if last is not None else [first])]
    return code.call("nn.Flatten", arguments if arguments != [Code("1")] else [])


MODULES: dict[str, Maker] = {
    "conv": _conv,
    "convtranspose": _conv_transpose,
    "linear": _linear,
    "embedding": _embedding,
    "attention": _attention,
    "lstm": _recurrent("nn.LSTM"),
    "gru": _recurrent("nn.GRU"),
    "maxpool": _max_pool,
    "avgpool": _avg_pool,
    "adaptivemaxpool": _adaptive("Max"),
    "adaptiveavgpool": _adaptive("Avg"),
    "globalavgpool": _global("Avg"),
    "globalmaxpool": _global("Max"),
    "batchnorm": _batch_norm,
    "layernorm": _layer_norm,
    "groupnorm": _group_norm,
    "instancenorm": _instance_norm,
    "rmsnorm": _rms_norm,
    "lrn": _lrn,
    "relu": _plain("nn.ReLU"),
    "relu6": _plain("nn.ReLU6"),
    "leakyrelu": _plain("nn.LeakyReLU", negative_slope=("slope", 0.01)),
    "prelu": _plain("nn.PReLU"),
    "elu": _plain("nn.ELU"),
    "selu": _plain("nn.SELU"),
    "gelu": _gelu,
    "silu": _plain("nn.SiLU"),
    "mish": _plain("nn.Mish"),
    "hardswish": _plain("nn.Hardswish"),
    "hardsigmoid": _plain("nn.Hardsigmoid"),
    "sigmoid": _plain("nn.Sigmoid"),
    "tanh": _plain("nn.Tanh"),
    "softplus": _plain("nn.Softplus"),
    "softmax": _along("nn.Softmax"),
    "logsoftmax": _along("nn.LogSoftmax"),
    "dropout": _dropout("nn.Dropout"),
    "dropout2d": _dropout("nn.Dropout{rank}d"),
    "stochasticdepth": _stochastic_depth,
    "identity": _plain("nn.Identity"),
    "flatten": _flatten_module,
    "upsample": _upsample,
}

ATTRIBUTES = frozenset(
    (
        *("maxpool", "avgpool", "adaptivemaxpool", "adaptiveavgpool", "lrn", "dropout", "dropout2d", "stochasticdepth"),
        *("upsample", "batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm", "prelu"),
        *("conv", "convtranspose", "linear", "embedding", "attention", "lstm", "gru"),
    )
)
"""Operators that are attributes of the class around them, with weights or without."""

MODULE_TYPES: dict[str, tuple[str, ...]] = {
    "conv": ("nn.Conv1d", "nn.Conv2d", "nn.Conv3d"),
    "convtranspose": ("nn.ConvTranspose1d", "nn.ConvTranspose2d", "nn.ConvTranspose3d"),
    "linear": ("nn.Linear",),
    "embedding": ("nn.Embedding",),
    "attention": ("nn.MultiheadAttention",),
    "lstm": ("nn.LSTM",),
    "gru": ("nn.GRU",),
    "batchnorm": ("nn.BatchNorm1d", "nn.BatchNorm2d", "nn.BatchNorm3d"),
    "layernorm": ("nn.LayerNorm",),
    "groupnorm": ("nn.GroupNorm",),
    "instancenorm": ("nn.InstanceNorm1d", "nn.InstanceNorm2d", "nn.InstanceNorm3d"),
    "rmsnorm": ("nn.RMSNorm",),
    "prelu": ("nn.PReLU",),
}
"""The classes of modules with weights, by operator; for those with several, by spatial axes from 1."""


def module_type(node: Node) -> str:
    """The class of the module that a node with weights becomes."""
    types = MODULE_TYPES[node.op.name]
    spatial = len(node.inputs[0].type.shape) - 1
    return types[max(spatial, 1) - 1] if len(types) > 1 else types[0]


# --- Expressions in `forward` ---------------------------------------------------------------------


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
    return Code(made.doc, made.level, like.typed, made.calls)


def _gelu_call(use: Use, inputs: Sequence[Code]) -> Code:
    return code.call("F.gelu", inputs, [("approximate", Code('"tanh"'))] if use.same("tanh") else [], typed=True)


def _along_call(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        return code.call(name, inputs, [("dim", code.literal(_negative(use, "dim")))], typed=True)

    return write


def _flatten_axes(use: Use) -> tuple[int, int | None]:
    axes = len(use.node.inputs[0].type.shape)
    first, last = use.same("from"), use.same("to")
    return use.dim(first), None if last == axes - 1 else use.dim(last)


def _flatten(use: Use, inputs: Sequence[Code]) -> Code:
    first, last = _flatten_axes(use)
    arguments = [code.literal(axis) for axis in ([first, last] if last is not None else [first])]
    return code.method(inputs[0], "flatten", arguments)


def _axes_tuple(axes: Sequence[int]) -> Code:
    return code.literal(axes[0]) if len(axes) == 1 else code.literal(tuple(axes))


def _global_call(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        dims = _axes_tuple([use.dim(axis + 1) for axis in range(use.rank)])
        keywords: Keywords = [("dim", dims)]
        if use.same("keep"):
            keywords.append(("keepdim", Code("True")))
        return code.method(inputs[0], name, [], keywords)

    return write


def _reduce(name: str) -> Writer:
    def write(use: Use, inputs: Sequence[Code]) -> Code:
        axes = use.same("dims")
        if axes is None:
            axes = tuple(range(len(use.node.inputs[0].type.shape)))
        keywords: Keywords = [("dim", _axes_tuple([use.dim(axis) for axis in axes]))]
        if use.same("keep"):
            keywords.append(("keepdim", Code("True")))
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
        negative = str(shift).startswith("-") and str(shift)[1:].replace(".", "").isdigit()
        made = code.binary("-", made, Code(str(shift)[1:])) if negative else code.binary("+", made, shift)
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
            keep = [Code("-1")] * (len(value.type.shape) - 1)
            each = code.method(each, "expand", [code.subscript(code.attribute(like, "shape"), [Code("0")]), *keep])
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
    sizes = use.sizes("shape")  # type: ignore[attr-defined]
    lead = [code.subscript(code.attribute(inputs[0], "shape"), [Code("0")])] if use.lead else []
    return code.method(inputs[0], "reshape", [*lead, *sizes])


def _roll(use: Use, inputs: Sequence[Code]) -> Code:
    dims = _axes_tuple([use.dim(axis) for axis in use.same("dims")])
    shifts = use.sizes("shifts")  # type: ignore[attr-defined]
    return code.method(inputs[0], "roll", [shifts[0] if len(shifts) == 1 else code.tuple_of(shifts), dims])


def _select(use: Use, inputs: Sequence[Code]) -> Code:
    axis = use.dim(use.same("dim"))
    return code.subscript(inputs[0], [*[Code(":")] * axis, use.number("index")], typed=inputs[0].typed)


def _slice(use: Use, inputs: Sequence[Code]) -> Code:
    axis = use.dim(use.same("dim"))
    size = use.node.inputs[0].type.shape[use.same("dim")]
    start = None if use.is_default("from", 0) else use.number("from")
    stop = None if use.node.args["to"] == size and use.is_default("to", size) else use.number("to")
    step = None if use.is_default("step", 1) else use.number("step")
    return code.subscript(inputs[0], [*[Code(":")] * axis, code.slice_of(start, stop, step)], typed=inputs[0].typed)


def _chunk(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(use.dim(use.same("dim")))
    return code.method(inputs[0], "chunk", [use.number("n")], [("dim", dim)])


def _split(use: Use, inputs: Sequence[Code]) -> Code:
    dim = code.literal(use.dim(use.same("dim")))
    return code.method(inputs[0], "split", [code.list_of(use.sizes("sizes"))], [("dim", dim)])  # type: ignore[attr-defined]


def _unbind(use: Use, inputs: Sequence[Code]) -> Code:
    return code.method(inputs[0], "unbind", [], [("dim", code.literal(use.dim(use.same("dim"))))])


def _take(use: Use, inputs: Sequence[Code]) -> Code:
    table, index = inputs
    lead = [Code(":")] if use.node.inputs[0].type.batched else []
    return code.subscript(table, [*lead, index], typed=table.typed)


def _crop(use: Use, inputs: Sequence[Code]) -> Code:
    """Exactly `center_crop` where borders are even; where one is odd, the smaller half goes first."""
    return use.crop(inputs[0])  # type: ignore[attr-defined,no-any-return]


def _pad(use: Use, inputs: Sequence[Code]) -> Code:
    return use.pad(inputs[0])  # type: ignore[attr-defined,no-any-return]


def _attend(use: Use, inputs: Sequence[Code]) -> Code:
    node = use.node
    keywords: Keywords = []
    if node.args["bias"] is not None:
        keywords.append(("attn_mask", inputs[node.args["bias"]]))
    if use.same("causal"):
        keywords.append(("is_causal", Code("True")))
    keywords += use.optional("scale", "scale", None)
    if not use.is_default("dropout", 0):
        p = use.number("dropout")
        keywords.append(("dropout_p", code.ternary(Code("self.training"), p, Code("0.0"))))
    q, k, v = inputs[0], inputs[node.args["k"]], inputs[node.args["v"]]
    return code.call("F.scaled_dot_product_attention", [q, k, v], keywords, typed=True)


def _rearrange(use: Use, inputs: Sequence[Code]) -> Code:
    return use.rearrange(inputs[0])  # type: ignore[attr-defined,no-any-return]


def _square(use: Use, inputs: Sequence[Code]) -> Code:
    return _typed(code.call("torch.square", inputs), Code("", typed=True))


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


def missing() -> list[str]:
    """Operators of the language that this backend cannot write; a test says that there are none."""
    return [name for name in REGISTRY if name not in MODULES and name not in EXPRESSIONS]
