"""Finds the layer of a net that was first to give NaN or infinity."""

import torch
from torch import Tensor, nn


def first_bad_layer(model: nn.Module, batches: list[Tensor], autocast: bool) -> str:
    """Which layer, by its path in the module, first gives a value that is not finite, in words.

    Runs the batches through the net as training does; the random numbers must be set as they were.
    """
    paths = {module: path or type(model).__name__ for path, module in model.named_modules()}
    found: list[str] = []

    def before(module: nn.Module, inputs: tuple[object, ...]) -> None:
        if not found and not _finite(inputs):
            # No layer gave it, so it arose between layers: in the code of the module that holds this one.
            holder = paths[module].rpartition(".")[0] or type(model).__name__
            found.append(f"`{holder}` first gave it, in what it hands to `{paths[module]}`")

    def after(module: nn.Module, inputs: tuple[object, ...], outputs: object) -> None:
        if found or _finite(outputs):
            return
        weights = [name for name, value in module.named_parameters(recurse=False) if not _finite(value)]
        if weights:
            found.append(f"`{paths[module]}.{weights[0]}` holds it since the step before")
        else:
            found.append(f"`{paths[module]}` ({type(module).__name__}) first gave it")

    for images in batches:
        if not _finite(images):
            return "the images hold it"
    hooks = [module.register_forward_pre_hook(before) for module in paths if module is not model]
    hooks += [module.register_forward_hook(after) for module in paths]
    try:
        with torch.no_grad(), torch.autocast(batches[0].device.type, torch.bfloat16, enabled=autocast):
            for images in batches:
                model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else "the layers all gave finite values when it was computed again"


def _finite(value: object) -> bool:
    if isinstance(value, Tensor):
        return not value.is_floating_point() or bool(value.isfinite().all())
    if isinstance(value, tuple | list):
        return all(_finite(item) for item in value)
    return True
