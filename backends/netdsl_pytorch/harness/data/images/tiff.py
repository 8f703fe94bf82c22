"""TIFF: the first picture's own tags, and no others; and the one tag of EXIF, which is a TIFF, that counts."""

import re
import struct
from dataclasses import dataclass

from netdsl_pytorch.harness.data.images.screened import Screened
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import BrokenImage

ORIENTATION = 0x0112
"""How a camera was held: from 5 on, width and height change places."""
_XMP = 700
_XMP_BYTES = 2**20
"""How much of it is looked at."""
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_KEPT = frozenset((
    *(254, _WIDTH, _HEIGHT, 258, 259, 262, 266, 273, ORIENTATION, 277, 278, 279, 284, 292, 293, 317, 320),
    *(_TILE_WIDTH, _TILE_HEIGHT, 324, 325, 332, 338, 339, 340, 341, 347, *range(512, 522), 529, 530, 531, 532),
))  # fmt: skip
"""Tags that say how pixels are stored. Others may be gigabytes: each can point at the same bytes of a file."""
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q"}
"""Kinds of whole numbers."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a TIFF of 32 bits, or of 64, lays out its directories."""

    first: str
    """Where the first one begins, as struct calls it, and at which byte that stands."""
    first_at: int
    count: str
    entry: str


_CLASSIC, _BIG = _Layout("I", 4, "H", "HHI4s"), _Layout("Q", 8, "Q", "HHQ8s")
_ORDERS = {b"II": "<", b"MM": ">"}


def tiff(content: bytes) -> Screened:
    """A TIFF with one directory, which has what the first picture needs. Raises BrokenImage."""
    order = _ORDERS[content[:2]]
    layout = _CLASSIC if 42 in content[2:4] else _BIG
    entries, end = _directory(content, order, layout)
    kept: dict[int, bytes] = {}
    whole: dict[int, int] = {}
    xmp = b""
    for entry in entries:
        tag, kind, count, value = struct.unpack(order + layout.entry, entry)
        if tag in _KEPT and tag not in kept:
            LIMITS.check("image_parts", count)
            kept[tag] = entry
            whole[tag] = _number(order, kind, value)
        elif tag == _XMP and not xmp:
            (first,) = struct.unpack(order + layout.first, value)
            xmp = content[first : first + min(count, _XMP_BYTES)]
    LIMITS.check("image_pixels", whole.get(_WIDTH, 0) * whole.get(_HEIGHT, 0))
    LIMITS.check("image_pixels", whole.get(_TILE_WIDTH, 0) * whole.get(_TILE_HEIGHT, 0))
    if ORIENTATION in kept:
        xmp = b""  # Pillow turns the image as the tag says.
    following = struct.calcsize(order + layout.first)
    if len(kept) == len(entries) and not any(content[end : end + following]):
        return Screened(content)
    place = len(content) + len(content) % 2
    at, after = layout.first_at, layout.first_at + following
    return Screened(
        b"".join(
            (
                content[:at],
                struct.pack(order + layout.first, place),
                memoryview(content)[after:],
                bytes(place - len(content)),
                struct.pack(order + layout.count, len(kept)),
                *kept.values(),
                bytes(following),
            )
        ),
        xmp=xmp,
    )


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """How the camera was held, from 1 (upright) to 8, as EXIF data say, or XMP if they do not; 1 where neither does."""
    found = _from_exif(exif)
    if found is None:
        told = _XMP_ORIENTATION.search(xmp)
        found = int(told[1]) if told else 1
    return found if 1 <= found <= 8 else 1


def _from_exif(exif: bytes) -> int | None:
    """The tag's value; None where there is none, or the data are damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = _ORDERS.get(exif[:2])
    if order is None:
        return None
    try:
        entries, _ = _directory(exif, order, _CLASSIC)
    except BrokenImage:
        return None
    for entry in entries:
        tag, kind, _, value = struct.unpack(order + _CLASSIC.entry, entry)
        if tag == ORIENTATION:
            return _number(order, kind, value)
    return None


def _directory(content: bytes, order: str, layout: _Layout) -> tuple[list[bytes], int]:
    """The entries of the first directory, and the byte after them."""
    size = struct.calcsize(order + layout.entry)
    try:
        (at,) = struct.unpack_from(order + layout.first, content, layout.first_at)
        (count,) = struct.unpack_from(order + layout.count, content, at)
    except (struct.error, OverflowError):
        raise BrokenImage("it ends before its first directory") from None
    LIMITS.check("image_parts", count)
    at += struct.calcsize(order + layout.count)
    end = at + count * size
    # As far as there are any: a directory that is cut short still has its first tags.
    return [content[place : place + size] for place in range(at, min(end, len(content) - size + 1), size)], end


def _number(order: str, kind: int, value: bytes) -> int:
    """The one whole number in an entry; 0 where it is of another kind, which no decoder takes for a size either."""
    letter = _WHOLE.get(kind)
    if letter is None or struct.calcsize(order + letter) > len(value):
        return 0
    return int(struct.unpack_from(order + letter, value)[0])
