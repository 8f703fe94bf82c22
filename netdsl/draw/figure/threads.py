"""A column while it is built: pieces come in the order of the text, and find the pipeline that they continue.

A pipeline that starts elsewhere than where another one stands is a thread of its own. Threads that meet are set side
by side; those that hang on are kept in the order of the text, in which each piece comes after what it reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from netdsl.draw.figure.draft import Draft, Stretch
from netdsl.draw.figure.figure import Column, Edge, End, Part, Piece, Row

Ends = frozenset[End]


@dataclass(slots=True, eq=False, repr=False)
class Thread:
    """A pipeline: its pieces, what its last one gives, the numbers of the parts in it, and what it reads from
    elsewhere. `output` is the result of the net that ends it; `resume` is where it stood before that statement."""

    items: list[Piece] = field(default_factory=list)
    last: Ends = frozenset()
    spans: list[tuple[int, int]] = field(default_factory=list)
    reads: set[End] = field(default_factory=set)
    output: Part | None = None
    resume: tuple[int, Ends] | None = None
    cut: tuple[int, Ends] | None = None
    """Where it was cut since it was noted, when it went on from before a statement."""
    mixed: bool = False
    """Whether other threads were put into it since it was noted, so that it cannot be cut there."""

    def has(self, end: End) -> bool:
        """Whether an end lies in it."""
        number = end.part.number
        return any(start <= number < stop for start, stop in self.spans)

    def take(self, other: Thread) -> None:
        """Go on with the pieces of another thread."""
        self.items += other.items
        self.mixed, self.resume = True, None
        self.adopt(other)
        self.last = other.last
        self.output = other.output

    def adopt(self, other: Thread) -> None:
        """Note that the parts of another thread lie in this one."""
        self.spans += other.spans
        self.reads |= {end for end in other.reads if not self.has(end)}


class Threads:
    """The threads of one column."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.threads: list[Thread] = []

    @property
    def empty(self) -> bool:
        return not self.threads

    def sources(self, built: Stretch) -> set[End]:
        """What parts read that were made before them."""
        edges = self.draft.edges[built.mark : built.end]
        return {edge.source.place for edge in edges if edge.source.part.number < built.first}

    def add(
        self, pieces: list[Piece], built: Stretch, gives: Ends, reads: Ends = frozenset(), ends: bool = False
    ) -> None:
        """Add pieces that follow one another, and give what is named; `reads` is what their edges do not tell.

        `ends` tells that nothing of the net goes on from them: a result, a part of a head.
        """
        sources = self.sources(built) | reads
        thread = self._thread_for(sources, ends)
        if thread is None:
            thread = Thread()
            for part in self.draft.inputs_to_place(sources, built.first):
                thread.items.append(part)
                thread.spans.append((part.number, part.number + 1))
            self.threads.append(thread)
        thread.items += pieces
        thread.spans.append((built.first, built.last))
        thread.reads |= {end for end in sources if not thread.has(end)}
        thread.last = gives

    def _thread_for(self, sources: set[End], ends: bool) -> Thread | None:
        numbers = [number for number, thread in enumerate(self.threads) if thread.last & sources]
        if not numbers:
            return None if ends else self._resumed(sources)
        at = numbers[0]
        later = self.threads[at + 1 :]
        if numbers[1:] == list(range(at + 1, len(self.threads))) and later and self._meet(at, later, sources):
            del self.threads[at + 1 :]
        elif any(thread.has(end) for thread in later for end in sources):
            for thread in later:
                self.threads[at].take(thread)
            del self.threads[at + 1 :]
        return self.threads[at]

    def _resumed(self, sources: set[End]) -> Thread | None:
        """The thread that goes on from where it stood before a statement `output …`, which becomes its own thread."""
        for number, thread in enumerate(self.threads):
            if thread.resume is None or not thread.resume[1] & sources:
                continue
            length, last = thread.resume
            tail = Thread(thread.items[length:], thread.last, output=thread.output)
            first, behind = span = _span(tail.items)
            # What the piece reads must stand before it, and the thread goes on before all that come after it.
            after = [tail, *self.threads[number + 1 :]]
            tail.spans = [span]
            if any(other.has(end) for other in after for end in sources):
                continue
            edges = self.draft.edges
            tail.reads = {edge.source.place for edge in edges if first <= edge.target.part.number < behind}
            tail.reads = {end for end in tail.reads if not tail.has(end)}
            thread.spans = [
                piece
                for start, stop in thread.spans
                for piece in ((start, min(stop, first)), (max(start, behind), stop))
                if piece[0] < piece[1]
            ]
            thread.items, thread.last, thread.output, thread.resume = thread.items[:length], last, None, None
            thread.cut = (length, last)
            self.threads.insert(number + 1, tail)
            return thread
        return None

    def _meet(self, at: int, later: list[Thread], sources: set[End]) -> bool:
        """Set threads that a piece joins side by side, if none reads from another."""
        if any(one is not other and one.has(end) for one in later for other in later for end in other.reads):
            return False
        if any(thread.has(end) and end not in thread.last for thread in later for end in sources):
            return False
        first = self.threads[at]
        columns = [Column(thread.items) for thread in later]
        read = {end.part for thread in later for end in thread.reads if first.has(end)}
        start = next((number for number, item in enumerate(first.items, 1) if {item} == read), 0)
        if (start or not read) and len(first.items) - start <= 2 + 3 * max(len(thread.items) for thread in later):
            first.items = [*first.items[:start], Row([Column(first.items[start:]), *columns])]
        else:
            first.items.append(Row([Column(), *columns], through=True))
        for thread in later:
            first.adopt(thread)
        first.mixed, first.resume = True, None
        first.last = first.last.union(*[thread.last for thread in later])
        return True

    # --- statements that end in a result of the net

    def note(self) -> list[tuple[Thread, int, Ends]]:
        """Where every thread stands, for `close`."""
        for thread in self.threads:
            thread.cut, thread.mixed = None, False
        return [(thread, len(thread.items), thread.last) for thread in self.threads]

    def close(self, part: Part, noted: Iterable[tuple[Thread, int, Ends]]) -> None:
        """The result `part` was added by a statement before which the threads stood as noted."""
        for thread in self.threads:
            if thread.items and thread.items[-1] is part:
                thread.output = part
                then = next(((length, last) for other, length, last in noted if other is thread), None)
                thread.resume = None if thread.mixed else thread.cut or then

    def finish(self) -> Column:
        """The column: threads in order; those that end in a result hang beside what they start from."""
        if not self.threads:
            return Column()
        main, *others = self.threads
        sides: list[Thread] = []
        beside: list[Thread] = []
        for thread in others:
            if thread.output is None or len({end.part for end in thread.reads}) != 1 or not main.has(*thread.reads):
                for hanging in (sides, beside):
                    for side in [side for side in hanging if any(side.has(end) for end in thread.reads)]:
                        hanging.remove(side)
                        main.take(side)
                main.take(thread)
            elif thread.output.train or not self._ends_beside(main, thread):
                sides.append(thread)
            else:
                beside.append(thread)
        if beside and main.resume is not None:
            self._set_beside(main, beside)
        else:
            sides += beside
        return Column(main.items, [Column(thread.items) for thread in sides])

    @staticmethod
    def _ends_beside(main: Thread, thread: Thread) -> bool:
        """Whether a thread starts where the last statement of the main one started."""
        return main.resume is not None and bool(main.resume[1] & thread.reads)

    @staticmethod
    def _set_beside(main: Thread, beside: list[Thread]) -> None:
        assert main.resume is not None
        length = main.resume[0]
        row = Row([Column(main.items[length:]), *[Column(thread.items) for thread in beside]])
        main.items = [*main.items[:length], row]


def _span(items: list[Piece]) -> tuple[int, int]:
    """The numbers of parts, first and behind the last, of pieces that follow one another in the text."""
    numbers = [part.number for part in Column(items).parts()]
    return min(numbers, default=0), max(numbers, default=-1) + 1


def crossing(branches: list[Stretch], edges: list[Edge]) -> bool:
    """Whether a branch reads from another one."""
    for branch in branches:
        for edge in edges[branch.mark : branch.end]:
            number = edge.source.part.number
            if any(other.first <= number < other.last and other is not branch for other in branches):
                return True
    return False
