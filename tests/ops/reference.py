"""The operators as PyTorch has them: what the rules of netdsl are compared with.

Each function takes the arguments as a spec gives them, *before* netdsl looked at them, and the types of all inputs;
it returns a module, or raises whatever PyTorch raises. What is not given is not passed on, so that PyTorch's own
defaults count. Tensors among the arguments are inputs of the module, after the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netdsl.values.literals import Window, Word
from tests.ops.calls import (
    Builder,
    Call,
    Given,
    Refused,
    Types,
    along,
    axis,
    by_rank,
    function,
    last,
    module,
    renamed,
)
from tests.ops.reference_tensors import TENSORS

# --- convolution and pooling

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
AVG_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
WINDOW_NAMES = {
    "out": "out_channels",
    "kernel": "kernel_size",
    "ceil": "ceil_mode",
    "count_padding": "count_include_pad",
}


def window_arguments(given: Given, types: Types) -> dict[str, Any]:
    """Keyword arguments of a windowed module; `same` in numbers where numbers can say it."""
    args = dict(given)
    kernel = args.get("kernel")
    if isinstance(kernel, Window):
        if "stride" in args:
            raise Refused("two strides")
        args |= {"kernel": kernel.kernel, "stride": kernel.stride}
    if args.get("padding") == Word("same"):
        rank = len(types[0].shape) - 1
        kernels, dilations = (
            value if isinstance(value, tuple) else (value,) * rank
            for value in (args["kernel"], args.get("dilation", 1))
        )
        if all(size % 2 == 1 for size in kernels):
            args["padding"] = tuple(d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True))
    return renamed(args, WINDOW_NAMES)


def conv(given: Given, types: Types) -> nn.Module:
    module: nn.Module = by_rank(CONVS, types)(types[0].shape[0], **window_arguments(given, types))
    return module


def windowed(classes: tuple[Any, ...]) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        module: nn.Module = by_rank(classes, types)(**window_arguments(given, types))
        return module

    return build


def adaptive(*classes: Any) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        module: nn.Module = by_rank(classes, types)(**renamed(given, {"size": "output_size"}))
        return module

    return build


def everywhere(function: Callable[..., Tensor]) -> Builder:
    """A reduction over all spatial axes, as emitted code writes it."""

    def build(given: Given, types: Types) -> nn.Module:
        axes = tuple(range(-len(types[0].shape) + 1, 0))
        if not axes:
            raise Refused("no spatial axes")
        return Call(function, dim=axes, **renamed(given, {"keep": "keepdim"}))

    return build


# --- the others


def linear(given: Given, types: Types) -> nn.Module:
    return nn.Linear(last(types), **renamed(given, {"out": "out_features"}))


def batchnorm(given: Given, types: Types) -> nn.Module:
    classes = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    rank = len(types[0].shape) - 1
    if not 0 <= rank <= 3:
        raise Refused(f"{rank} spatial axes")
    module: nn.Module = classes[rank](types[0].shape[0], **renamed(given, {}))
    return module


def gelu(given: Given, types: Types) -> nn.Module:
    tanh = given.get("tanh", False)
    if not isinstance(tanh, bool):
        raise Refused("PyTorch has words for this")
    return nn.GELU(approximate="tanh" if tanh else "none")


# --- norms and dropouts


class ChannelsLast(nn.Module):
    """A module applied with the channels as the last axis; its names are those of the module."""

    def __init__(self, inner: nn.LayerNorm, spatial: int) -> None:
        super().__init__()
        self.spatial, self.settings = spatial, (inner.normalized_shape, inner.eps)
        self.weight: nn.Parameter | None
        self.bias: nn.Parameter | None
        for name in ("weight", "bias"):
            self.register_parameter(name, getattr(inner, name))

    def forward(self, x: Tensor) -> Tensor:
        x = x.movedim(-1 - self.spatial, -1)
        shape, eps = self.settings
        return F.layer_norm(x, shape, self.weight, self.bias, eps).movedim(-1, -1 - self.spatial)


def layernorm(given: Given, types: Types) -> nn.Module:
    names = renamed(given, {"affine": "elementwise_affine"})
    dim = names.pop("dim", -1)
    shape = types[0].shape
    if not shape or not isinstance(dim, int) or isinstance(dim, bool) or dim % len(shape) not in (0, len(shape) - 1):
        raise Refused("another axis")
    if not -len(shape) <= dim < len(shape):
        raise Refused("no such axis")
    if dim % len(shape) == len(shape) - 1:
        return nn.LayerNorm(shape[-1], **names)
    return ChannelsLast(nn.LayerNorm(shape[0], **names), len(shape) - 1)


def groupnorm(given: Given, types: Types) -> nn.Module:
    if not types[0].shape or len(types[0].shape) > 4:
        raise Refused("not CxL, CxHxW or CxDxHxW")
    return nn.GroupNorm(num_channels=types[0].shape[0], **renamed(given, {"groups": "num_groups"}))


def instancenorm(given: Given, types: Types) -> nn.Module:
    made: nn.Module = by_rank((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), types)(
        types[0].shape[0], **renamed(given, {})
    )
    return made


def rmsnorm(given: Given, types: Types) -> nn.Module:
    return nn.RMSNorm(last(types), **renamed(given, {"affine": "elementwise_affine"}))


def normalize(given: Given, types: Types) -> nn.Module:
    return Call(F.normalize, dim=axis(given.get("dim", -1), types))


def dropout2d(given: Given, types: Types) -> nn.Module:
    made: nn.Module = by_rank((nn.Dropout1d, nn.Dropout2d, nn.Dropout3d), types)(**renamed(given, {}))
    return made


def stochasticdepth(given: Given, types: Types) -> nn.Module:
    p = given["p"]
    if isinstance(p, bool) or not 0 <= p <= 1:
        raise Refused("no probability")

    def drop(x: Tensor) -> Tensor:
        if p == 0:
            return x
        keep = torch.empty(x.shape[0], *(1 for _ in x.shape[1:]), device=x.device).bernoulli_(1 - p)
        return x * (keep / (1 - p) if p < 1 else keep)

    return Call(drop)


# --- layers


def convtranspose(given: Given, types: Types) -> nn.Module:
    classes = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    made: nn.Module = by_rank(classes, types)(types[0].shape[0], **window_arguments(given, types))
    return made


def embedding(given: Given, types: Types) -> nn.Module:
    return nn.Embedding(given["n"], given["dim"])


class Recurrence(nn.Module):
    """The states and, of the last layer, the final one; under the names of the module inside."""

    def __init__(self, inner: nn.RNNBase) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        states, final = self.inner(x)
        hidden = final[0] if isinstance(final, tuple) else final
        ends = hidden[-2:] if self.inner.bidirectional else hidden[-1:]
        return states, torch.cat(tuple(ends), dim=-1)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner.state_dict(*args, **kwargs)

    def named_parameters(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner.named_parameters(*args, **kwargs)


def recurrent(cls: type[nn.LSTM] | type[nn.GRU]) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        names = renamed(given, {"hidden": "hidden_size", "layers": "num_layers"})
        if not isinstance(names.get("bidirectional", False), bool):
            raise Refused("neither true nor false")
        if len(types[0].shape) != 2:
            raise Refused("not a sequence")
        return Recurrence(cls(types[0].shape[1], batch_first=True, **names))

    return build


class SelfAttention(nn.MultiheadAttention):
    """Of a tensor with itself, masked where causal."""

    causal: bool

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[-2], device=x.device) if self.causal else None
        result, _ = super().forward(x, x, x, attn_mask=mask, is_causal=self.causal, need_weights=False)
        return result


def attention(given: Given, types: Types) -> nn.Module:
    names = renamed(given, {"heads": "num_heads"})
    causal = names.pop("causal", False)
    if len(types[0].shape) != 2:
        raise Refused("not a sequence")
    made = SelfAttention(types[0].shape[1], batch_first=True, **names)
    made.causal = causal
    return made


REFERENCE: dict[str, Builder] = {
    "conv": conv,
    "maxpool": windowed(MAX_POOLS),
    "avgpool": windowed(AVG_POOLS),
    "adaptivemaxpool": adaptive(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    "adaptiveavgpool": adaptive(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    "globalavgpool": everywhere(torch.mean),
    "globalmaxpool": everywhere(torch.amax),
    "linear": linear,
    "batchnorm": batchnorm,
    "lrn": module(nn.LocalResponseNorm),
    "dropout": module(nn.Dropout),
    "relu": function(F.relu),
    "relu6": function(F.relu6),
    "leakyrelu": module(nn.LeakyReLU, slope="negative_slope"),
    "prelu": module(nn.PReLU),
    "elu": function(F.elu),
    "selu": function(F.selu),
    "gelu": gelu,
    "silu": function(F.silu),
    "mish": function(F.mish),
    "hardswish": function(F.hardswish),
    "hardsigmoid": function(F.hardsigmoid),
    "sigmoid": function(torch.sigmoid),
    "tanh": function(torch.tanh),
    "softplus": function(F.softplus),
    "softmax": along(torch.softmax, -1),
    "logsoftmax": along(torch.log_softmax, -1),
    "exp": function(torch.exp),
    "sin": function(torch.sin),
    "cos": function(torch.cos),
    "abs": function(torch.abs),
    "square": function(torch.square),
    "sqrt": function(torch.sqrt),
    "clamp": function(torch.clamp),
    "scale": function(lambda x, by=1, shift=0: x * by + shift),
    "layernorm": layernorm,
    "groupnorm": groupnorm,
    "instancenorm": instancenorm,
    "rmsnorm": rmsnorm,
    "normalize": normalize,
    "dropout2d": dropout2d,
    "stochasticdepth": stochasticdepth,
    "convtranspose": convtranspose,
    "embedding": embedding,
    "lstm": recurrent(nn.LSTM),
    "gru": recurrent(nn.GRU),
    "attention": attention,
    **TENSORS,
}
"""Builders by the name of the operator."""
