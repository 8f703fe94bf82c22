"""Characters that are no text but act: on a terminal, on the order in which a line is read, or without being seen.

The reader refuses them in specs; what comes from elsewhere (names of files, data, runs) is shown with escapes.
"""

from __future__ import annotations

import re

CONTROLS = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"
"""C0 and C1, and DEL, but for tabs and line ends."""

BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Unicode's property Bidi_Control."""

UNSEEN = "\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
"""Spaces without width, separators of lines and paragraphs, tags. Joiners are none: words and emoji need them."""

SURROGATES = "\\ud800-\\udfff"
"""Halves of pairs, which no encoding can write: Python has them for bytes of a file's name that are not UTF-8."""

ACTING = re.compile(f"[{CONTROLS}{BIDI}{UNSEEN}{SURROGATES}]")


def harmless(text: str) -> str:
    """The text with what acts written as escapes; line ends and tabs stay."""
    return ACTING.sub(lambda match: escape(match[0]), text)


def escape(character: str) -> str:
    """The character as Python writes it, such as `\\x1b`."""
    # JSON knows this form of DEL, and its writers leave DEL as it is.
    return "\\u007f" if character == "\x7f" else character.encode("unicode_escape").decode("ascii")
