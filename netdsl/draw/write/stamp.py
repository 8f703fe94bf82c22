"""The mark that drawings carry, so that netdsl writes over its own and over nothing else, nor over what was edited."""

from __future__ import annotations

import re
import zlib
from typing import Any, Literal

from netdsl.draw.room import room

State = Literal["ours", "edited", "foreign"]

_COMMENTS = {"svg": ("<!--", " -->"), "html": ("<!--", " -->"), "mermaid": ("%%", ""), "dot": ("//", "")}
_MARK = re.compile(r"^(.*\n)(?:<!--|%%|//) drawn by netdsl, ([0-9a-f]{8})(?: -->)?\n?$", re.DOTALL)
_KEY = "drawn_by"

_PNG = b"\x89PNG\r\n\x1a\n"
_SOFTWARE = b"Software\0netdsl draw"


def stamped(text: str, form: str) -> str:
    """The text of a drawing with the mark at its end."""
    start, stop = _COMMENTS[form]
    return f"{text}{start} drawn by netdsl, {_hash(text)}{stop}\n"


@room()
def stamped_json(data: dict[str, Any] | list[dict[str, Any]]) -> str:
    """A drawing as JSON, with the mark as its last member, or that of the only member of a list."""
    import json

    mark = {_KEY: f"netdsl, {_hash(json.dumps(data))}"}
    return json.dumps({**data, **mark} if isinstance(data, dict) else [{**data[0], **mark}], indent=2) + "\n"


def stamped_png(picture: bytes) -> bytes:
    """A picture with the mark as its text (PNG specification, 11.3.3)."""
    end = len(_PNG) + 25  # the signature, then the header, which is first and of this length
    if not picture.startswith(_PNG) or picture[12:16] != b"IHDR":
        return picture
    kind = b"tEXt" + _SOFTWARE
    chunk = len(_SOFTWARE).to_bytes(4, "big") + kind + zlib.crc32(kind).to_bytes(4, "big")
    return picture[:end] + chunk + picture[end:]


def state_of(text: str) -> State:
    """Whether a file holds a drawing of ours, one that was edited since, or something else."""
    match = _MARK.match(text)
    if match:
        return "ours" if _hash(match[1]) == match[2] else "edited"
    if text.lstrip().startswith(("{", "[")):
        import json

        try:
            data = json.loads(text)
            mark = (data[0] if isinstance(data, list) else data).pop(_KEY)
        except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
            return "foreign"
        return "ours" if mark == f"netdsl, {_hash(json.dumps(data))}" else "edited"
    return "foreign"


def _hash(text: str) -> str:
    # Against slips, not against forgery; hashlib would cost as much as the drawing.
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"
