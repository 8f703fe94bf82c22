"""Decodes image files with Pillow: the part that is wanted, at the size that is wanted, in one cheap step."""

import io
import math
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from netdsl_pytorch.harness.errors import HarnessError

SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"))
MODES = {1: "L", 3: "RGB"}
"""Pillow's names for images of so many channels."""
JPEG = ("JPEG", "MPO")
"""Likewise for JPEGs, and for those of cameras that hold several pictures, of which the first counts."""


ORIENTATION = 0x0112
"""EXIF's tag for how a camera was held: from 5 on, width and height change places."""


class BrokenImage(Exception):
    """Bytes that are no image that can be decoded; the text says why."""


def decode(
    content: bytes, channels: int, size: tuple[int, int], box: Callable[[int, int], tuple[float, float, float, float]]
) -> Tensor:
    """The part `box(height, width)` (top, left, height, width) of an image, resized: bytes [C, H, W] of `size`.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough, which is several times as fast; what is resized is the
    part alone. Raises BrokenImage.
    """
    from PIL import Image

    mode = MODES[channels]
    try:
        # What Pillow only warns of (a large image, EXIF that is damaged) is no reason to leave an image out.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            orientation = _orientation(image)
            width, height = image.size if orientation < 5 else image.size[::-1]
            top, left, h, w = box(height, width)
            if image.format in JPEG:
                # At least as many pixels in the part as are wanted of it.
                wanted = (int(width * size[1] / w), int(height * size[0] / h))
                image.draft(mode, wanted if orientation < 5 else wanted[::-1])
            upright = _upright(image, orientation)
            across, down = upright.size[0] / width, upright.size[1] / height
            part = (left * across, top * down, (left + w) * across, (top + h) * down)
            # Rounding may leave the image by a hair, which Pillow refuses.
            part = (max(part[0], 0), max(part[1], 0), min(part[2], upright.size[0]), min(part[3], upright.size[1]))
            pixels = _converted(upright, mode).resize(
                (size[1], size[0]), Image.Resampling.BILINEAR, box=part, reducing_gap=3.0
            )
            return _tensor(np.array(pixels))
    except Exception as error:
        # Decoders raise whatever the bytes lead them to: OSError, SyntaxError, struct.error, DecompressionBombError …
        raise BrokenImage(_reason(error, content)) from error


def decode_whole(content: bytes, channels: int, shorter: int) -> Tensor:
    """All of an image: bytes [C, H, W], a JPEG possibly reduced, its shorter side not below `shorter` by that.

    Raises BrokenImage.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            orientation = _orientation(image)
            if image.format in JPEG:
                scale = min(1.0, shorter / min(image.size))
                image.draft(MODES[channels], (math.ceil(image.size[0] * scale), math.ceil(image.size[1] * scale)))
            return _tensor(np.array(_converted(_upright(image, orientation), MODES[channels])))
    except Exception as error:
        raise BrokenImage(_reason(error, content)) from error


def check_pillow() -> None:
    """Raises HarnessError unless Pillow is there."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise HarnessError(
            "image files are decoded by Pillow, which is not installed", help="pip install pillow"
        ) from error


def _reason(error: Exception, content: bytes) -> str:
    """Why an image could not be decoded, in a line that is the same in every run."""
    from PIL import Image, UnidentifiedImageError

    if not content:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a kind that Pillow knows"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more pixels than Pillow takes for sound ({2 * (Image.MAX_IMAGE_PIXELS or 0):,})"
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _orientation(image: "PIL.Image.Image") -> int:  # type: ignore[name-defined]  # noqa: F821
    """How the camera was held, from 1 (upright) to 8. TIFF has no such entry: Pillow itself turns its images."""
    if "exif" not in image.info:
        return 1
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Whatever damaged EXIF leads to: the image may be sound.
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _upright(image: "PIL.Image.Image", orientation: int) -> "PIL.Image.Image":  # type: ignore[name-defined]  # noqa: F821
    """The image as it was seen."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation > 1 else image


def _converted(image: "PIL.Image.Image", mode: str) -> "PIL.Image.Image":  # type: ignore[name-defined]  # noqa: F821
    if image.mode == mode:
        return image
    # Transparent parts count as black, whatever colour an editor left under them.
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        from PIL import Image

        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        # Pillow would cut 16 bits off at 255.
        values = np.asarray(image, dtype=np.float64)
        most = 65535.0 if values.max() > 255 else 255.0
        from PIL import Image

        image = Image.fromarray(np.clip(values * 255 / most, 0, 255).astype(np.uint8))
    return image.convert(mode)


def _tensor(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Tensor:
    if pixels.ndim == 2:
        return torch.from_numpy(pixels)[None]
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
