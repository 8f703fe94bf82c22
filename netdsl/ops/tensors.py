"""The operators behind `param`, `constant` and `buffer`: they take nothing and give a tensor without a batch.

They are not in the registry: a spec declares them, and never calls them.
"""

from __future__ import annotations

from netdsl.ops.operator import Args, Operator
from netdsl.values.types import TensorType, Weight


class Declared(Operator):
    """What all three share. `args` are `shape`, `dtype`, and for a `param` its initialiser, `init`."""

    example = ("", "")

    def infer(self, inputs: tuple[TensorType, ...], args: Args) -> TensorType:
        return TensorType(args["shape"], args["dtype"], batched=False)


class Param(Declared):
    name = "param"
    doc = "A learnable tensor."

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return (Weight("", args["shape"]),)


class Constant(Declared):
    name = "constant"
    doc = "A fixed tensor by a formula over its indices."


class Buffer(Declared):
    name = "buffer"
    doc = "A fixed tensor by a formula over its indices, saved in the `state_dict`."

    def weights(self, inputs: tuple[TensorType, ...], args: Args) -> tuple[Weight, ...]:
        return (Weight("", args["shape"], learned=False, dtype=args["dtype"]),)


PARAM, CONSTANT, BUFFER = Param(), Constant(), Buffer()
