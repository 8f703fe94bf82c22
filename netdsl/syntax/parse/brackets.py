"""Brackets of a source: how deep they stand, which belong together, and which were never closed.

The depth is looked at before parsing; the rest is for the recovery from errors, and found when the first one comes.
Neither knows the grammar; both take time linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netdsl.text.codes import LIMIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Span

if TYPE_CHECKING:
    from netdsl.limits import Limits
    from netdsl.text.source import Source

_SKIPPED = r'"[^"\n]*+"?|#[^\n]*+'
_DEFINES = r'(?:block|net|model|use)[ \t]++[\w"]'
_RUNS = re.compile(rf"{_SKIPPED}|[(\[{{]++|[)\]}}]++")
_EACH = re.compile(
    rf"(?P<line>\n[ \t]*+)|{_SKIPPED}|(?P<open>[(\[{{])|(?P<close>[)\]}}])|^(?P<define>{_DEFINES})", re.MULTILINE
)
_BLANKS = re.compile(r"[ \t]*+")
_OPENS = {")": "(", "]": "[", "}": "{"}


def too_deep(source: Source, limits: Limits) -> Diagnostic | None:
    """The diagnostic of more brackets open at one place than is allowed; None if there are not."""
    text, most = source.text, limits.nesting
    if text.count("(") + text.count("[") + text.count("{") <= most:
        return None
    depth = 0
    for run in _RUNS.finditer(text):
        first = text[run.start()]
        if first in "([{":
            depth += run.end() - run.start()
            if depth > most:
                at = run.end() - (depth - most)
                message = "brackets are nested too deep"
                rule, help = limits.rule("nesting"), limits.way_out("nesting")
                return Diagnostic(LIMIT, message, Span(source, at, at + 1), rule, help=help)
        elif first in ")]}":
            depth = max(0, depth - (run.end() - run.start()))
    return None


@dataclass(slots=True)
class Brackets:
    """What belongs together, as far as can be told where something is missing."""

    closing: dict[int, int] = field(default_factory=dict)
    """By the offset of an opening bracket: the offset of the one that closes it; none for those never closed."""
    definitions: list[int] = field(default_factory=list)
    """Where definitions begin a line."""
    misleading: list[int] = field(default_factory=list)
    """Opening braces closed by one that stands where a brace further out should be closed: probably left open."""


_Open = tuple[int, int]
"""The offset of an opening bracket and the indentation of its line."""


def matched(text: str) -> Brackets:
    """The `Brackets` of a text, in pairs where they belong together.

    A brace closes all within it, and a definition at the start of a line all there is: so a bracket left open does
    not pair with one far below.
    """
    brackets = Brackets()
    open: list[_Open] = []
    first = indent = len(text) - len(text.lstrip(" \t"))  # the first thing on the line
    for sign in _EACH.finditer(text):
        kind, at = sign.lastgroup, sign.start()
        if kind == "line":
            first = sign.end()
            indent = first - at - 1
        elif kind == "open":
            open.append((at, indent))
        elif kind == "close":
            _close(text, (at, indent), at == first, open, brackets)
        elif kind == "define":
            open.clear()
            brackets.definitions.append(at)
    return brackets


def _close(text: str, closing: _Open, alone: bool, open: list[_Open], brackets: Brackets) -> None:
    """Pairs a closing bracket; `alone` tells whether nothing stands before it on its line."""
    at, indent = closing
    wanted = _OPENS[text[at]]
    if wanted == "{":
        while open and text[open[-1][0]] != "{":
            open.pop()
    elif len(open) > 1 and text[open[-1][0]] not in (wanted, "{") and text[open[-2][0]] == wanted:
        open.pop()
    if open and text[open[-1][0]] == wanted:
        opened, opened_indent = open.pop()
        brackets.closing[opened] = at
        if wanted == "{" and alone and indent < opened_indent and open and indent <= open[-1][1]:
            brackets.misleading.append(opened)


def indentation(text: str, at: int) -> int:
    """The blanks that begin the line of an offset."""
    start = text.rfind("\n", 0, at) + 1
    return _BLANKS.match(text, start).end() - start  # type: ignore[union-attr]
