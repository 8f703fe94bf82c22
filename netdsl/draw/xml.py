"""Text in XML: whatever a spec holds, the document stays well formed."""

from __future__ import annotations

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escape(text: str) -> str:
    """The text for use between tags and in quoted attributes."""
    if not text.replace("\n", "").isprintable():
        text = "".join(each if _fits(each) else "\ufffd" for each in text)
    return text.translate(_ESCAPES)


def _fits(character: str) -> bool:
    """Whether XML 1.0 can write a character: no control, no half of a surrogate pair, no non-character of its plane."""
    code = ord(character)
    return character in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
