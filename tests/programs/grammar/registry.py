"""What programs are built from: constructs, each with how often it is drawn and where it fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.programs.grammar.body import Body

Draw = Callable[[Body], str | None]


class Construct(NamedTuple):
    """Draws text that continues from the current value, and moves the body's shape; None where it does not fit."""

    name: str
    draw: Draw
    ranks: frozenset[int]
    often: int
    part: bool
    """Whether it may have a label and, without one, may need one: it has weights."""
    nested: bool
    keeps: bool
    """Whether height and width stay."""


STAGES: list[Construct] = []
STATEMENTS: list[Construct] = []

ANY = (1, 2, 3, 4)
SPATIAL = (2, 3, 4)


def stage(
    *ranks: int, often: int = 4, part: bool = False, nested: bool = False, keeps: bool = True
) -> Callable[[Draw], Draw]:
    return _registered(STAGES, Construct("", len, frozenset(ranks or ANY), often, part, nested, keeps))  # type: ignore[arg-type]


def statement(*ranks: int, often: int = 4, nested: bool = False, keeps: bool = True) -> Callable[[Draw], Draw]:
    return _registered(STATEMENTS, Construct("", len, frozenset(ranks or ANY), often, False, nested, keeps))  # type: ignore[arg-type]


def _registered(where: list[Construct], form: Construct) -> Callable[[Draw], Draw]:
    def register(draw: Draw) -> Draw:
        where.append(form._replace(name=draw.__name__.strip("_").replace("_", " "), draw=draw))
        return draw

    return register


def draw_one(body: Body, among: list[Construct]) -> tuple[Construct, str]:
    """A construct that fits here, and its text; there is always one."""
    while True:
        fitting = [
            each
            for each in among
            if body.rank in each.ranks
            and (each.keeps or not body.keep)
            and not (each.nested and (body.depth > 2 or body.file.left < 1))
            and not (each.part and body.must_label and not body.may_label)
        ]
        (chosen,) = body.rng.choices(fitting, [each.often for each in fitting])
        shape = body.shape
        text = chosen.draw(body)
        if text is not None:
            body.used(chosen.name)
            body.file.left -= 1
            return chosen, text
        body.shape = shape
