"""How diagnostics are drawn: for a person, in plain text or in colour, and for a machine.

The layout is rustc's, which most readers have met. A diagnostic is laid out once, in pieces that carry a role; plain
text joins the pieces and a terminal gets each role in its colour, so both say the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from netdsl.text.characters import harmless
from netdsl.text.excerpt import CLIPPED, WIDEST, excerpt, visible
from netdsl.text.terminal import ours, takes_colour, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netdsl.text.diagnostic import Diagnostic, Severity, Use
    from netdsl.text.source import Source, Span

Role = Literal["text", "message", "frame", "error", "warning", "note", "secondary", "help"]
Piece = tuple[str, Role]
Line = list[Piece]

_COLOURS: dict[Role, str] = {
    "text": "",
    "message": "bold",
    "frame": "blue",
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold green",
    "secondary": "blue",
    "help": "cyan",
}

MAX_LABELS = 12
"""Secondary places that are drawn; the others are counted."""

MAX_USES = 6
"""Links of a chain of uses that are all shown; of a longer chain, the three innermost and the two outermost are."""


def render_plain(diagnostic: Diagnostic) -> str:
    """The diagnostic as text, without a line end after the last line."""
    return "\n".join(map(_plain, _layout(diagnostic)))


def render_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """The diagnostics as plain data: lines and columns count from 1, in characters; an end is excluded."""
    return [
        {
            "code": str(diagnostic.code),
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            **_stretch(diagnostic.span),
            "label": diagnostic.label,
            "labels": [{**_stretch(label.span), "text": label.text} for label in diagnostic.labels],
            "uses": [{"what": use.what, "name": use.name, **_stretch(use.span)} for use in diagnostic.uses],
            "notes": list(diagnostic.notes),
            "help": diagnostic.help,
        }
        for diagnostic in diagnostics
    ]


def print_diagnostics(diagnostics: Iterable[Diagnostic], stream: TextIO) -> None:
    """Write diagnostics and a line that counts them: in colour on a terminal, unless NO_COLOR or TERM forbid it."""
    shown = list(diagnostics)
    if not shown:
        return
    lines: list[Line] = []
    for diagnostic in shown:
        lines += [*_layout(diagnostic), []]
    lines.append([(summary(shown), "message")])
    write(stream, _coloured(lines) if takes_colour(stream) else "".join(_plain(line) + "\n" for line in lines))


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 note`: how many there are of each severity."""
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    order: tuple[Severity, ...] = ("error", "warning", "note")
    return ", ".join(f"{counts[kind]} {kind}{'s' * (counts[kind] != 1)}" for kind in order if counts[kind])


def _plain(line: Line) -> str:
    return "".join(text for text, _ in line)


def _coloured(lines: Iterable[Line]) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    drawn = StringIO()
    console = Console(file=drawn, force_terminal=True, force_jupyter=False, legacy_windows=False)
    for line in lines:
        pieces = ((harmless(text), _COLOURS[role]) for text, role in line)
        # Soft wrapping leaves long lines to the terminal, so that what is copied from it has no line breaks added.
        console.print(Text.assemble(*pieces), soft_wrap=True)
    return ours(drawn.getvalue())


def _stretch(span: Span) -> dict[str, object]:
    line, column = span.source.place(span.start)
    end_line, end_column = span.source.place(span.end)
    return {
        "file": span.source.name,
        "start": {"line": line, "column": column},
        "end": {"line": end_line, "column": end_column},
    }


# --- layout


@dataclass(frozen=True, slots=True)
class _Mark:
    """A marked stretch of one line, in characters of that line, from 0, the end excluded."""

    line: int
    start: int
    end: int
    text: str
    role: Role


def _layout(diagnostic: Diagnostic) -> Iterator[Line]:
    kind: Role = diagnostic.severity
    yield [(f"{kind}[{diagnostic.code}]", kind), (f": {visible(diagnostic.message)}", "message")]

    labels, left_out = diagnostic.labels[:MAX_LABELS], len(diagnostic.labels) - MAX_LABELS
    files: dict[Source, list[_Mark]] = {diagnostic.span.source: [_mark(diagnostic.span, diagnostic.label, kind)]}
    places = {diagnostic.span.source: diagnostic.span.place}
    for label in labels:
        files.setdefault(label.span.source, []).append(_mark(label.span, label.text, "secondary"))
        places.setdefault(label.span.source, label.span.place)
    # Two columns at least: the frame then stands still between most of the messages of a run.
    width = max(2, *(len(str(mark.line)) for marks in files.values() for mark in marks))

    for source, marks in files.items():
        arrow = "-->" if source is diagnostic.span.source else ":::"
        if arrow == ":::":
            yield _framed("", width)
        # Without a text there is no place in it: the file could not be read, or is empty.
        where = visible(places[source] if source.text else source.name)
        yield [(" " * width + arrow, "frame"), (f" {where}", "text")]
        if source.text:
            yield _framed("", width)
            yield from _drawn(source, marks, width)

    if diagnostic.uses or diagnostic.help:  # bare facts follow their mark closely, as more of its label
        yield _framed("", width)
    if left_out > 0:
        yield _remark(f"{left_out} more such place{'s' * (left_out > 1)}", width)
    for text in _chain(diagnostic.uses):
        yield _remark(text, width)
    for text in filter(None, diagnostic.notes):
        yield from _remarks(text, width)
    if diagnostic.help:
        yield from _remarks(diagnostic.help, width, ("help: ", "help"))


def _mark(span: Span, text: str, role: Role) -> _Mark:
    """Where a span is marked: of one over several lines, its first line to the end, and the text says so."""
    source = span.source
    start = min(span.start, len(source.text))
    line, column = source.place(start)
    last = source.place(max(start, min(span.end, len(source.text)) - 1))[0]
    if last == line:
        return _Mark(line, column - 1, column - 1 + max(span.end - start, 0), text, role)
    text = f"{text} (to line {last})" if text else f"to line {last}"
    return _Mark(line, column - 1, len(source.line(line).rstrip()), text, role)


def _framed(number: str, width: int, *body: Piece) -> Line:
    """A line with the frame at its left; no space ends a line that has no body."""
    line: Line = [(f"{number:>{width}} |", "frame")]
    if any(text for text, _ in body):
        line += [(" ", "text"), *body]
    return line


def _drawn(source: Source, marks: Sequence[_Mark], width: int) -> Iterator[Line]:
    """The marked lines of one source, in order, each with its marks below."""
    lines: dict[int, list[_Mark]] = {}
    for mark in marks:
        lines.setdefault(mark.line, []).append(mark)
    before = None
    for number in sorted(lines):
        if before is not None and number > before + 1:
            yield [(" " * (width - 1) + "...", "frame")]
        before = number
        shown = excerpt(source.line(number), [(mark.start, mark.end) for mark in lines[number]])
        yield _framed(str(number), width, (shown.text, "text"))
        for row in _rows([(*shown.place(mark.start, mark.end), mark) for mark in lines[number]]):
            for body in _underline(row):
                yield _framed("", width, *body)


_Placed = tuple[int, int, _Mark]
"""A mark and its columns."""


def _rows(marks: Sequence[_Placed]) -> list[list[_Placed]]:
    """The marks of a line in as few rows as keep them apart, the first mark in the first row; each row in order."""
    rows: list[list[_Placed]] = []
    for mark in marks:
        row = next((row for row in rows if all(_apart(mark, other) for other in row)), None)
        if row is None:
            rows.append(row := [])
        row.append(mark)
    return [sorted(row, key=lambda mark: mark[0]) for row in rows]


def _apart(one: _Placed, other: _Placed) -> bool:
    """Whether two marks can stand in one row: those of one kind with a free column between, lest they read as one."""
    gap = one[2].role == other[2].role
    return one[1] + gap <= other[0] or other[1] + gap <= one[0]


def _underline(row: Sequence[_Placed]) -> Iterator[Line]:
    """The markers of a row and their texts.

    A lone text follows the last marker. Of several, that of the last marker does, and the others hang below:

        ----   ^^^^ the last one's text
        |
        the other's text
    """
    markers: Line = []
    at = 0
    for start, end, mark in row:
        markers.append((" " * (start - at), "text"))
        markers.append((("-" if mark.role == "secondary" else "^") * (end - start), mark.role))
        at = end
    texts = [(start, visible(mark.text), mark.role) for start, _, mark in row if mark.text]
    if texts and (len(texts) == 1 or row[-1][2].text):
        _, text, role = texts.pop()
        markers.append((f" {text}", role))
    yield markers
    if texts:
        yield _hanging(texts)
    while texts:
        start, text, role = texts.pop()
        line = _hanging(texts)
        yield [*line, (" " * (start - sum(len(piece) for piece, _ in line)), "text"), (text, role)]


def _hanging(texts: Iterable[tuple[int, str, Role]]) -> Line:
    """The strokes that lead down to texts."""
    line: Line = []
    at = 0
    for start, _, role in texts:
        line += [(" " * (start - at), "text"), ("|", role)]
        at = start + 1
    return line


def _remark(text: str, width: int, head: Piece = ("", "text")) -> Line:
    return [(" " * width + " = ", "frame"), head, (visible(text), "text")]


def _remarks(text: str, width: int, head: Piece = ("", "text")) -> Iterator[Line]:
    """A remark that may have several lines: the later ones stand below the first one's text."""
    first, *others = text.split("\n")
    yield _remark(first, width, head)
    for other in others:
        yield [(" " * (width + 3 + len(head[0])), "text"), (visible(other), "text")] if other else []


def _chain(uses: Sequence[Use]) -> Iterator[str]:
    """The links of a chain of uses, innermost first; a long one without its middle."""
    if len(uses) <= MAX_USES:
        yield from map(_link, uses)
        return
    yield from map(_link, uses[:3])
    yield f"in   {CLIPPED} {len(uses) - 5} more {CLIPPED}"
    yield from map(_link, uses[-2:])


def _link(use: Use) -> str:
    what = " ".join(use.what.split())  # a call may stand on several lines
    if len(what) > WIDEST:
        what = what[: WIDEST - 1] + CLIPPED
    named = f" as `{use.name}`" if use.name is not None else ""
    return f"in   {what}, used{named} at {use.span.place}"
