"""Tar shards as WebDataset writes them: images and their classes, found by the headers, read where they lie.

A sample is a pair of members with one name: `000017.jpg` and `000017.cls`, which holds the class as a number. Shards
are indexed once, by their headers alone, so that any image can be read at once and each epoch has an order of its own.
"""

import re
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from netdsl_pytorch.harness.data.classes import CLASSES, of_numbers
from netdsl_pytorch.harness.data.files import FileSplit, Found
from netdsl_pytorch.harness.data.folders import TEST, TRAIN, VALIDATION, choose, seen
from netdsl_pytorch.harness.data.images.formats import SUFFIXES
from netdsl_pytorch.harness.errors import HarnessError

_WORD = re.compile(r"[A-Za-z]*")
_PACKED = re.compile(r"\.tar\.\w+$|\.t[gbxz]z2?$|\.tzst$", re.IGNORECASE)


def has_shards(folder: Path) -> bool:
    """Whether there are tar files in the folder, or in those of its splits."""
    return bool(_by_split(folder))


def scan_shards(folder: Path) -> Found:
    """The images of shards `train-….tar` and `val-….tar` (or `test-…`), or of folders with those names.

    Raises HarnessError for shards that are cut short, for images without class, and for classes out of range.
    """
    found = _by_split(folder)
    named, tested, alone = choose(folder, list(found))
    if named is None:
        raise _missing(folder, "train")
    if tested is None:
        raise _missing(folder, "val")
    passed = _Passed(found)
    train, test = _split(found[named], passed), _split(found[tested], passed)
    classes = _classes(folder, train, test)
    if len(classes) < 2:
        raise HarnessError(f"all training labels in {folder} are 0: there is nothing to tell apart")
    return Found(train, test, classes, f"the {tested} shards{alone}", passed.notes(folder))


def scan_test_shards(folder: Path) -> Found:
    """The same to test with alone: nothing to train, and as many classes as the test shards or `classes.txt` have."""
    found = _by_split(folder)
    _, tested, alone = choose(folder, list(found))
    if tested is None:
        raise _missing(folder, "val")
    passed = _Passed(found)
    test = _split(found[tested], passed)
    return Found(_split([], passed), test, _classes(folder, test), f"the {tested} shards{alone}", passed.notes(folder))


def _by_split(folder: Path) -> dict[str, list[Path]]:
    """The shards by the word that their names, or their folders', begin with, in small letters."""
    found: dict[str, set[Path]] = {}
    try:
        parts = [
            path for path in folder.iterdir() if path.name.lower() in (*TRAIN, *VALIDATION, *TEST) and path.is_dir()
        ]
    except OSError as error:
        raise HarnessError(f"cannot read {folder}: {error.strerror or error}") from error
    for path in folder.glob("*.tar"):
        word = _WORD.match(path.name)
        found.setdefault(word[0].lower() if word else "", set()).add(path)
    for part in parts:
        found.setdefault(part.name.lower(), set()).update(part.glob("*.tar"))
    return {word: sorted(paths) for word, paths in found.items() if paths}


def _entries(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in seen(folder)]


def _missing(folder: Path, word: str) -> HarnessError:
    return HarnessError(
        f"{folder} has no {word}-*.tar",
        help="shards are called train-000000.tar … and val-000000.tar …, or lie in folders `train` and `val`",
    )


class _Passed:
    """What of the shards was passed over."""

    def __init__(self, found: dict[str, list[Path]]) -> None:
        known = (*TRAIN, *VALIDATION, *TEST)
        self.shards = [path.name for word, paths in found.items() if word not in known for path in paths]
        self.folders = {path.parent for paths in found.values() for path in paths}
        self.samples = 0
        self.first = ""

    def notes(self, folder: Path) -> tuple[str, ...]:
        notes = []
        if self.shards:
            notes.append(
                f"tar files whose names begin as no split's are passed over: {len(self.shards):,}, "
                f"the first is {self.shards[0]}"
            )
        # A folder of shards is of nothing else: what looks like data is told.
        packed, beside = [], []
        for path in sorted(each for inner in {folder, *self.folders} for each in _entries(inner)):
            if _PACKED.search(path.name):
                packed.append(path.relative_to(folder))
            elif path not in self.folders and path.is_dir():
                beside.append(path.relative_to(folder))
        if packed:
            notes.append(f"tar files that are packed are passed over: {len(packed):,}, the first is {packed[0]}")
        if beside:
            notes.append(f"folders beside the shards are passed over: {len(beside):,}, the first is {beside[0]}")
        if self.samples:
            notes.append(
                f"samples of {folder} with a class and no image: {self.samples:,}, the first is `{self.first}`"
            )
        return tuple(notes)


def _classes(folder: Path, *splits: FileSplit) -> tuple[str, ...]:
    """The classes' names. Raises HarnessError for a label that has none."""
    most = int(splits[0].labels.max())
    classes = of_numbers(folder, most)
    named = len(classes) if (folder / CLASSES).is_file() else 0
    source = f"{CLASSES} names {named}" if named else f"the training shards have the labels 0 to {most}"
    for split in splits:
        index = int(split.labels.argmax())
        if int(split.labels[index]) >= len(classes):
            raise HarnessError(f"{split.name(index)} has the label {int(split.labels[index])}, and {source}")
    return classes


def _split(found: list[Path], passed: _Passed) -> FileSplit:
    spans: list[tuple[int, int, int]] = []
    labels: list[int] = []
    for number, path in enumerate(found):
        for first, size, label in _index(path, passed):
            spans.append((number, first, size))
            labels.append(label)
    rows = np.array(spans, dtype=np.int64).reshape(-1, 3)
    return FileSplit([str(path) for path in found], torch.tensor(labels, dtype=torch.int64), rows)


def _index(path: Path, passed: _Passed) -> list[tuple[int, int, int]]:
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
                if member.issparse():
                    raise HarnessError(
                        f"`{member.name}` in {path} is stored without its holes: its bytes do not lie as they are read",
                        help="make the shard without `tar --sparse`",
                    )
                if member.size < 0:
                    raise _truncated(path, f"`{member.name}` announces {member.size:,} bytes")
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
                    if key in labels:
                        raise HarnessError(f"{path} has two classes for `{key}`")
                    labels[key] = _label(tar, member, path)
            # tarfile takes any end for the end; a sound archive has blocks of zeros there, which a crash leaves out.
            file.seek(tar.offset)
            block = file.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE or any(block):
                raise _truncated(path, f"after {tar.offset:,} bytes there is neither an image nor an end")
    except (tarfile.TarError, ValueError, LookupError, OverflowError, RecursionError) as error:
        # Headers may say anything, and tarfile takes some of it for numbers.
        raise _truncated(path, str(error)) from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    if not images:
        raise HarnessError(f"the shard {path} has no images ({', '.join(sorted(SUFFIXES))})")
    lacking = next((key for key in images if key not in labels), None)
    if lacking is not None:
        raise HarnessError(f"the image `{lacking}` in {path} has no class: `{lacking}.cls` is missing")
    for key in labels:
        if key not in images:
            passed.first = passed.first or key
            passed.samples += 1
    return [(*images[key], labels[key]) for key in images]


def _label(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    file = tar.extractfile(member)
    text = file.read(64) if file is not None else b""
    shown, text = text[:32], text.strip()
    if member.size > 64 or not text.isdigit() or len(text) > 9:
        raise HarnessError(f"`{member.name}` in {path} holds {shown.decode(errors='replace')!r}: a class is a number")
    return int(text)


def _truncated(path: Path, why: str) -> HarnessError:
    return HarnessError(f"the shard {path} is damaged or cut short: {why}", help="make or download it again")
