"""What a run needs before it goes on: its net, device and data, checked as when it began, with nothing written."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from netdsl_pytorch.harness.data import datasets
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine import device
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.model import model_source
from netdsl_pytorch.harness.model.steps import check_parts
from netdsl_pytorch.harness.options import TrainableModel
from netdsl_pytorch.harness.run.description import Description, data_of
from netdsl_pytorch.harness.run.folder import Recompile, RunFolder


def prepare_again(
    run: RunFolder,
    description: Description,
    overrides: Mapping[str, Any],
    recompile: Recompile,
    group: Group,
    warn: Callable[[str], None],
) -> tuple[TrainableModel, torch.device, datasets.DataSet]:
    """The net, the device and the data of a run; `overrides` are options that were given. Raises HarnessError."""
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
