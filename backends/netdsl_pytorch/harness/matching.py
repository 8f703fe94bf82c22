"""The images that a run is tested on, their classes matched with the run's by name, never by number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from netdsl_pytorch.harness.data import datasets, decode
from netdsl_pytorch.harness.data.classes import CLASSES
from netdsl_pytorch.harness.data.datasets import MemorySplit
from netdsl_pytorch.harness.data.files import FileSplit, Found
from netdsl_pytorch.harness.data.folders import scan_folder, scan_test
from netdsl_pytorch.harness.data.shards import has_shards, scan_test_shards
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.run.description import Description, data_of

_TOLD = 8
"""So many classes are named in a message."""


@dataclass(frozen=True, slots=True)
class TestImages:
    """Images to test a run on; their labels are the run's."""

    name: str
    split: MemorySplit | FileSplit
    notes: tuple[str, ...]
    """Which images they are, and of which classes there are none, a sentence each."""


def load_test(description: Description, given: str | None, others: Sequence[Description] = ()) -> TestImages:
    """The test images of the data that the run names, or of those that are `given`; `others` are tested with it.

    Of a folder of classes that is given, all images, also where training had some of them, which is told. Raises
    HarnessError, also for images of a class that the run does not know.
    """
    name = data_of(description, given)
    if name == datasets.DIGITS or (name == datasets.FASHION_MNIST):
        images = datasets.load(name, description.input_shape)
        return _matched(images.name, images.test, images.classes, description, ())
    folder = datasets.folder_of(name)
    if datasets.has_idx(folder):
        split, classes = datasets.idx_test(folder)
        return _matched(str(folder), split, classes, description, (), nameless=True)
    decode.check_pillow()
    shards = has_shards(folder)
    found = scan_test_shards(folder) if shards else _folder(folder, given, (description, *others))
    notes = (f"the test images are {found.split}", *found.notes) if given is not None or found.notes else ()
    return _matched(str(folder), found.test, found.classes, description, notes, nameless=shards)


def _folder(folder: Path, given: str | None, runs: Sequence[Description]) -> Found:
    """The images of class folders: those that training set apart where none are given, else all of the part to test."""
    if given is None:
        return replace(scan_folder(folder), split="those that training set apart")
    found = scan_test(folder)
    run = _trained_on(folder, found, runs)
    if run is None:
        return found
    note = (
        "images that the run was trained on are among them: without --data, those alone are tested that it set apart"
        f" (of {run.data})"
    )
    return replace(found, notes=(note, *found.notes))


def _trained_on(folder: Path, found: Found, runs: Sequence[Description]) -> Description | None:
    """The first run that was trained on some of these images, wherever they were: their names and sizes tell."""
    try:
        own = scan_folder(folder)
    except HarnessError:
        return None
    if set(own.train.paths).isdisjoint(found.test.paths):
        return None
    sha256 = datasets.fingerprint(str(folder), own.train, own.test)
    return next((each for each in runs if each.data_sha256 == sha256), None)


def _matched(
    name: str,
    split: MemorySplit | FileSplit,
    classes: tuple[str, ...],
    description: Description,
    notes: tuple[str, ...],
    *,
    nameless: bool = False,
) -> TestImages:
    """The images with the numbers that the run has for their classes."""
    if isinstance(split, MemorySplit):
        channels, wanted = split.images.shape[1], description.input_shape[0]
        if channels != wanted:
            raise HarnessError(f"images of {name} have {channels} channels, and the net takes {wanted}")
    known = {each: number for number, each in enumerate(description.classes)}
    numbers = torch.tensor([known.get(each, -1) for each in classes])
    counts = split.labels.bincount(minlength=len(classes))
    unknown = [each for each, number, count in zip(classes, numbers, counts, strict=True) if number < 0 < count]
    if unknown:
        images = int(counts[numbers < 0].sum())
        if nameless and classes == tuple(map(str, range(len(classes)))):
            help = f"name the classes in {Path(name) / CLASSES}, a line for each number, as the run calls them"
        else:
            help = "classes are matched by name: rename those that are meant, and leave out the others"
        raise HarnessError(
            f"{name} has {images:,} image{'s' * (images > 1)} of {_list(unknown)}, which the run does not know: it "
            f"tells {_list(description.classes)} apart",
            help=help,
        )
    absent = [
        each for number, each in enumerate(description.classes) if number not in set(numbers[counts > 0].tolist())
    ]
    if absent:
        notes = (*notes, f"there are no images of {len(absent):,} of the run's {len(known):,} classes: {_list(absent)}")
    return TestImages(name, replace(split, labels=numbers[split.labels]), notes)


def _list(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return ", ".join(f"`{name}`" for name in names[:_TOLD]) + more
