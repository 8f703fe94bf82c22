"""What acts instead of being read, told by Unicode's categories: what the tests hold the output to."""

from __future__ import annotations

from unicodedata import category

HOSTILE = (
    "\x1b]0;title\x07\x1b[2J\x1b[31m\x08\r\x0b\x0c\x00\x7f\x85\x9b31m\u202e\u2066\u200b\u2028\u2029\ufeff"
    "\U000e0041\udcff\ud800"
)
"""Of each kind some."""

_READ = {*"\t\n", "\u00ad", "\u200c", "\u200d", *map(chr, range(0x600, 0x606)), *map(chr, (0x6DD, 0x70F, 0x8E2))}
_READ |= {*"\u0890\u0891\U000110bd\U000110cd", *map(chr, range(0x13430, 0x13460)), *map(chr, range(0x1BCA0, 0x1BCA4))}
_READ |= {*map(chr, range(0x1D173, 0x1D17B))}
"""Controls that are part of a text: tabs, line ends, hyphens, joiners, signs of scripts and of music."""


def acting(text: str) -> set[str]:
    """The characters of a text that a terminal could obey, that reorder or divide what is read, or are unseen."""
    found = {each for each in set(text) if category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") and each not in _READ}
    return found | (set(text) & {"\u2065", *map(chr, range(0xE0000, 0xE0080))})
