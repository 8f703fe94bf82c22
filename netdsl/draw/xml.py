"""Text in XML: whatever a spec holds, the document stays well formed."""

from __future__ import annotations

import re

# What XML 1.0 has no way to write: controls, halves of surrogate pairs, two non-characters.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escape(text: str) -> str:
    """The text for use between tags and in quoted attributes."""
    return _UNFIT.sub("\ufffd", text).translate(_ESCAPES)


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
