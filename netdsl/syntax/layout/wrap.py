"""Breaks for lines that are too long, outermost first: bodies, pipelines, brackets, operators."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from netdsl.syntax.layout.page import INDENT, Line, Page, joins
from netdsl.syntax.layout.words import BINARY, COMMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 120
_BINDING = {
    **dict.fromkeys(("FOR",), 0),
    **dict.fromkeys(("IF", "ELSE"), 1),
    **dict.fromkeys(("ARROW", "OR"), 2),
    "AND": 3,
    **dict.fromkeys(("IN_OP", "NOT_IN", "EQ", "NE", "LT", "LE", "GT", "GE"), 4),
    **dict.fromkeys(("PLUS", "MINUS"), 5),
    **dict.fromkeys(("STAR", "SLASH", "DOUBLE_SLASH", "PERCENT"), 6),
    "DOUBLE_STAR": 7,
}
"""How tight what joins the parts of an expression binds."""


def wrapped(page: Page) -> Page:
    """The words of a page with lines no wider than WIDTH, as far as that can be."""
    while sum(
        _Wrap(page, line).broken() for line in page.lines if line.width() > WIDTH and line.cells[0].text[0] != "#"
    ):
        page = Page(page.words, page.breaks)
    return page


class _Wrap:
    """One line that is too long."""

    def __init__(self, page: Page, line: Line) -> None:
        self.words = page.words
        self.breaks = page.breaks
        self.line = line
        cells = [cell.word for cell in line.cells if page.words[cell.word].kind != COMMENT]
        self.first, self.last = cells[0], cells[-1]
        self.around = page.words[self.first].around
        self.in_body = self.around < 0 or page.words[self.around].role == "body"
        self.top = [at for at in cells if page.words[at].around == self.around]
        """The words that stand in no bracket of the line."""

    def broken(self) -> bool:
        """Adds a break, or the breaks of one kind; whether there was any to add."""
        if not self.in_body:
            return self._by_item() or self._expand() or self._at_operators() or self._explode()
        return (
            (self._ends_with_body() and self._expand())
            or (self.words[self.first].kind == "BLOCK" and self._after_equal())
            or self._at_arrows()
            or self._expand()
            or self._before_promise()
            or self._explode()
            or self._at_operators()
            or self._after_equal()
        )

    def _inside(self, roles: Sequence[str]) -> list[int]:
        """The outermost brackets of these roles on the line that hold anything."""
        words = self.words
        return [at for at in self.top if words[at].role in roles and at + 1 < words[at].partner <= self.last]

    def _ends_with_body(self) -> bool:
        words = self.words
        ends = [at for at in self.top if words[at].kind == "PROMISE"]
        tail = [at for at in self.top if not ends or at < ends[0]]
        return bool(tail) and words[tail[-1]].kind == "RBRACE"

    def _expand(self) -> bool:
        bodies = self._inside(["body"])
        self.breaks.expanded.update(bodies)
        return bool(bodies)

    def _begin_lines(self, places: Sequence[int]) -> bool:
        self.breaks.before.update(places)
        return bool(places)

    def _after_equal(self) -> bool:
        equals = [at for at in self.top if self.words[at].kind == "EQUAL" and at + 1 not in self.breaks.before]
        return self._begin_lines([at + 1 for at in equals[:1] if at < self.last])

    def _before_promise(self) -> bool:
        return self._begin_lines([at for at in self.top if self.words[at].kind == "PROMISE" and at != self.first])

    def _at_arrows(self) -> bool:
        """As many stages on each line as fit."""
        arrows = {at for at in self.top if self.words[at].kind == "ARROW" and at != self.first}
        return self._begin_lines(self._filled(arrows, self._continuation()))

    def _continuation(self) -> int:
        """How deep the lines are indented that go on with the statement of this line."""
        begins = self.first not in self.breaks.before and self.words[self.first].kind != "RBRACE"
        return self.line.indent + INDENT if begins else self.line.indent

    def _filled(self, breakable: set[int], indent: int) -> list[int]:
        """Where to break so that each line holds as much as fits."""
        places = []
        column = self.line.indent
        part, begins = 0, -1  # the width since the last place to break at, and that place
        for cell in self.line.cells:
            if cell.word in breakable:
                column, part, begins = column + part, 0, cell.word
            if self.words[cell.word].kind != COMMENT:
                part += cell.gap + len(cell.text)
            if begins >= 0 and column + part > WIDTH:
                places.append(begins)
                column, begins = indent, -1
        return places

    def _by_item(self) -> bool:
        """A line for each item of the bracket around, if this line has several; short ones share a line."""
        words = self.words
        commas = [at for at in self.top if words[at].kind == "COMMA" and at < self.last]
        if self.around not in self.breaks.exploded or not commas or self.around in self.breaks.by_item:
            return False
        if len(self.top) == len(self.line.cells) and all(b - a == 2 for a, b in pairwise(commas)):
            return self._begin_lines(self._filled({at + 1 for at in commas}, self.line.indent))
        self.breaks.by_item.add(self.around)
        return True

    def _explode(self) -> bool:
        """Puts the content of the longest bracket on lines of its own."""
        roles = ("call", "list", "tuple", "use", "group", "comprehension")
        brackets = [at for at in self.top if self.words[at].role in roles and at + 1 < self.words[at].partner]
        brackets = [at for at in brackets if at not in self.breaks.exploded]
        if not brackets:
            return False
        longest = max(brackets, key=lambda at: self.words[self.words[at].partner].end - self.words[at].start)
        self.breaks.exploded.add(longest)
        following = [comma + 1 for comma in self.words[longest].commas]
        if self.words[longest].role == "list" and any(self.words[at].role for at in [longest + 1, *following]):
            self.breaks.by_item.add(longest)  # a table
        return True

    def _at_operators(self) -> bool:
        """Lines that begin with the loosest operators or, where only brackets would allow that, follow them."""
        words = self.words
        if self.in_body:
            operators = [at for at in self.top if words[at].kind in BINARY and not words[at].unary and at < self.last]
        else:
            operators = [at for at in self.top if joins(words[at]) and at != self.first]
        if not operators:
            return False
        loosest = min(_BINDING[words[at].kind] for at in operators)
        return self._begin_lines([at + self.in_body for at in operators if _BINDING[words[at].kind] == loosest])
