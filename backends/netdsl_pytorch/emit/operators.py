"""How each operator is written in PyTorch: as a module, as an expression in `forward`, or as both.

`MODULES` gives the constructor of a module, `EXPRESSIONS` what stands in `forward` for an operator without weights. An
operator in both is an attribute when it has weights or hyper-parameters (`ATTRIBUTES`), and otherwise a module only as
a member of an `nn.Sequential`. One that is in `EXPRESSIONS` alone gets a small class of its own there.
"""

from __future__ import annotations

from netdsl.graph.graph import Node
from netdsl.ops.operator import REGISTRY
from netdsl_pytorch.emit.operator_expressions import EXPRESSIONS
from netdsl_pytorch.emit.operator_modules import MODULES

ATTRIBUTES = {
    *("maxpool", "avgpool", "adaptivemaxpool", "adaptiveavgpool", "lrn", "dropout", "dropout2d", "stochasticdepth"),
    *("upsample", "batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm", "prelu"),
    *("conv", "convtranspose", "linear", "embedding", "attention", "lstm", "gru"),
}
"""Operators that are attributes of the class around them, with weights or without."""

NOT_IN_CHAINS = frozenset(("attention", "attend"))
"""Operators whose module takes more than the current value, so that no `nn.Sequential` has them."""

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


def missing() -> list[str]:
    """Operators of the language that this backend cannot write; a test says that there are none."""
    return [name for name in REGISTRY if name not in MODULES and name not in EXPRESSIONS]


__all__ = ["ATTRIBUTES", "EXPRESSIONS", "MODULES", "MODULE_TYPES", "missing", "module_type"]
