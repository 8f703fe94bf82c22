"""The formatter: the one layout of a spec.

It keeps of how a spec was written: its words and comments, single blank lines, whether a body stands on one line (if
it fits), where a pipeline breaks before `->`, and where a list breaks after its commas if its bracket ends a line. All
else is decided here: indentation, spaces, columns, and where lines break that are too long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdsl.limits import Limits
from netdsl.syntax.layout.align import align
from netdsl.syntax.layout.page import Page, breaks_as_written
from netdsl.syntax.layout.statements import statements_by_body
from netdsl.syntax.layout.words import Word, words
from netdsl.syntax.layout.wrap import wrapped
from netdsl.syntax.parser import parse
from netdsl.text.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

_COME_AND_GO = frozenset(("COMMA", "SEP"))


def format_text(source: Source, limits: Limits = Limits()) -> str:
    """The text of a spec in its one layout, 120 columns wide. Raises SpecSyntaxError if it does not parse."""
    parse(source, limits)
    tokens = words(source)
    page = wrapped(Page(tokens, breaks_as_written(tokens)))
    _separate_definitions(page)
    align(page)
    text = str(page)
    # Files are written over with this, so that nothing may be lost, whatever mistake there is in the layout.
    if _kept(tokens) != _kept(words(Source(source.name, text))):
        raise AssertionError("the layout would change what the spec says")
    return text


def _kept(words: Iterable[Word]) -> list[tuple[str, str]]:
    """What a layout must not change."""
    return [(word.kind, word.text) for word in words if word.kind not in _COME_AND_GO]


def _separate_definitions(page: Page) -> None:
    """Puts blank lines around blocks and nets of several lines; comments directly above belong to them."""
    for statements in next(statements_by_body(page)):
        if page.words[statements.top[0]].kind in ("BLOCK", "NET") and statements.line < statements.end:
            line = statements.line
            while line and not page.lines[line].blank and page.lines[line - 1].cells[0].text[0] == "#":
                line -= 1
            for place in (line, statements.end + 1):
                if 0 < place < len(page.lines):
                    page.lines[place].blank = True
