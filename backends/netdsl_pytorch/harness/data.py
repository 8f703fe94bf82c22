"""The data sets: scikit-learn's digits, Fashion-MNIST, and folders of IDX files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.idx import read_idx
from netdsl_pytorch.harness.options import TrainableModel

DIGITS = "digits"
FASHION_MNIST = "fashion-mnist"
FASHION_MNIST_FOLDERS = (Path("/usr/share/datasets/fashion-mnist"),)
"""Where Debian's package dataset-fashion-mnist puts the files."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images [N, C, H, W] of unsigned bytes and their classes [N] as 64-bit integers."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Images to train on and images to test on, with the figures that normalise both."""

    name: str
    """`digits`, `fashion-mnist`, or the absolute path of a folder: what to give as `--data` to have it again."""
    split: str
    """How the test images were set apart, in words."""
    train: Split
    test: Split
    num_classes: int
    mean: Tensor
    """Of each channel over the training images, in units of a byte [C]."""
    std: Tensor
    """Likewise the standard deviation [C]."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width

    def fingerprint(self) -> str:
        """SHA-256 over all images and labels: a resumed run must see what it saw before."""
        digest = hashlib.sha256()
        for tensor in (self.train.images, self.train.labels, self.test.images, self.test.labels):
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()


def load(name: str) -> DataSet:
    """The data set called `name`, or that of the folder `name`. Raises HarnessError where there is none."""
    if name == DIGITS:
        return _digits()
    if name == FASHION_MNIST:
        for folder in FASHION_MNIST_FOLDERS:
            if folder.is_dir():
                return _folder(folder, FASHION_MNIST)
        places = ", ".join(map(str, FASHION_MNIST_FOLDERS))
        raise HarnessError(
            f"Fashion-MNIST is not installed ({places} is missing)",
            help="`apt install dataset-fashion-mnist` on Debian, or `--data FOLDER` with its four IDX files",
        )
    folder = Path(name)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise HarnessError(
            f"`{name}` {what}; data are `{DIGITS}`, `{FASHION_MNIST}` or a folder of IDX files",
        )
    return _folder(folder, str(folder.resolve()))


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
    # Intensities are whole numbers from 0 to 16, so bytes hold them exactly.
    images = images.reshape(-1, 1, 8, 8).astype("uint8")
    parts = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    train_images, test_images, train_labels, test_labels = (torch.from_numpy(part) for part in parts)
    train, test = Split(train_images, train_labels.long()), Split(test_images, test_labels.long())
    return _dataset(DIGITS, "stratified 80/20, seed 0", train, test, num_classes=10)


def _folder(folder: Path, name: str) -> DataSet:
    """A folder with MNIST's four files, named as MNIST names them."""
    train, test = _split(folder, ("train",)), _split(folder, ("t10k", "test"))
    if train.images.shape[1:] != test.images.shape[1:]:
        shapes = ["x".join(map(str, split.images.shape[1:])) for split in (train, test)]
        raise HarnessError(f"training images in {folder} are {shapes[0]}, test images {shapes[1]}")
    num_classes = int(train.labels.max()) + 1
    if num_classes < 2:
        raise HarnessError(f"all training labels in {folder} are 0: there is nothing to tell apart")
    if int(test.labels.max()) >= num_classes:
        raise HarnessError(
            f"test labels in {folder} go up to {int(test.labels.max())}, training labels to {num_classes - 1} only"
        )
    return _dataset(name, "the test files", train, test, num_classes)


def _split(folder: Path, prefixes: tuple[str, ...]) -> Split:
    images_path = _find(folder, prefixes, "images", (3, 4))
    labels_path = _find(folder, prefixes, "labels", (1,))
    images, labels = read_idx(images_path, (3, 4)), read_idx(labels_path, (1,))
    if len(images) != len(labels):
        raise HarnessError(
            f"{images_path.name} has {len(images):,} images and {labels_path.name} {len(labels):,} labels (in {folder})"
        )
    if images.dim() == 3:
        images = images.unsqueeze(1)
    return Split(images, labels.long())


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


def _dataset(name: str, split: str, train: Split, test: Split, num_classes: int) -> DataSet:
    # In 64 bits, from counts of the 256 values: exact, and without a float copy of all images.
    values = torch.arange(256, dtype=torch.float64)
    means, deviations = [], []
    for channel in range(train.images.shape[1]):
        counts = torch.bincount(train.images[:, channel].flatten(), minlength=256).double()
        mean = (counts * values).sum() / counts.sum()
        means.append(mean)
        deviations.append(((counts * (values - mean) ** 2).sum() / counts.sum()).sqrt())
    std = torch.stack(deviations).float()
    # A channel that never changes is left as it is, not divided by zero.
    std = torch.where(std > 0, std, torch.ones_like(std))
    return DataSet(name, split, train, test, num_classes, torch.stack(means).float(), std)


def check_fits(data: DataSet, model: TrainableModel) -> None:
    """Raises HarnessError, with the option that mends it, unless `model` takes and tells apart what `data` holds.

    Height and width need not agree: images are resized to the net's.
    """
    shape = "x".join(map(str, model.input_shape))
    if len(model.input_shape) != 3:
        raise HarnessError(f"{model.name} takes an input of {shape}; images are channels x height x width")
    channels = data.image_shape[0]
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
            f"(labels 0 to {data.num_classes - 1})",
            help=f"--param num_classes={data.num_classes}",
        )
