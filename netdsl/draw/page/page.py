"""The page of `netdsl stats --html`: the drawing, the table by block, where the figures go, and the spec with shapes.

One file without references to others. The drawing is there without its script too; its script (web/) lets blocks
open and close in place, and stacks of equal turns show their members.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report
from netdsl.draw.arrange.boxes import closed_box, many_named, open_box
from netdsl.draw.arrange.metrics import width
from netdsl.draw.arrange.plane import LABEL_SIZE, Box
from netdsl.draw.arrange.view import opened_to
from netdsl.draw.drawing import Drawing, Request, short_number
from netdsl.draw.figure.figure import Column, End, Part, Row
from netdsl.draw.page.lines import shapes_by_line
from netdsl.draw.room import room
from netdsl.draw.write.style import css
from netdsl.draw.write.xml import escape
from netdsl.text.excerpt import visible
from netdsl.values.types import format_shape

if TYPE_CHECKING:
    from netdsl.analysis.report import Line
    from netdsl.graph.graph import Graph
    from netdsl.text.source import Source

LEVELS = 5
"""Levels of the table that the page holds, at most."""
MAX_ROWS = 3000

SCRIPTS = ("view.js", "layout.js", "routes.js", "svg.js", "page.js")


@room()
def page(graph: Graph, source: Source) -> str:
    """The page of a network; `source` is its spec."""

    def link(part: Part) -> str:
        here = part.span is not None and part.span.source is source
        return f"#L{part.span.line}" if here and part.span is not None else ""

    drawing = Drawing(graph, Request(link=link))
    report = Report(Figures(graph))
    script, style = "\n".join(map(_read, SCRIPTS)), _read("page.css") + css("netdsl")
    doc = graph.doc.strip().split("\n")[0]
    svg = drawing.drawn().svg
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
    )
    data = json.dumps(_data(drawing, source), separators=(",", ":")).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(graph.name)}</title>
<style>
{style}
</style>
</head>
<body>
<h1>{escape(graph.name)}</h1>
<p>{escape(drawing.totals())}{" · " + escape(doc) if doc else ""}</p>
<div class="halves">
<section>
<h2>Drawing <span class="buttons"><button id="open-all">open all</button>
<button id="close-all">close all</button></span></h2>
<div id="drawing" tabindex="0" role="region" aria-label="drawing">{svg}</div>
</section>
<section>
<h2>{escape(visible(os.path.basename(source.name)))}</h2>
<div class="spec" tabindex="0" role="region" aria-label="spec">
{_spec(graph, source)}
</div>
</section>
</div>
<h2>Where it goes</h2>
{_bars(graph)}
<h2>By block</h2>
<div class="scroll">
{_table(report)}
</div>
<p>{escape(report.convention())}</p>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def framed(graph: Graph, source: Source) -> str:
    """The page within another one, a notebook's: apart from its styles, names and scripts."""
    return (
        f'<iframe srcdoc="{escape(page(graph, source))}" sandbox="allow-scripts" title="{escape(graph.name)}"'
        ' style="width: 100%; height: 900px; border: 0"></iframe>'
    )


def _read(name: str) -> str:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "web", name), encoding="utf-8") as file:
        return file.read()


# --- the drawing, for the script


def _data(drawing: Drawing, source: Source) -> dict[str, Any]:
    figure = drawing.figure
    numbers = {part: number for number, part in enumerate(figure.parts)}
    opened = opened_to(figure)
    labels = {part.shape for part in figure.parts} | {
        text for edge in figure.edges for text in (edge.shape, f"{edge.name} {edge.shape}".strip())
    }

    def items(column: Column) -> list[Any]:
        return [
            {"branches": [items(branch) for branch in item.branches], "through": item.through}
            if isinstance(item, Row)
            else numbers[item]
            for item in column.items
        ]

    def of(part: Part) -> dict[str, Any]:
        line = part.span.line if part.span is not None and part.span.source is source else None
        data: dict[str, Any] = {
            "kind": part.kind,
            "family": part.family,
            "closed": _box(closed_box(part, False)),
            "columns": [items(column) for column in part.columns],
            "tensors": [numbers[tensor] for tensor in part.tensors],
            "parent": None if part.parent is None else numbers[part.parent],
            "shape": part.shape,
            "changes": part.changes,
            "train": part.train,
            "hover": drawing.hover(part),
            "line": line,
        }
        if part.columns:
            data["head"] = _head(open_box(part, False, len(part.columns) if part.kind == "stack" else 1))
        if part.kind == "stack" and isinstance(only := part.columns[0].items[0], Part):
            times, name = len(part.columns), many_named(part)
            data["many"] = {
                "closed": _box(closed_box(only, False, times, "", name)),
                "head": _head(open_box(only, False, times, name)),
            }
        return data

    def end(edge_end: End) -> dict[str, Any]:
        return {"part": numbers[edge_end.part], "inside": edge_end.inside, "port": edge_end.port}

    return {
        "parts": [of(part) for part in figure.parts],
        "root": items(figure.root),
        "sides": [items(side) for side in figure.root.sides],
        "edges": [
            {"source": end(edge.source), "target": end(edge.target), "shape": edge.shape, "name": edge.name}
            for edge in figure.edges
        ],
        "open": [numbers[part] for part in figure.parts if part in opened.frames],
        "widths": {text: width(text, LABEL_SIZE) for text in sorted(labels)},
    }


def _box(box: Box) -> dict[str, Any]:
    return {"wide": box.across, "high": box.along, "lines": [line._asdict() for line in box.lines]}


def _head(box: Box) -> dict[str, Any]:
    return {"wide": box.header_width, "lines": [line._asdict() for line in box.lines]}


# --- the spec, the bars and the table


def _spec(graph: Graph, source: Source) -> str:
    shapes = shapes_by_line(graph, source)
    rows = []
    for number, text in enumerate(source.text.split("\n"), 1):
        code, mark, remark = text.partition("#")
        shown = escape(code) + (f"<u>{escape(mark + remark)}</u>" if mark else "")
        line_shapes = shapes.get(number, [])
        several = f' title="{escape(", ".join(line_shapes))}"' if len(line_shapes) > 1 else ""
        shape = escape(line_shapes[0]) + (" …" if several else "") if line_shapes else ""
        rows.append(f'<div id="L{number}"><i>{number}</i><b{several}>{shape}</b><code>{shown}</code></div>')
    return "\n".join(rows)


def _bars(graph: Graph) -> str:
    """A bar for each figure, divided by the parts of the net."""
    inference, training = Figures(graph), Figures(graph, train=True)
    rows = []
    for name, figures, unit in (
        ("parameters", inference, "params"),
        ("MACs", inference, "macs"),
        ("memory while training", training, "memory"),
    ):
        lines = [line for line in Report(figures).lines(2) if line.level == 1]
        amounts = [(line, getattr(figures, unit)(line.stretch)) for line in lines]
        total = sum(amount for _, amount in amounts)
        spans = "".join(_segment(line, amount, total) for line, amount in amounts if amount)
        shown = f"{short_number(total)}{'B' if unit == 'memory' else ''}"
        rows.append(f'<div>{name}<br><small>{shown}</small></div><div class="bar">{spans}</div>')
    return f'<div class="bars">{"".join(rows)}</div>'


def _segment(line: Line, amount: int, total: int) -> str:
    name = line.name or line.title
    share = amount / total
    shown = escape(name) if share > 0.02 else ""
    return f'<span style="flex:{share:.5f} 0 0" title="{escape(name)}: {amount:,} ({share:.1%})">{shown}</span>'


def _table(report: Report) -> str:
    figures = report.figures
    heads = "".join(
        f"<th>{head}</th>" for head in ("stage", "output", "parameters", "MACs", "of MACs", "depth", "memory")
    )
    levels = LEVELS
    lines = report.lines(levels)
    while len(lines) > MAX_ROWS and levels > 2:
        levels -= 1
        lines = report.lines(levels)
    total = figures.macs()
    rows = []
    for number, line in enumerate(lines):
        more = number + 1 < len(lines) and lines[number + 1].level > line.level
        shown = line.level == 0
        button = f'<button aria-expanded="{str(shown).lower()}" aria-label="parts"></button>' if more else ""
        button = button or '<span class="leaf"></span>'
        title = escape(f"{line.name}: {line.title}" if line.name else line.title)
        share = figures.macs(line.stretch) / total if total else 0.0
        cells = [
            "" if line.end.shape is None else format_shape(line.end.shape),
            f"{figures.params(line.stretch):,}",
            f"{figures.macs(line.stretch):,}",
        ]
        rows.append(
            f'<tr data-level="{line.level}"{" hidden" if line.level > 1 else ""}>'
            f'<td title="{title}" style="padding-left:{8 + 18 * line.level}px">{button}{title}</td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + f'<td class="share"><span><span style="width:{share:.1%}"></span></span><i>{share:.1%}</i></td>'
            f"<td>{figures.depth(line.stretch):,}</td><td>{short_number(figures.memory(line.stretch))}B</td></tr>"
        )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
