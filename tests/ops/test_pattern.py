"""The notation of `rearrange`: what is read, planned and refused."""

from __future__ import annotations

import pytest

from netdsl.ops.arguments import Problem
from netdsl.ops.pattern import Plan, parse, plan


def planned(pattern: str, shape: tuple[int, ...], **sizes: int) -> Plan:
    return plan(parse(pattern), shape, sizes)


@pytest.mark.parametrize(
    ("pattern", "shape", "sizes", "split", "order", "merged", "in_place"),
    [
        # A vision transformer's patches: a view, as pixels follow each other in memory.
        ("c h w -> (h w) c", (768, 14, 14), {}, (768, 14, 14), (1, 2, 0), (196, 768), True),
        # Heads out of one projection, and back.
        (
            "t (s h d) -> s h t d",
            (64, 1152),
            {"s": 3, "h": 6},
            (64, 3, 6, 64),
            (1, 2, 0, 3),
            (3, 6, 64, 64),
            True,
        ),
        ("h t d -> t (h d)", (6, 64, 64), {}, (6, 64, 64), (1, 0, 2), (64, 384), False),
        # ShuffleNet's shuffle of channels.
        ("(g c) h w -> (c g) h w", (58, 7, 7), {"g": 2}, (2, 29, 7, 7), (1, 0, 2, 3), (58, 7, 7), False),
        # Swin's windows.
        (
            "(a h) (b w) c -> (a b) (h w) c",
            (14, 14, 96),
            {"h": 7, "w": 7},
            (2, 7, 2, 7, 96),
            (0, 2, 1, 3, 4),
            (4, 49, 96),
            False,
        ),
        ("a 1 b -> b () a 1", (3, 1, 5), {}, (3, 5), (1, 0), (5, 1, 3, 1), True),
        ("... c -> c ...", (2, 3, 4), {}, (2, 3, 4), (2, 0, 1), (4, 2, 3), True),
        # Axes of 1 are everywhere and nowhere in memory.
        ("a b c -> b (a c)", (2, 1, 4), {}, (2, 1, 4), (1, 0, 2), (1, 8), True),
        (" -> ", (), {}, (), (), (), True),
    ],
)
def test_plans(
    pattern: str,
    shape: tuple[int, ...],
    sizes: dict[str, int],
    split: tuple[int, ...],
    order: tuple[int, ...],
    merged: tuple[int, ...],
    in_place: bool,
) -> None:
    found = planned(pattern, shape, **sizes)
    assert (found.split, found.order, found.merged, found.in_place) == (split, order, merged, in_place)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a b", "must have one arrow, as in `c h w -> (h w) c`; it has none"),
        ("a -> b -> a", "must have one arrow, as in `c h w -> (h w) c`; it has 2"),
        ("a a -> a", "has `a` twice on its left"),
        ("a b -> a", "has `b` on one side alone; it is missing on the right"),
        ("a -> a b", "has `b` on one side alone; it is missing on the left"),
        ("a ... -> a", "has `...` on one side alone; it is missing on the right"),
        ("(a b -> a b", "opens a bracket on its left and does not close it"),
        ("a b -> a b)", "closes a bracket on its right that was not opened"),
        ("((a b)) -> a b", "has brackets inside of brackets"),
        ("(a ...) -> a ...", "has `...` inside of brackets"),
        ("a 3 -> a 3", "has the number 3"),
        ("a* -> a", "has `*`, which is no name of an axis"),
        ("1 " * 65 + "-> 1", "has more than 64 axes on its left"),
        ("a " * 600, "is longer than 1000 characters"),
    ],
)
def test_patterns_that_cannot_be_read(pattern: str, reason: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(pattern)
    assert (caught.value.reason, caught.value.argument) == (reason, "pattern")


@pytest.mark.parametrize(
    ("pattern", "shape", "sizes", "argument", "reason"),
    [
        ("a b -> b a", (2, 3, 4), {}, "pattern", "has 2 axes on its left; the input has 3: 2x3x4"),
        ("a ... b -> b ... a", (2,), {}, "pattern", "has 2 axes on its left; the input has 1: 2"),
        ("(a b) -> a b", (6,), {}, "pattern", "leaves open how 6 is divided between `a` and `b`"),
        ("(a b) -> a b", (6,), {"a": 4}, "a", "must divide the axis; 6 % 4 = 2"),
        ("(a b) -> a b", (6,), {"a": 2, "b": 4}, "a", "makes (a b) 8, and the axis is 6"),
        ("a b -> b a", (6, 2), {"a": 5}, "a", "makes `a` 5, and the axis is 6"),
        ("a b -> b a", (6, 2), {"c": 5}, "c", "is no axis of the pattern"),
        ("a 1 -> a", (6, 2), {}, "pattern", "has 1 where the input has 2"),
    ],
)
def test_shapes_that_do_not_fit(
    pattern: str, shape: tuple[int, ...], sizes: dict[str, int], argument: str, reason: str
) -> None:
    with pytest.raises(Problem) as caught:
        planned(pattern, shape, **sizes)
    assert (caught.value.reason, caught.value.argument) == (reason, argument)
