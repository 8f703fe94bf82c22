"""Combines of whole tensors: joined, stacked, multiplied as matrices; and what all combines share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import ClassVar

from netdsl.ops.arguments import Argument, Problem, Tensor
from netdsl.ops.axes import Axis, axis_names, in_words
from netdsl.ops.broadcast import Clash, as_type, broadcast, full, reaches_batch
from netdsl.ops.moves import Move, New
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BRANCH_SHAPES, TOO_FEW_BRANCHES
from netdsl.values.types import Dtype, TensorType

OTHERS = Argument("others", Tensor(), "tensors that the current value is combined with", (), "positional")


class BranchProblem(Problem):
    """Branches that do not fit together; the reason is a whole sentence.

    `odd` are the numbers of the inputs to mark: those that differ from what most have, or from the first where no
    shape has the most. `agree` tells what all must have in common (`height x width`).
    """

    code = BRANCH_SHAPES

    def __init__(self, reason: str, help: str = "", *, odd: tuple[int, ...], agree: str) -> None:
        super().__init__(reason, help)
        self.odd = odd
        self.agree = agree


class TooFewBranches(Problem):
    """A combine of fewer than two branches."""

    code = TOO_FEW_BRANCHES


class Combine(Operator):
    """What all combines share: `concat { … }` with branches, `-> concat(skip)` as a stage."""

    combines = True
    takes: ClassVar[tuple[Dtype, ...]] = ("float", "int")
    arguments: ClassVar[tuple[Argument, ...]] = (OTHERS,)

    def rank(self, inputs: tuple[TensorType, ...]) -> int:
        # Axes count as in the result, which has a batch if any input has one.
        return len(next((x for x in inputs if x.batched), inputs[0]).shape) - 1 if inputs else 0

    def check_count(self, inputs: tuple[TensorType, ...]) -> None:
        """Raises unless there are two inputs or more."""
        if len(inputs) < 2:
            raise TooFewBranches(f"needs two branches or more; it has {len(inputs) or 'none'}")

    def check(self, inputs: tuple[TensorType, ...], args: Args, apart: int | None = None) -> None:
        """Raises unless there are two inputs or more, which agree in everything but axis `apart`."""
        self.check_count(inputs)
        first = inputs[0]
        if all(other == first for other in inputs):
            return
        batches = [x.batched for x in inputs]
        self.same(batches, "in whether they have a batch", "whether they have a batch", inputs, args)
        self.check_numbers(inputs, args)
        self.check_axes(inputs, args)
        axes = len(first.shape)
        common = [axis for axis in range(axes) if axis != apart]
        differing = [axis for axis in common if any(x.shape[axis] != first.shape[axis] for x in inputs)]
        if differing:
            names = axis_names(axes)
            self.same(
                [tuple(x.shape[axis] for axis in common) for x in inputs],
                f"in {in_words([names[axis] for axis in differing])}",
                " x ".join(names[axis] for axis in common),
                inputs,
                args,
            )

    def check_numbers(self, inputs: tuple[TensorType, ...], args: Args) -> None:
        """Raises unless all hold one kind of number."""
        self.same([x.dtype for x in inputs], "in their kind of number", "the kind of number", inputs, args)

    def check_axes(self, inputs: tuple[TensorType, ...], args: Args) -> None:
        """Raises unless all that have a batch have as many axes."""
        axes = [len(x.shape) if x.batched else None for x in inputs]
        if any(x.batched for x in inputs):
            usual = Counter(number for number in axes if number is not None).most_common(1)[0][0]
            axes = [usual if number is None else number for number in axes]
        else:
            axes = [len(x.shape) for x in inputs]
        self.same(axes, "in their number of axes", "the number of axes", inputs, args)

    def same(
        self, traits: Sequence[Hashable], how: str, agree: str, inputs: tuple[TensorType, ...], args: Args
    ) -> None:
        """Raises unless all traits, one per input, are equal."""
        usual, _ = Counter(traits).most_common(1)[0]  # of equally many, the first
        odd = tuple(number for number, trait in enumerate(traits) if trait != usual)
        if odd:
            raise self.differ(how, odd, agree, inputs, args)

    def differ(
        self, how: str, odd: tuple[int, ...], agree: str, inputs: tuple[TensorType, ...], args: Args
    ) -> BranchProblem:
        """What to raise for inputs that do not agree. In braces each branch is marked with its shape; a stage has but
        one place to say it."""
        if not args["others"]:
            return BranchProblem(f"branches of `{self.name}` differ {how}", odd=odd, agree=agree)
        shapes = in_words([str(x) for x in inputs])
        return BranchProblem(f"tensors of `{self.name}` differ {how}: {shapes}", odd=odd, agree=agree)


@register
class Concat(Combine):
    name = "concat"
    doc = "All branches one after another along an axis, the channels unless told."
    example = ("192x28x28", "concat { conv(64, 1x1); maxpool(3x3/1, padding = same) }")
    arguments = (OTHERS, Argument("dim", Axis(), "axis along which they are joined", 0))

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        dim = args["dim"]
        inputs = self._expanded(inputs)
        self.check(inputs, args, apart=dim)
        first = inputs[0]
        total = first.shape[dim]
        for other in inputs[1:]:
            total = total + other.shape[dim]
        return first._replace(shape=(*first.shape[:dim], total, *first.shape[dim + 1 :]))

    def joins(self, args: Args) -> int | None:
        axis: int = args["dim"]
        return axis

    def _expanded(self, inputs: tuple[TensorType, ...]) -> tuple[TensorType, ...]:
        """Those without a batch repeated over it, where others have one: a class token of [1, 1, 768]."""
        if all(x.batched for x in inputs) or not any(x.batched for x in inputs):
            return inputs
        for number, x in enumerate(inputs):
            if not x.batched and x.shape[:1] != (1,):
                raise BranchProblem(
                    f"cannot join {x}, which has no batch, to values that have one",
                    "a leading axis of 1 stands for the batch: `[1, …]`",
                    odd=(number,),
                    agree="the batch",
                )
        return tuple(x if x.batched else x._replace(shape=x.shape[1:], batched=True) for x in inputs)


@register
class Stack(Combine):
    name = "stack"
    doc = "All branches side by side along a new axis, the first unless told."
    example = ("64x28x28", "stack { identity(); relu() }")
    arguments = (OTHERS, Argument("dim", Axis(new=True), "where the new axis stands in the result", 0))

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        self.check(inputs, args)
        first, dim = inputs[0], args["dim"]
        return first._replace(shape=(*first.shape[:dim], len(inputs), *first.shape[dim:]))

    def moves(self, inputs: tuple[TensorType, ...], args: Args, result: int = 0) -> tuple[Move, ...]:
        return (New(args["dim"], len(inputs)),)


@register
class Matmul(Combine):
    name = "matmul"
    doc = "Product of two matrices, the last two axes; the axes before them are broadcast."
    example = ("8x64x64", "matmul { softmax(); identity() }")
    takes = ("float",)
    counts_macs = True
    crosses = True

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        self.check_count(inputs)
        if len(inputs) > 2:
            raise Problem(f"multiplies two tensors; it is given {len(inputs)}", "multiply in two stages")
        left, right = map(full, inputs)
        if len(left) < 2 or len(right) < 2:
            raise Problem("needs two axes or more, rows and columns; a vector is a matrix of one row or column")
        if left[-1] is None or None in right[-2:]:
            raise Problem("would reach the batch: the last two axes are the matrix, and one has too few")
        if left[-1] != right[-2]:
            raise self.differ(
                f"where they must agree: {left[-1]} columns and {right[-2]} rows",
                (1,),
                "columns of the first and rows of the second",
                inputs,
                args,
            )
        try:
            lead = broadcast((left[:-2], right[:-2]))
        except Clash as clash:
            how = "in the axes before the matrices"
            if clash.batch:
                how += ", where one meets the batch"
            raise self.differ(how, (1,), "the axes before the matrices, or 1", inputs, args) from None
        result = (*lead, left[-2], right[-1])
        if reaches_batch(result, (left, right)):
            raise self.differ("in their number of axes", (1,), "the number of axes", inputs, args)
        return as_type(result, inputs[0])

    def macs(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> int:
        return output.elements * inputs[0].shape[-1]

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        # Where axes are broadcast, PyTorch may keep a repeated copy instead.
        return Kept(inputs=True)
