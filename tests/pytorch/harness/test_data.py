"""Data sets: what is found where, what fits a net, and what the messages say."""

import gzip
import struct
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.data.datasets import FASHION_MNIST_FOLDERS, MemorySplit, check_fits, load

from tests.pytorch.harness.models import tiny


def write_idx(path: Path, array: torch.Tensor) -> None:
    """Writes unsigned bytes of any shape; gzipped if the name says so."""
    content = bytes([0, 0, 8, array.dim()]) + struct.pack(f">{array.dim()}I", *array.shape)
    content += bytes(array.flatten().tolist())
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_folder(folder: Path, classes: int = 3, channels: int = 1, ending: str = "") -> Path:
    """A folder with twelve training and six test images of 8x8."""
    folder.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    for prefix, count in (("train", 12), ("t10k", 6)):
        shape = (count, 8, 8) if channels == 1 else (count, channels, 8, 8)
        images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        write_idx(folder / f"{prefix}-images-idx{len(shape)}-ubyte{ending}", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{ending}", (torch.arange(count) % classes).to(torch.uint8))
    return folder


def test_digits() -> None:
    data = load("digits", (1, 8, 8))
    assert (len(data.train), len(data.test), data.channels, data.num_classes) == (1437, 360, 1, 10)
    assert data.test.labels.bincount().tolist() == [36, 36, 35, 37, 36, 37, 36, 36, 35, 36]
    assert isinstance(data.train, MemorySplit)
    pixels = data.train.images.double()
    assert data.mean.item() == pytest.approx(pixels.mean().item())
    assert data.std.item() == pytest.approx(pixels.std(correction=0).item())
    assert data.fingerprint() == load("digits", (1, 8, 8)).fingerprint()


@pytest.mark.skipif(not FASHION_MNIST_FOLDERS[0].is_dir(), reason="dataset-fashion-mnist is not installed")
def test_fashion_mnist() -> None:
    data = load("fashion-mnist", (1, 28, 28))
    assert (len(data.train), len(data.test), data.channels, data.num_classes) == (60_000, 10_000, 1, 10)


@pytest.mark.parametrize(("channels", "ending"), [(1, ""), (1, ".gz"), (3, "")])
def test_folder(tmp_path: Path, channels: int, ending: str) -> None:
    data = load(str(write_folder(tmp_path, channels=channels, ending=ending)), (channels, 8, 8))
    assert (len(data.train), len(data.test), data.channels, data.num_classes) == (12, 6, channels, 3)
    assert data.mean.shape == data.std.shape == (channels,)


def test_a_file_or_nothing_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HarnessError, match="is a file; data are `digits`, `fashion-mnist` or a folder"):
        load(str(tmp_path / "file"), (1, 8, 8))
    with pytest.raises(HarnessError, match="`mnist` does not exist"):
        load("mnist", (1, 8, 8))
    for name in ("/" + "a" * 300, "/a\0b"):
        with pytest.raises(HarnessError, match="does not exist; data are"):
            load(name, (1, 8, 8))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(HarnessError, match="has no t10k-labels-idx1-ubyte, plain or"):
        load(str(tmp_path), (1, 8, 8))


def test_counts_must_agree(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", torch.zeros(11, dtype=torch.uint8))
    with pytest.raises(HarnessError, match="12 images and train-labels-idx1-ubyte 11 labels"):
        load(str(tmp_path), (1, 8, 8))


def test_test_labels_must_be_known(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", torch.tensor([0, 1, 2, 0, 1, 9], dtype=torch.uint8))
    with pytest.raises(HarnessError, match="go up to 9, training labels to 2 only"):
        load(str(tmp_path), (1, 8, 8))


def test_sizes_of_training_and_test_must_agree(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", torch.zeros(6, 8, 9, dtype=torch.uint8))
    with pytest.raises(HarnessError, match="are 1x8x8, test images 1x8x9"):
        load(str(tmp_path), (1, 8, 8))


def test_the_way_out_of_a_wrong_class_count() -> None:
    with pytest.raises(HarnessError, match="tiny has 1000 classes, and digits has 10") as caught:
        check_fits(load("digits", (1, 8, 8)), tiny(num_classes=1000))
    assert caught.value.help == "--param num_classes=10"
    assert caught.value.exit_code == 2


def test_the_way_out_of_wrong_channels() -> None:
    with pytest.raises(HarnessError, match="tiny takes 3x32x32, and the images of digits have 1 channel") as caught:
        check_fits(load("digits", (1, 8, 8)), tiny(input_shape=(3, 32, 32)))
    assert caught.value.help == "--input 1x32x32"
