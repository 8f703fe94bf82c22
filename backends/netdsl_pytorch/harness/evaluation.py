"""Tests finished runs, one or several together, and names what is on images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from netdsl_pytorch.harness.data import decode
from netdsl_pytorch.harness.data.augment import middle_box
from netdsl_pytorch.harness.data.batches import BROKEN
from netdsl_pytorch.harness.data.crops import NATIVE, SCALES, check_count
from netdsl_pytorch.harness.data.crops import crops as cut
from netdsl_pytorch.harness.data.datasets import MemorySplit
from netdsl_pytorch.harness.data.files import FileSplit, read_image
from netdsl_pytorch.harness.errors import BrokenImage, HarnessError
from netdsl_pytorch.harness.machine import device, system
from netdsl_pytorch.harness.machine.distributed import Group, processes
from netdsl_pytorch.harness.matching import load_test
from netdsl_pytorch.harness.model import model_source
from netdsl_pytorch.harness.model.weights import parse_weights
from netdsl_pytorch.harness.options import TrainableModel
from netdsl_pytorch.harness.progress import Progress
from netdsl_pytorch.harness.run import checkpoint, contained
from netdsl_pytorch.harness.run.description import Description
from netdsl_pytorch.harness.run.folder import Recompile, RunFolder
from netdsl_pytorch.harness.run.metrics import Confusion, Evaluation

AT_ONCE = 256
"""Crops that go through a net together."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A net with its weights, and how it wants its images."""

    run: Path
    description: Description
    module: nn.Module
    device: torch.device

    @property
    def size(self) -> tuple[int, int]:
        """The height and width that it takes."""
        return self.description.input_shape[1], self.description.input_shape[2]

    def probabilities(self, views: Tensor) -> Tensor:
        """What the net makes of crops of 0 to 255 [B, C, h, w]: probabilities [B, classes]."""
        views = views.to(self.device)
        mean = torch.tensor(self.description.mean, device=self.device).view(1, -1, 1, 1)
        std = torch.tensor(self.description.std, device=self.device).view(1, -1, 1, 1)
        images = ((views - mean) / std).contiguous(memory_format=torch.channels_last)
        autocast = self.description.precision == "bfloat16"
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            logits = self.module(images)
        return logits.float().softmax(dim=1)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Tested:
    """What one run, or several together, make of the test images."""

    runs: tuple[Path, ...]
    crops: int
    data: str
    classes: tuple[str, ...]
    figures: Evaluation
    notes: tuple[str, ...] = ()
    """Which images they were, and of which classes there are none, a sentence each."""
    speaks: bool = True
    """Whether this process is the one to tell of it."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is on an image: the likeliest classes, the best first, with their probabilities."""

    image: Path
    classes: tuple[tuple[str, float], ...]


def open_run(path: Path, recompile: Recompile, trusts: bool, where: torch.device, progress: Progress) -> Trained:
    """The net of a run with its weights: the final ones, or those of the newest checkpoint. Raises HarnessError."""
    run = RunFolder(path)
    description = run.describe()
    model: TrainableModel = run.load_model(description, recompile, trusts, progress.warn)
    model_source.check_room(run.model, model.source, model.name)
    module = model_source.build(run.model, model.source, model.name)
    most = checkpoint.max_bytes(module)
    if run.has(run.weights):
        try:
            content = contained.read(run.path, run.weights.name, most, "what the net needs")
        except OSError as error:
            raise HarnessError(f"cannot read {run.weights}: {error.strerror or error}") from error
        weights = parse_weights(content, run.weights)
    else:
        found = checkpoint.load_newest(run.checkpoints, progress.warn, tidy=False, most=most)
        if found is None:
            raise HarnessError(f"{path} has no weights yet", help=f"train --resume {path} goes on with it")
        progress.warn(f"{path} is not finished: these are the weights of step {found.step}")
        weights = found.average if found.average is not None else found.model
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise HarnessError(f"the weights in {path} do not belong to model.py: {error}") from error
    module = module.to(where, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return Trained(path, description, module, where)


def evaluate(
    runs: Sequence[Path],
    recompile: Recompile,
    *,
    crops: int = 1,
    data: str | None = None,
    device: str = "auto",
    trust_model: bool = False,
    quiet: bool = False,
) -> Tested:
    """Top-1, top-5, loss and confusion of one run, or of the mean of several runs' probabilities, on the test images.

    `data` is those that the first run was trained on, unless given; classes are matched by name. Under torchrun each
    process takes its part of the images. Raises HarnessError.
    """
    check_count(crops)
    with processes(device) as group:
        progress = Progress(quiet=quiet or not group.first)
        where = _device(device, group)
        system.keep_freed_memory()
        trained = [open_run(path, recompile, trust_model, where, progress) for path in runs]
        first = trained[0].description
        for other in trained[1:]:
            if other.description.classes != first.classes:
                raise HarnessError(f"{other.run} tells other classes apart than {trained[0].run}")
        images = load_test(first, data, [other.description for other in trained[1:]])
        count = len(images.split)
        mine = range(group.rank * count // group.size, (group.rank + 1) * count // group.size)
        labels = images.split.labels[mine.start : mine.stop].clone()
        total = torch.zeros(len(labels), first.num_classes)
        for number, net in enumerate(trained):
            for start, probabilities in _all(net, images.split, mine, crops, labels, progress):
                total[start : start + len(probabilities)] += probabilities
                if progress.due():
                    done = (number + start / max(len(labels), 1)) / len(trained)
                    progress.show(f"{done:4.0%} of {count:,} images", f"{crops} crops each", f"{len(trained)} nets")
        progress.close()
        confusion = Confusion(first.num_classes, where)
        confusion.add((total / len(trained)).clamp(min=1e-30).log().to(where), labels.to(where))
        figures = confusion.evaluation(group)
        if not figures.images:
            raise HarnessError(f"none of the {count:,} test images of {images.name} can be decoded")
        return Tested(tuple(runs), crops, images.name, first.classes, figures, images.notes, group.first)


def predict(
    run: Path,
    images: Sequence[Path],
    recompile: Recompile,
    *,
    top: int = 5,
    crops: int = 1,
    device: str = "auto",
    trust_model: bool = False,
    broken: Callable[[Path, str], None] | None = None,
) -> list[Prediction]:
    """The likeliest classes of image files. Raises HarnessError; where `broken` is given, files that are no images are
    passed to it, with the reason.
    """
    check_count(crops)
    if top < 1:
        raise HarnessError(f"--top {top} names no class", help="--top 1, or more")
    decode.check_pillow()
    net = open_run(run, recompile, trust_model, _device(device, Group()), Progress())
    found = []
    for path in images:
        try:
            image = decode.decode_whole(read_image(path), net.description.input_shape[0], _shorter(net.size))
            views = cut(image, net.size, crops, net.description.recipe.test_crop)
        except (OSError, BrokenImage) as error:
            why = f"{path} cannot be decoded: {error}"
            if isinstance(error, OSError):
                why = f"cannot read {path}: {error.strerror or error}"
            if broken is None:
                raise HarnessError(why) from error
            broken(path, why)
            continue
        probabilities = net.probabilities(views).mean(dim=0).cpu()
        best = probabilities.topk(min(top, len(probabilities)))
        names = [net.description.classes[index] for index in best.indices.tolist()]
        found.append(Prediction(path, tuple(zip(names, best.values.tolist(), strict=True))))
    return found


def _device(name: str, group: Group) -> torch.device:
    return device.choose(name, group.local_rank if group.size > 1 else None)


def _all(
    net: Trained,
    split: MemorySplit | FileSplit,
    mine: range,
    count: int,
    labels: Tensor,
    progress: Progress,
) -> Iterator[tuple[int, Tensor]]:
    """The mean probabilities of images, several at a time, and where in `mine` they begin."""
    together = max(1, AT_ONCE // count)
    for start in range(mine.start, mine.stop, together):
        views = []
        for index in range(start, min(start + together, mine.stop)):
            try:
                views.append(_views(net, split, index, count))
            except (OSError, BrokenImage) as error:
                assert isinstance(split, FileSplit)
                progress.warn(f"{split.name(index)} is left out: {error}")
                labels[index - mine.start] = BROKEN
                views.append(torch.zeros(count, *net.description.input_shape))
        probabilities = net.probabilities(torch.cat(views))
        yield start - mine.start, probabilities.view(len(views), count, -1).mean(dim=1).cpu()


def _views(net: Trained, split: MemorySplit | FileSplit, index: int, count: int) -> Tensor:
    """The crops of one test image."""
    share, channels = net.description.recipe.test_crop, net.description.input_shape[0]
    if not isinstance(split, FileSplit):
        return cut(split.images[index], net.size, count, share)
    if count == 1:
        # Decoded and resized in one, as in the tests of training.
        box = partial(middle_box, size=net.size, share=share)
        return decode.decode(split.read(index), channels, net.size, box)[None].float()
    return cut(decode.decode_whole(split.read(index), channels, _shorter(net.size)), net.size, count, share)


def _shorter(size: tuple[int, int]) -> int:
    """To how many pixels a JPEG's shorter side may be reduced: the largest scale that crops are taken at."""
    return round(max(size) * SCALES[-1] / NATIVE)
