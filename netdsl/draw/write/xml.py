"""Text in XML: whatever a spec holds, the document stays well formed."""

from __future__ import annotations

import re

from netdsl.text.characters import ACTING

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_UNFIT = re.compile(f"{ACTING.pattern}|[\ufffe\uffff]")
"""What XML 1.0 cannot write (controls, halves of surrogate pairs, two non-characters), and what acts unseen."""


def escape(text: str) -> str:
    """The text for use between tags and in quoted attributes."""
    return _UNFIT.sub("\ufffd", text).translate(_ESCAPES)


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
