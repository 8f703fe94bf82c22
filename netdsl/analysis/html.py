"""The report as an HTML table, for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from netdsl.values.types import format_shape

if TYPE_CHECKING:
    from netdsl.analysis.report import Line, Report

_HEADS = ("stage", "output", "parameters", "MACs", "of MACs", "depth")


def table(report: Report, levels: int = 2) -> str:
    """A table with a row for each line that `netdsl stats` shows; colours are left to the page."""
    figures = report.figures
    heads = "".join(
        f'<th style="text-align: {"left" if not at else "right"}">{head}</th>' for at, head in enumerate(_HEADS)
    )
    rows = "".join(_row(report, line) for line in report.lines(levels))
    totals = f"{figures.params():,} parameters, {figures.macs():,} MACs, depth {figures.depth()}"
    return (
        f"<table><caption>{escape(report.graph.name)}: {totals}<br>{escape(report.convention())}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(report: Report, line: Line) -> str:
    figures, stretch = report.figures, line.stretch
    total = figures.macs()
    share = figures.macs(stretch) / total if total else 0.0
    shape = line.end.shape
    title = escape(f"{line.name}: {line.title}" if line.name else line.title)
    stage = f'<td style="text-align: left; padding-left: {0.5 + line.level}em">{title}</td>'
    # The share is drawn as a bar behind its number.
    bar = f"background: linear-gradient(to right, rgba(70, 130, 180, 0.35) {share:.1%}, transparent {share:.1%})"
    cells = [
        "" if shape is None else format_shape(shape),
        f"{figures.params(stretch):,}",
        f"{figures.macs(stretch):,}",
        f"{share:.1%}",
        f"{figures.depth(stretch):,}",
    ]
    shown = "".join(
        f'<td style="text-align: right{"; " + bar if at == 3 else ""}">{cell}</td>' for at, cell in enumerate(cells)
    )
    return f"<tr>{stage}{shown}</tr>"
