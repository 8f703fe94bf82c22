"""Operators on several tensors, and with several results: binding, broadcasting, shapes and costs by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from netdsl.graph.graph import Value
from netdsl.ops import REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import MatchProblem, bind_values
from netdsl.ops.combine import BranchProblem
from netdsl.ops.operator import Operator
from netdsl.values.literals import Word
from netdsl.values.types import TensorType, Weight


class Use(NamedTuple):
    op: Operator
    args: dict[str, Any]
    inputs: tuple[TensorType, ...]
    results: tuple[TensorType, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.results[0].shape

    @property
    def macs(self) -> int:
        return self.op.macs(self.inputs, self.results[0], self.args)


def batch(*shape: int) -> Value:
    return Value(TensorType(shape))


def fixed(*shape: int) -> Value:
    """A value without a batch."""
    return Value(TensorType(shape, batched=False))


def use(name: str, flow: Value | list[Value], *positional: Any, **named: Any) -> Use:
    op = REGISTRY[name]
    args, values = bind_values(op, positional, named, flow if isinstance(flow, list) else [flow])
    inputs = tuple(value.type for value in values)
    return Use(op, args, inputs, op.results(inputs, args))


# --- binding


def test_tensors_become_inputs_in_the_order_of_their_declaration() -> None:
    q, k, v, bias = batch(4, 7, 8), batch(4, 9, 8), batch(4, 9, 6), fixed(7, 9)
    op = REGISTRY["attend"]
    args, inputs = bind_values(op, (k,), {"bias": bias, "v": v}, [q])
    assert inputs == (q, k, v, bias)
    assert (args["k"], args["v"], args["bias"]) == (1, 2, 3)
    args, inputs = bind_values(op, (k, v), {"bias": None}, [q])
    assert (inputs, args["bias"]) == ((q, k, v), None)


def test_a_tensor_may_be_given_twice() -> None:
    x = batch(3, 4)
    assert bind_values(REGISTRY["add"], (x,), {}, [x]) == ({"others": (1,)}, (x, x))


def test_a_combine_as_a_stage() -> None:
    found = use("concat", batch(8, 4, 4), batch(2, 4, 4), batch(3, 4, 4), dim=0)
    assert found.args == {"others": (1, 2), "dim": 0}
    assert found.shape == (13, 4, 4)
    assert use("concat", [batch(8, 4), batch(8, 2)], dim=-1).args == {"others": (), "dim": 1}


def test_an_axis_behind_the_tensors_of_a_combine() -> None:
    x = batch(8, 4)
    assert use("concat", x, x, 1).args == use("concat", x, x, dim=1).args == {"others": (1,), "dim": 1}
    assert use("stack", [x, x], -1).args == {"others": (), "dim": 2}
    assert use("concat", x, (x, x), x, 1).args == {"others": (1, 2, 3), "dim": 1}
    with pytest.raises(Problem, match=r"must be a tensor, not 1 \(a whole number\)"):
        use("stack", x, x, 1, 2)
    with pytest.raises(MatchProblem, match="is given twice: by name"):
        use("stack", x, x, 1, dim=1)


def test_axes_of_a_permutation_one_by_one_or_as_a_list() -> None:
    x = batch(3, 4, 5)
    assert use("permute", x, 1, -1, 0).args == use("permute", x, (1, 2, 0)).args == {"axes": (1, 2, 0)}
    with pytest.raises(MatchProblem, match="is missing"):
        use("permute", x)
    with pytest.raises(Problem, match="must name each of the 3 axes once"):
        use("permute", x, 0, 1)
    with pytest.raises(Problem, match="must name each of the 3 axes once"):
        use("permute", x, 0, 1, -2)


def test_sizes_by_name() -> None:
    found = use("rearrange", batch(12, 4), "(s c) n -> s n c", s=3)
    assert found.args == {"pattern": "(s c) n -> s n c", "sizes": {"s": 3}}
    with pytest.raises(Problem) as caught:
        use("rearrange", batch(12, 4), "(s c) n -> s n c", s=0.5)
    assert caught.value.argument == "s"


@pytest.mark.parametrize(
    ("name", "flow", "given", "argument", "reason"),
    [
        ("attend", batch(4, 8), {"k": 3, "v": batch(4, 8)}, "k", "must be a tensor, not 3 (a whole number)"),
        ("add", batch(4, 8), {"others": (1,)}, "others", "must be a tensor, not 1 (a whole number)"),
        (
            "dropout",
            batch(4, 8),
            {"p": batch(4)},
            "p",
            "must be a number of at least 0 and at most 1, not 4 (a tensor)",
        ),
        ("take", batch(4, 8), {"index": fixed(3)}, "index", "cannot compute on numbers with a fraction, and this one"),
        ("relu", [batch(4), batch(4)], {}, None, "takes one tensor, and is given 2"),
        ("roll", batch(4, 8), {"shifts": (1, 2), "dims": 0}, "shifts", "are 2, and the axes 1"),
        ("pad", batch(4, 8), {"border": (1,)}, "border", "has an entry for 1 axes; the input has 2 axes"),
        ("layernorm", batch(4, 8, 8), {"dim": 1}, "dim", "must be the first axis, 0, or the last, -1; it is 1"),
        ("upsample", batch(4, 8, 8), {}, "by", "is missing, and so is `size`"),
        ("upsample", batch(4, 8), {"by": 2, "mode": Word("bilinear")}, "mode", "`bilinear` is not for 1 spatial axes"),
        ("split", batch(64, 8), {"sizes": (16, 16)}, "sizes", "must add up to the axis: 16 + 16 = 32, not 64"),
        ("chunk", batch(64, 8), {"n": 3}, "n", "must divide the axis; 64 % 3 = 1"),
        ("unbind", batch(1001), {}, "dim", "gives 1001 parts; at most 1000 are possible"),
        ("attention", batch(9, 64), {"heads": 5}, "heads", "must divide the 64 features; 64 % 5 = 4"),
        ("select", batch(9, 64), {"index": 9}, "index", "must be from -9 to 8, as the axis has 9 places; it is 9"),
        ("reshape", batch(9, 64), {"shape": (7, -1)}, "shape", "cannot be filled: 9x64 has 576 numbers; 576 % 7 = 2"),
        ("reshape", batch(9, 64), {"shape": (2**62,) * 100_000}, "shape", "has 100000 axes; tensors have at most 64"),
        ("crop", batch(9, 64, 64), {"size": (65, 64)}, "size", "must be at most the input's size; 65 is more than 64"),
        ("groupnorm", fixed(9, 64), {"groups": 3}, None, "counts its first axis as the batch in the framework; this"),
    ],
)
def test_problems(name: str, flow: Any, given: dict[str, Any], argument: str | None, reason: str) -> None:
    with pytest.raises(Problem) as caught:
        use(name, flow, **given)
    assert caught.value.argument == argument
    assert caught.value.reason.startswith(reason)


# --- broadcasting


@pytest.mark.parametrize("name", ["add", "sub", "mul", "max"])
def test_values_without_a_batch_broadcast(name: str) -> None:
    for other in (fixed(1, 197, 768), fixed(197, 768), fixed(768), fixed(1, 1, 1), fixed()):
        for flow in ([batch(197, 768), other], [other, batch(197, 768)]):
            assert use(name, flow).results == (TensorType((197, 768)),)
    assert use(name, batch(96, 7, 7), fixed(96, 1, 1)).shape == (96, 7, 7)
    assert use(name, [fixed(49, 1), fixed(1, 49)]).results == (TensorType((49, 49), batched=False),)


def test_gates() -> None:
    image, gate = batch(64, 28, 28), batch(64, 1, 1)
    assert use("mul", gate, image).shape == (64, 28, 28)
    assert use("mul", [image, gate]).shape == (64, 28, 28)
    assert use("add", image, gate).shape == (64, 28, 28)


@pytest.mark.parametrize("name", ["add", "sub", "max"])
def test_branches_do_not_broadcast(name: str) -> None:
    for flow in ([batch(64, 28, 28), batch(64, 1, 1)], [fixed(1), batch(64, 28, 28), batch(64, 1, 1)]):
        with pytest.raises(BranchProblem, match=f"branches of `{name}` differ in ") as caught:
            use(name, flow)
        assert caught.value.odd == (len(flow) - 1,)


@pytest.mark.parametrize(
    ("name", "inputs", "reason", "odd"),
    [
        (
            "add",
            [batch(64, 28, 28), batch(32, 28, 28)],
            "tensors of `add` differ in channels: 64x28x28 and 32x28x28",
            (1,),
        ),
        (
            "add",
            [batch(64, 28, 28), batch(32, 28, 1), batch(64, 14, 28)],
            "tensors of `add` differ in channels and height: 64x28x28, 32x28x1 and 64x14x28",
            (1, 2),
        ),
        ("mul", [batch(64, 28), fixed(64, 14)], "tensors of `mul` differ in length: 64x28 and 64x14", (1,)),
        ("mul", [batch(64), batch(64, 28)], "tensors of `mul` differ in their number of axes: 64 and 64x28", (1,)),
        ("add", [batch(64, 28), fixed(3, 64, 28)], "tensors of `add` differ where one has a batch", (1,)),
        ("add", [batch(64), fixed(1, 1, 64)], "tensors of `add` differ in their number of axes: 64 and 1x1x64", (1,)),
        (
            "matmul",
            [batch(8, 64), batch(32, 8)],
            "tensors of `matmul` differ where they must agree: 64 columns and 32 rows",
            (1,),
        ),
    ],
)
def test_stages_show_the_shapes(name: str, inputs: list[Value], reason: str, odd: tuple[int, ...]) -> None:
    with pytest.raises(BranchProblem) as caught:
        use(name, inputs[0], *inputs[1:])
    assert caught.value.reason.startswith(reason)
    assert caught.value.odd == odd


def test_a_class_token_is_joined_to_every_sample() -> None:
    assert use("concat", [fixed(1, 1, 768), batch(196, 768)]).results == (TensorType((197, 768)),)
    assert use("concat", [fixed(1, 5), fixed(2, 5)]).results == (TensorType((3, 5), batched=False),)
    with pytest.raises(BranchProblem, match="cannot join 768, which has no batch"):
        use("concat", [batch(196, 768), fixed(1, 768), fixed(768)], dim=-1)


def test_stack() -> None:
    assert use("stack", [batch(4, 5)] * 3).shape == (3, 4, 5)
    assert use("stack", [batch(4, 5)] * 3, dim=-1).shape == (4, 5, 3)


# --- shapes and costs


def test_matmul() -> None:
    found = use("matmul", [batch(12, 64, 32), batch(12, 32, 16)])
    assert (found.shape, found.macs) == ((12, 64, 16), 12 * 64 * 16 * 32)
    assert use("matmul", batch(64, 32), fixed(32, 8)).results == (TensorType((64, 8)),)
    assert use("matmul", batch(32), fixed(32, 8)).results == (TensorType((8,)),)
    found = use("matmul", fixed(64, 32), fixed(32, 8))
    assert (found.results, found.macs) == ((TensorType((64, 8), batched=False),), 64 * 32 * 8)
    for inputs in ([batch(4, 4)] * 3, [batch(4), batch(4)], [fixed(3, 4), batch(4)]):
        with pytest.raises(Problem):
            use("matmul", inputs)


def test_attention_counts_its_layers_and_both_products() -> None:
    found = use("attention", batch(197, 768), 12)
    assert found.macs == 4 * 197 * 768 * 768 + 2 * 197 * 197 * 768
    assert found.op.depth == 2
    assert [weight.name for weight in found.op.weights(found.inputs, found.args)] == [
        "in_proj_weight",
        "in_proj_bias",
        "out_proj.weight",
        "out_proj.bias",
    ]


def test_attend() -> None:
    found = use("attend", batch(6, 10, 64), batch(6, 20, 64), batch(6, 20, 32))
    assert (found.shape, found.macs) == ((6, 10, 32), 6 * 10 * 20 * (64 + 32))
    assert use("attend", batch(6, 10, 64), batch(1, 20, 64), batch(1, 20, 64)).shape == (6, 10, 64)
    with pytest.raises(Problem, match="cannot be given with `causal = true`"):
        use("attend", batch(4, 8), batch(4, 8), batch(4, 8), bias=fixed(4, 4), causal=True)
    with pytest.raises(Problem, match="needs a value for each key; there are 5 values and 4 keys"):
        use("attend", batch(4, 8), batch(4, 8), batch(5, 8))


def test_recurrence() -> None:
    found = use("lstm", batch(100, 40), 128, layers=2, bidirectional=True)
    assert [x.shape for x in found.results] == [(100, 256), (256,)]
    weights = found.op.weights(found.inputs, found.args)
    assert len(weights) == 16
    assert weights[0] == Weight("weight_ih_l0", (512, 40))
    assert weights[-4:-2] == (Weight("weight_ih_l1_reverse", (512, 256)), Weight("weight_hh_l1_reverse", (512, 128)))
    assert found.macs == 100 * 2 * 512 * (40 + 128 + 256 + 128)
    assert found.op.layers_deep(found.args) == 2
    assert len(use("gru", batch(100, 40), 128).op.weights((TensorType((100, 40)),), found.args)) == 16


def test_transposed_convolution() -> None:
    found = use("convtranspose", batch(128, 28, 28), 64, 2, 2)
    assert (found.shape, found.macs) == ((64, 56, 56), 128 * 28 * 28 * 64 * 4)
    assert use("convtranspose", batch(4, 7), 2, 3, 2, padding=1, output_padding=1).shape == (2, 14)


@pytest.mark.parametrize(
    ("name", "shape", "given", "expected"),
    [
        ("embedding", (64,), {"n": 1000, "dim": 384}, [(64, 384)]),
        ("reshape", (512, 7, 7), {"shape": (512, -1)}, [(512, 49)]),
        ("slice", (10, 4), {"dim": 0, "from": -7, "to": -1, "step": 2}, [(3, 4)]),
        ("select", (197, 768), {"index": 0}, [(768,)]),
        ("chunk", (116, 28), {"n": 2}, [(58, 28), (58, 28)]),
        ("split", (64, 28), {"sizes": (16, 48)}, [(16, 28), (48, 28)]),
        ("split", (64, 28), {"sizes": 7, "dim": -1}, [(64, 7)] * 4),
        ("unbind", (3, 12, 64), {"dim": 1}, [(3, 64)] * 12),
        ("pad", (32, 100), {"border": (0, (4, 0))}, [(32, 104)]),
        ("crop", (64, 64, 64), {"size": (56, 50)}, [(64, 56, 50)]),
        ("roll", (56, 56, 96), {"shifts": (-3, 3), "dims": (1, 0)}, [(56, 56, 96)]),
        ("upsample", (256, 14, 14), {"by": (2, 3)}, [(256, 28, 42)]),
        ("upsample", (256, 14, 14), {"size": 30, "mode": Word("bilinear"), "align": True}, [(256, 30, 30)]),
        ("mean", (64, 7, 7), {"dims": (1, 2)}, [(64,)]),
        ("mean", (64, 7, 7), {}, [()]),
        ("maximum", (64, 7, 7), {"dims": -1, "keep": True}, [(64, 7, 1)]),
        ("sum", (64, 7, 7), {"dims": 0}, [(7, 7)]),
    ],
)
def test_shapes(name: str, shape: tuple[int, ...], given: dict[str, Any], expected: list[tuple[int, ...]]) -> None:
    x = TensorType(shape, "int" if name == "embedding" else "float")
    assert [result.shape for result in use(name, Value(x), **given).results] == expected


def test_rows_by_index() -> None:
    index = Value(TensorType((49, 49), "int", batched=False))
    assert use("take", fixed(169, 4), index).results == (TensorType((49, 49, 4), batched=False),)
    assert use("take", batch(169, 4), index).results == (TensorType((49, 49, 4)),)
    assert use("take", fixed(169, 4), Value(TensorType((5,), "int"))).results == (TensorType((5, 4)),)
    with pytest.raises(Problem, match="has a batch, as the input has"):
        use("take", batch(169, 4), Value(TensorType((5,), "int")))
