"""Parts of a tensor: slices, elements of an axis, chunks, rows by index, the middle of an image."""

from __future__ import annotations

from math import prod
from typing import Any

from netdsl.ops.arguments import INT32_MAX, Argument, Maybe, PerAxis, Problem, Tensor, Whole
from netdsl.ops.axes import Axis
from netdsl.ops.moves import Cut, Drop, Move, Shuffle, View
from netdsl.ops.numbers import Numbers, Position
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BAD_RANK, BAD_SHAPE
from netdsl.values.types import TensorType

MAX_RESULTS = 1000
"""Results of one operator: each costs memory in the compiler, and a spec names them."""


class _Piece(Operator):
    takes = ("float", "int")
    view = True


def _resized(x: TensorType, dim: int, size: int) -> TensorType:
    return x._replace(shape=(*x.shape[:dim], size, *x.shape[dim + 1 :]))


@register
class Slice(_Piece):
    name = "slice"
    doc = "The places `from`, `from + step`, … before `to` of an axis; negative ones count from the end."
    example = ("64x28x28", "slice(0, 32)")
    arguments = (
        Argument("dim", Axis(), "the axis"),
        Argument("from", Position(), "first place", 0),
        Argument("to", Maybe(Position()), "place before which it ends; the end of the axis unless given", None),
        Argument("step", Whole(most=INT32_MAX), "distance between places", 1),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        size = inputs[0].shape[args["dim"]]
        start, stop = args["from"], size if args["to"] is None else args["to"]
        args |= {"from": start + size if start < 0 else start, "to": stop + size if stop < 0 else stop}
        if not 0 <= args["from"] < size:
            raise Problem(f"must be a place of the axis, which has {size}; it is {start}", argument="from")
        if not args["from"] < args["to"] <= size:
            raise Problem(f"must come after `from`, {args['from']}, and at most at {size}; it is {stop}", argument="to")
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        places = (args["to"] - args["from"] + args["step"] - 1) // args["step"]
        return _resized(inputs[0], args["dim"], places)

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (Cut(args["dim"], args["from"], args["to"], args["step"]),)


@register
class Select(_Piece):
    name = "select"
    doc = "One place of an axis, which is gone then."
    example = ("[197, 768]", "select(0)")
    arguments = (
        Argument("index", Position(), "the place; negative ones count from the end"),
        Argument("dim", Axis(), "the axis", 0),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        size, index = inputs[0].shape[args["dim"]], args["index"]
        if not -size <= index < size:
            raise Problem(f"must be from {-size} to {size - 1}, as the axis has {size} places; it is {index}",
                          argument="index")  # fmt: skip
        args["index"] = index + size if index < 0 else index
        return args

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        shape, dim = inputs[0].shape, args["dim"]
        return inputs[0]._replace(shape=(*shape[:dim], *shape[dim + 1 :]))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (Drop(args["dim"], args["index"]),)


class _Several(_Piece):
    """Operators with several results."""

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return self.results(inputs, args)[0]


@register
class Chunk(_Several):
    name = "chunk"
    doc = "n equal parts along an axis."
    example = ("116x28x28", "(left, right) = chunk(2); right -> conv(58, 1x1) -> add(left)")
    arguments = (
        Argument("n", Whole(most=MAX_RESULTS), "how many parts"),
        Argument("dim", Axis(), "the axis that is divided", 0),
    )

    def results(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[TensorType, ...]:
        size = inputs[0].shape[args["dim"]]
        if size % args["n"] != 0:
            raise Problem(
                f"must divide the axis; {size} % {args['n']} = {size % args['n']}",
                "`split` gives parts of different sizes",
                argument="n",
            )
        return tuple(_resized(inputs[0], args["dim"], size // args["n"]) for _ in range(args["n"]))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        size = inputs[0].shape[args["dim"]] // args["n"]
        return (Cut(args["dim"], result * size, (result + 1) * size),)


@register
class Split(_Several):
    name = "split"
    doc = "Parts of the given sizes along an axis; a single number is the size of all."
    example = ("64x28x28", "(low, high) = split([16, 48]); high -> conv(16, 1x1) -> add(low)")
    arguments = (
        Argument("sizes", Numbers(), "size of each part, or of all"),
        Argument("dim", Axis(), "the axis that is divided", 0),
    )

    def resolve(self, inputs: tuple[TensorType, ...], args: dict[str, Any]) -> dict[str, Any]:
        size, sizes = inputs[0].shape[args["dim"]], args["sizes"]
        if isinstance(sizes, tuple):
            if sum(sizes) != size:
                raise Problem(
                    f"must add up to the axis: {' + '.join(map(str, sizes)) or 'none'} = {sum(sizes)}, not {size}",
                    argument="sizes",
                )
        elif size % sizes != 0:
            raise Problem(f"must divide the axis; {size} % {sizes} = {size % sizes}",
                          "a list gives parts of different sizes", argument="sizes")  # fmt: skip
        count = len(sizes) if isinstance(sizes, tuple) else size // sizes
        if count > MAX_RESULTS:
            raise Problem(f"gives {count} parts; at most {MAX_RESULTS} are possible", argument="sizes")
        return args | {"sizes": sizes if isinstance(sizes, tuple) else (sizes,) * count}

    def results(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[TensorType, ...]:
        return tuple(_resized(inputs[0], args["dim"], size) for size in args["sizes"])

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        start = sum(args["sizes"][:result])
        return (Cut(args["dim"], start, start + args["sizes"][result]),)


@register
class Unbind(_Several):
    name = "unbind"
    doc = "Every place of an axis for itself; the axis is gone then."
    example = ("[2, 12, 64]", "(a, b) = unbind(); a -> mul(b)")
    arguments = (Argument("dim", Axis(), "the axis that is taken apart", 0),)

    def results(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[TensorType, ...]:
        shape, dim = inputs[0].shape, args["dim"]
        if shape[dim] > MAX_RESULTS:
            raise Problem(f"gives {shape[dim]} parts; at most {MAX_RESULTS} are possible", argument="dim")
        return (inputs[0]._replace(shape=(*shape[:dim], *shape[dim + 1 :])),) * shape[dim]

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (Drop(args["dim"], result),)


@register
class Take(Operator):
    """Row index[i, …] of the input at place [i, …] of the result, as `table[index]` in the framework. That each index
    is below the number of rows is the business of whoever makes them."""

    name = "take"
    doc = "Rows by index: the first axis is replaced by the axes of the index."
    example = ("[49, 49] int < 169", "param table: [169, 4] init zeros(); table -> take(x)")
    takes = ("float", "int")
    arguments = (Argument("index", Tensor(("int",)), "whole numbers, each the place of a row"),)

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        x, index = inputs[0], inputs[args["index"]]
        if not x.shape:
            raise Problem("needs rows: an input with an axis; this one is one number per sample", code=BAD_RANK)
        if x.batched and index.batched:
            raise Problem(
                "has a batch, as the input has; one of them must be the same for all samples",
                "a table is a `param` or a `constant`, and so is a fixed index",
                argument="index",
                code=BAD_SHAPE,
            )
        return x._replace(shape=(*index.shape, *x.shape[1:]), batched=x.batched or index.batched)

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        index = inputs[args["index"]].shape
        return Shuffle(0, prod(index)), View(self.infer(inputs, args).shape)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=(args["index"],)) if output.dtype == "float" else Kept()


@register
class Crop(_Piece):
    name = "crop"
    doc = "The middle of all spatial axes; where a border is odd, the smaller half is cut off first."
    example = ("64x64x64", "crop([56, 56])")
    needs_rank = (1, 3)
    arguments = (Argument("size", PerAxis(), "size of what is left"),)

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        channels, *spatial = inputs[0].shape
        for size, whole in zip(args["size"], spatial, strict=True):
            if size > whole:
                raise Problem(f"must be at most the input's size; {size} is more than {whole}", argument="size")
        return inputs[0]._replace(shape=(channels, *args["size"]))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        borders = [(whole - size) // 2 for whole, size in zip(inputs[0].shape[1:], args["size"], strict=True)]
        return tuple(
            Cut(axis, at, at + size) for axis, (at, size) in enumerate(zip(borders, args["size"], strict=True), 1)
        )
