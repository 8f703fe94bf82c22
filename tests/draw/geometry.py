"""What must hold of every figure: boxes apart, frames around what they hold, text in its box, edges around boxes."""

from __future__ import annotations

from itertools import pairwise

from netdsl.draw.svg import Drawn

SLACK = 0.75

Rectangle = tuple[float, float, float, float]


def faults(drawn: Drawn) -> list[str]:
    """Every fault of a figure, in words."""
    return [*_overlaps(drawn), *_texts(drawn), *_edges(drawn), *_outside(drawn)]


def _overlaps(drawn: Drawn) -> list[str]:
    found = []
    boxes = sorted(drawn.boxes, key=lambda each: each[1][1])
    for number, (part, a) in enumerate(boxes):
        for other, b in boxes[number + 1 :]:
            if b[1] > a[1] + a[3]:
                break
            if _meet(a, b):
                found.append(f"{_name(part)} overlaps {_name(other)}")
    for part, frame in drawn.frames:
        for other, b in [*drawn.boxes, *drawn.frames]:
            if other is not part and _meet(frame, b) and not (_holds(frame, b) or _holds(b, frame)):
                found.append(f"frame {_name(part)} cuts {_name(other)}")
    for part, header in drawn.headers:
        found += [f"{_name(other)} lies on the head of {_name(part)}" for other, b in drawn.boxes if _meet(header, b)]
    return found


def _texts(drawn: Drawn) -> list[str]:
    found = []
    places: dict[object, list[Rectangle]] = {}
    for part, rectangle in [*drawn.boxes, *drawn.headers]:
        places.setdefault(part, []).append(rectangle)
    for part, text in drawn.texts:
        around = (text.left, text.baseline - 0.75 * text.size, text.wide, 0.95 * text.size)
        if not any(_holds(rectangle, around) for rectangle in places[part]):
            found.append(f"`{text.text}` leaves its box")
    for _, label in drawn.labels:
        around = (label.left, label.baseline - 0.75 * label.size, label.wide, 0.95 * label.size)
        for part, rectangle in [*drawn.boxes, *drawn.headers]:
            if _meet(rectangle, around):
                found.append(f"label `{label.text}` lies on {_name(part)}")
        for wire, points in drawn.wires:
            if any(_crosses(a, b, around) for a, b in pairwise(points)):
                name = "a parameter's edge" if wire is None else f"{_name(wire.edge.source.part)}'s edge"
                found.append(f"{name} runs through label `{label.text}`")
    return found


def _edges(drawn: Drawn) -> list[str]:
    found = []
    solid = [*drawn.boxes, *drawn.headers]
    for wire, points in drawn.wires:
        for (ax, ay), (bx, by) in pairwise(points):
            if abs(ax - bx) > SLACK and abs(ay - by) > SLACK:
                found.append(f"an edge is neither upright nor level: {points}")
            for part, rectangle in solid:
                if _crosses((ax, ay), (bx, by), rectangle):
                    name = "a parameter's" if wire is None else f"{_name(wire.edge.source.part)}'s"
                    found.append(f"{name} edge passes through {_name(part)}")
    return found


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


def _crosses(a: tuple[float, float], b: tuple[float, float], rectangle: Rectangle) -> bool:
    left, top, wide, high = rectangle
    low, up = min(a[0], b[0]), max(a[0], b[0])
    first, last = min(a[1], b[1]), max(a[1], b[1])
    return low < left + wide - SLACK and up > left + SLACK and first < top + high - SLACK and last > top + SLACK


def _name(part: object) -> str:
    return f"`{getattr(part, 'path', '') or getattr(part, 'lines', '')}`"
