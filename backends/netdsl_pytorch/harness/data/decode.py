"""Decodes image files with Pillow: the part that is wanted, at the size that is wanted, in one cheap step."""

import io
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from torch import Tensor

from netdsl_pytorch.harness.data.images.formats import screen
from netdsl_pytorch.harness.data.images.pixels import in_mode
from netdsl_pytorch.harness.data.images.screened import Screened
from netdsl_pytorch.harness.data.images.tiff import orientation as orientation_of
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import BrokenImage, HarnessError

MODES = {1: "L", 3: "RGB"}
"""Pillow's names for images of so many channels."""
JPEG, TIFF = "JPEG", "TIFF"
_STANDARD_ERROR = 2


def decode(
    content: bytes, channels: int, size: tuple[int, int], box: Callable[[int, int], tuple[float, float, float, float]]
) -> Tensor:
    """The part `box(height, width)` (top, left, height, width) of an image, resized: bytes [C, H, W] of `size`.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough, which is several times as fast; what is resized is the
    part alone. Raises BrokenImage.
    """
    from PIL import Image

    mode = MODES[channels]
    with _opened(content) as (image, orientation):
        width, height = image.size if orientation < 5 else image.size[::-1]
        top, left, h, w = box(height, width)
        if image.format == JPEG:
            # At least as many pixels in the part as are wanted of it.
            wanted = (int(width * size[1] / w), int(height * size[0] / h))
            image.draft(mode, wanted if orientation < 5 else wanted[::-1])
        upright = _upright(in_mode(image, mode, content), orientation)
        across, down = upright.size[0] / width, upright.size[1] / height
        part = (left * across, top * down, (left + w) * across, (top + h) * down)
        # Rounding may leave the image by a hair, which Pillow refuses.
        part = (max(part[0], 0), max(part[1], 0), min(part[2], upright.size[0]), min(part[3], upright.size[1]))
        pixels = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=part, reducing_gap=3.0)
        return _tensor(pixels, mode)


def decode_whole(content: bytes, channels: int, shorter: int) -> Tensor:
    """All of an image: bytes [C, H, W], a JPEG possibly reduced, its shorter side not below `shorter` by that.

    Raises BrokenImage.
    """
    mode = MODES[channels]
    with _opened(content) as (image, orientation):
        if image.format == JPEG:
            scale = min(1.0, shorter / min(image.size))
            image.draft(mode, (math.ceil(image.size[0] * scale), math.ceil(image.size[1] * scale)))
        return _tensor(_upright(in_mode(image, mode, content), orientation), mode)


def check_pillow() -> None:
    """Raises HarnessError unless Pillow is there."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise HarnessError(
            "image files are decoded by Pillow, which is not installed", help="pip install pillow"
        ) from error


@contextmanager
def _opened(content: bytes) -> "Iterator[tuple[PIL.Image.Image, int]]":  # type: ignore[name-defined]  # noqa: F821
    """An image that is not decoded yet, and how the camera was held. What goes wrong within becomes BrokenImage."""
    from PIL import Image

    format, screened = screen(content)
    try:
        # What Pillow only warns of (a large image, say) is no reason to leave an image out.
        with (
            warnings.catch_warnings(action="ignore"),
            _unspoken() if format.name == TIFF else nullcontext(),
            Image.open(io.BytesIO(screened.content), formats=(format.name,)) as image,
        ):
            LIMITS.check("image_pixels", image.size[0] * image.size[1])
            yield image, _orientation(image, screened)
    except BrokenImage:
        raise
    except Exception as error:
        # Decoders raise whatever the bytes lead them to: OSError, SyntaxError, struct.error, DecompressionBombError …
        raise BrokenImage(_reason(error, format.name)) from error


@contextmanager
def _unspoken() -> Iterator[None]:
    """Within it, what a library in C writes to standard error is lost: libtiff complains there, of each line anew."""
    try:
        kept = os.dup(_STANDARD_ERROR)
    except OSError:
        yield  # It is closed.
        return
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), _STANDARD_ERROR)
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)


def _reason(error: Exception, format: str) -> str:
    """Why an image could not be decoded, in a line that is the same in every run."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return f"it begins as a {format} image does, and Pillow cannot read it"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has too many pixels: {LIMITS.rule('image_pixels')}"
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _orientation(image: "PIL.Image.Image", screened: Screened) -> int:  # type: ignore[name-defined]  # noqa: F821
    """How the camera was held, from 1 (upright) to 8. TIFF has no EXIF here: Pillow itself turns its images."""
    return orientation_of(screened.exif or image.info.get("exif", b""), screened.xmp or image.info.get("xmp", b""))


def _upright(image: "PIL.Image.Image", orientation: int) -> "PIL.Image.Image":  # type: ignore[name-defined]  # noqa: F821
    """The image as it was seen."""
    if orientation == 1:
        return image
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
    return image.transpose(turns[orientation])


def _tensor(image: "PIL.Image.Image", mode: str) -> Tensor:  # type: ignore[name-defined]  # noqa: F821
    """The bytes of an image of that mode [C, H, W]."""
    if image.mode != mode:
        raise BrokenImage(f"it was decoded as {image.mode}, and {mode} is wanted")
    pixels = np.frombuffer(image.tobytes(), dtype=np.uint8).reshape(image.size[1], image.size[0], -1)
    return torch.from_numpy(np.array(pixels.transpose(2, 0, 1), order="C"))
