"""What must hold of every figure: boxes apart, frames around what they hold, text in its box, edges around boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Generic, TypeVar

from netdsl.draw.arrange.view import Wire
from netdsl.draw.figure.figure import Part
from netdsl.draw.write.svg import Drawn

SLACK = 0.75

Rectangle = tuple[float, float, float, float]
Thing = TypeVar("Thing")


def faults(drawn: Drawn) -> list[str]:
    """Every fault of a figure, in words."""
    solid = _Plane([*drawn.boxes, *drawn.headers])
    return [*_overlaps(drawn), *_texts(drawn, solid), *_edges(drawn, solid), *_outside(drawn)]


class _Plane(Generic[Thing]):
    """Rectangles with what they are of, found by where they lie: in time linear in what lies there."""

    STRIP = 120.0

    def __init__(self, things: Iterable[tuple[Thing, Rectangle]]) -> None:
        self.strips: dict[int, list[tuple[int, Thing, Rectangle]]] = {}
        for number, (thing, rectangle) in enumerate(things):
            for strip in self._strips(rectangle):
                self.strips.setdefault(strip, []).append((number, thing, rectangle))

    def _strips(self, rectangle: Rectangle) -> range:
        return range(int(rectangle[1] // self.STRIP), int((rectangle[1] + rectangle[3]) // self.STRIP) + 1)

    def meeting(self, rectangle: Rectangle) -> Iterator[Thing]:
        seen = set()
        for strip in self._strips(rectangle):
            for number, thing, other in self.strips.get(strip, ()):
                if number not in seen and _meet(rectangle, other):
                    seen.add(number)
                    yield thing


def _overlaps(drawn: Drawn) -> list[str]:
    found = []
    boxes, all_ = _Plane((each, each[1]) for each in drawn.boxes), [*drawn.boxes, *drawn.frames]
    everything = _Plane((each, each[1]) for each in all_)
    for each in drawn.boxes:
        found += [
            f"{_name(each[0])} overlaps {_name(other[0])}" for other in boxes.meeting(each[1]) if other is not each
        ]
    for each in drawn.frames:
        for other in everything.meeting(each[1]):
            if other is not each and not (_holds(each[1], other[1]) or _holds(other[1], each[1])):
                found.append(f"frame {_name(each[0])} cuts {_name(other[0])}")
    for part, header in drawn.headers:
        found += [f"{_name(other[0])} lies on the head of {_name(part)}" for other in boxes.meeting(header)]
    return found


def _texts(drawn: Drawn, solid: _Plane[Part]) -> list[str]:
    found = []
    places: dict[object, list[Rectangle]] = {}
    for part, rectangle in [*drawn.boxes, *drawn.headers]:
        places.setdefault(part, []).append(rectangle)
    for part, text in drawn.texts:
        around = (text.left, text.baseline - 0.75 * text.size, text.wide, 0.95 * text.size)
        if not any(_holds(rectangle, around) for rectangle in places[part]):
            found.append(f"`{text.text}` leaves its box")
    lines = _Plane((wire, _stretch(a, b)) for wire, points in drawn.wires for a, b in pairwise(points))
    for _, label in drawn.labels:
        around = (label.left, label.baseline - 0.75 * label.size, label.wide, 0.95 * label.size)
        found += [f"label `{label.text}` lies on {_name(part)}" for part in solid.meeting(around)]
        found += [f"{_edge(wire)} runs through label `{label.text}`" for wire in lines.meeting(around)]
    return found


def _edges(drawn: Drawn, solid: _Plane[Part]) -> list[str]:
    found = []
    for wire, points in drawn.wires:
        for a, b in pairwise(points):
            if abs(a[0] - b[0]) > SLACK and abs(a[1] - b[1]) > SLACK:
                found.append(f"an edge is neither upright nor level: {points}")
            found += [f"{_edge(wire)} passes through {_name(part)}" for part in solid.meeting(_stretch(a, b))]
    return found


def _stretch(a: tuple[float, float], b: tuple[float, float]) -> Rectangle:
    """A line as a rectangle that meets what the line runs through, and not what it only touches."""
    left, top = min(a[0], b[0]), min(a[1], b[1])
    wide, high = abs(a[0] - b[0]), abs(a[1] - b[1])
    # `_meet` lets rectangles overlap by SLACK, so a line is given that much on the axis that it does not run along.
    return (left - SLACK, top, 2 * SLACK, high) if wide < high else (left, top - SLACK, wide, 2 * SLACK)


def _edge(wire: Wire | None) -> str:
    return "a parameter's edge" if wire is None else f"{_name(wire.edge.source.part)}'s edge"


def _outside(drawn: Drawn) -> list[str]:
    page = (0.0, 0.0, drawn.width, drawn.height)
    found = [f"{_name(part)} leaves the page" for part, b in [*drawn.boxes, *drawn.frames] if not _holds(page, b)]
    for _, points in drawn.wires:
        found += [f"an edge leaves the page at {x, y}" for x, y in points if not _holds(page, (x, y, 0.0, 0.0))]
    for _, text in drawn.labels:
        if not _holds(page, (text.left, text.baseline - text.size, text.wide, text.size)):
            found.append(f"label `{text.text}` leaves the page")
    return found


def _meet(a: Rectangle, b: Rectangle) -> bool:
    return (
        a[0] + SLACK < b[0] + b[2]
        and b[0] + SLACK < a[0] + a[2]
        and a[1] + SLACK < b[1] + b[3]
        and b[1] + SLACK < a[1] + a[3]
    )


def _holds(outer: Rectangle, inner: Rectangle) -> bool:
    return (
        outer[0] <= inner[0] + SLACK
        and outer[1] <= inner[1] + SLACK
        and outer[0] + outer[2] >= inner[0] + inner[2] - SLACK
        and outer[1] + outer[3] >= inner[1] + inner[3] - SLACK
    )


def _name(part: object) -> str:
    return f"`{getattr(part, 'path', '') or getattr(part, 'lines', '')}`"
