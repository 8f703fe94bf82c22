"""What chance does to training images: cuts, shifts, mirrors, colours; drawn per (seed, epoch, sample) alone.

Draws do not depend on batches, processes or what was drawn before, so that a run cut up in another way sees the same
images. They are numbers of a counter (splitmix64; Steele, Lea & Flood 2014, as published by Vigna), not of a stream.
"""

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl_pytorch.harness.recipe import Recipe

Draws: TypeAlias = npt.NDArray[np.float64]
"""Numbers from 0 to 1 of each sample [N, DRAWS]."""
TRIES = 10
"""Cuts of random area and aspect that are tried before the middle is taken: many do not fit into a narrow image."""
SHIFT, FLIP, COLOUR, AREA, ASPECT, PLACE = 0, 2, 3, 6, 6 + TRIES, 6 + 2 * TRIES
"""Where in a row of draws the numbers for each purpose begin."""
DRAWS = PLACE + 2 * TRIES


def derive_seed(*parts: object) -> int:
    """A 63-bit seed made of `parts`: well mixed, where seed + step would give neighbouring runs the same numbers."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def uniforms(key: int, counters: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each counter, of any shape: well mixed, and the same whatever else is drawn."""
    with np.errstate(over="ignore"):
        x = (counters + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return np.asarray((x >> np.uint64(11)) * 2.0**-53)


class Augmentation:
    """The random changes that a recipe asks for."""

    def __init__(self, recipe: Recipe, size: tuple[int, int]) -> None:
        self.recipe = recipe
        self.size = size
        """The net's height and width."""
        self.cuts = recipe.area != (1.0, 1.0)
        self.reach = round(recipe.shift * min(size))
        """By how many pixels an image is moved at most, each way."""

    def draws(self, epoch: int, samples: npt.NDArray[np.int64]) -> Draws:
        """All that chance decides about these samples in this epoch."""
        key = derive_seed("augment", self.recipe.seed, epoch)
        first = samples.astype(np.uint64)[:, None] * np.uint64(DRAWS)
        counters: npt.NDArray[np.uint64] = np.add(first, np.arange(DRAWS, dtype=np.uint64), dtype=np.uint64)
        return uniforms(key, counters)

    def boxes(self, draws: Draws, height: int, width: int) -> npt.NDArray[np.float64]:
        """Top, left, height and width [N, 4], in pixels, of a random cut of each of N images of this size.

        Area and log of the aspect are even between the recipe's bounds (Szegedy et al. 2014, section 6).
        """
        (least, most), (narrow, wide) = self.recipe.area, np.log(self.recipe.aspect)
        area = height * width * (least + (most - least) * draws[:, AREA : AREA + TRIES])
        aspect = np.exp(narrow + (wide - narrow) * draws[:, ASPECT : ASPECT + TRIES]) * self.size[1] / self.size[0]
        heights, widths = np.sqrt(area / aspect), np.sqrt(area * aspect)
        fits = (heights <= height) & (widths <= width)
        first = fits.argmax(axis=1)
        rows = np.arange(len(draws))
        whole = middle_box(height, width, self.size, 1.0)
        found = fits[rows, first]
        h = np.where(found, heights[rows, first], whole[2])
        w = np.where(found, widths[rows, first], whole[3])
        place = draws[:, PLACE : PLACE + 2]
        top = np.where(found, place[:, 0] * (height - h), whole[0])
        left = np.where(found, place[:, 1] * (width - w), whole[1])
        return np.stack([top, left, h, w], axis=1)

    def apply(self, images: Tensor, draws: Draws, *, cut: bool) -> Tensor:
        """Images [B, C, H, W] of 0 to 255 at the net's size, changed as drawn; `cut` says they have yet to be cut."""
        device = images.device
        if cut and self.cuts:
            images = _zoomed(images, torch.from_numpy(self.boxes(draws, *self.size)).float().to(device))
        if self.reach:
            moves = np.floor(draws[:, SHIFT : SHIFT + 2] * (2 * self.reach + 1)).astype(np.int64)
            images = _shifted(images, torch.from_numpy(moves).to(device), self.reach)
        if self.recipe.flip:
            flip = torch.from_numpy(draws[:, FLIP] < 0.5).to(device)
            images = torch.where(flip.view(-1, 1, 1, 1), images.flip(3), images)
        if self.recipe.photometric:
            factors = 1 + self.recipe.photometric * (2 * draws[:, COLOUR : COLOUR + 3] - 1)
            images = _coloured(images, torch.from_numpy(factors).float().to(device))
        return images


def middle_box(height: int, width: int, size: tuple[int, int], share: float) -> tuple[float, float, float, float]:
    """Top, left, height and width of the largest middle part with the aspect of `size`, times `share`."""
    scale = share * min(height / size[0], width / size[1])
    h, w = scale * size[0], scale * size[1]
    return (height - h) / 2, (width - w) / 2, h, w


def blends(recipe: Recipe, step: int, count: int) -> tuple[str, npt.NDArray[np.float64]] | None:
    """How the images of a step are blended with others: `mixup` or `cutmix`, and for each the rest of it: how much of
    it stays, and where the centre of the rectangle lies [count, 3]. None if they are not.

    Drawn for the whole step, whichever processes share it.
    """
    kinds = [kind for kind in ("mixup", "cutmix") if getattr(recipe, kind)]
    if not kinds:
        return None
    generator = np.random.Generator(np.random.Philox(key=derive_seed("blend", recipe.seed, step)))
    kind = kinds[generator.integers(len(kinds))]
    alpha = getattr(recipe, kind)
    return kind, np.column_stack([generator.beta(alpha, alpha, count), generator.random((count, 2))])


def blend(kind: str, images: Tensor, drawn: npt.NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Images [B, C, H, W] blended with those of the batch in reverse, and the share of each that is its own [B]."""
    share = torch.from_numpy(drawn[:, 0]).float().to(images.device)
    if kind == "mixup":
        own = share.view(-1, 1, 1, 1)
        return own * images + (1 - own) * images.flip(0), share
    height, width = images.shape[2:]
    centre = torch.from_numpy(drawn[:, 1:]).float().to(images.device)
    side = (1 - share).sqrt() / 2
    row = (torch.arange(height, device=images.device) + 0.5) / height
    column = (torch.arange(width, device=images.device) + 0.5) / width
    inside = ((row - centre[:, :1]).abs() < side[:, None])[:, :, None] & (
        (column - centre[:, 1:]).abs() < side[:, None]
    )[:, None, :]
    # What counts is the area that was pasted: a rectangle at the rim is smaller than drawn.
    return torch.where(inside[:, None], images.flip(0), images), 1 - inside.float().mean(dim=(1, 2))


def _zoomed(images: Tensor, boxes: Tensor) -> Tensor:
    """The part of each image that its box [N, 4] holds, at the size of the whole."""
    height, width = images.shape[2:]
    top, left, h, w = (boxes / torch.tensor([height, width, height, width], device=boxes.device)).unbind(1)
    zero = torch.zeros_like(top)
    theta = torch.stack([w, zero, 2 * left + w - 1, zero, h, 2 * top + h - 1], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _shifted(images: Tensor, shift: Tensor, reach: int) -> Tensor:
    """Moves each image by its own whole number of pixels; what comes in from outside is black, a byte of 0."""
    count, channels, height, width = images.shape
    padded = F.pad(images, (reach, reach, reach, reach))
    device = images.device
    image = torch.arange(count, device=device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=device).view(1, -1, 1, 1)
    row = torch.arange(height, device=device).view(1, 1, -1, 1) + shift[:, 0].view(-1, 1, 1, 1)
    column = torch.arange(width, device=device).view(1, 1, 1, -1) + shift[:, 1].view(-1, 1, 1, 1)
    return padded[image, channel, row, column]


def _coloured(images: Tensor, factors: Tensor) -> Tensor:
    """Brightness, contrast and saturation times the factors [N, 3], the last where there are three channels."""
    brightness, contrast, saturation = factors.unbind(1)
    count, channels, height, width = images.shape
    pixels = images.reshape(count, channels, height * width)
    # Contrast stretches about the mean of the image, which is left where brightness puts it.
    mean = pixels.mean(dim=(1, 2)) * brightness
    mixing = torch.eye(channels, device=images.device).expand(count, channels, channels)
    if channels == 3:
        # Towards luma (ITU-R BT.601) or away from it. A grey that is added is kept by it, so all is one product.
        luma = torch.tensor([0.299, 0.587, 0.114], device=images.device).expand(3, 3)
        mixing = saturation.view(-1, 1, 1) * mixing + (1 - saturation).view(-1, 1, 1) * luma
    mixing = mixing * (brightness * contrast).view(-1, 1, 1)
    offset = (mean * (1 - contrast)).view(-1, 1, 1)
    return torch.baddbmm(offset, mixing, pixels).clamp_(0, 255).view(images.shape)
