"""`netdsl diff`: what sets two networks apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netdsl.cli.errors import CommandError
from netdsl.cli.options import SPEC_HELP, add_format, add_overrides, overrides
from netdsl.text.excerpt import visible
from netdsl.text.terminal import painted, shows, takes_colour, width, write

if TYPE_CHECKING:
    from argparse import Namespace

    from netdsl.analysis.diff import Change, Comparison, Total
    from netdsl.analysis.report import Row
    from netdsl.cli.parser import CommandParser

LEVELS = 2
"""Levels of the tree that are shown: the net, and what it is made of."""

GAP = "  "
NARROWEST = 20
"""Columns that the names keep."""
SIGNS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}
NAMES = {
    "params": "parameters",
    "train.params": "parameters while training",
    "macs": "MACs",
    "flops": "FLOPs",
    "depth": "depth",
    "receptive_field": "receptive field",
    "memory": "bytes of activations",
}
"""What the totals are called."""


def configure(parser: CommandParser) -> None:
    parser.add_argument("before", metavar="A", help=SPEC_HELP)
    parser.add_argument("after", metavar="B", help="the same")
    parser.add_argument(
        "--depth", type=int, default=LEVELS, metavar="N", help=f"levels of the tree, the net being the first ({LEVELS})"
    )
    parser.add_argument("--train", action="store_true", help="the networks while training: with their auxiliary heads")
    parser.add_argument("--exit-code", action="store_true", help="exit code 1 if the networks differ")
    add_overrides(parser)
    add_format(parser, "text", "json")
    parser.examples(
        "netdsl diff googlenet googlenet_naive",
        "netdsl diff resnet50 my_resnet.net --depth 4 --exit-code",
        notes="`~` marks what differs, `-` what only A has, `+` what only B has. Names make no difference.",
    )


def run(args: Namespace) -> int:
    if args.depth < 1:
        raise CommandError("--depth counts from 1")
    from netdsl.analysis.diff import Comparison
    from netdsl.loading import load_spec

    given = overrides(args)
    before, after = (load_spec(name, **given).graph for name in (args.before, args.after))
    comparison = Comparison(before, after, train=args.train)
    if args.format == "json":
        import json

        sys.stdout.write(json.dumps(comparison.to_json(), indent=2) + "\n")
    else:
        out = sys.stdout
        room = width(out) if out.isatty() else None
        write(out, drawn(comparison, args.depth, colour=takes_colour(out), fancy=shows(out, "→×"), room=room))
    return int(args.exit_code and not comparison.alike)


def drawn(
    comparison: Comparison, levels: int, *, colour: bool = False, fancy: bool = True, room: int | None = None
) -> str:
    """The comparison as text: the totals, then the parts that are not alike, their titles cut to `room` columns."""
    arrow, times = ("→", "×") if fancy else ("->", "x")
    names = [comparison.before.graph.name, comparison.after.graph.name]
    head = f"{names[0]} {arrow} {names[1]}"
    lines = [painted(head, "bold") if colour else head, ""]
    rows = [["", *names, "difference", ""], *[_total(total, times) for total in comparison.totals()]]
    lines += _table(rows, left=1)
    lines.append("")
    if comparison.alike:
        lines.append("the networks are alike, part by part")
    elif levels > 1:
        parts = [["", "stage", "output", "parameters", "MACs"], *_parts(comparison.tree.children, levels - 1, 0, arrow)]
        lines += _table(_cut(parts, room, "…" if fancy else "..."), left=2)
    return "\n".join(lines) + "\n"


def _total(total: Total, times: str) -> list[str]:
    values = ["" if value is None else f"{value:,}" for value in (total.before, total.after)]
    difference = "" if total.difference is None else f"{total.difference:+,}" if total.difference else "the same"
    ratio = "" if not total.difference or total.ratio is None else f"{times} {total.ratio:.3g}"
    return [NAMES.get(total.name, total.name), *values, difference, ratio]


def _parts(changes: list[Change], levels: int, level: int, arrow: str) -> list[list[str]]:
    """The rows of parts: runs of those that are alike are one row."""
    rows: list[list[str]] = []
    alike = 0
    for change in [*changes, None]:
        if change is not None and change.kind == "same":
            alike += 1
            continue
        if alike:
            rows.append(["", f"{'  ' * level}{alike} stage{'s' * (alike != 1)} alike", "", "", ""])
            alike = 0
        if change is not None:
            rows.append(_part(change, level, arrow))
            if levels > 1:
                rows += _parts(change.children, levels - 1, level + 1, arrow)
    return rows


def _part(change: Change, level: int, arrow: str) -> list[str]:
    def both(cell: list[str]) -> str:
        return cell[0] if len(set(cell)) == 1 else f" {arrow} ".join(cell)

    rows = [row for row in (change.before, change.after) if row is not None]
    name = both([row.name for row in rows])
    title = visible(both([row.title for row in rows]))
    return [
        SIGNS[change.kind],
        "  " * level + (f"{visible(name)}: {title}" if name else title),
        both([_shape(row) for row in rows]),
        both([f"{row.params:,}" for row in rows]) if any(row.params for row in rows) else "",
        both([f"{row.macs:,}" for row in rows]) if any(row.macs for row in rows) else "",
    ]


def _shape(row: Row) -> str:
    from netdsl.values.types import format_shape

    return "" if row.shape is None else format_shape(row.shape)


def _cut(parts: list[list[str]], room: int | None, mark: str) -> list[list[str]]:
    """The rows with the stage's column cut, so that the figures stay in view."""
    if room is None:
        return parts
    others = sum(max(len(row[column]) for row in parts) + len(GAP) for column in (0, 2, 3, 4))
    most = max(room - others, NARROWEST)
    return [
        [sign, stage if len(stage) <= most else stage[: most - len(mark)] + mark, *figures]
        for sign, stage, *figures in parts
    ]


def _table(rows: list[list[str]], *, left: int) -> list[str]:
    """Rows in columns; the first `left` stand at the left, the others at the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(GAP.join(cells).rstrip())
    return lines
