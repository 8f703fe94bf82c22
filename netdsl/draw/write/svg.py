"""A figure as SVG: real text, one small file without references to others, light and dark, with a text for those who
cannot see it, what lies behind a box on hover, and a link from each box to its line of the spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from netdsl.draw.arrange.boxes import SIZE, lines_of, size_of
from netdsl.draw.arrange.layout import Layout
from netdsl.draw.arrange.metrics import clipped, width
from netdsl.draw.arrange.plane import (
    ARROW,
    CARD,
    GAP,
    HEADER,
    HEADER_SIZE,
    LABEL_SIZE,
    Box,
    Col,
    Gap,
    Line,
    RowBox,
)
from netdsl.draw.arrange.routes import plan, points
from netdsl.draw.arrange.view import View, Wire
from netdsl.draw.figure.figure import Part
from netdsl.draw.write.style import CLASSES, css
from netdsl.draw.write.xml import escape, number

MARGIN = 16.0
ROUND = 6.0
TITLE_SIZE, SUBTITLE_SIZE = 15.0, 11.0


@dataclass(eq=False, repr=False)
class Look:
    """What is shown besides the boxes themselves."""

    title: str = ""
    subtitle: str = ""
    description: str = ""
    hover: Callable[[Part], str] = lambda part: part.path
    link: Callable[[Part], str] = lambda part: ""
    heat: dict[Part, str] = field(default_factory=dict)
    """Colours of boxes by part, for `--color`."""
    legend: list[tuple[str, str]] = field(default_factory=list)
    """Colours and what they stand for."""
    scope: str = "netdsl"
    """The class of the document, which its style sheet speaks of."""


@dataclass(slots=True, eq=False)
class Text:
    """A piece of text as it is drawn; `left` is its left end."""

    left: float
    baseline: float
    wide: float
    size: float
    text: str


@dataclass(eq=False, repr=False)
class Drawn:
    """A figure as it is placed, for tests and other writers: rectangles are (left, top, width, height)."""

    width: float
    height: float
    boxes: list[tuple[Part, tuple[float, float, float, float]]] = field(default_factory=list)
    frames: list[tuple[Part, tuple[float, float, float, float]]] = field(default_factory=list)
    headers: list[tuple[Part, tuple[float, float, float, float]]] = field(default_factory=list)
    labels: list[tuple[Part | Wire, Text]] = field(default_factory=list)
    texts: list[tuple[Part, Text]] = field(default_factory=list)
    wires: list[tuple[Wire | None, list[tuple[float, float]]]] = field(default_factory=list)
    svg: str = ""


def draw(view: View, look: Look) -> Drawn:
    """Lay a view out and write it."""
    return _Writer(view, look).write()


class _Writer:
    def __init__(self, view: View, look: Look) -> None:
        self.view = view
        self.look = look
        self.right = view.right
        self.below: list[str] = []
        self.lines: list[str] = []
        self.above: list[str] = []

    def write(self) -> Drawn:
        view = self.view
        ways = plan(view)
        wide, high = Layout(view.root, self.right).place()
        top = self.caption_height()
        self.left = MARGIN + view.root.left if not self.right else MARGIN
        self.top = MARGIN + top + (view.root.left if self.right else 0.0)
        if self.right:
            wide, high = high, wide
        wide = max(wide, self.caption_width())
        if not self.right and wide > view.root.left + view.root.right and not view.root.sides:
            self.left += max((wide - view.root.left - view.root.right) / 2, 0.0) if self.caption_width() < wide else 0.0
        self.drawn = Drawn(wide + 2 * MARGIN, high + top + 2 * MARGIN)
        self.column(view.root, 0)
        for side in view.root.sides:
            self.column(side, 0)
        for wire, way in zip(view.wires, ways, strict=True):
            self.wire(wire, [self.point(*point) for point in points(way)])
        self.caption()
        self.drawn.svg = self.document()
        return self.drawn

    # --- places

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A place of the layout on the page."""
        return (self.left + y, self.top + x) if self.right else (self.left + x, self.top + y)

    def rectangle(self, x: float, y: float, across: float, along: float) -> tuple[float, float, float, float]:
        left, top = self.point(x, y)
        return (left, top, along, across) if self.right else (left, top, across, along)

    # --- boxes and frames

    def column(self, column: Col, depth: int) -> None:
        for item in column.items:
            if isinstance(item, RowBox):
                for branch in item.branches:
                    self.column(branch, depth)
            elif item.inner is not None:
                self.frame(item, depth)
                self.column(item.inner, depth + 1)
            else:
                self.box(item)
            if isinstance(item, Box):
                self.tensors(item)
        for gap in column.gaps:
            self.labels(column, gap)

    def frame(self, box: Box, depth: int) -> None:
        part = box.part
        rectangle = self.rectangle(box.x - box.own_left, box.y, box.own_left + box.own_right, box.along)
        left, top, wide, high = rectangle
        style = f"f{'2' if depth % 2 else ''}{' t' if part.train else ''}"
        for offset in (2 * CARD, CARD) if box.times > 1 else ():
            self.below.append(_rect((left + offset, top + offset, wide, high), style, 5))
        self.below.append(_rect(rectangle, style, 5))
        header = (left, top, wide, HEADER)
        self.drawn.frames.append((part, rectangle))
        self.drawn.headers.append((part, header))
        inset = (left + 0.5, top + 0.5, wide - 1, HEADER - 1)
        name, title = box.lines
        bold = f'<tspan class="n">{escape(name.text)}</tspan>' if name.text else ""
        text = Text(left + 8, top + 15, name.width + title.width, HEADER_SIZE, name.text + title.text)
        self.drawn.texts.append((part, text))
        inner = _rect(inset, "fh", 5) + (
            f'<text class="h" x="{number(text.left)}" y="{number(text.baseline)}"'
            f' textLength="{number(text.wide)}">{bold}{escape(title.text)}</text>'
        )
        self.below.append(self.linked(part, inner))

    def box(self, box: Box) -> None:
        rectangle = self.rectangle(box.x - box.across / 2, box.y, box.across, box.along)
        self.closed(box.part, rectangle, box.times, box.lines)

    def tensors(self, box: Box) -> None:
        """Parameters and constants beside the box, each with an arrow into it."""
        if not box.tensors:
            return
        total = sum(along for _, _, along in box.tensors) + 4.0 * (len(box.tensors) - 1)
        room = box.along if box.inner is None or self.right else HEADER
        y = box.y + (room - total) / 2
        for part, across, along in box.tensors:
            edge = box.x - box.own_left
            self.closed(part, self.rectangle(edge - ARROW - GAP - across, y, across, along), 1, lines_of(part))
            middle = y + along / 2
            ends = [self.point(edge - ARROW - GAP, middle), self.point(edge, middle)]
            self.drawn.wires.append((None, ends))
            self.lines.append(self.path(ends, "t" if part.train else "", True, part.shape))
            y += along + 4.0

    def closed(self, part: Part, rectangle: tuple[float, float, float, float], times: int, lines: list[Line]) -> None:
        left, top, wide, high = rectangle
        self.drawn.boxes.append((part, rectangle))
        heat = self.look.heat.get(part, "")
        style = CLASSES[part.family] + (" t" if part.train else "") + (" q" if part.kind == "tensor" else "")
        fill = f' style="fill:{heat}"' if heat else ""
        corner = min(high / 2, 12.0) if part.kind in ("input", "output") else 5 if part.columns else 3
        body = ""
        for offset in (2 * CARD, CARD) if times > 1 else ():
            body += _rect((left + offset, top + offset, wide, high), style, corner)
        if lines[0].style == "s":
            radius, x, y = number(wide / 2), number(left + wide / 2), top + high / 2
            body += f'<circle class="{style}" cx="{x}" cy="{number(y)}" r="{radius}"{fill}/>'
            body += f'<text class="y" x="{x}" y="{number(y + 5)}">{escape(lines[0].text)}</text>'
            self.below.append(self.linked(part, body, bool(heat)))
            return
        body += _rect(rectangle, style, corner, fill)
        _, natural = size_of(part, lines)
        y = top + (high - natural) / 2 + (3.0 if part.kind == "tensor" else 5.0)
        for line in lines:
            step = 14.0 if line.size == SIZE else 12.0
            y += step
            text = Text(left + (wide - line.width) / 2, y - 3.2, line.width, line.size, line.text)
            self.drawn.texts.append((part, text))
            kind = f' class="{line.style}"' if line.style != "c" else ""
            body += (
                f'<text{kind} x="{number(left + wide / 2)}" y="{number(text.baseline)}"'
                f' textLength="{number(line.width)}">{escape(line.text)}</text>'
            )
        self.below.append(self.linked(part, body, bool(heat)))

    def linked(self, part: Part, body: str, heat: bool = False) -> str:
        """A group with what is told on hover; a link to the line of the spec if there is one."""
        hover = f"<title>{escape(self.look.hover(part))}</title>"
        style = ' class="z"' if heat else ""
        link = self.look.link(part)
        return f'<a href="{escape(link)}"{style}>{hover}{body}</a>' if link else f"<g{style}>{hover}{body}</g>"

    # --- edges

    def labels(self, column: Col, gap: Gap) -> None:
        for port, label in gap.labels.items():
            if not label:
                continue
            wide = width(label, LABEL_SIZE)
            x, y = column.x + gap.step * port, gap.y
            if self.right:
                left, top = self.point(x, y + 3.0)
                text = Text(left, top + 10.0, wide, LABEL_SIZE, label)
            else:
                left, top = self.point(x + 5.0, y)
                text = Text(left, top + 10.0, wide, LABEL_SIZE, label)
            self.drawn.labels.append((Part("stage", -1, "end", []), text))
            self.above.append(
                f'<text class="l" x="{number(text.left)}" y="{number(text.baseline)}">{escape(label)}</text>'
            )

    def wire(self, wire: Wire, ends: list[tuple[float, float]]) -> None:
        self.drawn.wires.append((wire, ends))
        target = wire.target
        arrow = target.item < len(target.column.items)
        self.lines.append(self.path(ends, "t" if wire.train else "", arrow, wire.edge.shape))

    def path(self, ends: list[tuple[float, float]], style: str, arrow: bool, hover: str) -> str:
        """A line with rounded corners."""
        commands = [f"M{number(ends[0][0])} {number(ends[0][1])}"]
        for before, corner, after in zip(ends, ends[1:], ends[2:], strict=False):
            radius = min(ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
            start, stop = _towards(corner, before, radius), _towards(corner, after, radius)
            commands.append(f"L{number(start[0])} {number(start[1])}")
            commands.append(f"Q{number(corner[0])} {number(corner[1])} {number(stop[0])} {number(stop[1])}")
        commands.append(f"L{number(ends[-1][0])} {number(ends[-1][1])}")
        kind = f' class="{style}"' if style else ""
        marker = f' marker-end="url(#{self.look.scope}-a)"' if arrow else ""
        return f'<path{kind} d="{"".join(commands)}"{marker}><title>{escape(hover)}</title></path>'

    # --- the page

    def caption_height(self) -> float:
        look = self.look
        return (
            (20.0 if look.title else 0.0)
            + (16.0 if look.subtitle else 0.0)
            + (20.0 if look.legend else 0.0)
            + (8.0 if look.title else 0.0)
        )

    def caption_width(self) -> float:
        look = self.look
        return min(max(width(look.title, TITLE_SIZE) * 1.08, width(look.subtitle, SUBTITLE_SIZE)), 440.0)

    def caption(self) -> None:
        look, room = self.look, self.drawn.width - 2 * MARGIN
        y = MARGIN
        if look.title:
            y += 14.0
            title = clipped(look.title, room / 1.08, TITLE_SIZE)
            self.above.append(f'<text class="k" x="{number(MARGIN)}" y="{number(y)}">{escape(title)}</text>')
        if look.subtitle:
            y += 17.0
            subtitle = clipped(look.subtitle, room, SUBTITLE_SIZE)
            self.above.append(f'<text class="j" x="{number(MARGIN)}" y="{number(y)}">{escape(subtitle)}</text>')
        x = MARGIN
        for colour, meaning in look.legend:
            if not meaning:
                self.above.append(_rect((x, y + 9, 14.0, 10.0), "s", 0, f' style="fill:{colour}"'))
                x += 14.0
                continue
            self.above.append(f'<text class="j" x="{number(x + 4)}" y="{number(y + 18)}">{escape(meaning)}</text>')
            x += width(meaning, SUBTITLE_SIZE) + 12.0

    def document(self) -> str:
        look, drawn = self.look, self.drawn
        wide, high = number(drawn.width), number(drawn.height)
        name = f"{look.scope}-t {look.scope}-d"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{look.scope}" width="{wide}" height="{high}"'
            f' viewBox="0 0 {wide} {high}" role="img" aria-labelledby="{name}">\n'
            f'<title id="{look.scope}-t">{escape(look.title)}</title>\n'
            f'<desc id="{look.scope}-d">{escape(look.description)}</desc>\n'
            f"<style>{css(look.scope)}</style>\n"
            f'<defs><marker id="{look.scope}-a" markerWidth="7" markerHeight="7" refX="6" refY="3.5" orient="auto"'
            ' markerUnits="userSpaceOnUse"><path d="M0 0.5L6.5 3.5L0 6.5Z" class="d"/></marker></defs>\n'
            f'<rect class="bg" width="{wide}" height="{high}"/>\n'
            + "\n".join([*self.below, *self.lines, *self.above])
            + "\n</svg>\n"
        )


def _rect(rectangle: tuple[float, float, float, float], style: str, corner: float, more: str = "") -> str:
    left, top, wide, high = map(number, rectangle)
    return f'<rect class="{style}" x="{left}" y="{top}" width="{wide}" height="{high}" rx="{number(corner)}"{more}/>'


def _length(a: tuple[float, float], b: tuple[float, float]) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: tuple[float, float], b: tuple[float, float], by: float) -> tuple[float, float]:
    length = _length(a, b) or 1.0
    return a[0] + (b[0] - a[0]) * by / length, a[1] + (b[1] - a[1]) * by / length
