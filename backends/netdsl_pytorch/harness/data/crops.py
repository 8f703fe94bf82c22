"""The parts of a test image that are looked at: one, ten, or the 144 of Szegedy et al. 2014, section 7."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl_pytorch.harness.data.augment import middle_box
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import HarnessError

COUNTS = (1, 10, 144)
SCALES = (256, 288, 320, 352)
"""Of the shorter side, for a net that takes 224: others take their share of it."""
NATIVE = 224


def check_count(count: int) -> None:
    """Raises HarnessError unless there is such a set of crops."""
    if count not in COUNTS:
        raise HarnessError(f"there are no {count} crops: 1, 10 or 144")


def crops(image: Tensor, size: tuple[int, int], count: int, test_crop: float = 1.0) -> Tensor:
    """Parts of an image [C, H, W] of 0 to 255 at the net's size: floats [`count`, C, h, w].

    1: the middle, as in training's tests. 10: corners and middle of the image at 256/224 of the net's size, each also
    mirrored. 144: at four scales the left, middle and right square (top, middle and bottom of a portrait), of each
    square its corners, its middle and itself resized, each also mirrored. Raises BrokenImage for an image so long and
    thin that it would be too large at those scales.
    """
    image = image.float()
    if count == 1:
        top, left, h, w = (round(side) for side in middle_box(image.shape[1], image.shape[2], size, test_crop))
        return _resized(image[:, top : top + h, left : left + w], size)[None]
    if count == 10:
        views = list(_five(_scaled(image, size, SCALES[0]), size))
    else:
        views = []
        for scale in SCALES:
            for square in _squares(_scaled(image, size, scale), size):
                views += [*_five(square, size), _resized(square, size)]
    return torch.stack([view for part in views for view in (part, part.flip(2))])


def _scaled(image: Tensor, size: tuple[int, int], scale: int) -> Tensor:
    """The image with its shorter side, measured by the net's, at `scale` / 224 of it."""
    factor = scale / NATIVE * max(size[0] / image.shape[1], size[1] / image.shape[2])
    height, width = round(image.shape[1] * factor), round(image.shape[2] * factor)
    # One row of pixels becomes many, each of its length times as much.
    LIMITS.check("image_pixels", height * width)
    return _resized(image, (height, width))


def _squares(image: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """The two ends and the middle of an image, with the aspect of `size` (a square, for most nets)."""
    height, width = image.shape[1:]
    h = min(height, round(width * size[0] / size[1]))
    w = min(width, round(height * size[1] / size[0]))
    for top, left in ((0, 0), ((height - h) // 2, (width - w) // 2), (height - h, width - w)):
        yield image[:, top : top + h, left : left + w]


def _five(image: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
    """The corners and the middle of an image, at the net's size."""
    down, right = image.shape[1] - size[0], image.shape[2] - size[1]
    for top, left in ((0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)):
        yield image[:, top : top + size[0], left : left + size[1]]


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if image.shape[1:] == size:
        return image
    shrinks = image.shape[1] > size[0] or image.shape[2] > size[1]
    return F.interpolate(image[None], size, mode="bilinear", align_corners=False, antialias=shrinks)[0]
