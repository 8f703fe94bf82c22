"""JPEG, PNG, WebP, GIF and AVIF: files made of parts, of which a decoder sees those that make up the first picture.

Comments, profiles, thumbnails, EXIF and later pictures are left out: in them lie texts that unpack to gigabytes, tags
that all point at the same megabyte, and tens of thousands of blocks that a decoder copies one behind the other.
"""

import struct
import zlib

import numpy as np

from netdsl_pytorch.harness.data.images.screened import Screened
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import BrokenImage

_JPEG_ALONE = frozenset((0x00, 0x01, *range(0xD0, 0xDA), 0xFF))
"""Second bytes of markers that no length follows."""
_JPEG_LEFT_OUT = frozenset((*range(0xE1, 0xEE), 0xEF, 0xFE))
"""Segments of applications and comments, but for JFIF's and Adobe's, which say how colours are stored."""
_JPEG_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_JPEG_SEQUENTIAL = (0xC0, 0xC1)
_SCAN = 0xDA

_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_PNG_TEXTS = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_PNG_CHUNK = struct.Struct(">I4s")
_XMP = b"XML:com.adobe.xmp"
_RAW_EXIF = b"Raw profile type exif"
"""The texts of a PNG that may tell how the camera was held, the second as ImageMagick writes it."""
_TEXT_BYTES = 2**20
"""How much of them is read: compressed, they may be gigabytes."""
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"

_GIF_EXTENSION, _GIF_IMAGE, _GIF_END, _GIF_CONTROL = 0x21, 0x2C, 0x3B, 0xF9


def jpeg(content: bytes) -> Screened:
    """A JPEG without what applications keep in it. Raises BrokenImage for one with too many segments or scans."""
    view = memoryview(content)
    kept, begin, exif, xmp, parts = [], 0, b"", b"", 0
    sequential, components = False, 0
    at = 2
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 4 > len(content):
            raise BrokenImage("it is a JPEG without a picture")
        marker = content[at + 1]
        if marker == _SCAN:
            break
        parts += 1
        if parts > LIMITS.image_parts:
            LIMITS.check("image_parts", parts)
        if marker in _JPEG_ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + (content[at + 2] << 8 | content[at + 3])
        if marker in _JPEG_LEFT_OUT:
            kept.append(view[begin:at])
            begin = end
            if marker == 0xE1 and not exif and content[at + 4 : at + 10] == b"Exif\0\0":
                exif = content[at + 4 : end]
            elif marker == 0xE1 and not xmp and content.startswith(_JPEG_XMP, at + 4):
                xmp = content[at + 4 : end]
        elif marker in _JPEG_FRAMES:
            sequential, components = marker in _JPEG_SEQUENTIAL, content[at + 9] if at + 9 < len(content) else 0
        at = max(end, at + 2)
    # A picture in one scan is decoded row by row, whatever follows; of others each scan goes over all of it.
    if not sequential or content[at + 4 : at + 5] != bytes((components,)):
        # Within a scan these two bytes never follow each other. NumPy counts them faster than `bytes.count`.
        rest = np.frombuffer(content, dtype=np.uint8, offset=at)
        LIMITS.check("jpeg_scans", int(np.count_nonzero((rest[:-1] == 0xFF) & (rest[1:] == _SCAN))))
    return Screened(b"".join((*kept, view[begin:])) if kept else content, exif, xmp)


def png(content: bytes) -> Screened:
    """A PNG with its pixels alone. Raises BrokenImage for one with too many chunks."""
    view = memoryview(content)
    kept, begin, exif, parts = [], 0, b"", 0
    texts: dict[bytes, bytes] = {}
    at = 8
    while at + 8 <= len(content):
        length, kind = _PNG_CHUNK.unpack_from(content, at)
        end = at + 12 + length
        parts += 1
        LIMITS.check("image_parts", parts)
        if kind not in _PNG_KEPT or (kind == b"IHDR" and at != 8):
            kept.append(view[begin:at])
            begin = end
            if kind == b"eXIf" and not exif:
                exif = content[at + 8 : end - 4]
            elif kind in _PNG_TEXTS:
                for keyword in (_XMP, _RAW_EXIF):
                    if keyword not in texts and content.startswith(keyword + b"\0", at + 8):
                        texts[keyword] = _png_text(kind, content[at + 9 + len(keyword) : end - 4])
        at = end
        if kind == b"IEND":
            break
    exif, xmp = exif or _unprinted(texts.get(_RAW_EXIF, b"")), texts.get(_XMP, b"")
    if not kept and at >= len(content):
        return Screened(content, exif, xmp)
    return Screened(b"".join((*kept, view[begin:at])), exif, xmp)


def _png_text(kind: bytes, content: bytes) -> bytes:
    """What a chunk of text says behind its keyword, if it is compressed the beginning of it."""
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        # Two flags, then the language and the keyword in it.
        packed = content[:1] == b"\1"
        content = content[2:].split(b"\0", 2)[-1]
    elif packed:
        content = content[1:]
    if not packed:
        return content[:_TEXT_BYTES]
    try:
        return zlib.decompressobj().decompress(content, _TEXT_BYTES)
    except zlib.error:
        return b""


def _unprinted(text: bytes) -> bytes:
    """The EXIF data in a text of hexadecimal digits below a line with its name and one with its length."""
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def webp(content: bytes) -> Screened:
    """A WebP as it is. Raises BrokenImage for one that is too large: its decoder takes memory when it opens a file."""
    exif, xmp, parts, at = b"", b"", 0, 12
    while at + 8 <= len(content):
        kind, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        parts += 1
        LIMITS.check("image_parts", parts)
        head = content[at + 8 : at + 18]
        if kind == b"VP8X":
            _check_size(1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little"))
        elif kind == b"VP8L":
            sides = int.from_bytes(head[1:5], "little")
            _check_size(1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF))
        elif kind == b"VP8 ":
            sides = int.from_bytes(head[6:10], "little")
            _check_size(sides & 0x3FFF, sides >> 16 & 0x3FFF)
        elif kind == b"EXIF" and not exif:
            exif = content[at + 8 : at + 8 + length]
        elif kind == b"XMP " and not xmp:
            xmp = content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return Screened(content, exif, xmp)


def gif(content: bytes) -> Screened:
    """A GIF from its first picture on, with the colours of all. Raises BrokenImage where there is none."""
    start = 13 + (3 << (content[10] & 7) + 1 if len(content) > 10 and content[10] & 0x80 else 0)
    at, parts, control = start, 0, b""
    while at < len(content) and content[at] not in (_GIF_IMAGE, _GIF_END):
        block = at
        if content[at] == _GIF_EXTENSION:
            at += 2
            while at < len(content) and content[at]:
                at += 1 + content[at]
                parts += 1
                LIMITS.check("image_parts", parts)
            if content[block + 1 : block + 2] == bytes((_GIF_CONTROL,)):
                control = content[block : at + 1]
        at += 1
        parts += 1
        LIMITS.check("image_parts", parts)
    if at >= len(content) or content[at] == _GIF_END:
        raise BrokenImage("it is a GIF without a picture")
    if at == start + len(control):
        return Screened(content)
    return Screened(b"".join((memoryview(content)[:start], control, memoryview(content)[at:])))


def avif(content: bytes) -> Screened:
    """An AVIF without EXIF, which has no say in how it is turned: its own `irot` and `imir` have."""
    kept, at, parts = [], 0, 0
    while at + 8 <= len(content):
        size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        end = at + size if size >= 8 else len(content)
        parts += 1
        LIMITS.check("image_parts", parts)
        box = content[at:end]
        # An item of a kind that no decoder knows is passed over. Pictures may have these bytes by chance.
        kept.append(box if kind == b"mdat" else box.replace(b"Exif", b"none"))
        at = end
    kept.append(content[at:])
    return Screened(b"".join(kept) if b"Exif" in content else content)


def _check_size(width: int, height: int) -> None:
    LIMITS.check("image_pixels", width * height)
