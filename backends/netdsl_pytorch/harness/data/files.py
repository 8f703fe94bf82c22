"""Images that stay in files until they are used, in files of their own or in tar shards."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from netdsl_pytorch.harness.data.augment import derive_seed
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import BrokenImage

WINDOW = 16
"""Shards that are shuffled together: reading stays within a few files at a time."""


@dataclass(frozen=True, slots=True)
class FileSplit:
    """Where the images of a split lie, and their classes [N] as 64-bit integers."""

    paths: Sequence[str]
    """One per image, or one per shard."""
    labels: Tensor
    spans: npt.NDArray[np.int64] | None = None
    """Of shards: index into `paths`, first byte, and number of bytes of each image [N, 3]."""

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        """The file of image `index`. Raises OSError, and BrokenImage for one that is too large to be read."""
        if self.spans is None:
            return read_image(Path(self.paths[index]))
        shard, first, count = self.spans[index].tolist()
        LIMITS.check("image_bytes", count)
        with Path(self.paths[shard]).open("rb") as file:
            file.seek(first)
            return file.read(count)

    def name(self, index: int) -> str:
        """What to call image `index` in a message."""
        if self.spans is None:
            return self.paths[index]
        shard, first, _ = self.spans[index].tolist()
        return f"{self.paths[shard]}, the image at byte {first:,}"

    def order(self, seed: int, epoch: int) -> Tensor:
        """The order of an epoch [N]: a function of the seed and the epoch alone.

        Shards are shuffled, then the images of each `WINDOW` of them, so that a disk need not jump among all.
        """
        generator = torch.Generator().manual_seed(derive_seed("epoch", seed, epoch))
        if self.spans is None:
            return torch.randperm(len(self), generator=generator)
        shard_of = torch.from_numpy(self.spans[:, 0])
        rank = torch.randperm(len(self.paths), generator=generator)
        shuffled = torch.randperm(len(self), generator=generator)
        return shuffled[(rank[shard_of[shuffled]] // WINDOW).argsort(stable=True)]

    def digest(self, digest: "hashlib._Hash", root: Path) -> None:
        """Adds names, sizes and classes to a fingerprint: contents would take hours to read."""
        for path in self.paths:
            digest.update(f"{os.path.relpath(path, root)}\0{os.path.getsize(path)}\n".encode(errors="surrogateescape"))
        digest.update(self.labels.numpy().data)
        if self.spans is not None:
            digest.update(np.ascontiguousarray(self.spans).data)


@dataclass(frozen=True, slots=True)
class Found:
    """What a scan of a folder found."""

    train: FileSplit
    test: FileSplit
    classes: tuple[str, ...]
    split: str
    """How the test images were set apart, in words."""
    notes: tuple[str, ...] = ()
    """What was passed over, a sentence each."""


def read_image(path: Path) -> bytes:
    """The bytes of an image file. Raises OSError, and BrokenImage for one that is too large to be read, or no file."""
    # Asked before it is opened: a pipe would make that wait.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise BrokenImage("it is not a file")
    LIMITS.check("image_bytes", status.st_size)
    return path.read_bytes()
