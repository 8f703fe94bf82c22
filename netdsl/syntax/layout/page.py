"""A spec laid out on lines: where each begins, how deep it is indented, what stands on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netdsl.syntax.layout.words import BINARY, CLOSING, COMMENT, OPENING, Word, gap

if TYPE_CHECKING:
    from collections.abc import Iterator

INDENT = 4
_ITEMS = frozenset(("call", "list", "tuple", "use"))
"""Brackets with items and commas between."""
_BEFORE_STAGE = frozenset(("SEP", "LBRACE", "COLON", "ARROW", "EQUAL"))


@dataclass(slots=True)
class Cell:
    """A word on a line, and the blanks before it."""

    gap: int
    text: str
    word: int


@dataclass(slots=True)
class Line:
    """A line, and whether a blank one stands before it."""

    indent: int
    blank: bool
    cells: list[Cell] = field(default_factory=list)

    def width(self) -> int:
        """The columns it takes, without a comment at its end: no break makes room for that."""
        cells = self.cells[:-1] if len(self.cells) > 1 and self.cells[-1].text[0] == "#" else self.cells
        return self.indent + sum(cell.gap + len(cell.text) for cell in cells)

    def column(self, place: int) -> int:
        """Where what stands before a cell ends."""
        return self.indent + sum(cell.gap + len(cell.text) for cell in self.cells[:place])

    def __str__(self) -> str:
        return " " * self.indent + "".join(" " * cell.gap + cell.text for cell in self.cells)


@dataclass(slots=True)
class Breaks:
    """Where lines break, beside between statements; brackets by the position of the opening word."""

    expanded: set[int] = field(default_factory=set)
    """Bodies with a line for each statement."""
    exploded: set[int] = field(default_factory=set)
    """Other brackets whose content stands on lines of its own."""
    by_item: set[int] = field(default_factory=set)
    """Those of them with a line for each item."""
    before: set[int] = field(default_factory=set)
    """Words that begin a line inside of a statement."""


def breaks_as_written(words: list[Word]) -> Breaks:
    """The breaks of a text, as far as they are of the kinds that the layout has."""
    breaks = Breaks()
    lines = 0
    opened: dict[int, int] = {}
    commented: set[int] = set()
    for at, word in enumerate(words):
        lines += word.newlines
        if word.kind == COMMENT:
            commented.add(word.around)
        elif word.kind in OPENING:
            opened[at] = lines
        elif word.kind in CLOSING:
            opening = word.partner
            role = words[opening].role
            over_lines = lines > opened[opening] or opening in commented
            if role == "body":
                if over_lines and at > opening + 1:
                    breaks.expanded.add(opening)
            elif opening in commented or (words[opening + 1].newlines if role != "use" else over_lines):
                breaks.exploded.add(opening)
        if word.kind not in (COMMENT, "SEP") and at and _begins_line(words, at):
            breaks.before.add(at)
    return breaks


def _begins_line(words: list[Word], at: int) -> bool:
    """Whether a line begins, as written, with a word inside of a statement, where one may."""
    word, last = words[at], words[at - 1]
    role = words[word.around].role if word.around >= 0 else "body"
    following = words[at + 1] if at + 1 < len(words) else None
    dangling = following is not None and following.newlines > 0 and following.kind != COMMENT
    if role == "body":
        if word.kind == "ARROW":
            return word.newlines > 0 or dangling
        after_operator = last.kind == "EQUAL" or (last.kind in BINARY and not last.unary)
        return word.newlines > 0 and (word.kind in ("PROMISE", "ELSE") or after_operator)
    return role != "index" and joins(word) and (word.newlines > 0 or dangling)


def joins(word: Word) -> bool:
    """Whether a word joins the parts of an expression, so that inside of brackets a line may begin with it."""
    return (word.kind in BINARY and not word.tight and not word.unary) or word.kind in ("IF", "ELSE", "FOR", "ARROW")


class Page:
    """The words of a spec on lines."""

    def __init__(self, words: list[Word], breaks: Breaks) -> None:
        self.words = words
        self.breaks = breaks
        self.lines: list[Line] = []
        self.place: dict[int, tuple[int, int]] = {}
        """By word: its line, and its place among the cells there."""
        self._column = 0
        self._inner: list[int] = [0]
        """How deep lines are indented, by the brackets open around them."""
        self._outer: list[int] = [0]
        """How deep the lines are indented on which these brackets open."""
        self._ifs: dict[int, int] = {}
        """The column of the last `if`, by the number of brackets open around it."""
        self._lay_out()

    def __str__(self) -> str:
        return "".join(f"\n{line}\n" if line.blank else f"{line}\n" for line in self.lines)

    def _lay_out(self) -> None:
        words = self.words
        commas = dict(_commas(words, self.breaks))
        last = -1
        statement = True  # whether the next word begins one
        for at, word in enumerate(words):
            comma = commas.get(at)
            if comma is False:
                continue
            if word.kind == "SEP":
                statement = self._end_statement(word)
                continue
            begins = self._lines_before(at, last, statement)
            if begins:
                self._column = self._indentation(at, last, statement)
                self.lines.append(Line(self._column, begins > 1))
            if word.kind in CLOSING:
                self._inner.pop()
                self._outer.pop()
            self._put(at, 0 if begins else gap(words, words[last], word), word.text + ("," if comma else ""))
            if word.kind in OPENING:
                self._open(at)
            elif word.kind == "IF" and (statement or words[last].kind in _BEFORE_STAGE):
                self._ifs[len(self._inner)] = self._column - len(word.text)
            last = at
            statement = (statement and word.kind == COMMENT) or word.role == "body"

    def _put(self, at: int, space: int, text: str) -> None:
        line = self.lines[-1]
        self.place[at] = len(self.lines) - 1, len(line.cells)
        line.cells.append(Cell(space, text, at))
        self._column += space + len(text)

    def _end_statement(self, separator: Word) -> bool:
        """What a SEP becomes; whether a statement begins after it."""
        around = separator.around
        in_use = around >= 0 and self.words[around].role == "use"
        if around >= 0 and around not in self.breaks.expanded:
            self.lines[-1].cells[-1].text += "," if in_use else ";"
            self._column += 1
        return not in_use

    def _open(self, at: int) -> None:
        indent = self.lines[-1].indent
        on_own_lines = self.words[at].role == "body" or at in self.breaks.exploded
        self._inner.append(indent + INDENT if on_own_lines else self._column)
        self._outer.append(indent)

    def _lines_before(self, at: int, last: int, statement: bool) -> int:
        """How many line ends stand before a word; `last` is the word before, `statement` whether one begins."""
        words, breaks = self.words, self.breaks
        word = words[at]
        around = word.around
        if last < 0:
            return 1
        if word.kind in CLOSING:
            return int(word.partner in breaks.expanded or word.partner in breaks.exploded)
        if word.kind == "ELSE" and words[last].kind == "RBRACE" and words[last].partner in breaks.expanded:
            return 0
        between_statements = statement and (around < 0 or around in breaks.expanded)
        if word.kind == COMMENT and not word.newlines:
            return 0
        if between_statements:
            return 2 if word.newlines > 1 and last != around else 1
        if word.kind == COMMENT or words[last].kind == COMMENT or at in breaks.before:
            return 1
        if around in breaks.exploded:
            after_item = words[last].kind == "COMMA" or words[at - 1].kind == "SEP"
            return int(last == around or (after_item and (word.newlines > 0 or around in breaks.by_item)))
        return 0

    def _indentation(self, at: int, last: int, statement: bool) -> int:
        words = self.words
        word = words[at]
        if word.kind in CLOSING:
            return self._outer[-1]
        indent = self._inner[-1]
        if statement or (word.around >= 0 and words[word.around].role != "body"):
            return indent
        if word.kind == "ELSE":
            if words[last].kind == "RBRACE" and words[last].partner not in self.breaks.expanded:
                return self._ifs.get(len(self._inner), indent)
            return indent
        return indent + INDENT


def _has_item_lines(words: list[Word], opening: int, breaks: Breaks) -> bool:
    """Whether the items of an exploded bracket stand on more than one line."""
    following = [comma + 1 for comma in words[opening].commas if comma + 1 < words[opening].partner]
    if opening in breaks.by_item:
        return bool(following)
    return any(words[at].newlines or words[at].kind == COMMENT or at in breaks.before for at in following)


def _commas(words: list[Word], breaks: Breaks) -> Iterator[tuple[int, bool]]:
    """The words that get a comma, since a bracket closes on a line of its own, and the commas that go (False)."""
    for at, word in enumerate(words):
        if word.role not in _ITEMS:
            continue
        end = word.partner - 1
        while words[end].kind == COMMENT:
            end -= 1
        if at in breaks.exploded and (word.role in ("list", "use") or _has_item_lines(words, at, breaks)):
            if words[end].kind != "COMMA" and end > at:
                yield end, True
        elif words[end].kind == "COMMA" and not (word.role == "tuple" and len(word.commas) == 1):
            yield end, False
