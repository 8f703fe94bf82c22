"""Shape rules, weights and costs, on figures that can be checked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from netdsl.ops import REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import bind
from netdsl.ops.combine import BranchProblem, TooFewBranches
from netdsl.ops.operator import Kept, Sliding
from netdsl.values.literals import Window, Word
from netdsl.values.types import TensorType, Weight


def shape(name: str, *inputs: tuple[int, ...], **given: Any) -> tuple[int, ...]:
    types = tuple(map(TensorType, inputs))
    return REGISTRY[name].infer(types, bind(REGISTRY[name], (), given, types)).shape


def use(name: str, x: TensorType, **given: Any) -> tuple[Any, tuple[TensorType], TensorType, dict[str, Any]]:
    op = REGISTRY[name]
    args = bind(op, (), given, (x,))
    return op, (x,), op.infer((x,), args), args


# --- windows


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "ceil", "padding", "expected"),
    [
        (112, 3, 2, False, 0, 55),
        (112, 3, 2, True, 0, 56),  # GoogLeNet's pools, Table 1 of the paper
        (112, 3, 2, False, 1, 56),  # ResNet's
        (2, 3, 2, True, 0, 1),  # the only window reaches over the edge
        (5, 2, 2, True, 1, 3),  # and one that would start in the right padding is dropped
        (4, 1, 3, True, 0, 2),
    ],
)
@pytest.mark.parametrize("name", ["maxpool", "avgpool"])
def test_pool_sizes(name: str, size: int, kernel: int, stride: int, ceil: bool, padding: int, expected: int) -> None:
    given = {"kernel": Window(kernel, stride), "ceil": ceil, "padding": padding}
    assert shape(name, (4, size, size), **given) == (4, expected, expected)


def test_same_keeps_the_size_at_stride_1() -> None:
    assert shape("maxpool", (192, 28, 28), kernel=Window(3, 1), padding=Word("same")) == (192, 28, 28)
    assert shape("conv", (192, 28), out=8, kernel=5, dilation=3, padding=Word("same")) == (8, 28)


def test_same_with_dilation_is_more_than_a_pool_takes() -> None:
    with pytest.raises(Problem) as caught:
        shape("maxpool", (4, 9, 9), kernel=Window(3, 1), dilation=2, padding=Word("same"))
    assert caught.value.argument == "padding"


@pytest.mark.parametrize("name", ["maxpool", "avgpool"])
def test_a_window_larger_than_its_input(name: str) -> None:
    with pytest.raises(Problem, match=r"the window does not fit: it is 3 wide, the input with its padding 2 \+ 2\*0"):
        shape(name, (4, 2, 2), kernel=Window(3, 1))
    with pytest.raises(Problem, match="the window does not fit"):
        shape(name, (4, 1, 1), kernel=Window(3, 2), ceil=True)


def test_windows_that_see_no_input() -> None:
    with pytest.raises(Problem, match="from border to border"):
        shape("maxpool", (4, 6, 6), kernel=Window(2, 1), padding=1, dilation=7)
    assert shape("maxpool", (4, 6, 6), kernel=Window(2, 1), padding=1, dilation=6) == (4, 2, 2)


def test_sliding() -> None:
    op, _, _, args = use("avgpool", TensorType((4, 14, 14)), kernel=Window(5, 3))
    assert op.sliding(args) == Sliding((5, 5), (3, 3), (1, 1), (0, 0))
    assert REGISTRY["relu"].sliding({}) is None


def test_other_pools() -> None:
    assert shape("globalavgpool", (1024, 7, 7)) == (1024,)
    assert shape("globalmaxpool", (1024, 7), keep=True) == (1024, 1)
    assert shape("adaptiveavgpool", (4, 5, 5), size=(7, 2)) == (4, 7, 2)


# --- weights and costs


def test_linear() -> None:
    op, inputs, output, args = use("linear", TensorType((197, 768)), out=3072)
    assert output.shape == (197, 3072)
    assert op.weights(inputs, args) == (Weight("weight", (3072, 768)), Weight("bias", (3072,)))
    assert op.macs(inputs, output, args) == 197 * 768 * 3072


def test_conv() -> None:
    op, inputs, output, args = use("conv", TensorType((96, 28, 28)), out=128, kernel=3, padding=1, groups=2, bias=False)
    assert op.weights(inputs, args) == (Weight("weight", (128, 48, 3, 3)),)
    assert op.macs(inputs, output, args) == 128 * 28 * 28 * 48 * 9


def test_batchnorm_counts_batches_in_an_integer() -> None:
    op, inputs, _, args = use("batchnorm", TensorType((8,)), affine=False)
    assert [weight.name for weight in op.weights(inputs, args)] == [
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]
    assert op.weights(inputs, args)[-1] == Weight("num_batches_tracked", (), learned=False, dtype="int")


def test_batchnorm_needs_a_batch() -> None:
    with pytest.raises(Problem, match="normalises over the batch"):
        use("batchnorm", TensorType((8, 4, 4), batched=False))


def test_what_training_keeps() -> None:
    def kept(name: str, **given: Any) -> Kept:
        op, inputs, output, args = use(name, TensorType((64, 56, 56)), **given)
        result: Kept = op.kept(inputs, output, args)
        return result

    plane = 56 * 56
    assert kept("relu") == Kept(output=True)
    assert kept("maxpool", kernel=Window(2, 2)) == Kept(inputs=True, extra=8 * 64 * 28 * 28)
    assert kept("lrn", size=5) == Kept(inputs=True, extra=4 * plane * (68 + 64 + 64))
    assert kept("batchnorm") == Kept(inputs=True, fixed=4 * 2 * 64)
    assert kept("dropout") == Kept(extra=4 * 64 * plane)
    assert kept("globalavgpool") == Kept()


# --- combines


def test_concat() -> None:
    assert shape("concat", (64, 28, 28), (128, 28, 28), (32, 28, 28)) == (224, 28, 28)
    assert shape("concat", (4, 3), (4, 5), dim=-1) == (4, 8)


@pytest.mark.parametrize(
    ("name", "shapes", "reason", "odd", "agree"),
    [
        (
            "concat",
            [(64, 28, 28), (32, 28, 28), (32, 26, 26), (16, 28, 28)],
            "branches of `concat` differ in height and width",
            (2,),
            "height x width",
        ),
        ("add", [(64, 28), (32, 28)], "branches of `add` differ in channels", (1,), "channels x length"),
        ("mul", [(3,), (4,), (4,)], "branches of `mul` differ in features", (0,), "features, or 1"),
        ("add", [(3, 1, 1), (3,)], "branches of `add` differ in their number of axes", (1,), "the number of axes"),
        (
            "add",
            [(1, 2, 3, 4), (4, 3, 2, 4)],
            "branches of `add` differ in channels, depth and height",
            (1,),
            "channels x depth x height x width",
        ),
    ],
)
def test_branches_that_differ(
    name: str, shapes: list[tuple[int, ...]], reason: str, odd: tuple[int, ...], agree: str
) -> None:
    with pytest.raises(BranchProblem) as caught:
        shape(name, *shapes)
    assert (caught.value.reason, caught.value.odd, caught.value.agree) == (reason, odd, agree)


def test_branches_of_which_one_could_be_repeated() -> None:
    """In braces that is more often a slip; whoever means it is told how to say so."""
    with pytest.raises(BranchProblem) as caught:
        shape("sub", (64, 28, 28), (64, 1, 1))
    assert caught.value.help == "where an axis of 1 is to be repeated, call it as a stage: `-> sub(…)`"
    with pytest.raises(BranchProblem) as caught:
        shape("sub", (64, 28, 28), (32, 1, 1))
    assert caught.value.help == ""


def test_a_combine_of_one() -> None:
    with pytest.raises(TooFewBranches, match="needs two branches or more; it has 1"):
        shape("add", (3, 4, 4))


def test_a_value_without_batch_keeps_that() -> None:
    x = TensorType((8, 4, 4), batched=False)
    for name, given in (
        ("conv", {"out": 2, "kernel": 1}),
        ("flatten", {}),
        ("globalavgpool", {}),
        ("linear", {"out": 2}),
    ):
        assert not use(name, x, **given)[2].batched
