"""The operators on shapes and several tensors as PyTorch has them, of the same form as those of reference.py.

Rearranging is done as einops defines it, by a reader of patterns that is not netdsl's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netdsl.values.types import TensorType
from tests.ops.calls import Builder, Call, Given, Refused, Types, axis, function, module, plain


def whole(value: Any) -> int:
    """A whole number; booleans, which Python takes for one, are not."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused("not a whole number")
    return value


def lead(x: Tensor, kind: TensorType) -> tuple[int, ...]:
    return (x.shape[0],) if kind.batched else ()


def flatten(given: Given, types: Types) -> nn.Module:
    start, end = axis(given.get("from", 0), types), axis(given.get("to", -1), types)
    return Call(torch.flatten, start_dim=start, end_dim=end)


def reshape(given: Given, types: Types) -> nn.Module:
    sizes = given["shape"] if isinstance(given["shape"], tuple) else (given["shape"],)
    return Call(lambda x: x.reshape((*lead(x, types[0]), *map(whole, sizes))))


def permute(given: Given, types: Types) -> nn.Module:
    axes = given["axes"] if isinstance(given["axes"], tuple) else (given["axes"],)
    if not all(-len(types[0].shape) <= whole(each) for each in axes):
        raise Refused("no axes")
    first = (0,) if types[0].batched else ()
    return Call(lambda x: x.permute(*first, *axis(axes, types)))


def rearrange(given: Given, types: Types) -> nn.Module:
    left, right = (sides(text, len(types[0].shape)) for text in given["pattern"].split("->"))
    sizes = {name: whole(size) for name, size in given.items() if name != "pattern"}

    def run(x: Tensor) -> Tensor:
        shape = x.shape[1:] if types[0].batched else x.shape
        if len(shape) != len(left):
            raise Refused("another number of axes")
        found = {name: size for name, size in sizes.items() if any(name in group for group in left)}
        if len(found) < len(sizes):
            raise Refused("a size of no axis")
        for group, size in zip(left, shape, strict=True):
            open_names = [name for name in group if name not in found]
            if len(open_names) > 1:
                raise Refused("sizes left open")
            if open_names:
                found[open_names[0]] = size // prod(found[name] for name in group if name in found)
            if prod(found[name] for name in group) != size:
                raise Refused("sizes that do not fit")
        names, wanted = ([name for group in side for name in group] for side in (left, right))
        if sorted(names) != sorted(wanted) or len(set(names)) < len(names):
            raise Refused("other names on the other side")
        start = len(lead(x, types[0]))
        x = x.reshape((*lead(x, types[0]), *(found[name] for name in names)))
        x = x.permute((*range(start), *(names.index(name) + start for name in wanted)))
        return x.reshape((*x.shape[:start], *(prod(found[name] for name in group) for group in right)))

    return Call(run)


def sides(text: str, axes: int) -> list[list[str]]:
    """The groups of one side of a pattern."""
    groups: list[list[str]] = []
    opened = False
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            if opened == (word == "("):
                raise Refused("brackets that do not fit")
            opened = word == "("
            if opened:
                groups.append([])
        elif word == "1":
            if not opened:
                groups.append([])
        elif not word.isidentifier():
            raise Refused("no name")
        elif opened:
            groups[-1].append(word)
        else:
            groups.append([word])
    if opened:
        raise Refused("a bracket that is not closed")
    return groups


def roll(given: Given, types: Types) -> nn.Module:
    shifts, dims = given["shifts"], given["dims"]
    for value in (shifts, dims):
        for each in value if isinstance(value, tuple) else (value,):
            whole(each)
    return Call(lambda x: torch.roll(x, shifts, axis(dims, types)))


def pad(given: Given, types: Types) -> nn.Module:
    pairs = [entry if isinstance(entry, tuple) else (entry, entry) for entry in given["border"]]
    if len(pairs) != len(types[0].shape):
        raise Refused("another number of axes")
    mode = plain(given.get("mode", "constant"))
    # PyTorch counts from the last axis, and wants to hear nothing of channels that it would repeat.
    counted = pairs[1:] if mode != "constant" and pairs[0] == (0, 0) else pairs
    flat = [whole(number) for pair in reversed(counted) for number in pair]
    if any(len(pair) != 2 for pair in pairs):
        raise Refused("not a pair")
    return Call(lambda x: F.pad(x, flat, mode=mode, value=given.get("value", 0)))


def crop(given: Given, types: Types) -> nn.Module:
    size, shape = given["size"], types[0].shape
    sizes = size if isinstance(size, tuple) else (size,) * (len(shape) - 1)
    if len(sizes) != len(shape) - 1 or not sizes:
        raise Refused("another number of axes")

    def run(x: Tensor) -> Tensor:
        for number, (wanted, there) in enumerate(zip(sizes, shape[1:], strict=True)):
            x = x.narrow(number - len(sizes), (there - whole(wanted)) // 2, wanted)
        return x

    return Call(run)


def upsample(given: Given, types: Types) -> nn.Module:
    names = {name: plain(value) for name, value in given.items()}
    if not isinstance(names.get("align", False), bool):
        raise Refused("neither true nor false")
    align = names.get("align", False)
    mode = names.get("mode", "nearest")
    # For `nearest` PyTorch wants no word about corners, not even that they are not aligned.
    corners = align if mode != "nearest" or align else None
    by = names.get("by")
    for value in (by, names.get("size")):
        for each in value if isinstance(value, tuple) else () if value is None else (value,):
            whole(each)
    return Call(F.interpolate, size=names.get("size"), scale_factor=by, mode=mode, align_corners=corners)


def slice_(given: Given, types: Types) -> nn.Module:
    size = types[0].shape[whole(given["dim"])]
    bounds = slice(given.get("from", 0), given.get("to"), given.get("step", 1))
    places = range(size)[bounds]
    if not isinstance(given.get("step", 1), int) or given.get("step", 1) < 1 or not places:
        raise Refused("nothing left")
    at = axis(given["dim"], types)
    return Call(lambda x: x[(slice(None),) * (at % x.dim()) + (bounds,)])


def select(given: Given, types: Types) -> nn.Module:
    return Call(torch.select, dim=axis(given.get("dim", 0), types), index=whole(given["index"]))


def several(call: Callable[..., Any], argument: str = "") -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        more = (plain(given[argument]),) if argument else ()
        return Call(call, *more, dim=axis(given.get("dim", 0), types))

    return build


def chunks(x: Tensor, n: int, dim: int) -> Any:
    return torch.chunk(x, whole(n), dim)


def pieces(x: Tensor, sizes: Any, dim: int) -> Any:
    return torch.split(x, list(sizes) if isinstance(sizes, tuple) else whole(sizes), dim)


def take(given: Given, types: Types) -> nn.Module:
    x, kind = types
    if x.batched and kind.batched:
        raise Refused("each sample would be taken from each")

    def run(table: Tensor, index: Tensor) -> Tensor:
        dim = 1 if x.batched else 0
        if not kind.shape and not kind.batched:  # `table[index]` would read a single place, which meta tensors lack
            return table.index_select(dim, index.reshape(1)).squeeze(dim)
        return table[:, index] if x.batched else table[index]

    return Call(run)


def reduction(call: Callable[..., Tensor]) -> Builder:
    def build(given: Given, types: Types) -> nn.Module:
        dims = given.get("dims")
        if dims is None:
            dims = tuple(range(len(types[0].shape)))
        for each in dims if isinstance(dims, tuple) else (dims,):
            whole(each)
        if dims == ():
            raise Refused("no axes")
        return Call(call, dim=axis(dims, types), keepdim=plain(given.get("keep", False)))

    return build


# --- several tensors


def concat(given: Given, types: Types) -> nn.Module:
    def run(*xs: Tensor, dim: int) -> Tensor:
        batch = next((x.shape[0] for x, kind in zip(xs, types, strict=True) if kind.batched), None)
        if batch is not None:
            xs = tuple(
                x if kind.batched or x.shape[:1] != (1,) else x.expand(batch, *x.shape[1:])
                for x, kind in zip(xs, types, strict=True)
            )
        return torch.cat(xs, dim=dim)

    return Call(run, dim=axis(given.get("dim", 0), types))


def stack(given: Given, types: Types) -> nn.Module:
    return Call(lambda *xs, dim: torch.stack(xs, dim=dim), dim=axis(given.get("dim", 0), types))


def attend(given: Given, types: Types) -> nn.Module:
    names = {name: given[name] for name in ("causal", "scale") if name in given}

    def run(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, dropout_p=given.get("dropout", 0.0), is_causal=names.get("causal", False),
            scale=names.get("scale"))  # fmt: skip

    return Call(run)


TENSORS: dict[str, Builder] = {
    "flatten": flatten,
    "identity": module(nn.Identity),
    "reshape": reshape,
    "permute": permute,
    "rearrange": rearrange,
    "roll": roll,
    "pad": pad,
    "crop": crop,
    "upsample": upsample,
    "slice": slice_,
    "select": select,
    "chunk": several(chunks, "n"),
    "split": several(pieces, "sizes"),
    "unbind": several(torch.unbind),
    "take": take,
    "mean": reduction(torch.mean),
    "maximum": reduction(torch.amax),
    "sum": reduction(torch.sum),
    "concat": concat,
    "stack": stack,
    "matmul": function(torch.matmul),
    "add": function(lambda *xs: reduce(torch.add, xs)),
    "sub": function(lambda *xs: reduce(torch.sub, xs)),
    "mul": function(lambda *xs: reduce(torch.mul, xs)),
    "max": function(lambda *xs: reduce(torch.maximum, xs)),
    "attend": attend,
}
"""Builders by the name of the operator."""
