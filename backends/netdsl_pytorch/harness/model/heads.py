"""The auxiliary heads of an emitted module: the weights of their losses, and which of its weights they alone need."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from netdsl_pytorch.harness.model import model_source


def loss_weights(model: nn.Module) -> dict[str, float]:
    """The auxiliary heads of an emitted module and the weights of their losses; empty where it has none."""
    weights: dict[str, float] = getattr(type(model), "loss_weights", {})
    return dict(weights)


def head_keys(path: Path, source: str, factory: str, input_shape: Sequence[int]) -> set[str]:
    """The keys of the `state_dict` that only auxiliary heads need: of what plays no part in the logits of eval mode.

    The arguments are those of `model_source.build`, and the shape of an image. No numbers are made.
    """
    with torch.device("meta"):
        model = model_source.build(path, source, factory)
        if not loss_weights(model):
            return set()
        called: set[nn.Module] = set()
        for module in model.modules():
            module.register_forward_pre_hook(lambda module, _: called.add(module))
        reached = _reached(model, torch.zeros(1, *input_shape))
    keys = {name for name, parameter in model.named_parameters() if id(parameter) not in reached}
    for prefix, module in model.named_modules():
        if module not in called:
            keys.update(f"{prefix}.{name}" for name, _ in module.named_buffers(recurse=False))
    return keys & model.state_dict().keys()


def inference_parameters(model: nn.Module, example: Tensor) -> int:
    """How many parameters have a part in the logits of eval mode; those of auxiliary heads have none.

    `example` is a batch [B, C, H, W]; the module is left in eval mode.
    """
    found = _reached(model, example)
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) in found)


def _reached(model: nn.Module, example: Tensor) -> set[int]:
    """The `id` of each parameter that autograd's graph of the logits of eval mode leads to."""
    model.eval()
    parameters = list(model.parameters())
    wanted = [parameter.requires_grad for parameter in parameters]
    try:
        for parameter in parameters:
            parameter.requires_grad_(True)
        with torch.enable_grad():
            logits: Tensor = model(example)
        # No gradient is computed: it would take as much memory as the weights.
        found: set[int] = set()
        seen, waiting = set(), [logits.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
            if hasattr(node, "variable"):
                found.add(id(node.variable))
    finally:
        for parameter, wants in zip(parameters, wanted, strict=True):
            parameter.requires_grad_(wants)
    return found
