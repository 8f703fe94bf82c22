"""Whether a step can be computed: each of its parts needs an image, and two where batch norm sees nothing else.

Found out before a run begins. An epoch is cut into equal steps, and a step into equal parts (see batches.py), so the
smallest part follows from a few numbers.
"""

from pathlib import Path

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.model import model_source
from netdsl_pytorch.harness.model.memory import fill
from netdsl_pytorch.harness.options import TrainableModel
from netdsl_pytorch.harness.recipe import Recipe

_TOO_FEW = ("Expected more than 1 value per channel", "Expected more than 1 spatial element")
"""How PyTorch begins to say that it has one value to normalise, and none to compare it with."""


def smallest_part(images: int, batch: int, parts: int) -> int:
    """The images of the smallest part of any step."""
    return images // -(-images // batch) // parts


def check_parts(model: TrainableModel, images: int, recipe: Recipe, processes: int) -> None:
    """Raises HarnessError, with what to change, if some part of a step would have too few of the training images."""
    parts = processes * recipe.accumulate
    found = smallest_part(images, recipe.batch, parts)
    if found >= 2:
        return
    layer = None if recipe.sync_batchnorm and processes > 1 else norm_of_one_value(model)
    least = 1 if layer is None else 2
    if found >= least:
        return
    steps = f"{images:,} / ceil({images:,} / {recipe.batch:,})"
    what = f"the smallest step has floor({steps}) = {images // -(-images // recipe.batch):,} "
    what += "image" if images // -(-images // recipe.batch) == 1 else "images"
    if parts > 1:
        of = [f"{processes} processes"] * (processes > 1) + [f"accumulate = {recipe.accumulate}"] * (
            recipe.accumulate > 1
        )
        what += f", and its smallest part {found}, since {' and '.join(of)} cut it into {parts}"
    else:
        what += " at once"
    why = f"`{layer}` needs 2, for it has one value of a channel in each" if layer else "each needs one"
    raise HarnessError(f"{what}: {why}", help=_way_out(images, recipe, processes, least))


def _way_out(images: int, recipe: Recipe, processes: int, least: int) -> str:
    """What to change, as little as will do."""

    def does(batch: int, accumulate: int) -> bool:
        return smallest_part(images, batch, processes * accumulate) >= least

    def larger(accumulate: int) -> int | None:
        # Whatever the batch, a step has no more images than there are.
        if not does(images, accumulate):
            return None
        return next((batch for batch in range(recipe.batch + 1, images + 1) if does(batch, accumulate)), None)

    batch = larger(recipe.accumulate)
    if batch is not None:
        return f"--batch {batch}"
    for accumulate in range(recipe.accumulate - 1, 0, -1):
        if does(recipe.batch, accumulate):
            return f"--set accumulate={accumulate}"
    for accumulate in range(recipe.accumulate - 1, 0, -1):
        batch = larger(accumulate)
        if batch is not None:
            return f"--batch {batch} --set accumulate={accumulate}"
    most = images // least
    if most:
        return f"{most} processes at most, with --set accumulate=1 and --batch {images}"
    return f"more training images than {images}"


def norm_of_one_value(model: TrainableModel) -> str | None:
    """The norm that refuses one image, as batch norm does after a pool over all of it, by its path; None if none does.

    Found by running the net on one image without contents.
    """
    entered: list[str] = []
    module = _hollow(model)
    for name, part in module.named_modules():
        if not any(part.children()):
            part.register_forward_pre_hook(lambda part, inputs, name=name: entered.append(name))
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            fill(module)
            module.train()(torch.empty(1, *model.input_shape))
    except Exception as error:
        # An edited file may do anything; what else is wrong is told elsewhere.
        if str(error).startswith(_TOO_FEW):
            return entered[-1] if entered else "forward"
    return None


def _hollow(model: TrainableModel) -> nn.Module:
    with torch.device("meta"):
        return model_source.build(Path("model.py"), model.source, model.name)
