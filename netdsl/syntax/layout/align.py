"""Columns: what a reader compares stands below each other, as in the table of a paper.

Rows of numbers are aligned to the right, in calls of one block and in lists of lists; labels, arrows, the parts of
models, loss weights and comments on neighbouring lines; and the shape contracts of a body. Nothing is aligned where a
line would become too wide, or too far a gap open.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from netdsl.syntax.layout.statements import Statement, runs, statements_by_body
from netdsl.syntax.layout.words import CLOSING, COMMENT
from netdsl.syntax.layout.wrap import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netdsl.syntax.layout.page import Page

_WIDEST_GAP = {"label": 8, "arrow": 26}
_VALUES = frozenset(("NUMBER", "SIZE", "STRING", "NAME", "TRUE", "FALSE", "NONE", "MINUS", "SLASH"))
_HEADS = frozenset(("NAME", "COMPUTED", "IN"))
_Item = tuple[int, int]
"""The positions of its first and last word."""


def align(page: Page) -> None:
    """Moves words of the lines to the right, into columns."""
    _Columns(page).align()


class _Columns:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.words = page.words

    def align(self) -> None:
        self._rows_of_lists()
        for statements in statements_by_body(self.page):
            self._calls(statements)
            single = [statement for statement in statements if statement.line == statement.end]
            self._labels(single)
            self._arrows(single)
            self._models(single)
            self._run(single, lambda statement: statement.the(self.page, "WEIGHT"))
            self._contracts(statements)
        self._comments()

    # --- Moving words

    def _end_before(self, at: int) -> int:
        """The column where what stands before a word ends."""
        line, place = self.page.place[at]
        return self.page.lines[line].column(place)

    def _space(self, at: int) -> int:
        line, place = self.page.place[at]
        return self.page.lines[line].cells[place].gap

    def _pad(self, pads: dict[int, int], widest: int = WIDTH) -> bool:
        """Adds blanks before words, unless that makes a line too wide."""
        lines: dict[int, int] = {}
        for at, pad in pads.items():
            line = self.page.place[at][0]
            lines[line] = lines.get(line, 0) + pad
        if any(pad and self.page.lines[line].width() + pad > WIDTH for line, pad in lines.items()):
            return False
        if max(pads.values(), default=0) > widest:
            return False
        for at, pad in pads.items():
            line, place = self.page.place[at]
            self.page.lines[line].cells[place].gap += pad
        return True

    def _below(self, places: Sequence[int], widest: int = WIDTH) -> bool:
        """Puts words below each other."""
        columns = {at: self._end_before(at) + self._space(at) for at in places}
        target = max(columns.values(), default=0)
        return len(places) > 1 and self._pad({at: target - column for at, column in columns.items()}, widest)

    def _run(
        self, statements: Sequence[Statement], place: Callable[[Statement], int | None], widest: int = WIDTH
    ) -> None:
        """Puts a word of each statement below each other, on neighbouring lines that have it."""
        for run in runs(statements, lambda statement: place(statement) is not None):
            self._below([at for statement in run if (at := place(statement)) is not None], widest)

    # --- Tables of values

    def _calls(self, statements: Sequence[Statement]) -> None:
        """Calls of one name in one paragraph: of blocks with many numbers, and of models."""
        tables: dict[object, list[list[_Item]]] = {}
        models: dict[object, list[list[_Item]]] = {}
        for statement in statements:
            is_model = self.words[statement.top[0]].kind == "MODEL"
            name = statement.top[3] if is_model else next(iter(self._stages(statement)), None)
            row = self._row(name) if name is not None else None
            if (
                row is not None
                and statement.line == statement.end
                and (is_model or not any("=" in part for part in row[0][1:]))
            ):
                (models if is_model else tables).setdefault((statement.paragraph, row[0]), []).append(row[1])
        for rows in tables.values():
            numbers = sum(map(self._are_numbers, zip(*rows, strict=True)))
            if len(rows[0]) >= 3 and 3 * numbers >= 2 * len(rows[0]):
                self._table(rows)
        for rows in models.values():
            self._table(rows)

    def _call(self, statement: Statement) -> str | None:
        """The name of the call that is a statement's first stage."""
        stage = next(iter(self._stages(statement)), None)
        return self.words[stage].text if stage is not None and self._is_call(stage) else None

    def _is_call(self, at: int) -> bool:
        return self.words[at].kind == "NAME" and self.words[at + 1].role == "call"

    def _stages(self, statement: Statement) -> list[int]:
        """The words with which the stages of a statement begin, labels left out."""
        words, top = self.words, statement.top
        if words[top[0]].kind not in _HEADS and words[top[0]].role == "":
            return []
        starts = []
        begin = top[0]
        for at in top:
            if words[at].kind in ("COLON", "EQUAL"):
                begin = at + 1
            elif words[at].kind in ("ARROW", "PROMISE", "WEIGHT"):
                starts.append(begin)
                begin = at + 1
                if words[at].kind != "ARROW":
                    return starts
        return [*starts, begin]

    def _rows_of_lists(self) -> None:
        """The items of a list that are lists or calls themselves."""
        for opening in self.page.breaks.exploded:
            tables: dict[object, list[list[_Item]]] = {}
            for first, last in self._items(opening):
                start = next((at for at in range(first, last + 1) if self.words[at].kind != COMMENT), None)
                row = self._row(start, last) if start is not None else None
                if row is not None:
                    tables.setdefault(row[0], []).append(row[1])
            for rows in tables.values():
                if len(rows[0]) > 1:
                    self._table(rows)

    def _row(self, start: int, last: int | None = None) -> tuple[tuple[str, ...], list[_Item]] | None:
        """The values in a call, or list, that starts at a word and stands on one line, and what they have in common
        with those they can be compared with."""
        words, place = self.words, self.page.place
        opening = start + 1 if self._is_call(start) else start
        if words[opening].role not in ("call", "list", "tuple") or words[opening].partner != (
            last or words[opening].partner
        ):
            return None
        if place[start][0] != place[words[opening].partner][0]:
            return None
        form = [words[start].text]
        values: list[_Item] = []
        return (tuple(form), values) if self._read_row(opening, form, values) else None

    def _read_row(self, opening: int, form: list[str], values: list[_Item]) -> bool:
        """Whether all in a bracket are values, with or without names, or lists of values; adds them."""
        words = self.words
        for first, last in self._items(opening):
            if first + 1 < last and words[first + 1].kind == "EQUAL":
                form.append(f"{words[first].text}=")
                first += 2
            if words[first].role in ("list", "tuple") and words[first].partner == last:
                form.append(words[first].text)
                if not self._read_row(first, form, values):
                    return False
                form.append(words[last].text)
            elif all(words[at].kind in _VALUES for at in range(first, last + 1)):
                form.append("")
                values.append((first, last))
            else:
                return False
        return True

    def _items(self, opening: int) -> Iterator[_Item]:
        first = opening + 1
        for comma in [*self.words[opening].commas, self.words[opening].partner]:
            if comma > first:
                yield first, comma - 1
            first = comma + 1

    def _are_numbers(self, column: Sequence[_Item]) -> bool:
        """Whether the values of a column are numbers with as many decimals each."""
        numbers = [self.words[last] for _, last in column]
        signs = [self.words[first].kind for first, last in column if first < last]
        decimals = {len(number.text.partition(".")[2]) for number in numbers}
        return all(number.kind == "NUMBER" for number in numbers) and set(signs) <= {"MINUS"} and len(decimals) == 1

    def _table(self, rows: Sequence[Sequence[_Item]]) -> None:
        """Aligns values column by column: numbers to the right, all else to the left."""
        pads: dict[int, int] = {}
        for column in zip(*rows, strict=True):
            widths = [self._width(item) for item in column]
            widest = max(widths)
            right = self._are_numbers(column)
            for item, width in zip(column, widths, strict=True):
                at = item[0] if right else self._after_comma(item[1])
                if at is not None:
                    pads[at] = pads.get(at, 0) + widest - width
        if len(rows) > 1:
            self._pad(pads)

    def _after_comma(self, at: int) -> int | None:
        """The word after the comma that follows a value, and the brackets that it ends, on the same line."""
        words, place = self.words, self.page.place
        following = at + 1
        while following < len(words) and words[following].kind in CLOSING:
            following += 1
        if following == len(words) or words[following].kind != "COMMA" or words[following + 1].kind in CLOSING:
            return None
        after = following + 1
        return after if after in place and place[after][0] == place[at][0] and words[after].kind != COMMENT else None

    def _width(self, item: _Item) -> int:
        line, place = self.page.place[item[0]]
        end = self.page.place[item[1]][1]
        cells = self.page.lines[line].cells[place : end + 1]
        return sum(cell.gap + len(cell.text) for cell in cells) - cells[0].gap

    # --- Neighbouring lines

    def _labels(self, statements: Sequence[Statement]) -> None:
        """What follows the labels of one operator, and the shapes of inputs by their first sizes."""
        words = self.words

        def label(statement: Statement) -> str | None:
            call, colon = self._call(statement), statement.the(self.page, "COLON")
            return call if colon is not None and self._stages(statement)[:1] == [colon + 1] else None

        for run in runs(statements, label):
            self._below([self._stages(statement)[0] for statement in run], _WIDEST_GAP["label"])
        for run in runs(statements, lambda statement: words[statement.top[0]].kind == "INPUT" or None):
            shapes = [colon + 1 for statement in run if (colon := statement.the(self.page, "COLON")) is not None]
            if self._below(shapes, _WIDEST_GAP["label"]) and all(words[at].kind == "SIZE" for at in shapes):
                first = {at: len(words[at].text.partition("x")[0]) for at in shapes}
                widest = max(first.values())
                self._pad({at: widest - width for at, width in first.items()})

    def _arrows(self, statements: Sequence[Statement]) -> None:
        """The arrows of pipelines that begin with the same operators."""
        arrows = [[at for at in statement.top if self.words[at].kind == "ARROW"] for statement in statements]
        names = [[self.words[at].text for at in self._stages(statement)] for statement in statements]
        number = {id(statement): place for place, statement in enumerate(statements)}
        depth = 1
        groups = [list(statements)]
        while groups:
            aligned = []
            beginnings = [self._beginning(names, arrows, place, depth) for place in range(len(statements))]
            for group in groups:
                for same in runs(group, lambda statement, known=beginnings: known[number[id(statement)]]):  # type: ignore[misc]
                    places = [number[id(statement)] for statement in same]
                    alike = any(names[a][depth] == names[b][depth] for a, b in pairwise(places))
                    if alike and self._below([arrows[place][depth - 1] for place in places], _WIDEST_GAP["arrow"]):
                        aligned.append(same)
            groups = aligned
            depth += 1

    def _beginning(self, names: list[list[str]], arrows: list[list[int]], place: int, depth: int) -> list[str] | None:
        """The names of the stages before an arrow, if there are calls on both sides of it."""
        if len(names[place]) <= depth or len(arrows[place]) < depth:
            return None
        after = arrows[place][depth - 1]
        return names[place][:depth] if self.words[after - 1].kind == "RPAR" else None

    def _models(self, statements: Sequence[Statement]) -> None:
        def part(statement: Statement, kind: str) -> int | None:
            return statement.the(self.page, kind) if self.words[statement.top[0]].kind == "MODEL" else None

        self._run(statements, lambda statement: part(statement, "EQUAL"))
        for run in runs(statements, lambda statement: self.words[statement.top[0]].kind == "MODEL" or None):
            braces = [at for statement in run if (at := part(statement, "LBRACE")) is not None]
            if self._below(braces):
                self._pad(dict.fromkeys(braces, 1))

    def _contracts(self, statements: Sequence[Statement]) -> None:
        """The contracts of a body; lines too long for the column of the others are left out."""
        places: list[tuple[int, int]] = []
        for statement in statements:
            at = statement.the(self.page, "PROMISE")
            if at is not None and self.page.place[at][1] > 0:
                places.append((self._end_before(at), at))
        places.sort()
        widest = 0  # of the contracts up to a place
        fitting = 0
        for number, (column, at) in enumerate(places, 1):
            widest = max(widest, self.page.lines[self.page.place[at][0]].width() - column)
            if column + widest <= WIDTH:
                fitting = number
        self._below([at for _, at in places[:fitting]])

    def _comments(self) -> None:
        """The comments at the ends of neighbouring lines."""
        run: list[int] = []
        for line in [*self.page.lines, None]:
            last = line.cells[-1] if line is not None else None
            if line is not None and last is not None and len(line.cells) > 1 and self.words[last.word].kind == COMMENT:
                if line.blank:
                    self._below(run)
                    run = []
                run.append(last.word)
            else:
                self._below(run)
                run = []
