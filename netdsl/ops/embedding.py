"""Embeddings: from whole numbers to vectors that can be learned from."""

from __future__ import annotations

from netdsl.ops.arguments import Argument, Whole
from netdsl.ops.moves import Move, New
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.values.types import TensorType, Weight


@register
class Embedding(Operator):
    """That x < n is the business of the input's bound: `input tokens: [64] int < 1000`."""

    name = "embedding"
    doc = "Row x of a learned table for each whole number x, on a new last axis."
    example = ("[64] int < 1000", "embedding(1000, 384)")
    takes = ("int",)
    arguments = (
        Argument("n", Whole(), "rows of the table: the numbers are from 0 to n - 1"),
        Argument("dim", Whole(), "length of a row"),
    )

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return inputs[0]._replace(shape=(*inputs[0].shape, args["dim"]), dtype="float")

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (New(len(inputs[0].shape), args["dim"]),)

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return (Weight("weight", (args["n"], args["dim"])),)

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        return Kept(inputs=True)
