"""Combines: one tensor out of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from netdsl.graph.types import TensorType
from netdsl.ops.arguments import Argument, Problem
from netdsl.ops.axes import Axis, axis_names, in_words
from netdsl.ops.operator import Args, Kept, Operator, register
from netdsl.text.codes import BRANCH_SHAPES, TOO_FEW_BRANCHES


class BranchProblem(Problem):
    """Branches that do not fit together; the reason is a whole sentence.

    `odd` are the numbers of the branches to mark: those that differ from what most branches have, or from the first
    where no shape has the most. `agree` tells what all must have in common (`height x width`).
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
    """What all combines share."""

    combines = True
    takes = ("float", "int")

    def check(self, inputs: tuple[TensorType, ...], apart: int | None = None) -> None:
        """Raises unless there are two inputs or more, which agree in everything but axis `apart`."""
        if len(inputs) < 2:
            raise TooFewBranches(f"needs two branches or more; it has {len(inputs) or 'none'}")
        first = inputs[0]
        if all(other == first for other in inputs):
            return
        self._same([x.batched for x in inputs], "in whether they have a batch", "whether they have a batch")
        self._same([x.dtype for x in inputs], "in their kind of number", "the kind of number")
        axes = len(first.shape)
        self._same([len(x.shape) for x in inputs], "in their number of axes", "the number of axes")
        common = [axis for axis in range(axes) if axis != apart]
        differing = [axis for axis in common if any(x.shape[axis] != first.shape[axis] for x in inputs)]
        if differing:
            names = axis_names(axes)
            self._same(
                [tuple(x.shape[axis] for axis in common) for x in inputs],
                f"in {in_words([names[axis] for axis in differing])}",
                " x ".join(names[axis] for axis in common),
            )

    def _same(self, traits: Sequence[Hashable], how: str, agree: str) -> None:
        usual, _ = Counter(traits).most_common(1)[0]  # of equally many, the first
        odd = tuple(number for number, trait in enumerate(traits) if trait != usual)
        if odd:
            raise BranchProblem(f"branches of `{self.name}` differ {how}", odd=odd, agree=agree)


@register
class Concat(Combine):
    name = "concat"
    doc = "All branches one after another along an axis, the channels unless told."
    example = ("192x28x28", "concat { conv(64, 1x1); maxpool(3x3/1, padding = same) }")
    arguments = (Argument("dim", Axis(), "axis along which they are joined", 0),)

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        dim = args["dim"]
        self.check(inputs, apart=dim)
        first = inputs[0]
        total = first.shape[dim]
        for other in inputs[1:]:
            total = total + other.shape[dim]
        return first._replace(shape=(*first.shape[:dim], total, *first.shape[dim + 1 :]))


@register
class Add(Combine):
    name = "add"
    doc = "The sum of all branches, number by number."
    example = ("64x56x56", "add { conv(64, 3x3, padding = same); identity() }")

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        self.check(inputs)
        return inputs[0]


@register
class Mul(Combine):
    name = "mul"
    doc = "The product of all branches, number by number."
    example = ("64x56x56", "mul { conv(64, 1x1) -> sigmoid(); identity() }")

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        self.check(inputs)
        return inputs[0]

    def kept(self, inputs: tuple[TensorType, ...], output: TensorType, args: Args) -> Kept:
        if output.dtype != "float":
            return Kept()
        # a * b * c keeps a * b too, which the graph does not know of.
        return Kept(inputs=True, extra=(len(inputs) - 2) * output.bytes)
