"""BMP, PNM and TGA: a header and pixels. Some of their kinds are decoded by Pillow in Python, which takes its time."""

import re

from netdsl_pytorch.harness.data.images.screened import Screened
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import BrokenImage

_BMP_RUN_LENGTHS = (1, 2)
_SPACE = rb"(?:\s|#[^\r\n]*[\r\n])+"
_PNM = {
    kind: re.compile(rb"P%d" % kind + numbers * (_SPACE + rb"(\d{1,10})"))
    for kind, numbers in {1: 2, 2: 3, 3: 3, 4: 2, 5: 3, 6: 3}.items()
}
"""The headers: width, height, and but for bitmaps the largest value."""
_PNM_HEADER = 65536
"""Bytes within which the header has to end, comments and all."""
_PNM_COMMENT = re.compile(rb"#[^\r\n]*")
_PNM_FAST = {4: None, 5: (255, 65535), 6: (255,)}
"""The kinds that are decoded in C: with any largest value, or with these."""
_TGA_DEPTHS = {1: (8,), 2: (16, 24, 32), 3: (1, 8, 16)}
"""Bits of a pixel, by how TGA stores colours: by number, by value, grey."""
_TGA_MAP_DEPTHS = (15, 16, 24, 32)


def bmp(content: bytes) -> Screened:
    """A BMP as it is. Raises BrokenImage for one that would take minutes."""
    if int.from_bytes(content[14:18], "little") > 12 and content[30:34] in [
        kind.to_bytes(4, "little") for kind in _BMP_RUN_LENGTHS
    ]:
        width, height = (int.from_bytes(content[at : at + 4], "little", signed=True) for at in (18, 22))
        LIMITS.check("slow_samples", abs(width * height))
        # Runs may be empty: then it is their number that takes the time.
        LIMITS.check("slow_samples", len(content))
    return Screened(content)


def pnm(content: bytes) -> Screened:
    """A PBM, PGM or PPM without comments among its numbers. Raises BrokenImage for one that would take minutes."""
    kind = content[1] - ord("0")
    found = _PNM[kind].match(content[:_PNM_HEADER])
    if found is None:
        raise BrokenImage("its header is not that of a PBM, PGM or PPM")
    width, height, *largest = map(int, found.groups())
    fast = _PNM_FAST.get(kind, ())
    if fast is not None and largest[-1:] not in [[each] for each in fast]:
        LIMITS.check("slow_samples", width * height * (3 if kind in (3, 6) else 1))
    if b"#" in found[0]:
        # Pillow joins the digits before and behind a comment.
        numbers = b" ".join(found.groups())
        content = b"".join((b"P%d\n" % kind, numbers, memoryview(content)[found.end() :]))
    # It copies a megabyte for each comment that it meets among numbers in text.
    return Screened(_PNM_COMMENT.sub(b"", content) if kind < 4 else content)


def is_tga(content: bytes) -> bool:
    """Whether all fields of a TGA's header agree with each other and with the length of the file."""
    if len(content) < 18:
        return False
    mapped, kind, depth, flags = content[1], content[2], content[16], content[17]
    first, count, map_depth = int.from_bytes(content[3:5], "little"), content[5] | content[6] << 8, content[7]
    width, height = content[12] | content[13] << 8, content[14] | content[15] << 8
    if kind & ~8 not in _TGA_DEPTHS or depth not in _TGA_DEPTHS[kind & ~8] or not width or not height or flags & 0xC0:
        return False
    if mapped:
        sound = mapped == 1 and kind & 7 == 1 and map_depth in _TGA_MAP_DEPTHS and 0 < first + count <= 256
    else:
        sound = kind & 7 != 1 and not (first or count or map_depth)
    header = 18 + content[0] + (count * -(-map_depth // 8) if mapped else 0)
    pixels = width * height
    # With run lengths, a packet of up to 128 pixels takes a byte and a pixel at least.
    least = -(-pixels // 128) * (1 + depth // 8) if kind & 8 else height * -(-width * depth // 8)
    return sound and len(content) >= header + least
