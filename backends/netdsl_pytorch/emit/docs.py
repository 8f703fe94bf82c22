"""What a class says of itself: the author's comment, without what is not true of the class."""

from __future__ import annotations

import re
from collections.abc import Set

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z`(])")
_NAMES = re.compile(r"`([^`]+)`")
_GOES_ON = ("It ", "They ", "The first ", "The last ", "Only ", "This ", "These ", "Each ", "Its ", "Their ")
"""How a sentence begins that goes on from the one before."""
_TRUTH = re.compile(r"`(\w+) = (true|false|none)`")


def documented(text: str, absent: Set[str]) -> str:
    """The author's text in Python's spelling, without the sentences that speak of arguments that are not there."""
    text = _TRUTH.sub(lambda found: f"`{found[1]}={found[2].capitalize()}`", text)
    paragraphs = [_kept(each, absent) for each in re.split(r"\n[ \t]*\n", text)]
    return "\n\n".join(filter(None, paragraphs))


def _kept(paragraph: str, absent: Set[str]) -> str:
    """The sentences of a paragraph that speak of nothing absent, nor go on from one that does. The first, which tells
    what the class is, stays as prose where it does not begin with such a name."""
    if not _speaks_of(paragraph, absent):
        return paragraph
    kept: list[str] = []
    follows = False
    for number, sentence in enumerate(_SENTENCES.split(paragraph.strip())):
        gone = _speaks_of(sentence, absent) or (follows and sentence.startswith(_GOES_ON))
        if gone and number == 0 and not sentence.startswith("`"):
            sentence, gone = sentence.replace("`", ""), False
        if not gone:
            kept.append(sentence)
        follows = gone
    return " ".join(kept)


def _speaks_of(text: str, names: Set[str]) -> bool:
    return any(word in names for each in _NAMES.findall(text) for word in re.findall(r"\w+", each))
