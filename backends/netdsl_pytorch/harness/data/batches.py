"""Turns a data set into batches: order, this process's part, augmentation and normalisation, on the device.

The order of an epoch depends on (seed, epoch) alone. An epoch is cut into equal steps, and a step into as many parts as
there are processes times parts to accumulate, so that each sample has its turn once, however many processes there are.
"""

import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from netdsl.text.excerpt import visible
from netdsl_pytorch.harness.data.augment import Augmentation, blend, blends, middle_box
from netdsl_pytorch.harness.data.datasets import DataSet
from netdsl_pytorch.harness.data.decode import decode
from netdsl_pytorch.harness.data.files import FileSplit
from netdsl_pytorch.harness.errors import BrokenImage, HarnessError
from netdsl_pytorch.harness.machine.distributed import ALONE, Group
from netdsl_pytorch.harness.recipe import Recipe

BROKEN = -100
"""The label of an image that could not be decoded: torch's losses pass over it by default."""


@dataclass(slots=True)
class Batch:
    """One part of a step: float images [B, C, H, W] at the net's size, and classes [B]."""

    images: Tensor
    labels: Tensor
    samples: Tensor
    """Which training images these are [B]."""
    total: int
    """Images in the whole step: all parts, of all processes."""
    broken: int = 0
    """How many of these could not be decoded; their label is BROKEN."""
    others: Tensor | None = None
    """The classes of the images that were blended in [B]."""
    share: Tensor | None = None
    """How much of each image is its own [B]."""


Raw = tuple[Tensor, Tensor, list[tuple[int, str]]]
"""Bytes [B, C, H, W], classes [B], and which samples could not be decoded, and why."""


class Batches:
    """The training and test batches of a run.

    Data sets in memory lie on the device as bytes, so that a step copies only indices; of others, bytes are copied.
    They become floats, are augmented and normalised there.
    """

    def __init__(
        self,
        data: DataSet,
        recipe: Recipe,
        size: tuple[int, int],
        device: torch.device,
        group: Group = ALONE,
        workers: int = 0,
    ) -> None:
        self.data = data
        self.recipe = recipe
        self.size = size
        self.device = device
        self.group = group
        self.workers = workers
        self.augmentation = Augmentation(recipe, size)
        self.mean = data.mean.to(device).view(1, -1, 1, 1)
        self.std = data.std.to(device).view(1, -1, 1, 1)
        self.steps_per_epoch = -(-len(data.train) // recipe.batch)
        self.waited = 0.0
        """Seconds spent waiting for batches so far."""
        self.broken: dict[str, str] = {}
        """Images that could not be decoded, by name, and why."""
        self._memory = {
            split: (part.images.to(device), part.labels.to(device))
            for split, part in (("train", data.train), ("test", data.test))
            if not isinstance(part, FileSplit)
        }

    def rows(self, index: int) -> slice:
        """The place of step `index` in the order of an epoch.

        The epoch is cut into equal parts, not into whole batches and a rest: the rest could be one image, which batch
        norm refuses, and dropping it would leave images out.
        """
        count, steps = len(self.data.train), self.steps_per_epoch
        return slice(index * count // steps, (index + 1) * count // steps)

    def parts(self, index: int) -> list[slice]:
        """The parts of step `index` that this process computes, as places in the order of an epoch."""
        rows = self.rows(index)
        count, pieces = rows.stop - rows.start, self.group.size * self.recipe.accumulate
        edges = [rows.start + piece * count // pieces for piece in range(pieces + 1)]
        mine = range(self.group.rank * self.recipe.accumulate, (self.group.rank + 1) * self.recipe.accumulate)
        return [slice(edges[piece], edges[piece + 1]) for piece in mine]

    def epoch(self, epoch: int, first: int = 0) -> Iterator[list[Batch]]:
        """The steps of an epoch from step `first` on, each as its parts."""
        order = self.data.train.order(self.recipe.seed, epoch)
        places = [(index, part) for index in range(first, self.steps_per_epoch) for part in self.parts(index)]
        raw = self._raw("train", (order[part] for _, part in places), epoch)
        parts: list[Batch] = []
        for index, part in places:
            started = time.monotonic()
            images, labels, broken = next(raw)
            self.waited += time.monotonic() - started
            self._count_broken("train", broken)
            parts.append(self._prepared(images, labels, order[part], len(broken), epoch, index, part))
            if len(parts) == self.recipe.accumulate:
                yield parts
                parts = []

    def test_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's part of the test images, in their order."""
        count, ranks, rank = len(self.data.test), self.group.size, self.group.rank
        mine = torch.arange(rank * count // ranks, (rank + 1) * count // ranks)
        # Of fewer test images than processes, some have none.
        pieces = torch.split(mine, 2 * self._batch()) if len(mine) else ()
        for images, labels, broken in self._raw("test", pieces, None):
            self._count_broken("test", broken)
            yield self.normalised(images.float()), labels

    def example(self) -> Tensor:
        """A batch of two test images, or one if there are no two."""
        images, _, _ = next(self._raw("test", iter([torch.arange(min(2, len(self.data.test)))]), None, workers=0))
        return self.normalised(images.float())

    def normalised(self, images: Tensor) -> Tensor:
        """Bytes as the net takes them."""
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def _batch(self) -> int:
        """Images that are computed at once here."""
        return max(1, self.recipe.batch // (self.group.size * self.recipe.accumulate))

    def _prepared(
        self, images: Tensor, labels: Tensor, samples: Tensor, broken: int, epoch: int, index: int, part: slice
    ) -> Batch:
        draws = self.augmentation.draws(epoch, samples.numpy())
        images = self.augmentation.apply(images.float(), draws, cut="train" in self._memory)
        rows = self.rows(index)
        batch = Batch(self.normalised(images), labels, samples, rows.stop - rows.start, broken)
        mixed = blends(self.recipe, epoch * self.steps_per_epoch + index, batch.total)
        if mixed is not None:
            kind, drawn = mixed
            batch.others = labels.flip(0)
            batch.images, batch.share = blend(
                kind, batch.images, drawn[part.start - rows.start : part.stop - rows.start]
            )
            batch.images = batch.images.contiguous(memory_format=torch.channels_last)
        return batch

    def _raw(
        self, split: str, indices: Iterable[Tensor], epoch: int | None, workers: int | None = None
    ) -> Iterator[Raw]:
        """Images at the net's size on the device, cut at random if they are to be and lie in files."""
        if split in self._memory:
            images, labels = self._memory[split]
            for chosen in indices:
                at = chosen.to(self.device)
                yield self._resized(images[at]), labels[at], []
            return
        files = self.data.train if split == "train" else self.data.test
        assert isinstance(files, FileSplit)
        decoding = _Decoding(files, self.data.channels, self.augmentation, epoch)
        count = self.workers if workers is None else workers
        pinned = self.device.type == "cuda"
        loader = DataLoader(
            decoding,
            batch_sampler=[chosen.tolist() for chosen in indices],
            num_workers=count,
            collate_fn=_as_it_is,  # type: ignore[arg-type]
            worker_init_fn=_leave_signals_to_the_parent,
            prefetch_factor=4 if count else None,
            pin_memory=pinned,
        )
        for pixels, labels, broken in loader:
            yield pixels.to(self.device, non_blocking=pinned), labels.to(self.device, non_blocking=pinned), broken

    def _resized(self, images: Tensor) -> Tensor:
        """The middle of each image at the net's size."""
        height, width = images.shape[2:]
        top, left, h, w = (round(side) for side in middle_box(height, width, self.size, self.recipe.test_crop))
        images = images[:, :, top : top + h, left : left + w]
        if images.shape[2:] == self.size:
            return images
        shrinks = h > self.size[0] or w > self.size[1]
        return F.interpolate(images.float(), self.size, mode="bilinear", align_corners=False, antialias=shrinks)

    def _count_broken(self, split: str, broken: list[tuple[int, str]]) -> None:
        files = self.data.train if split == "train" else self.data.test
        for index, why in broken:
            assert isinstance(files, FileSplit)
            self.broken.setdefault(visible(files.name(index)), visible(why))  # a name can hold a line end
        if len(self.broken) > self.recipe.broken_limit:
            name, why = next(reversed(self.broken.items()))
            raise HarnessError(
                f"{len(self.broken):,} image{'s' * (len(self.broken) > 1)} cannot be decoded, "
                f"the last of them {name} ({why}); "
                f"{self.recipe.broken_limit:,} are passed over",
                help="mend or remove them, or raise the limit: --set broken_limit=N",
            )


class _Decoding(Dataset[Raw]):
    """Decodes batches of images, in a worker process or in this one."""

    def __init__(self, files: FileSplit, channels: int, augmentation: Augmentation, epoch: int | None) -> None:
        self.files = files
        self.channels = channels
        self.augmentation = augmentation
        self.epoch = epoch
        """None for test images, which are cut in their middle."""

    def __getitem__(self, index: int) -> Raw:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Raw:
        size = self.augmentation.size
        images = torch.zeros(len(indices), self.channels, *size, dtype=torch.uint8)
        labels = self.files.labels[indices].clone()
        broken: list[tuple[int, str]] = []
        for row, index in enumerate(indices):
            try:
                images[row] = decode(self.files.read(index), self.channels, size, partial(self._box, index))
            except (OSError, BrokenImage) as error:
                labels[row] = BROKEN
                broken.append((index, str(error)))
        return images, labels, broken

    def _box(self, index: int, height: int, width: int) -> tuple[float, float, float, float]:
        augmentation = self.augmentation
        if self.epoch is None or not augmentation.cuts:
            return middle_box(height, width, augmentation.size, augmentation.recipe.test_crop)
        draws = augmentation.draws(self.epoch, np.array([index]))
        top, left, h, w = augmentation.boxes(draws, height, width)[0].tolist()
        return top, left, h, w


def _as_it_is(batch: Raw) -> Raw:
    return batch


def _leave_signals_to_the_parent(worker: int) -> None:
    """Ctrl-C and SIGTERM reach all processes of a group; the parent finishes its step first and then ends these."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
