"""Folders of images: a folder for each class, set apart into training and test images by folders or by lot."""

import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from netdsl_pytorch.harness.data.files import FileSplit, Found
from netdsl_pytorch.harness.data.images.formats import SUFFIXES
from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import HarnessError

TRAIN, VALIDATION, TEST = ("train", "training"), ("val", "valid", "validation"), ("test", "testing")
"""What the folders, or the beginnings of the shards' names, may be called, in any case of letters."""
OF_SYSTEMS = frozenset(("thumbs.db", "desktop.ini", "__macosx"))
"""What file managers leave; it is passed over in silence, as is what begins with a dot."""
_TOLD = 5
"""So many suffixes of files that are passed over are told."""


def choose(folder: Path, names: list[str]) -> tuple[str | None, str | None, str]:
    """Which of some names are those of the parts to train on and to test with, and what is left alone, in words.

    Raises HarnessError where several are.
    """
    found = {kinds: [name for name in names if name.lower() in kinds] for kinds in (TRAIN, VALIDATION, TEST)}
    for several in found.values():
        if len(several) > 1:
            raise HarnessError(
                f"{folder} has both `{several[0]}` and `{several[1]}`: which one is meant cannot be told",
                help="move one of them elsewhere",
            )
    train, validation, test = ([*each, None][0] for each in found.values())
    alone = f" (`{test}` is left alone)" if validation and test else ""
    return train, validation or test, alone


@dataclass(slots=True)
class _Passed:
    """What was passed over in class folders."""

    suffixes: Counter[str] = field(default_factory=Counter)
    loops: int = 0
    beside: int = 0
    alike: tuple[str, str] | None = None

    def notes(self) -> Iterator[str]:
        count = self.suffixes.total()
        if count:
            most = self.suffixes.most_common(_TOLD)
            told = ", ".join(f"{number:,} {suffix}" for suffix, number in most)
            more = " and others" if len(self.suffixes) > _TOLD else ""
            verb = "file in class folders is" if count == 1 else "files in class folders are"
            yield f"{count:,} {verb} passed over, by what they end in: {told}{more}"
        if self.loops:
            yield f"{self.loops:,} linked folder{'s' * (self.loops > 1)} passed over, in which they are themselves"
        if self.beside:
            yield f"{self.beside:,} image{'s' * (self.beside > 1)} beside the class folders passed over, being in none"
        if self.alike:
            yield f"`{self.alike[0]}` and `{self.alike[1]}` are two classes, and differ in the case of letters only"


@dataclass(frozen=True, slots=True)
class _Classes:
    paths: list[str]
    labels: npt.NDArray[np.int64]
    names: tuple[str, ...]

    def part(self, chosen: npt.NDArray[np.bool_]) -> FileSplit:
        paths = [path for path, wanted in zip(self.paths, chosen, strict=True) if wanted]
        return FileSplit(paths, torch.from_numpy(self.labels[chosen]))


def scan_folder(folder: Path) -> Found:
    """The images of a folder that has a folder per class, or `train` and `val` (or `test`) that have.

    Without those, a fifth of each class is set apart for testing. Raises HarnessError that names what is empty or does
    not agree.
    """
    passed = _Passed()
    train_folder, test_folder, alone = _parts(folder)
    if train_folder is None:
        found = _scan(folder, passed)
        chosen = _fifth(found.labels)
        return Found(
            found.part(~chosen), found.part(chosen), found.names, "stratified 80/20, seed 0", tuple(passed.notes())
        )
    if test_folder is None:
        raise HarnessError(
            f"{folder} has a folder `{train_folder.name}`, and none of {', '.join((*VALIDATION, *TEST))} beside it",
            help="move some images of each class there, or take the classes out of `train`: a fifth is then set apart",
        )
    found, tested = _scan(train_folder, passed), _scan(test_folder, passed, least=0)
    unknown = sorted(set(tested.names) - set(found.names))
    if unknown:
        raise HarnessError(f"{test_folder} has the class `{unknown[0]}`, and {train_folder} has no folder of that name")
    # Classes are numbered by the training folder, also where the test folder lacks some.
    numbers = np.array([found.names.index(name) for name in tested.names], dtype=np.int64)
    return Found(
        FileSplit(found.paths, torch.from_numpy(found.labels)),
        FileSplit(tested.paths, torch.from_numpy(numbers[tested.labels])),
        found.names,
        f"the folder {test_folder.name}{alone}",
        tuple(passed.notes()),
    )


def scan_test(folder: Path) -> Found:
    """The same to test with alone: the images of `val` (or `test`), else of all class folders. None to train on."""
    passed = _Passed()
    train_folder, test_folder, alone = _parts(folder, testing=True)
    if test_folder is None and train_folder is not None:
        raise HarnessError(
            f"{folder} has a folder `{train_folder.name}`, and none of {', '.join((*VALIDATION, *TEST))} beside it",
            help=f"--data {train_folder}, if all of its images are to be tested",
        )
    found = _scan(test_folder or folder, passed, least=0)
    everything = np.ones(len(found.labels), dtype=bool)
    words = f"the folder {test_folder.name}{alone}" if test_folder else "all images of its class folders"
    return Found(found.part(~everything), found.part(everything), found.names, words, tuple(passed.notes()))


def _parts(folder: Path, *, testing: bool = False) -> tuple[Path | None, Path | None, str]:
    """The folders to train on and to test with, where there are any, and what is left alone, in words."""
    try:
        folders = [entry.name for entry in seen(folder) if entry.is_dir()]
        # A class may be called so too: locomotives. Then there are images in it, and no folders.
        named = [name for name in folders if name.lower() in (*TRAIN, *VALIDATION, *TEST)]
        parts = [name for name in named if any(entry.is_dir() for entry in seen(folder / name))]
    except OSError as error:
        raise HarnessError(f"cannot read {folder}: {error.strerror or error}") from error
    if named and not parts and len(named) == len(folders):
        raise HarnessError(
            f"{folder / named[0]} has no class folders",
            help="put the images of each class into a folder of its name, below it",
        )
    train, test, alone = choose(folder, parts)
    if test is not None and train is None and not testing:
        raise HarnessError(
            f"{folder} has a folder `{test}`, and none of {', '.join(TRAIN)} beside it",
            help="call the folder of training images `train`",
        )
    return folder / train if train else None, folder / test if test else None, alone


def seen(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, but for what is hidden and what systems leave."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.lower() not in OF_SYSTEMS:
                yield entry


def _scan(folder: Path, passed: _Passed, *, least: int = 2) -> _Classes:
    """The images of a folder with a folder per class, in the order of their names.

    There are `least` classes and, if that is not 0, images of each. Links are followed.
    """
    paths: list[str] = []
    labels: list[int] = []
    places: dict[tuple[int, int], str] = {}
    try:
        entries = list(seen(folder))
        names = sorted(entry.name for entry in entries if entry.is_dir())
        passed.beside += sum(_is_image(entry) for entry in entries)
        if len(names) < max(least, 1):
            raise HarnessError(
                f"{folder} has {len(names) or 'no'} class folder{'s' if len(names) != 1 else ''}: "
                + ("two at least are due" if least > 1 else "there is nothing to test"),
                help="put the images of each class into a folder of its name",
            )
        if len(names) > LIMITS.classes:
            raise HarnessError(f"{folder} has {len(names):,} class folders: {LIMITS.rule('classes')}")
        for number, name in enumerate(names):
            place = _place(folder / name)
            if place in places:
                raise HarnessError(
                    f"the class folders `{places[place]}` and `{name}` in {folder} are one folder, by a link",
                    help="remove one of the two names",
                )
            places[place] = name
            found = sorted(_images(folder / name, passed))
            if not found and least:
                raise HarnessError(
                    f"the class folder {folder / name} has no images ({', '.join(sorted(SUFFIXES))})",
                    help="put images there, or remove the folder if there is no such class",
                )
            paths += found
            labels += [number] * len(found)
    except OSError as error:
        raise HarnessError(f"cannot read {error.filename or folder}: {error.strerror or error}") from error
    if not paths:
        raise HarnessError(f"{folder} has no images", help=f"images end in {', '.join(sorted(SUFFIXES))}")
    lowered: dict[str, str] = {}
    for name in names:
        other = lowered.setdefault(name.casefold(), name)
        if other != name:
            passed.alike = passed.alike or (other, name)
    return _Classes(paths, np.array(labels, dtype=np.int64), tuple(names))


def _images(folder: Path, passed: _Passed) -> Iterator[str]:
    """The paths of the images in a folder and below it, each folder once however it is linked."""
    waiting, known = [str(folder)], {_place(folder)}
    while waiting:
        for entry in seen(waiting.pop()):
            if entry.is_dir():
                place = _place(entry.path)
                if place in known:
                    passed.loops += 1
                else:
                    known.add(place)
                    waiting.append(entry.path)
            elif _is_image(entry):
                yield entry.path
            else:
                suffix = os.path.splitext(entry.name)[1].lower()
                passed.suffixes[(suffix or "nothing") if entry.is_file() else "what leads to no file"] += 1


def _is_image(entry: os.DirEntry[str]) -> bool:
    return os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file()


def _place(folder: Path | str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


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
