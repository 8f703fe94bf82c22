"""A failing program made small: what can go without ending the failure goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Fails = Callable[[str], bool]


def shrunk(text: str, fails: Fails, tries: int = 1500) -> str:
    """The smallest program that this finds, of those that fail as the first one does."""
    known: set[str] = {text}
    again = True
    while again:
        again = False
        for smaller in _smaller(text):
            if smaller in known:
                continue
            known.add(smaller)
            tries -= 1
            if tries < 0:
                return text
            if fails(smaller):
                text, again = smaller, True
                break
    return text


def _smaller(text: str) -> Iterator[str]:
    """Programs with something less, those that lose much first."""
    lines = text.split("\n")
    spans = [(start, end) for start in range(len(lines)) for end in [_end(lines, start)] if end is not None]
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        yield "\n".join(lines[:start] + lines[end:])
    for start, end in spans:
        if end - start > 1 and not lines[start].startswith(("net ", "block ")):
            yield "\n".join(lines[:start] + lines[start + 1 : end - 1] + lines[end:])
    yield from _within_lines(lines)
    alone = [start for start, end in spans if end == start + 1]
    for first in alone:  # a tensor, and the only line that reads it
        for second in (each for each in alone if first < each <= first + 3):
            yield "\n".join(line for place, line in enumerate(lines) if place not in (first, second))
    yield from _simpler(text)


def _end(lines: list[str], start: int) -> int | None:
    """Where what begins at a line ends: the line itself, or the braces that it opens."""
    depth = 0
    for place in range(start, len(lines)):
        depth += lines[place].count("{") - lines[place].count("}")
        least = min(0, lines[place].count("{") - lines[place].count("}"))
        if depth < 0 or (depth == 0 and least < 0 and place == start):
            return None
        if depth == 0:
            return place + 1
    return None


def _within_lines(lines: list[str]) -> Iterator[str]:
    """With a stage, a branch, an argument or a label less."""
    for number, line in enumerate(lines):
        for start, end in _pieces(line):
            yield "\n".join([*lines[:number], line[:start] + line[end:], *lines[number + 1 :]])


def _pieces(line: str) -> Iterator[tuple[int, int]]:
    """Stretches of a line that may go: what stands between two separators of one depth, with one of them."""
    marks: list[list[int]] = [[0]]
    place = 0
    found: list[tuple[int, int]] = []
    while place < len(line):
        char = line[place]
        if char in "([{":
            marks.append([place + 1])
        elif char in ")]}":
            own = marks.pop() if len(marks) > 1 else [0]
            found += _between([*own, place])
        elif line.startswith(" -> ", place):
            marks[-1] += [place, place + 4]
        elif line.startswith((", ", "; "), place):
            marks[-1] += [place, place + 2]
        elif line.startswith(": ", place) and re.search(r"[\w.\]}]+$", line[:place]):
            found.append((re.search(r"[\w.\[\]{}]+$", line[:place]).start(), place + 2))  # type: ignore[union-attr]
        elif line.startswith((" => ", " weight "), place):
            found.append((place, len(line)))
        place += 1
    found += _between([*marks[0], len(line)])
    yield from sorted(set(found), key=lambda span: span[0] - span[1])


def _between(marks: list[int]) -> Iterator[tuple[int, int]]:
    """Each stretch between separators, with the one before or behind it."""
    for at in range(0, len(marks) - 1, 2):
        start, end = marks[at], marks[at + 1]
        if at + 2 < len(marks):
            yield start, marks[at + 2]
        if at > 0:
            yield marks[at - 1], end


ACTIVATION = re.compile(
    r"\b(?:elu|selu|gelu|silu|mish|hardswish|hardsigmoid|sigmoid|tanh|softplus|sin|cos|abs|square|relu6)\(\)"
)


def _simpler(text: str) -> Iterator[str]:
    """With an inner brace opened, an arm alone, a plainer activation, a smaller number."""
    for match in re.finditer(
        r"(?:if [^{}]*|for [^{}]*|repeat \w+|\b(?:add|mul|max|sub|concat) |\w+: )?"
        r"\{ ([^{}]*) \}(?: else \{ [^{}]* \})?",
        text,
    ):
        yield text[: match.start()] + match[1] + text[match.end() :]
    for match in re.finditer(r"if [^{}]*\{ [^{}]* \} else \{ ([^{}]*) \}", text):
        yield text[: match.start()] + match[1] + text[match.end() :]
    for match in re.finditer(r"\w+ (?:\*|\+|//|-) (?=\w)|(?<=\w) (?:\*|\+|//|-) \w+", text):
        yield text[: match.start()] + text[match.end() :]
    for match in ACTIVATION.finditer(text):
        yield text[: match.start()] + "relu()" + text[match.end() :]
    for match in re.finditer(r"\(([^()]*)\)|\[([^][]*)\]", text):
        if match[0] not in ("()", "[]") and "=" in match[0]:
            yield text[: match.start() + 1] + text[match.end() - 1 :]
    for match in re.finditer(r"(?<![\w.x])([2-9]|\d\d+)(?![\w.x])", text):
        yield text[: match.start()] + "1" + text[match.end() :]
        if int(match[1]) > 4:
            yield text[: match.start()] + "4" + text[match.end() :]
