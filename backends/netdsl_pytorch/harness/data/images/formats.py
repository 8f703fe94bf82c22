"""The formats of image files that are opened, declared once: what is looked for in folders, shown and told derives.

They are those that photographs and drawings are kept in, and that Pillow decodes by itself from pixels. Its other
plug-ins are never asked: they start programs (EPS: Ghostscript), draw (WMF), are packages of other formats (ICO, ICNS,
PDF, PSD), or belong to games, faxes and sciences, whose files nobody calls images by mistake. The content alone decides
which one it is, never the name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from netdsl_pytorch.harness.data.images import bitmaps, containers, tiff
from netdsl_pytorch.harness.data.images.screened import Screened
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import BrokenImage

AVIF_BRANDS = (b"avif", b"avis")
HEIF_BRANDS = (b"mif1", b"msf1")
"""Brands of files that may hold images of several codecs: they have to name AVIF's as well."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is opened."""

    name: str
    """As Pillow calls the plug-in, which is the only one that is asked."""
    suffixes: tuple[str, ...]
    """What files of it are called in folders and shards."""
    begins: Callable[[bytes], object]
    """Whether content is of this format; true of one format at most, TGA aside, which comes last."""
    screen: Callable[[bytes], Screened]
    """What is looked at before Pillow sees the content, and what Pillow sees of it."""


def _signature(pattern: bytes) -> Callable[[bytes], object]:
    return re.compile(pattern, re.DOTALL).match


def _is_avif(content: bytes) -> bool:
    if content[4:8] != b"ftyp":
        return False
    size = min(int.from_bytes(content[:4], "big"), 1024)
    brands = {content[at : at + 4] for at in range(16, size, 4)}
    return content[8:12] in AVIF_BRANDS or (content[8:12] in HEIF_BRANDS and not brands.isdisjoint(AVIF_BRANDS))


FORMATS = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), _signature(rb"\xff\xd8\xff"), containers.jpeg),
    Format("PNG", (".png", ".apng"), _signature(rb"\x89PNG\r\n\x1a\n"), containers.png),
    Format("WebP", (".webp",), _signature(rb"RIFF....WEBP"), containers.webp),
    Format("GIF", (".gif",), _signature(rb"GIF8[79]a"), containers.gif),
    Format("BMP", (".bmp",), _signature(rb"BM.{24}"), bitmaps.bmp),
    Format("TIFF", (".tif", ".tiff"), _signature(rb"II[*+]\0|MM\0[*+]"), tiff.tiff),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), _signature(rb"P[1-6][\s#]"), bitmaps.pnm),
    Format("AVIF", (".avif",), _is_avif, containers.avif),
    # TGA has no signature: a header whose every field is sound, and a file as long as that, have to do.
    Format("TGA", (".tga",), bitmaps.is_tga, Screened),
)
"""The formats, in the order in which content is compared with them: the frequent ones first."""

SUFFIXES = frozenset(suffix for each in FORMATS for suffix in each.suffixes)
"""What the names of image files end in."""
NAMES = ", ".join(each.name for each in FORMATS[:-1]) + f" or {FORMATS[-1].name}"
"""The formats as a message tells them."""


def screen(content: bytes) -> tuple[Format, Screened]:
    """The format of an image file, and what of it a decoder is to see. Raises BrokenImage."""
    if not content:
        raise BrokenImage("the file is empty")
    LIMITS.check("image_bytes", len(content))
    for each in FORMATS:
        if each.begins(content):
            return each, each.screen(content)
    raise BrokenImage(f"it is no image of a format that is opened: {NAMES}")
