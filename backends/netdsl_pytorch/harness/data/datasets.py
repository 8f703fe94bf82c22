"""The data sets by name: scikit-learn's digits, Fashion-MNIST, and folders of IDX files, images or shards."""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netdsl_pytorch.harness.data import decode
from netdsl_pytorch.harness.data.augment import derive_seed, middle_box
from netdsl_pytorch.harness.data.classes import CLASSES, of_numbers
from netdsl_pytorch.harness.data.files import FileSplit
from netdsl_pytorch.harness.data.folders import scan_folder
from netdsl_pytorch.harness.data.idx import read_idx
from netdsl_pytorch.harness.data.shards import has_shards, scan_shards
from netdsl_pytorch.harness.errors import BrokenImage, HarnessError
from netdsl_pytorch.harness.options import TrainableModel

DIGITS = "digits"
FASHION_MNIST = "fashion-mnist"
FASHION_MNIST_FOLDERS = (Path("/usr/share/datasets/fashion-mnist"),)
"""Where Debian's package dataset-fashion-mnist puts the files."""


IDX_TRAIN, IDX_TEST = ("train",), ("t10k", "test")
"""What the names of IDX files begin with."""
MAX_CHANNELS = 1024
SAMPLED = 1024
"""From how many training images of a folder the figures that normalise them are measured."""
FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@dataclass(frozen=True, slots=True)
class MemorySplit:
    """Images [N, C, H, W] of unsigned bytes and their classes [N] as 64-bit integers."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, seed: int, epoch: int) -> Tensor:
        """The order of an epoch [N]: a function of the seed and the epoch alone."""
        generator = torch.Generator().manual_seed(derive_seed("epoch", seed, epoch))
        return torch.randperm(len(self), generator=generator)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Images to train on and images to test on, with the figures that normalise both."""

    name: str
    """`digits`, `fashion-mnist`, or the absolute path of a folder: what to give as `--data` to have it again."""
    split: str
    """How the test images were set apart, in words."""
    train: MemorySplit | FileSplit
    test: MemorySplit | FileSplit
    classes: tuple[str, ...]
    channels: int
    mean: Tensor
    """Of each channel over the training images, in units of a byte [C]."""
    std: Tensor
    """Likewise the standard deviation [C]."""
    notes: tuple[str, ...] = ()
    """What was passed over, a sentence each."""

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    def fingerprint(self) -> str:
        """SHA-256 over all images and labels, or of files their names and sizes: a resumed run must see what it saw."""
        return fingerprint(self.name, self.train, self.test)


def fingerprint(name: str, *splits: MemorySplit | FileSplit) -> str:
    """See DataSet.fingerprint."""
    digest = hashlib.sha256()
    for split in splits:
        if isinstance(split, FileSplit):
            split.digest(digest, Path(name))
            continue
        for tensor in (split.images, split.labels):
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def load(name: str, input_shape: Sequence[int]) -> DataSet:
    """The data set called `name`, or that of the folder `name`, for a net that takes `input_shape`.

    Raises HarnessError where there is none, or where it is not sound.
    """
    if name == DIGITS:
        return _digits()
    folder = folder_of(name)
    if name == FASHION_MNIST:
        return _idx_folder(folder, FASHION_MNIST, FASHION_CLASSES)
    if has_idx(folder):
        return _idx_folder(folder, str(folder))
    return _files(folder, input_shape)


def folder_of(name: str) -> Path:
    """The folder of the data called `name`, which are not the digits. Raises HarnessError where there is none."""
    if name == FASHION_MNIST:
        for folder in FASHION_MNIST_FOLDERS:
            if folder.is_dir():
                return folder
        places = ", ".join(map(str, FASHION_MNIST_FOLDERS))
        raise HarnessError(
            f"Fashion-MNIST is not installed ({places} is missing)",
            help="`apt install dataset-fashion-mnist` on Debian, or `--data FOLDER` with its four IDX files",
        )
    # Unlike Path, os.path asks whatever there may be in a name, which can come from a run: too long, or with zeros.
    if not os.path.isdir(name):
        what = "is a file" if os.path.exists(name) else "does not exist"
        raise HarnessError(
            f"`{name}` {what}; data are `{DIGITS}`, `{FASHION_MNIST}` or a folder: of IDX files, of class folders of "
            "images, or of tar shards",
        )
    return Path(name).resolve()


def has_idx(folder: Path) -> bool:
    """Whether there are IDX files in a folder."""
    return any(folder.glob("*idx?-ubyte*"))


def _files(folder: Path, input_shape: Sequence[int]) -> DataSet:
    """A folder of images in files or in shards."""
    decode.check_pillow()
    found = scan_shards(folder) if has_shards(folder) else scan_folder(folder)
    # A net of another shape is refused by check_fits; until then three channels will do.
    channels = input_shape[0] if len(input_shape) == 3 and input_shape[0] in decode.MODES else 3
    size = (input_shape[1], input_shape[2]) if len(input_shape) == 3 else (64, 64)
    sample = np.linspace(0, len(found.train) - 1, min(SAMPLED, len(found.train))).astype(int).tolist()
    images = list(_decoded(found.train, sample, channels, size))
    if not images:
        raise HarnessError(f"no image in {folder} can be decoded: the first is {found.train.name(0)}")
    if next(_decoded(found.test, range(len(found.test)), channels, size), None) is None:
        raise HarnessError(f"no test image in {folder} can be decoded: the first is {found.test.name(0)}")
    mean, std = _moments(torch.stack(images))
    return DataSet(str(folder), found.split, found.train, found.test, found.classes, channels, mean, std, found.notes)


def _decoded(split: FileSplit, indices: Iterable[int], channels: int, size: tuple[int, int]) -> Iterator[Tensor]:
    """Those of some images that can be decoded; others are counted and named when their turn comes."""
    for index in indices:
        with contextlib.suppress(OSError, BrokenImage):
            box = lambda height, width: middle_box(height, width, size, 1.0)  # noqa: E731
            yield decode.decode(split.read(index), channels, size, box)


def _digits() -> DataSet:
    """1,797 handwritten digits of 8x8 pixels (UCI optical recognition), which scikit-learn carries."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise HarnessError(
            "the digits come with scikit-learn, which is not installed", help="pip install scikit-learn"
        ) from error
    images, labels = load_digits(return_X_y=True)
    # Intensities are whole numbers from 0 to 16; white is to be 255, as in any image that `predict` is shown.
    images = (images.reshape(-1, 1, 8, 8) * 255 / 16).round().astype("uint8")
    parts = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    train_images, test_images, train_labels, test_labels = (torch.from_numpy(part) for part in parts)
    train, test = MemorySplit(train_images, train_labels.long()), MemorySplit(test_images, test_labels.long())
    return _in_memory(DIGITS, "stratified 80/20, seed 0", train, test, tuple("0123456789"))


def _idx_folder(folder: Path, name: str, classes: tuple[str, ...] = ()) -> DataSet:
    """A folder with MNIST's four files, named as MNIST names them."""
    train, test = _split(folder, IDX_TRAIN), _split(folder, IDX_TEST)
    if train.images.shape[1:] != test.images.shape[1:]:
        shapes = ["x".join(map(str, split.images.shape[1:])) for split in (train, test)]
        raise HarnessError(f"training images in {folder} are {shapes[0]}, test images {shapes[1]}")
    most = int(train.labels.max())
    classes = classes or of_numbers(folder, most)
    if len(classes) < 2:
        raise HarnessError(f"all training labels in {folder} are 0: there is nothing to tell apart")
    if most >= len(classes):
        raise HarnessError(f"training labels in {folder} go up to {most}, and {CLASSES} names {len(classes)} classes")
    if int(test.labels.max()) >= len(classes):
        raise HarnessError(
            f"test labels in {folder} go up to {int(test.labels.max())}, training labels to {len(classes) - 1} only"
        )
    return _in_memory(name, "the test files", train, test, classes)


def idx_test(folder: Path, classes: tuple[str, ...] = ()) -> tuple[MemorySplit, tuple[str, ...]]:
    """The test images of a folder of IDX files, and the classes' names."""
    test = _split(folder, IDX_TEST)
    most = int(test.labels.max())
    classes = classes or of_numbers(folder, most)
    if most >= len(classes):
        raise HarnessError(f"test labels in {folder} go up to {most}, and {CLASSES} names {len(classes)} classes")
    return test, classes


def _split(folder: Path, prefixes: tuple[str, ...]) -> MemorySplit:
    images_path = _find(folder, prefixes, "images", (3, 4))
    labels_path = _find(folder, prefixes, "labels", (1,))
    # Labels become whole numbers of 64 bits.
    images, labels = read_idx(images_path, (3, 4)), read_idx(labels_path, (1,), each=8)
    if len(images) != len(labels):
        raise HarnessError(
            f"{images_path.name} has {len(images):,} images and {labels_path.name} {len(labels):,} labels (in {folder})"
        )
    if images.dim() == 3:
        images = images.unsqueeze(1)
    if images.shape[1] > MAX_CHANNELS:
        raise HarnessError(f"images in {images_path} have {images.shape[1]:,} channels, and {MAX_CHANNELS:,} are read")
    return MemorySplit(images, labels.long())


def _find(folder: Path, prefixes: tuple[str, ...], kind: str, dimensions: tuple[int, ...]) -> Path:
    """The one file of this kind. MNIST's own files have `-idx3-ubyte`, some copies `.idx3-ubyte`, zipped or not."""
    for prefix in prefixes:
        for rank in dimensions:
            for separator in "-.":
                for ending in ("", ".gz"):
                    path = folder / f"{prefix}-{kind}{separator}idx{rank}-ubyte{ending}"
                    if path.is_file():
                        return path
    raise HarnessError(
        f"{folder} has no {prefixes[0]}-{kind}-idx{dimensions[0]}-ubyte, plain or .gz",
        help="a folder of IDX data holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte "
        "and t10k-labels-idx1-ubyte",
    )


def _in_memory(name: str, split: str, train: MemorySplit, test: MemorySplit, classes: tuple[str, ...]) -> DataSet:
    return DataSet(name, split, train, test, classes, train.images.shape[1], *_moments(train.images))


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of bytes [N, C, H, W]."""
    # In 64 bits, from counts of the 256 values: exact, and without a float copy of all images.
    values = torch.arange(256, dtype=torch.float64)
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = torch.bincount(images[:, channel].flatten(), minlength=256).double()
        mean = (counts * values).sum() / counts.sum()
        means.append(mean)
        deviations.append(((counts * (values - mean) ** 2).sum() / counts.sum()).sqrt())
    std = torch.stack(deviations).float()
    # A channel that never changes is left as it is, not divided by zero.
    return torch.stack(means).float(), torch.where(std > 0, std, torch.ones_like(std))


def check_fits(data: DataSet, model: TrainableModel) -> None:
    """Raises HarnessError, with the option that mends it, unless `model` takes and tells apart what `data` holds.

    Height and width need not agree: images are resized to the net's.
    """
    shape = "x".join(map(str, model.input_shape))
    if len(model.input_shape) != 3:
        raise HarnessError(f"{model.name} takes an input of {shape}; images are channels x height x width")
    channels = data.channels
    if isinstance(data.train, FileSplit) and model.input_shape[0] not in decode.MODES:
        raise HarnessError(
            f"{model.name} takes {shape}, and image files are decoded to 1 channel (grey) or 3 (red, green, blue)",
            help=f"--input 3x{model.input_shape[1]}x{model.input_shape[2]}",
        )
    if channels != model.input_shape[0]:
        wanted = f"{channels}x{model.input_shape[1]}x{model.input_shape[2]}"
        raise HarnessError(
            f"{model.name} takes {shape}, and the images of {data.name} have {channels} "
            f"channel{'s' if channels > 1 else ''}",
            help=f"--input {wanted}",
        )
    if data.num_classes != model.num_classes:
        raise HarnessError(
            f"{model.name} has {model.num_classes} classes, and {data.name} has {data.num_classes} "
            f"({data.classes[0]} to {data.classes[-1]})",
            help=f"--param num_classes={data.num_classes}",
        )
