"""What the references share: functions as modules, and the language's values as PyTorch takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from netdsl.values.literals import Word
from netdsl.values.types import TensorType

BATCH = 2  # batch normalisation refuses to train on a single value per channel

Given = Mapping[str, Any]
Types = tuple[TensorType, ...]
Builder = Callable[[Given, Types], nn.Module]


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


def by_rank(classes: tuple[Any, ...], types: Types) -> Any:
    """The class for the rank of the input, `classes` being those for 1, 2 and 3 spatial axes."""
    rank = len(types[0].shape) - 1
    if not 1 <= rank <= 3:
        raise Refused(f"{rank} spatial axes")
    return classes[rank - 1]


def last(types: Types) -> int:
    if not types[0].shape:
        raise Refused("the last axis is the batch")
    return types[0].shape[-1]


def module(cls: Any, **names: str) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        made: nn.Module = cls(**renamed(given, names))
        return made

    return build


def function(call: Callable[..., Tensor], **names: str) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        return Call(call, **renamed(given, names))

    return build


def axis(value: Any, types: Types) -> Any:
    """An axis, or several, of the language as PyTorch counts, the batch being the first of what has one."""
    if isinstance(value, tuple):
        return tuple(axis(each, types) for each in value)
    shift = any(x.batched for x in types)
    return value + shift if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else plain(value)


def along(call: Callable[..., Tensor], default: int) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        return Call(call, dim=axis(given.get("dim", default), types))

    return build
