"""Laying out code: documents with places where a line may break, and how they become lines.

After Wadler, "A prettier printer" (2003): a group is put on one line if it fits there, else all of its own breaks are
taken. `ruff format` works so too, which is why the layout of `code.py` comes out as ruff's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 120
INDENT = 4


@dataclass(frozen=True, slots=True)
class Break:
    """Where a line may end: `flat` is what stands there instead when it does not."""

    flat: str


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that stands only where the group around it is broken: the comma after the last of many arguments."""

    text: str


@dataclass(frozen=True, slots=True)
class Indent:
    doc: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """What is laid out as one: on one line, or with each of its breaks taken. `broken` says that it must be."""

    doc: Doc
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment to the end of its line; all groups around it break. Left out where the line has no room for it."""

    text: str


Doc: TypeAlias = str | Break | IfBroken | Indent | Group | Comment | tuple["Doc", ...]

SPACE = Break(" ")
NOTHING = Break("")


def join(docs: list[Doc], separator: Doc) -> Doc:
    """The documents with a separator between them."""
    parts: list[Doc] = []
    for number, doc in enumerate(docs):
        if number:
            parts.append(separator)
        parts.append(doc)
    return tuple(parts)


def flat(doc: Doc) -> str:
    """The document on one line, comments left out."""
    if isinstance(doc, str):
        return doc
    if isinstance(doc, tuple):
        return "".join(map(flat, doc))
    if isinstance(doc, Break):
        return doc.flat
    if isinstance(doc, Indent | Group):
        return flat(doc.doc)
    return ""


def has_comment(doc: Doc) -> bool:
    """Whether a comment stands in it, so that it cannot be on one line."""
    if isinstance(doc, tuple):
        return any(map(has_comment, doc))
    if isinstance(doc, Indent | Group):
        return has_comment(doc.doc)
    return isinstance(doc, Comment)


def lay_out(doc: Doc, indent: int = 0) -> list[str]:
    """The document as lines, the first of which starts in column `indent`."""
    lines: list[str] = []
    line = " " * indent
    stack: list[tuple[int, bool, Doc]] = [(indent, True, doc)]  # column of the indentation, whether broken, document
    while stack:
        column, broken, top = stack.pop()
        if isinstance(top, str):
            line += top
        elif isinstance(top, tuple):
            stack.extend((column, broken, part) for part in reversed(top))
        elif isinstance(top, Indent):
            stack.append((column + INDENT, broken, top.doc))
        elif isinstance(top, Group):
            stack.append((column, top.broken or has_comment(top.doc) or not _fits(top.doc, stack, len(line)), top.doc))
        elif isinstance(top, IfBroken):
            line += top.text if broken else ""
        elif isinstance(top, Comment):
            if len(line) + 2 + len(top.text) <= WIDTH:
                line += f"  {top.text}"
        elif broken:
            lines.append(line.rstrip())
            line = " " * column
        else:
            line += top.flat
    lines.append(line.rstrip())
    return lines


def _fits(doc: Doc, rest: list[tuple[int, bool, Doc]], used: int) -> bool:
    """Whether the document on one line, and what follows it up to the next break, has room."""
    room = WIDTH - used
    stack: list[tuple[bool, Doc]] = [(False, doc)]
    following = len(rest)
    while room >= 0:
        if not stack:
            if not following:
                return True
            following -= 1
            _, broken, top = rest[following]
            stack.append((broken, top))
            continue
        broken, top = stack.pop()
        if isinstance(top, str):
            room -= len(top)
        elif isinstance(top, tuple):
            stack.extend((broken, part) for part in reversed(top))
        elif isinstance(top, (Indent, Group)):
            stack.append((broken, top.doc))
        elif isinstance(top, IfBroken):
            room -= len(top.text) if broken else 0
        elif isinstance(top, Break):
            if broken:
                return True
            room -= len(top.flat)
    return False
