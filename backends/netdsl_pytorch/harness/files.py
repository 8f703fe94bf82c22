"""Images that stay in files until they are used: folders of classes, and tar shards."""

import hashlib
import math
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from netdsl_pytorch.harness.augment import derive_seed
from netdsl_pytorch.harness.errors import BrokenImage, HarnessError
from netdsl_pytorch.harness.images.formats import SUFFIXES
from netdsl_pytorch.harness.limits import LIMITS

WINDOW = 16
"""Shards that are shuffled together: reading stays within a few files at a time."""
TRAIN, TEST = ("train",), ("val", "validation", "test")
"""What the folders, or the beginnings of the shards' names, may be called."""


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


def read_image(path: Path) -> bytes:
    """The bytes of an image file. Raises OSError, and BrokenImage for one that is too large to be read, or no file."""
    # Asked before it is opened: a pipe would make that wait.
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise BrokenImage("it is not a file")
    LIMITS.check("image_bytes", status.st_size)
    return path.read_bytes()


def scan_folder(folder: Path) -> tuple[FileSplit, FileSplit, tuple[str, ...], str]:
    """Training images, test images, the classes' names, and how the two were set apart, in words.

    `folder` has a folder per class, or `train` and `val` (or `test`) that have. Without those, a fifth of each class
    is set apart for testing. Raises HarnessError that names what is empty or does not agree.
    """
    train_folder = _subfolder(folder, TRAIN)
    test_folder = _subfolder(folder, TEST)
    if train_folder is None:
        paths, labels, classes = _scan(folder)
        chosen = _fifth(labels)
        parts = [
            FileSplit([path for path, is_test in zip(paths, chosen, strict=True) if is_test == wanted],
                      torch.from_numpy(labels[chosen == wanted]))
            for wanted in (False, True)
        ]  # fmt: skip
        return parts[0], parts[1], classes, "stratified 80/20, seed 0"
    if test_folder is None:
        raise HarnessError(
            f"{folder} has a folder `{train_folder.name}`, and none of {', '.join(TEST)} beside it",
            help="move some images of each class there, or take the classes out of `train`: a fifth is then set apart",
        )
    paths, labels, classes = _scan(train_folder)
    test_paths, test_labels, test_classes = _scan(test_folder, allow_empty=True)
    unknown = sorted(set(test_classes) - set(classes))
    if unknown:
        raise HarnessError(f"{test_folder} has the class `{unknown[0]}`, and {train_folder} has no folder of that name")
    # Classes are numbered by the training folder, also where the test folder lacks some.
    numbers = np.array([classes.index(name) for name in test_classes], dtype=np.int64)
    return (
        FileSplit(paths, torch.from_numpy(labels)),
        FileSplit(test_paths, torch.from_numpy(numbers[test_labels])),
        classes,
        f"the folder {test_folder.name}",
    )


def _subfolder(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _scan(folder: Path, *, allow_empty: bool = False) -> tuple[list[str], npt.NDArray[np.int64], tuple[str, ...]]:
    """Paths, class numbers and class names of a folder with a folder per class, in the order of their names."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
        if len(names) < 2:
            raise HarnessError(
                f"{folder} has {len(names) or 'no'} class folder{'s' if len(names) != 1 else ''}: two at least are due",
                help="put the images of each class into a folder of its name",
            )
        paths: list[str] = []
        labels: list[int] = []
        for number, name in enumerate(names):
            found = sorted(
                str(path)
                for path in (folder / name).rglob("*")
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
            )
            if not found and not allow_empty:
                raise HarnessError(
                    f"the class folder {folder / name} has no images ({', '.join(sorted(SUFFIXES))})",
                    help="put images there, or remove the folder if there is no such class",
                )
            paths += found
            labels += [number] * len(found)
    except OSError as error:
        raise HarnessError(f"cannot read {folder}: {error.strerror or error}") from error
    if not paths:
        raise HarnessError(f"{folder} has no images")
    return paths, np.array(labels, dtype=np.int64), tuple(names)


def _fifth(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """A fifth of each class, at least one image of it, drawn with seed 0."""
    chosen = np.zeros(len(labels), dtype=bool)
    generator = np.random.Generator(np.random.Philox(key=0))
    for number in range(int(labels.max()) + 1):
        (where,) = np.nonzero(labels == number)
        if len(where) < 2:
            raise HarnessError("a class with one image only cannot be split into training and test images")
        chosen[generator.permutation(where)[: math.ceil(len(where) / 5)]] = True
    return chosen
