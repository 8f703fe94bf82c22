"""The table of `netdsl stats`: a line per part, fitted to the width at hand, then the totals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from netdsl.text.excerpt import visible
from netdsl.text.terminal import painted
from netdsl.values.types import format_shape

if TYPE_CHECKING:
    from netdsl.analysis.report import Line, Report

GAP = "  "
NARROWEST = 20
"""Columns that the names keep; where they would have less, figures are left out instead."""
BAR = 8
"""Columns of the bar that a share of 1 fills."""

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_UNITS = ("B", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Column:
    """A column: its head, its cells, and whether they stand at the right."""

    head: str
    cells: list[str]
    right: bool = True

    @cached_property
    def width(self) -> int:
        return max(len(self.head), *map(len, self.cells))


def draw(report: Report, levels: int, *, width: int, colour: bool = False, fancy: bool = True) -> str:
    """The table as text. `fancy` allows for characters beyond ASCII."""
    lines = report.lines(levels)
    stages = Column("stage", [_stage(line, fancy) for line in lines], right=False)
    columns = [stages, *_fitted(_figures(report, lines, fancy), width - NARROWEST)]
    room = width - sum(column.width + len(GAP) for column in columns[1:])
    stages = Column("stage", [_clipped(cell, max(room, NARROWEST), fancy) for cell in stages.cells], right=False)
    columns[0] = stages

    def paint(text: str, style: str) -> str:
        return painted(text, style) if colour else text

    drawn = [paint(_row([_cell(column.head, column) for column in columns]), "bold")]
    for number, line in enumerate(lines):
        cells = [_cell(column.cells[number], column) for column in columns]
        if line.level == 0:
            drawn.append(paint(_row(cells), "bold"))
            continue
        shown = [
            paint(cell, "bar") if column.head == "of MACs" else cell
            for cell, column in zip(cells, columns, strict=True)
        ]
        drawn.append(_row(shown))
    return "\n".join([*drawn, "", *totals(report, fancy)]) + "\n"


def totals(report: Report, fancy: bool = True) -> list[str]:
    """The figures of the whole net, and what they count."""
    figures = report.figures
    dot = " · " if fancy else ", "
    field = figures.receptive_field()
    counts = [
        f"{figures.params():,} parameters",
        f"{figures.macs():,} MACs",
        f"depth {figures.depth()}",
        *([f"receptive field {field}"] if field is not None else []),
    ]
    what = "kept for the backward pass" if figures.train else "of activations at most, inference"
    mode = "while training, heads included: " if figures.train and report.graph.heads else ""
    batch = f"batch {figures.batch:,}, float32"
    return [mode + dot.join(counts), f"{size(figures.memory())} {what}, {batch}", report.convention()]


def size(count: int) -> str:
    """Bytes in powers of 1000, as the language's `K M G`: `9.63 MB`."""
    number, unit = float(count), 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_UNITS[unit]}" if unit else f"{count} B"


def _figures(report: Report, lines: list[Line], fancy: bool) -> list[Column]:
    figures = report.figures
    macs = figures.macs()
    stretches = [line.stretch for line in lines]
    shares = [figures.macs(stretch) / macs if macs else 0.0 for stretch in stretches]
    shapes = [line.end.shape for line in lines]
    fields = [line.end.receptive_field for line in lines]
    return [
        Column("output", ["" if shape is None else format_shape(shape) for shape in shapes]),
        Column("parameters", [_count(figures.params(stretch)) for stretch in stretches]),
        Column("MACs", [_count(figures.macs(stretch)) for stretch in stretches]),
        Column("of MACs", [_share(share, fancy) for share in shares], right=False),
        Column("memory", [size(figures.memory(stretch)) for stretch in stretches]),
        Column("depth", [_count(figures.depth(stretch)) for stretch in stretches]),
        Column("field", ["" if field is None else f"{field:,}" for field in fields]),
    ]


def _fitted(columns: list[Column], room: int) -> list[Column]:
    """As many of the columns as there is room for: the least important are left out first."""
    for head in ("field", "depth", "of MACs", "memory", "output"):
        if sum(column.width + len(GAP) for column in columns) <= room:
            break
        columns = [column for column in columns if column.head != head]
    return columns


def _stage(line: Line, fancy: bool) -> str:
    name, title = visible(line.name), visible(line.title)
    if not fancy:
        name, title = name.replace("…", "..."), title.replace("…", "...")
    if line.level == 0:
        return title
    return "  " * (line.level - 1) + (f"{name}: {title}" if name else title)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _share(share: float, fancy: bool) -> str:
    """`25.8 % ██▌`; nothing for a share of nothing."""
    if not share:
        return ""
    if not fancy:
        return f"{share:6.1%} {'#' * round(share * BAR)}"
    eighths = round(share * BAR * 8)
    return f"{share:6.1%} {'█' * (eighths // 8)}{_EIGHTHS[eighths % 8]}"


def _clipped(text: str, width: int, fancy: bool) -> str:
    if len(text) <= width:
        return text
    mark = "…" if fancy else "..."
    return text[: width - len(mark)] + mark


def _cell(text: str, column: Column) -> str:
    return text.rjust(column.width) if column.right else text.ljust(column.width)


def _row(cells: list[str]) -> str:
    return GAP.join(cells).rstrip()
