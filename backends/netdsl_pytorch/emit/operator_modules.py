"""Operators as modules of PyTorch: a function for each that gives the call of the constructor."""

from __future__ import annotations

from typing import Any

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operator_use import Keywords, Maker, Use, flatten_axes, negative_axis


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
        pool = code.call(f"nn.Adaptive{kind}Pool{max(use.rank, 1)}d", [code.literal(1)])
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
        "nn.MultiheadAttention", [use.size(-1), use.number("heads")], [*keywords, ("batch_first", code.literal(True))]
    )


def _recurrent(name: str) -> Maker:
    def make(use: Use) -> Code:
        keywords = use.optional("layers", "num_layers", 1) + use.optional("bidirectional", "bidirectional", False)
        return code.call(name, [use.size(-1), use.number("hidden")], [*keywords, ("batch_first", code.literal(True))])

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
        keywords.append(("align_corners", code.literal(True)))
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
    return code.call("nn.GELU", [], [("approximate", code.literal("tanh"))] if use.same("tanh") else [])


def _along(name: str) -> Maker:
    def make(use: Use) -> Code:
        return code.call(name, [], [("dim", code.literal(negative_axis(use, "dim")))])

    return make


def _flatten_module(use: Use) -> Code:
    first, last = flatten_axes(use)
    arguments = [code.literal(axis) for axis in ([first, last] if last is not None else [first])]
    return code.call("nn.Flatten", arguments if arguments != [code.literal(1)] else [])


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
