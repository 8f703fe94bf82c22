"""What a run needs before it begins or goes on: recipe, device and data, checked against the net while nothing is
written yet."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netdsl_pytorch.harness.data import datasets
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine import device
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.model import heads, memory, model_source
from netdsl_pytorch.harness.model.steps import check_parts
from netdsl_pytorch.harness.model.weights import load_weights
from netdsl_pytorch.harness.options import Options, TrainableModel, in_utf8
from netdsl_pytorch.harness.recipe import Recipe, recipe_for
from netdsl_pytorch.harness.run.description import Description, data_of
from netdsl_pytorch.harness.run.folder import Recompile, RunFolder


def prepare(model: TrainableModel, options: Options, group: Group) -> tuple[Recipe, torch.device, datasets.DataSet]:
    """The recipe with all settings, the device, and the data: checked, with nothing written. Raises HarnessError."""
    if options.memory is not None and options.batch != "auto":
        raise HarnessError("--memory says how much --batch auto may take", help="--batch auto, or no --memory")
    if options.reset and options.weights is None:
        raise HarnessError("--reset leaves layers out of --weights, and there are none", help="--weights FILE")
    if options.workers is not None and options.workers < 0:
        raise HarnessError(f"--workers {options.workers} is no number of processes", help="--workers 0, or more")
    recipe = recipe_for(options.data, options.recipe, options.all_settings())
    where = device.choose(options.device, group.local_rank if group.size > 1 else None)
    if recipe.sync_batchnorm and where.type != "cuda":
        raise HarnessError("sync_batchnorm works on GPUs only", help="--set sync_batchnorm=false")
    images = datasets.load(options.data, model.input_shape)
    for name in (images.name, *images.classes, str(options.out or "")):
        if name != in_utf8(name):
            raise HarnessError(f"the folder `{name}` has no name in UTF-8, and a run keeps names", help="another name")
    datasets.check_fits(images, model)
    check_classifier(model)
    if options.weights is not None:
        module = model_source.build(Path("model.py"), model.source, model.name)
        load_weights(options.weights, module, options.reset, model.moves, heads_of(model))
    if options.batch == "auto":
        batch = memory.largest_batch(model, recipe, where, options.memory, len(images.train))
        recipe = recipe.model_copy(update={"batch": group.agree(batch) * group.size})
    check_parts(model, len(images.train), recipe, group.size)
    return recipe, where, images


def prepare_resumption(
    run: RunFolder,
    description: Description,
    overrides: Mapping[str, Any],
    recompile: Recompile,
    group: Group,
    warn: Callable[[str], None],
) -> tuple[TrainableModel, torch.device, datasets.DataSet]:
    """The net, the device and the data of a run that goes on, checked as when it began, with nothing written.

    `overrides` are options that were given. Raises HarnessError.
    """
    model = run.load_model(description, recompile, bool(overrides.get("trust_model")), warn)
    model_source.check_room(run.model, model.source, model.name)
    where = device.choose(str(overrides.get("device", "auto")), group.local_rank if group.size > 1 else None)
    images = datasets.load(data_of(description, overrides.get("data")), model.input_shape)
    datasets.check_fits(images, model)
    if images.fingerprint() != description.data_sha256:
        raise HarnessError(
            f"the data in {images.name} are not those that this run began with",
            help="give the folder of those as --data",
        )
    if images.classes != description.classes:
        raise HarnessError(f"the classes in {images.name} have other names than when this run began")
    check_parts(model, len(images.train), description.recipe, group.size)
    # What was measured when the run began is what it goes on with.
    images = replace(images, mean=torch.tensor(description.mean), std=torch.tensor(description.std))
    return model, where, images


def describe(
    model: TrainableModel, options: Options, recipe: Recipe, where: torch.device, images: datasets.DataSet
) -> Description:
    """What `run.json` is to say."""
    return Description(
        model=model.name,
        spec_name=model.spec_name,
        params=model.params,
        inputs=model.inputs,
        spec_model=model.spec_model,
        limits=model.limits,
        passes=model.passes,
        input_shape=model.input_shape,
        num_classes=model.num_classes,
        data=images.name,
        data_sha256=images.fingerprint(),
        classes=images.classes,
        mean=tuple(images.mean.tolist()),
        std=tuple(images.std.tolist()),
        weights=in_utf8(str(options.weights.resolve())) if options.weights is not None else None,
        reset=options.reset,
        device=where.type,
        precision=device.choose_precision(recipe.precision, where, model.input_shape),
        recipe=recipe,
    )


def heads_of(model: TrainableModel) -> Callable[[], set[str]]:
    """What gives the keys that only the auxiliary heads of a net need, when they are asked for."""
    return lambda: heads.head_keys(Path("model.py"), model.source, model.name, model.input_shape)


def check_classifier(model: TrainableModel) -> None:
    """Raises HarnessError if the net is no classifier, as far as that can be seen without its numbers."""
    try:
        with torch.device("meta"), torch.inference_mode():
            module = model_source.build(Path("model.py"), model.source, model.name).eval()
            logits = module(torch.zeros(2, *model.input_shape))
    except Exception:
        return  # Files that somebody edited may need numbers: `check_output` has them.
    _check_logits(logits, 2, model.num_classes)


def check_output(module: nn.Module, example: Tensor, num_classes: int) -> None:
    """Raises HarnessError unless the net answers images [N, C, H, W] with logits [N, num_classes]."""
    module.eval()
    with torch.inference_mode():
        logits = module(example)
    _check_logits(logits, len(example), num_classes)


def _check_logits(logits: object, count: int, num_classes: int) -> None:
    if not isinstance(logits, Tensor) or logits.shape != (count, num_classes):
        what = "x".join(map(str, logits.shape[1:])) if isinstance(logits, Tensor) else "several outputs"
        raise HarnessError(f"the net gives {what}, and {num_classes} logits are due: only classifiers can be trained")
