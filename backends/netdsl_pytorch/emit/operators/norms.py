"""Normalisation: layers with weights, and functions of weights that are given."""

from __future__ import annotations

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.operators.record import Keywords, Use, along_function, operator


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


def _layer_norm_of(use: Use, x: Code, given: Keywords) -> Code:
    keywords = [*given, *use.optional("eps", "eps", 1e-5)]
    axes = len(use.node.inputs[0].type.shape)
    if use.same("dim") % axes == axes - 1:
        return code.call("F.layer_norm", [x, code.list_of([use.size(-1)])], keywords, typed=True)
    first, last = code.literal(use.dim(0)), code.literal(-1)
    moved = code.method(x, "movedim", [first, last])
    made = code.call("F.layer_norm", [moved, code.list_of([use.size(0)])], keywords, typed=True)
    return code.method(made, "movedim", [last, first])


def _rms_norm_of(use: Use, x: Code, given: Keywords) -> Code:
    keywords = [*given, *use.optional("eps", "eps", None)]
    return code.call("F.rms_norm", [x, code.list_of([use.size(-1)])], keywords, typed=True)


def _group_norm_of(use: Use, x: Code, given: Keywords) -> Code:
    keywords = [*given, *use.optional("eps", "eps", 1e-5)]
    return code.call("F.group_norm", [x, use.number("groups")], keywords, typed=True)


def _instance_norm_of(use: Use, x: Code, given: Keywords) -> Code:
    keywords = [*given, *use.optional("eps", "eps", 1e-5)]
    if use.lead:
        return code.call("F.instance_norm", [x], keywords, typed=True)
    made = code.call("F.instance_norm", [code.method(x, "unsqueeze", [code.literal(0)])], keywords, typed=True)
    return code.method(made, "squeeze", [code.literal(0)])


operator(
    "batchnorm",
    module=_batch_norm,
    attribute=True,
    classes=("nn.BatchNorm1d", "nn.BatchNorm2d", "nn.BatchNorm3d"),
    ones=True,
)
operator("layernorm", module=_layer_norm, attribute=True, classes=("nn.LayerNorm",), weighted=_layer_norm_of, ones=True)
operator("groupnorm", module=_group_norm, attribute=True, classes=("nn.GroupNorm",), weighted=_group_norm_of, ones=True)
operator(
    "instancenorm",
    module=_instance_norm,
    attribute=True,
    classes=("nn.InstanceNorm1d", "nn.InstanceNorm2d", "nn.InstanceNorm3d"),
    weighted=_instance_norm_of,
    ones=True,
)
operator("rmsnorm", module=_rms_norm, attribute=True, classes=("nn.RMSNorm",), weighted=_rms_norm_of, ones=True)
operator("lrn", module=_lrn, attribute=True)
operator("normalize", function=along_function("F.normalize"))
