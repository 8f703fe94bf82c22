"""What netdsl refuses though PyTorch takes it, and why; `docs/decisions/0003-refusals.md` tells it to people."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from netdsl.graph.graph import Value
from netdsl.ops.operator import Operator
from netdsl.values.literals import Size, Window, Word
from netdsl.values.types import TensorType

_IMAGE = TensorType((4, 6, 6))
_ROWS = TensorType((4, 6))
_LETTERS = TensorType((4, 6, 6), "int")


class Refusal(NamedTuple):
    """A rule stricter than PyTorch's: its title in the document, how its reason reads, and a use that shows it."""

    title: str
    reason: str
    op: str
    given: dict[str, Any]
    inputs: tuple[TensorType, ...] = (_IMAGE,)
    only: tuple[str, ...] = ()
    """The operators that it is for; all of them if none is named."""

    def covers(self, op: Operator, reason: str) -> bool:
        return (not self.only or op.name in self.only) and re.search(self.reason, reason) is not None


REFUSED_ON_PURPOSE = (
    Refusal(
        "A value of another kind",
        r"^must be .* not .* \((a |true|none)",
        "conv",
        {"out": 4, "kernel": 1, "bias": 1},
    ),
    Refusal(
        "As many numbers as axes",
        r"^has \d+ numbers",
        "maxpool",
        {"kernel": Size((2,)), "stride": 2},
    ),
    Refusal(
        "Numbers that float32 holds",
        r"that float32 can hold",
        "clamp",
        {"min": 0, "max": float("inf")},
    ),
    Refusal(
        "Windows, strides and paddings in 32 bits",
        rf"^must be at most {2**31 - 1}",
        "conv",
        {"out": 4, "kernel": 1, "stride": 2**31},
    ),
    Refusal(
        "No operator reaches the batch",
        r"^must be from -\d|^names an axis|^needs an input with an axis|^needs rows|meets the batch|reach the batch"
        r"|whether they have a batch|where one has a batch|^cannot join .* which has no batch"
        r"|^needs queries, keys and values (of two axes|with as many axes)"
        r"|^(tensors|branches) of `(sub|add|mul|max|matmul|concat|stack)` differ in their number of axes",
        "softmax",
        {"dim": -4},
    ),
    Refusal(
        "Values without a batch where one is needed",
        r"; this value has none$",
        "lrn",
        {"size": 3},
        (TensorType((4, 6, 6), batched=False),),
    ),
    Refusal(
        "No empty tensors",
        r"^must be a whole number of at least 1|^leaves nothing",
        "adaptiveavgpool",
        {"size": 0},
    ),
    Refusal(
        "One to three spatial axes",
        r"^needs an input of shape CxL or CxHxW or CxDxHxW;",
        "lrn",
        {"size": 3},
        (TensorType((4, 2, 2, 2, 2)),),
        only=("lrn", "globalavgpool", "globalmaxpool", "crop"),
    ),
    Refusal(
        "Whole numbers are not computed on",
        r"^cannot compute on whole numbers",
        "relu",
        {},
        (_LETTERS,),
    ),
    Refusal(
        "`same` is symmetric",
        r"^`same` needs odd kernels",
        "conv",
        {"out": 4, "kernel": 2, "padding": Word("same")},
        only=("conv", "maxpool", "avgpool"),
    ),
    Refusal(
        "A pool says its stride",
        r"a pool must say how far its window moves",
        "maxpool",
        {"kernel": 2},
        only=("maxpool", "avgpool"),
    ),
    Refusal(
        "A window has a tap inside",
        r"^makes a window step over the whole input",
        "maxpool",
        {"kernel": Window(2, 1), "padding": 1, "dilation": 7},
        only=("maxpool",),
    ),
    Refusal(
        "Batch norm's momentum is a share",
        r"^must be a number of at least 0 and at most 1",
        "batchnorm",
        {"momentum": 1.5},
        only=("batchnorm",),
    ),
    Refusal(
        "A probability is from 0 to 1",
        r"^must be a number of at least 0 and at most 1, not",
        "attend",
        {"k": Value(_ROWS), "v": Value(_ROWS), "dropout": -1},
        (_ROWS,),
        only=("attend", "attention"),
    ),
    Refusal(
        "An epsilon is from 0 to below 1",
        r"^must be a number of (at least|more than) 0 and less than 1, not",
        "batchnorm",
        {"eps": 64},
        only=("batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm"),
    ),
    Refusal(
        "A group normalises over more than one number (PyTorch refuses a sample by itself)",
        r"^normalises over the numbers of a group",
        "groupnorm",
        {"groups": 8},
        (TensorType((8, 1, 1)),),
        only=("groupnorm",),
    ),
    Refusal(
        "The constants of LRN are not negative",
        r"^must be a number of at least 0,",
        "lrn",
        {"size": 3, "k": -1},
        only=("lrn",),
    ),
    Refusal(
        "LRN over at most 65,535 channels",
        r"^must be a whole number from 1 to 65535",
        "lrn",
        {"size": 65_536},
        only=("lrn",),
    ),
    Refusal(
        "Clamp has an order",
        r"^is below `min`",
        "clamp",
        {"min": 1, "max": -1},
        only=("clamp",),
    ),
    Refusal(
        "Branches of one shape",
        r"^branches of `(add|sub|max)` differ in (channels|depth|height|width|length|features|axis|shape)",
        "add",
        {},
        (_IMAGE, TensorType((4, 1, 1))),
        only=("add", "sub", "max"),
    ),
    Refusal(
        "A slice lies within its axis",
        r"^must (be a place of the axis|come after `from`)",
        "slice",
        {"dim": 0, "to": 9},
        only=("slice",),
    ),
    Refusal(
        "Parts of one size",
        r"^must divide the axis",
        "chunk",
        {"n": 3},
        only=("chunk", "split"),
    ),
    Refusal(
        "At most 1,000 parts, and 100 recurrent layers",
        r"^gives \d+ parts; at most|^must be a whole number from 1 to 100",
        "unbind",
        {},
        (TensorType((1001,)),),
        only=("chunk", "split", "unbind", "lstm", "gru"),
    ),
    Refusal(
        "An axis is named once",
        r"^names an axis twice",
        "roll",
        {"shifts": (1, 1), "dims": (0, 0)},
        only=("roll",),
    ),
    Refusal(
        "A border repeats positions",
        r"^of the channels must be 0|^can be `\w+` for CxL",
        "pad",
        {"border": (1, 1), "mode": Word("reflect")},
        (_ROWS,),
        only=("pad",),
    ),
    Refusal(
        "Matrices have rows and columns",
        r"^needs two axes or more, rows and columns",
        "matmul",
        {},
        (TensorType((4,), batched=False),) * 2,
        only=("matmul",),
    ),
    Refusal(
        "A border is not negative",
        r"^must be whole numbers of at least 0",
        "pad",
        {"border": (0, -1, -1)},
        only=("pad",),
    ),
    Refusal(
        "Branches of one kind of number",
        r"differ in their kind of number",
        "concat",
        {},
        (_IMAGE, _LETTERS),
    ),
    Refusal(
        "Two branches or more",
        r"^needs two branches or more",
        "concat",
        {},
    ),
)
