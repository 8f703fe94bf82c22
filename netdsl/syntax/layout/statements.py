"""The statements of a page: which lines they have, and which stand together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdsl.syntax.layout.words import COMMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netdsl.syntax.layout.page import Page


@dataclass(slots=True)
class Statement:
    """A statement with a line of its own."""

    top: list[int]
    """Its words that stand in no bracket of it."""
    line: int
    end: int
    """Its first and last line."""
    paragraph: int
    """Statements without a blank line between have the same."""

    def the(self, page: Page, kind: str) -> int | None:
        """Its first word of a kind."""
        return next((at for at in self.top if page.words[at].kind == kind), None)


def runs(statements: Sequence[Statement], key: Callable[[Statement], object]) -> Iterator[list[Statement]]:
    """Statements on neighbouring lines with the same key, which is not None; at least two."""
    groups: list[list[Statement]] = []
    before: object = None
    for statement in statements:
        value = key(statement)
        if value is None or value is False:
            before = None
            continue
        if (
            before == value
            and groups[-1][-1].end + 1 == statement.line
            and groups[-1][-1].paragraph == statement.paragraph
        ):
            groups[-1].append(statement)
        else:
            groups.append([statement])
        before = value
    return (run for run in groups if len(run) > 1)


def statements_by_body(page: Page) -> Iterator[list[Statement]]:
    """The statements of the file, then those of each body that has lines for them."""
    bodies: dict[int, list[list[int]]] = {-1: [[]]}
    for at, word in enumerate(page.words):
        tops = bodies.get(word.around)
        if tops is not None:
            if word.kind == "SEP":
                tops.append([])
            elif word.kind != COMMENT and at in page.place:
                tops[-1].append(at)
        if at in page.breaks.expanded:
            bodies[at] = [[]]
    for tops in bodies.values():
        yield list(_statements(page, [top for top in tops if top]))


def _statements(page: Page, tops: list[list[int]]) -> Iterator[Statement]:
    paragraph = 0
    last = -1
    for top in tops:
        line, end = page.place[top[0]][0], page.place[top[-1]][0]
        if any(page.lines[number].blank for number in range(last + 1, line + 1)):
            paragraph += 1
        yield Statement(top, line, end, paragraph)
        last = end
