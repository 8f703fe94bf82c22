"""Tar shards as WebDataset writes them: images and their classes, found by the headers, read where they lie.

A sample is a pair of members with one name: `000017.jpg` and `000017.cls`, which holds the class as a number. Shards
are indexed once, by their headers alone, so that any image can be read at once and each epoch has an order of its own.
"""

import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.files import TEST, TRAIN, FileSplit
from netdsl_pytorch.harness.images.formats import SUFFIXES

CLASSES = "classes.txt"
"""A file beside the shards that names the classes, a line each."""


def has_shards(folder: Path) -> bool:
    """Whether there are tar files in the folder, or in its `train`."""
    return any(folder.glob("*.tar")) or any(folder.glob("train/*.tar"))


def scan_shards(folder: Path) -> tuple[FileSplit, FileSplit, tuple[str, ...], str]:
    """Training images, test images, the classes' names, and how the two were set apart, in words.

    Shards are `train-….tar` and `val-….tar` (or `test-…`), or lie in folders of those names. Raises HarnessError for
    shards that are cut short, for images without class, and for classes out of range.
    """
    train = _split(folder, TRAIN)
    test = _split(folder, TEST)
    most = int(train.labels.max())
    path = folder / CLASSES
    if path.is_file():
        try:
            classes = tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
        except (OSError, UnicodeDecodeError) as error:
            raise HarnessError(f"cannot read {path}: {error}") from error
        source = f"{path.name} names {len(classes)}"
    else:
        classes = tuple(map(str, range(most + 1)))
        source = f"the training shards have the labels 0 to {most}"
    for split in (train, test):
        index = int(split.labels.argmax())
        if int(split.labels[index]) >= len(classes):
            raise HarnessError(f"{split.name(index)} has the label {int(split.labels[index])}, and {source}")
    if len(classes) < 2:
        raise HarnessError(f"all training labels in {folder} are 0: there is nothing to tell apart")
    return train, test, classes, "the test shards"


def _split(folder: Path, prefixes: tuple[str, ...]) -> FileSplit:
    found: list[Path] = []
    for prefix in prefixes:
        found = found or sorted({*folder.glob(f"{prefix}*.tar"), *folder.glob(f"{prefix}/*.tar")})
    if not found:
        raise HarnessError(
            f"{folder} has no {prefixes[0]}-*.tar",
            help="shards are called train-000000.tar … and val-000000.tar …, or lie in folders `train` and `val`",
        )
    spans: list[tuple[int, int, int]] = []
    labels: list[int] = []
    for number, path in enumerate(found):
        for first, size, label in _index(path):
            spans.append((number, first, size))
            labels.append(label)
    return FileSplit([str(path) for path in found], torch.tensor(labels), np.array(spans, dtype=np.int64))


def _index(path: Path) -> list[tuple[int, int, int]]:
    """First byte, number of bytes and class of each image in a shard."""
    images: dict[str, tuple[int, int]] = {}
    labels: dict[str, int] = {}
    if not path.is_file():
        raise HarnessError(f"cannot read {path}: it is not a regular file")
    try:
        total = path.stat().st_size
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if not member.isreg():
                    continue
                # tarfile reads a shard that ends early as one that ends there.
                if member.offset_data + member.size > total:
                    raise _truncated(path, f"`{member.name}` announces {member.size:,} bytes, "
                                           f"and {max(total - member.offset_data, 0):,} follow")  # fmt: skip
                name = PurePosixPath(member.name)
                key = str(name.with_suffix(""))
                if name.suffix.lower() in SUFFIXES:
                    if key in images:
                        raise HarnessError(f"{path} has two images called `{key}`")
                    images[key] = (member.offset_data, member.size)
                elif name.suffix == ".cls":
                    labels[key] = _label(tar, member, path)
            # tarfile takes any end for the end; a sound archive has blocks of zeros there, which a crash leaves out.
            file.seek(tar.offset)
            block = file.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE or any(block):
                raise _truncated(path, f"after {tar.offset:,} bytes there is neither an image nor an end")
    except tarfile.TarError as error:
        raise _truncated(path, str(error)) from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    if not images:
        raise HarnessError(f"the shard {path} has no images ({', '.join(sorted(SUFFIXES))})")
    lacking = next((key for key in images if key not in labels), None)
    if lacking is not None:
        raise HarnessError(f"the image `{lacking}` in {path} has no class: `{lacking}.cls` is missing")
    return [(*images[key], labels[key]) for key in images]


def _label(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    file = tar.extractfile(member)
    text = file.read(32).strip() if file is not None else b""
    if not text.isdigit() or len(text) > 9:
        raise HarnessError(f"`{member.name}` in {path} holds {text.decode(errors='replace')!r}: a class is a number")
    return int(text)


def _truncated(path: Path, why: str) -> HarnessError:
    return HarnessError(f"the shard {path} is damaged or cut short: {why}", help="make or download it again")
