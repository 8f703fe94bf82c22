"""What any kind of pixels that Pillow decodes is as bytes of grey, or of red, green and blue; decided by kind alone.

No rule looks at the values of an image, its brightest pixel say: two images of one kind are read alike.
"""

from functools import cache
from typing import TYPE_CHECKING

from netdsl_pytorch.harness.errors import BrokenImage

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_STRAIGHT = {"La": "LA", "RGBa": "RGBA"}
"""Colours that are multiplied by their alpha already, and what Pillow calls them otherwise."""
_READ = frozenset(("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", *_WITH_ALPHA, *_GREY_16))
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_PNG_DEPTH = 24
"""Where in a PNG its header tells the bits of a sample."""


def in_mode(image: "Image", mode: str, content: bytes) -> "Image":
    """An image in `mode`, which is "L" or "RGB"; transparent parts count as black, whatever colour is under them.

    `content` is the file that it was decoded from. Raises BrokenImage for numbers of which none is black or white.
    """
    image.load()
    key = _transparent(image, content)
    if image.mode in _GREY_16 or (image.mode == "I" and image.format in ("PNG", "PPM")):
        image = _from_16_bits(image, key)
    elif image.mode not in _READ:
        raise BrokenImage(_refusal(image.mode))
    elif image.mode in _WITH_ALPHA or key is not None:
        image = _over_black(image, key)
    return image if image.mode == mode else image.convert(mode)


def _transparent(image: "Image", content: bytes) -> "int | tuple[int, ...] | bytes | None":
    """Which value is transparent in an image without alpha, in the units of its pixels; of palettes, their alphas."""
    key = image.info.get("transparency")
    if image.format != "PNG" or not isinstance(key, (int, tuple)) or image.mode in ("P", "1"):
        return key
    # It is told in the file's units, and Pillow gives pixels of less than 8 bits, and colours of 16, as bytes.
    depth = content[_PNG_DEPTH]
    if isinstance(key, tuple):
        return tuple(value >> 8 for value in key) if depth == 16 else key
    return key * 255 // (2**depth - 1) if depth < 8 else key


def _from_16_bits(image: "Image", key: object) -> "Image":
    """Grey of 16 bits as bytes: v / 257, rounded, so that the ends of the one are the ends of the other."""
    most = 65535
    inverted = False
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        bits = tags.get(_BITS_PER_SAMPLE, (16,))
        most = 2 ** min(bits[0], 16) - 1
        inverted = tags.get(_PHOTOMETRIC) == 0
    table = list(_bytes_of(most, inverted))
    if isinstance(key, int) and 0 <= key < 65536:
        table[key] = 0
    return image.convert("I").point(table, "L")


@cache
def _bytes_of(most: int, inverted: bool) -> tuple[int, ...]:
    """The byte for each value of 16 bits, where `most` is white, or black if it is `inverted`."""
    table = (min((2 * 255 * value + most) // (2 * most), 255) for value in range(65536))
    return tuple(255 - value for value in table) if inverted else tuple(table)


def _over_black(image: "Image", key: "int | tuple[int, ...] | bytes | None") -> "Image":
    from PIL import Image

    if image.mode == "La" or image.mode == "RGBa":
        # Their colours are those over black.
        bands = image.split()[:-1]
        return bands[0] if len(bands) == 1 else Image.merge("RGB", bands)
    if key is not None:
        image.info["transparency"] = key
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)


def _refusal(mode: str) -> str:
    if mode in ("I", "F"):
        kind = "whole numbers of 32 bits, or with a sign" if mode == "I" else "fractions"
        return f"its pixels are {kind}, of which none is black or white by itself: 8 or 16 bits without sign are read"
    return f"its colours are kept as {mode}, which is not read: RGB, grey, CMYK, YCbCr and palettes are"
