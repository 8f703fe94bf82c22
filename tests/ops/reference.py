"""The operators as PyTorch has them: what the rules of netdsl are compared with.

Each function takes the arguments as a spec gives them, *before* netdsl looked at them, and the shapes of the inputs;
it returns a module, or raises whatever PyTorch raises. What is not given is not passed on, so that PyTorch's own
defaults count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netdsl.ops.values import Window, Word

BATCH = 2  # batch normalisation refuses to train on a single value per channel

Given = Mapping[str, Any]
Shapes = tuple[tuple[int, ...], ...]


class Refused(Exception):
    """PyTorch has no way to say this."""


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.function, self.args, self.kwargs = function, args, kwargs

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs, *self.args, **self.kwargs)


def plain(value: Any) -> Any:
    """A value of the language as a person would pass it to PyTorch."""
    if isinstance(value, Word):
        return value.text
    return tuple(value) if isinstance(value, tuple) else value


def renamed(given: Given, names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): plain(value) for name, value in given.items()}


def by_rank(classes: tuple[Any, ...], shapes: Shapes) -> Any:
    """The class for the rank of the input, `classes` being those for 1, 2 and 3 spatial axes."""
    rank = len(shapes[0]) - 1
    if not 1 <= rank <= 3:
        raise Refused(f"{rank} spatial axes")
    return classes[rank - 1]


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


def window_arguments(given: Given, shapes: Shapes) -> dict[str, Any]:
    """Keyword arguments of a windowed module; `same` in numbers where numbers can say it."""
    args = dict(given)
    kernel = args.get("kernel")
    if isinstance(kernel, Window):
        if "stride" in args:
            raise Refused("two strides")
        args |= {"kernel": kernel.kernel, "stride": kernel.stride}
    if args.get("padding") == Word("same"):
        rank = len(shapes[0]) - 1
        kernels, dilations = (
            value if isinstance(value, tuple) else (value,) * rank
            for value in (args["kernel"], args.get("dilation", 1))
        )
        if all(size % 2 == 1 for size in kernels):
            args["padding"] = tuple(d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True))
    return renamed(args, WINDOW_NAMES)


def conv(given: Given, shapes: Shapes) -> nn.Module:
    module: nn.Module = by_rank(CONVS, shapes)(shapes[0][0], **window_arguments(given, shapes))
    return module


def windowed(classes: tuple[Any, ...]) -> Callable[[Given, Shapes], nn.Module]:
    def build(given: Given, shapes: Shapes) -> nn.Module:
        module: nn.Module = by_rank(classes, shapes)(**window_arguments(given, shapes))
        return module

    return build


def adaptive(*classes: Any) -> Callable[[Given, Shapes], nn.Module]:
    def build(given: Given, shapes: Shapes) -> nn.Module:
        module: nn.Module = by_rank(classes, shapes)(**renamed(given, {"size": "output_size"}))
        return module

    return build


def everywhere(function: Callable[..., Tensor]) -> Callable[[Given, Shapes], nn.Module]:
    """A reduction over all spatial axes, as emitted code writes it."""

    def build(given: Given, shapes: Shapes) -> nn.Module:
        axes = tuple(range(2, len(shapes[0]) + 1))
        if not axes:
            raise Refused("no spatial axes")
        return Call(function, dim=axes, **renamed(given, {"keep": "keepdim"}))

    return build


# --- the others


def linear(given: Given, shapes: Shapes) -> nn.Module:
    if not shapes[0]:
        raise Refused("the last axis is the batch")
    return nn.Linear(shapes[0][-1], **renamed(given, {"out": "out_features"}))


def batchnorm(given: Given, shapes: Shapes) -> nn.Module:
    classes = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    rank = len(shapes[0]) - 1
    if not 0 <= rank <= 3:
        raise Refused(f"{rank} spatial axes")
    module: nn.Module = classes[rank](shapes[0][0], **plain_all(given))
    return module


def plain_all(given: Given) -> dict[str, Any]:
    return renamed(given, {})


def module(cls: Any, **names: str) -> Callable[[Given, Shapes], nn.Module]:
    def build(given: Given, shapes: Shapes) -> nn.Module:
        made: nn.Module = cls(**renamed(given, names))
        return made

    return build


def function(call: Callable[..., Tensor], **names: str) -> Callable[[Given, Shapes], nn.Module]:
    def build(given: Given, shapes: Shapes) -> nn.Module:
        return Call(call, **renamed(given, names))

    return build


def axis(value: Any) -> Any:
    """An axis of the language as PyTorch counts, the batch being its first."""
    return value + 1 if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else plain(value)


def along(call: Callable[..., Tensor], default: int) -> Callable[[Given, Shapes], nn.Module]:
    def build(given: Given, shapes: Shapes) -> nn.Module:
        return Call(call, dim=axis(given.get("dim", default)))

    return build


def gelu(given: Given, shapes: Shapes) -> nn.Module:
    tanh = given.get("tanh", False)
    if not isinstance(tanh, bool):
        raise Refused("PyTorch has words for this")
    return nn.GELU(approximate="tanh" if tanh else "none")


def flatten(given: Given, shapes: Shapes) -> nn.Module:
    return Call(torch.flatten, start_dim=axis(given.get("from", 0)), end_dim=axis(given.get("to", -1)))


REFERENCE: dict[str, Callable[[Given, Shapes], nn.Module]] = {
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
    "abs": function(torch.abs),
    "square": function(torch.square),
    "sqrt": function(torch.sqrt),
    "clamp": function(torch.clamp),
    "scale": function(lambda x, by=1, shift=0: x * by + shift),
    "flatten": flatten,
    "identity": module(nn.Identity),
    "concat": along(lambda *xs, dim: torch.cat(xs, dim=dim), 0),
    "add": function(lambda *xs: reduce(torch.add, xs)),
    "mul": function(lambda *xs: reduce(torch.mul, xs)),
}
"""Builders by the name of the operator."""
