"""Binding arguments: what is paired, converted and refused, and what the refusals say."""

from __future__ import annotations

from typing import Any

import pytest

from netdsl.ops import REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import MatchProblem, bind, match
from netdsl.text import codes
from netdsl.values.literals import Size, Window, Word
from netdsl.values.types import TensorType

IMAGE = TensorType((64, 28, 28))


def bound(name: str, *positional: Any, x: TensorType = IMAGE, **named: Any) -> dict[str, Any]:
    return bind(REGISTRY[name], positional, named, (x,))


def refused(name: str, *positional: Any, x: TensorType = IMAGE, **named: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        bound(name, *positional, x=x, **named)
    return caught.value


def test_all_arguments_in_normal_form_and_order() -> None:
    assert list(bound("conv", 8, Window(3, 2), padding=Word("same")).items()) == [
        ("out", 8),
        ("kernel", (3, 3)),
        ("stride", (2, 2)),
        ("padding", (1, 1)),
        ("dilation", (1, 1)),
        ("groups", 1),
        ("bias", True),
    ]


@pytest.mark.parametrize("kernel", [3, (3,), Size((3,))])
def test_rank_follows_the_input(kernel: Any) -> None:
    assert bound("conv", 8, kernel, x=TensorType((4, 16)))["kernel"] == (3,)


def test_defaults_are_not_shared() -> None:
    bound("conv", 8, 3)["dilation"] = "changed"
    assert bound("conv", 8, 3)["dilation"] == (1, 1)


def test_axes_count_from_the_first() -> None:
    assert bound("softmax")["dim"] == 2
    assert bound("flatten", x=TensorType((4,))) == {"from": 0, "to": 0}


@pytest.mark.parametrize(
    ("positional", "named", "code", "argument", "position", "reason", "help"),
    [
        (
            (1, 2),
            {"paddin": 1},
            codes.UNKNOWN_ARGUMENT,
            "paddin",
            None,
            "is not one that it takes",
            "did you mean `padding`?",
        ),
        (
            (1, 2),
            {"out": 1},
            codes.REPEATED_ARGUMENT,
            "out",
            None,
            "is given twice: by name, and as argument number 1",
            "leave",
        ),
        ((1,), {}, codes.MISSING_ARGUMENT, "kernel", None, "is missing", ""),
        ((), {}, codes.MISSING_ARGUMENT, "out", None, "is missing; `out` and `kernel` are required", ""),
        (
            (1,) * 8,
            {},
            codes.REPEATED_ARGUMENT,
            None,
            7,
            "takes 7 arguments and is given 8",
            "it takes `out`, `kernel`",
        ),
    ],
)
def test_match_names_what_is_wrong(
    positional: tuple[int, ...],
    named: dict[str, int],
    code: codes.Code,
    argument: str | None,
    position: int | None,
    reason: str,
    help: str,
) -> None:
    with pytest.raises(MatchProblem) as caught:
        match(REGISTRY["conv"].arguments, positional, named)
    problem = caught.value
    assert (problem.code, problem.argument, problem.position) == (code, argument, position)
    assert problem.reason == reason
    assert problem.help.startswith(help)


def test_no_arguments_at_all() -> None:
    assert refused("relu", 1).reason == "takes no arguments and is given 1"
    assert refused("relu", slope=1).help == "it takes no arguments"


@pytest.mark.parametrize(
    ("name", "given", "argument", "reason"),
    [
        ("conv", {"out": 0, "kernel": 3}, "out", "must be a whole number of at least 1, not 0"),
        (
            "conv",
            {"out": 8 / 2, "kernel": 3},
            "out",
            "must be a whole number of at least 1, not 4.0 (a number with a fraction)",
        ),
        ("conv", {"out": 8, "kernel": Size((3, 3, 3))}, "kernel", "has 3 numbers, 3x3x3; the input has 2 spatial axes"),
        ("conv", {"out": 8, "kernel": 3, "groups": 3}, "groups", "must divide the 64 input channels; 64 % 3 = 1"),
        (
            "conv",
            {"out": 8, "kernel": Window(3, 1), "stride": 1},
            "stride",
            "is given twice: in the window, and as an argument",
        ),
        (
            "conv",
            {"out": 8, "kernel": 2, "padding": Word("same")},
            "padding",
            "`same` needs odd kernels, and 2 is even",
        ),
        ("maxpool", {"kernel": 3}, "stride", "is missing: a pool must say how far its window moves"),
        (
            "maxpool",
            {"kernel": Window(3, 1), "padding": 2},
            "padding",
            "may be at most half of the kernel, 3 // 2 = 1; not 2x2",
        ),
        ("softmax", {"dim": 3}, "dim", "must be from -3 to 2, as the input has 3 axes; it is 3"),
        ("flatten", {"from": 2, "to": 1}, "to", "comes before `from`: axis 1 before axis 2"),
        ("clamp", {}, "min", "is missing: without `min` and `max` there is nothing to do"),
        ("clamp", {"min": 1, "max": 0}, "max", "is below `min`: 0 < 1"),
        ("dropout", {"p": 1.5}, "p", "must be a number of at least 0 and at most 1, not 1.5"),
    ],
)
def test_problems_name_the_argument(name: str, given: dict[str, Any], argument: str, reason: str) -> None:
    problem = refused(name, **given)
    assert (problem.argument, problem.reason) == (argument, reason)


def test_whole_numbers_are_not_computed_on() -> None:
    problem = refused("relu", x=TensorType((4,), "int"))
    assert problem.reason == "cannot compute on whole numbers, and its input holds them"
    assert bound("identity", x=TensorType((4,), "int")) == {}


def test_ranks() -> None:
    problem = refused("conv", 8, 3, x=TensorType((64,)))
    assert problem.code is codes.BAD_RANK
    assert problem.reason == "needs an input of shape CxL or CxHxW or CxDxHxW; this one is 64"
    assert "before" not in problem.help
    assert refused("batchnorm", x=TensorType((2,) * 5)).reason.startswith("needs an input of shape C or CxL or CxHxW")
