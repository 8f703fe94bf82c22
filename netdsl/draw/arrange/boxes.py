"""What is written in a box, and how large that makes it."""

from __future__ import annotations

from netdsl.draw.arrange.metrics import clipped, width
from netdsl.draw.arrange.plane import HEADER_SIZE, Box, Line
from netdsl.draw.figure.figure import Part

SIZE, SMALL = 12.0, 10.0
LINE = 14.0
MOST = 240.0
"""The widest line in a box."""
ALONE = 165.0
"""The widest line that a label and a call share."""
CIRCLE = 20.0
CONTROL = 18.0
"""Room in the head of a stack, where pages have a control that shows its members."""


def many_named(stack: Part) -> str:
    """What the only part of each turn is called: `layer_0 … 11`."""
    names = [turn.items[0].name for turn in stack.columns if isinstance(turn.items[0], Part)]
    if not names or not names[0]:
        return ""
    first, last = names[0], names[-1]
    shared = first.rstrip("0123456789")
    return f"{first} … {last.removeprefix(shared)}" if first != last else first


def lines_of(part: Part, times: int = 1, note: str = "", name: str | None = None) -> list[Line]:
    """The lines in a closed box; `name` is what a part that stands for many is called."""
    if part.symbol and times == 1 and not note:
        return [Line(part.symbol, "s", 15.0)]
    first, *rest = part.lines
    many = f"{times:,} × " if times > 1 else ""
    if name is None:
        name = part.name
    if part.kind not in ("stage", "frame") or name == first:
        name = ""
    if part.kind in ("input", "output"):
        lines = [Line(clipped(first, MOST, SIZE), "c", SIZE)]
    elif part.kind == "tensor":
        lines = [Line(clipped(line, MOST, SMALL), "r", SMALL) for line in part.lines]
    elif name and part.kind == "frame":
        lines = [Line(clipped(name, MOST, SIZE), "n", SIZE), Line(clipped(many + first, MOST, SIZE), "c", SIZE)]
    elif part.kind == "frame" and not part.title:
        lines = [Line(clipped(many + first, MOST, SIZE), "n", SIZE)]
    elif name and width(f"{name}: {first}", SIZE) <= ALONE:
        lines = [Line(f"{name}: {many}{first}", "c", SIZE)]
    elif name:
        lines = [Line(clipped(f"{name}:", MOST, SMALL), "r", SMALL), Line(clipped(many + first, MOST, SIZE), "c", SIZE)]
    else:
        lines = [Line(clipped(many + first, MOST, SIZE), "c", SIZE)]
    if part.kind != "tensor":
        room = ALONE if part.kind == "frame" else MOST
        lines += [Line(clipped(line, room, SMALL), "r", SMALL) for line in rest]
    if note:
        lines.append(Line(note, "r", SMALL))
    return lines


def size_of(part: Part, lines: list[Line]) -> tuple[float, float]:
    """The width and height of a closed box."""
    if lines[0].style == "s":
        return CIRCLE, CIRCLE
    pad = 16.0 if part.kind in ("input", "output") else 18.0 if part.kind != "tensor" else 10.0
    most = max(line.width for line in lines)
    high = 6.0 if part.kind == "tensor" else 10.0
    return round(most + pad, 1), high + sum(LINE if line.size == SIZE else LINE - 2.0 for line in lines)


def closed_box(part: Part, right: bool, times: int = 1, note: str = "", name: str | None = None) -> Box:
    """A part as one box."""
    lines = lines_of(part, times, note, name)
    wide, high = size_of(part, lines)
    across, along = (high, wide) if right else (wide, high)
    return Box(part, across, along, lines=lines, times=times)


def open_box(part: Part, right: bool, times: int = 1, name: str | None = None) -> Box:
    """A part as a frame, its size to be found."""
    many = f"{times:,} × " if times > 1 else ""
    if part.kind == "stack":
        name, text = "", (many or part.title).strip()
    else:
        name, text = part.name if name is None else name, many + part.title
    box = Box(part, 0.0, 0.0, times=times)
    label = f"{name}: " if name and text else name
    box.lines = [
        Line(clipped(label, 200.0, HEADER_SIZE), "n", HEADER_SIZE),
        Line(clipped(text, 300.0, HEADER_SIZE), "h", HEADER_SIZE),
    ]
    box.header_width = sum(line.width for line in box.lines)
    if times > 1 or part.kind == "stack":
        box.header_width += CONTROL
    return box


def tensor_size(part: Part, right: bool) -> tuple[float, float]:
    """The size of a parameter, across and along the flow."""
    wide, high = size_of(part, lines_of(part))
    return (high, wide) if right else (wide, high)
