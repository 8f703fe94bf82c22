"""Turns a data set into the batches of an epoch: order, augmentation and normalisation, on the device.

What an epoch looks like is drawn beforehand from (seed, epoch) alone, so that a run resumed in its middle sees the rest
of it unchanged.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from netdsl_pytorch.harness.data import DataSet, Split
from netdsl_pytorch.harness.recipe import Recipe


def derive_seed(*parts: object) -> int:
    """A 63-bit seed made of `parts`: well mixed, where seed + step would give neighbouring runs the same numbers."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """All that chance decides about the images of one epoch, in the order of their use."""

    order: Tensor
    """Indices into the training images [N]."""
    shift: Tensor | None
    """Down and right, in pixels from 0 to twice the reach [N, 2]."""
    flip: Tensor | None
    """Which images are mirrored [N]."""


class Batches:
    """The training and test batches of a run: float images [B, C, H, W] at the net's size, and classes [B].

    All images lie on the device as bytes, so that a step copies only indices; they become floats, are resized,
    augmented and normalised there.
    """

    def __init__(self, data: DataSet, recipe: Recipe, size: tuple[int, int], device: torch.device) -> None:
        self.recipe = recipe
        self.size = size
        self.device = device
        self.train = Split(data.train.images.to(device), data.train.labels.to(device))
        self.test = Split(data.test.images.to(device), data.test.labels.to(device))
        self.mean = data.mean.to(device).view(1, -1, 1, 1)
        self.std = data.std.to(device).view(1, -1, 1, 1)
        self.reach = round(recipe.shift * min(size))
        """By how many pixels a training image is moved at most, each way."""
        self.steps_per_epoch = -(-len(self.train) // recipe.batch)

    def plan(self, epoch: int) -> EpochPlan:
        """What chance decides about epoch `epoch`: a function of (seed, epoch) alone."""
        generator = torch.Generator().manual_seed(derive_seed("epoch", self.recipe.seed, epoch))
        count = len(self.train)
        order = torch.randperm(count, generator=generator)
        shift = torch.randint(0, 2 * self.reach + 1, (count, 2), generator=generator)
        flip = torch.rand(count, generator=generator) < 0.5
        return EpochPlan(
            order.to(self.device),
            shift.to(self.device) if self.reach else None,
            flip.to(self.device) if self.recipe.flip else None,
        )

    def step(self, plan: EpochPlan, index: int) -> tuple[Tensor, Tensor]:
        """The batch of step `index` of an epoch.

        The epoch is cut into equal parts, not into whole batches and a rest: the rest could be one image, which batch
        norm refuses, and dropping it would leave images out.
        """
        count, steps = len(self.train), self.steps_per_epoch
        rows = slice(index * count // steps, (index + 1) * count // steps)
        chosen = plan.order[rows]
        images = self._resized(self.train.images[chosen])
        if plan.shift is not None:
            images = _shifted(images, plan.shift[rows], self.reach)
        if plan.flip is not None:
            images = torch.where(plan.flip[rows].view(-1, 1, 1, 1), images.flip(3), images)
        return self._normalised(images), self.train.labels[chosen]

    def test_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The test images in their order."""
        for start in range(0, len(self.test), 2 * self.recipe.batch):
            rows = slice(start, start + 2 * self.recipe.batch)
            yield self._normalised(self._resized(self.test.images[rows])), self.test.labels[rows]

    def _resized(self, images: Tensor) -> Tensor:
        images = images.float()
        if images.shape[2:] == self.size:
            return images
        shrinks = images.shape[2] > self.size[0] or images.shape[3] > self.size[1]
        return F.interpolate(images, self.size, mode="bilinear", align_corners=False, antialias=shrinks)

    def _normalised(self, images: Tensor) -> Tensor:
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)


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
