"""What a run will do, found out without doing it: `--dry-run`."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from netdsl_pytorch.harness.data.datasets import DataSet
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine import device, system
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.model import memory, model_source
from netdsl_pytorch.harness.model.memory import gibibytes
from netdsl_pytorch.harness.options import Options, Result, TrainableModel
from netdsl_pytorch.harness.prepare import prepare, prepare_resumption
from netdsl_pytorch.harness.progress import Progress
from netdsl_pytorch.harness.recipe import Recipe
from netdsl_pytorch.harness.run.checkpoint import KEEP, newest_step
from netdsl_pytorch.harness.run.description import check_overrides
from netdsl_pytorch.harness.run.folder import Recompile, RunFolder, check_free


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will take."""

    model: str
    parameters: int
    """While training, auxiliary heads among them."""
    data: str
    train_images: int
    test_images: int
    classes: int
    notes: tuple[str, ...]
    """What of the data is passed over."""
    device: str
    precision: str
    recipe: Recipe
    steps: int
    done: int
    """How many of them the newest checkpoint has behind it."""
    memory: int | str
    """Bytes at the peak of a step, above what the process has before; or why that cannot be said."""
    memory_free: int
    disk: int
    """Bytes of the run folder when it is largest."""
    disk_free: int

    def lines(self) -> list[str]:
        """The plan in words."""
        recipe = self.recipe
        per_epoch = self.steps // recipe.epochs
        needed = f"about {gibibytes(self.memory)}" if isinstance(self.memory, int) else self.memory
        lines = [
            f"{self.model}: {self.parameters:,} parameters while training",
            f"data: {self.data}, {self.classes:,} classes, {self.train_images:,} + {self.test_images:,} images",
            f"steps: {self.steps:,}, {recipe.epochs} epochs of {per_epoch:,} with {recipe.batch} images each"
            + (f"; {self.done:,} are done" if self.done else ""),
            f"optimiser: {recipe.optimizer}, learning rate {recipe.learning_rate:g}, {recipe.schedule} schedule",
            f"device: {self.device}, {self.precision}",
            f"memory: {needed}, {gibibytes(self.memory_free)} free",
            f"disk: about {gibibytes(self.disk)}, {gibibytes(self.disk_free)} free",
        ]
        lines += [f"warning: {note}" for note in self.notes]
        if isinstance(self.memory, int) and self.memory > self.memory_free:
            lines.append("warning: the memory will not do: --batch auto finds the largest batch that fits")
        if self.disk > self.disk_free:
            lines.append("warning: the disk will not do")
        return lines


def dry_run(model: TrainableModel, options: Options) -> Plan:
    """What `train` would do with the same arguments; writes nothing. Raises HarnessError where `train` would."""
    if options.out is not None:
        check_free(options.out)
    recipe, where, images = prepare(model, options, Group())
    precision = device.choose_precision(recipe.precision, where, model.input_shape)
    return _plan(model, recipe, where, precision, images, options.out or Path())


def dry_resume(run: Path, options_overrides: Mapping[str, Any], recompile: Recompile) -> Plan | Result:
    """What `resume` would do with the same arguments, or the result of a run that is finished; writes nothing.

    Raises HarnessError where `resume` would.
    """
    overrides = {key: value for key, value in options_overrides.items() if value is not None}
    folder = RunFolder(run)
    description = folder.describe()
    check_overrides(overrides, description)
    progress = Progress(quiet=bool(overrides.get("quiet")))
    done = newest_step(folder.checkpoints)
    try:
        finished = folder.finished()
        if finished is not None:
            return finished
    except HarnessError as error:
        if not done:
            raise
        progress.warn(f"{error.message}; it would be made again")
    model, where, images = prepare_resumption(folder, description, overrides, recompile, Group(), progress.warn)
    return _plan(model, description.recipe, where, description.precision, images, run, done)


def _plan(
    model: TrainableModel,
    recipe: Recipe,
    where: torch.device,
    precision: str,
    images: DataSet,
    folder: Path,
    done: int = 0,
) -> Plan:
    with torch.device("meta"):
        module = model_source.build(Path("model.py"), model.source, model.name)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    moments = {"sgd": 1 if recipe.momentum else 0, "adamw": 2, "rmsprop": 2 if recipe.momentum else 1}[recipe.optimizer]
    averaged = int(recipe.averaging != "none")
    part = -(-recipe.batch // recipe.accumulate)
    steps = -(-len(images.train) // recipe.batch)
    needed: int | str
    try:
        needed = memory.training_memory(model, recipe, part, precision == "bfloat16", where.type)
    except HarnessError as error:
        needed = error.message
    return Plan(
        model=model.name,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        data=images.name,
        train_images=len(images.train),
        test_images=len(images.test),
        classes=images.num_classes,
        notes=images.notes,
        device=str(where),
        precision=precision,
        recipe=recipe,
        steps=recipe.epochs * steps,
        done=done,
        memory=needed,
        memory_free=system.free_memory(where),
        # A checkpoint is written before the oldest goes; beside them the final weights and the small files.
        disk=weights * ((1 + moments + averaged) * (KEEP + 1) + 1) + 2**20,
        disk_free=shutil.disk_usage(_existing(folder)).free,
    )


def _existing(path: Path) -> Path:
    """The nearest folder above that exists."""
    path = path.resolve()
    while not path.is_dir():
        path = path.parent
    return path
