"""Imports the emitted file of a run, and nothing else."""

import ast
import hashlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine import system


class _KnownSource(importlib.machinery.SourceFileLoader):
    """Runs the text it was given: not what stands in the file by now, nor what lies compiled beside it."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        super().__init__(name, str(path))
        self.source = source

    def get_data(self, path: str | bytes) -> bytes:
        return self.source

    def path_stats(self, path: str | bytes) -> dict[str, float]:
        # Without a time of change, importlib neither reads nor writes `__pycache__`, whose content nobody compared.
        raise OSError


def build(path: Path, source: str, factory: str) -> nn.Module:
    """The module that `factory` of the emitted file makes with its defaults, on the CPU.

    `source` is the text of the file at `path`. Raises HarnessError if it does not run or gives no module.
    """
    # The name may come from a run's description: of all that the module will have, it is one of its own functions.
    if factory not in functions(source):
        raise HarnessError(f"{path} has no function `{factory}`")
    data = source.encode()
    name = f"netdsl_emitted_{hashlib.sha256(data).hexdigest()[:16]}"
    # Safe to run: the caller has just written `source`, or compared it byte by byte with what the compiler emits for
    # the spec (and no text of a spec becomes program text); otherwise the user asked for it with --trust-model.
    loader = _KnownSource(name, path, data)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise HarnessError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
        made = vars(module)[factory]()
    except (torch.OutOfMemoryError, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise HarnessError(f"{path} does not run: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise HarnessError(f"`{factory}` in {path} gives a {type(made).__name__}, not a module")
    return made


def check_room(path: Path, source: str, factory: str) -> None:
    """Raises HarnessError if the weights alone take more memory than is free, before any is taken.

    A system that lends more memory than it has would end the process, or another, while they are filled.
    """
    with torch.device("meta"):
        state = build(path, source, factory).state_dict()
    needed, free = sum(tensor.nbytes for tensor in state.values()), system.free_memory(torch.device("cpu"))
    if needed > free:
        raise HarnessError(f"the weights of {path} take {needed:,} bytes, and {free:,} are free")


def functions(source: str) -> list[str]:
    """The functions that a Python file defines, in their order; none if it is no Python."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [each.name for each in body if isinstance(each, ast.FunctionDef)]


def loss_weights(model: nn.Module) -> dict[str, float]:
    """The auxiliary heads of an emitted module and the weights of their losses; empty where it has none."""
    weights: dict[str, float] = getattr(type(model), "loss_weights", {})
    return dict(weights)


def head_keys(path: Path, source: str, factory: str, input_shape: Sequence[int]) -> set[str]:
    """The keys of the `state_dict` that only auxiliary heads need: of what plays no part in the logits of eval mode.

    The arguments are those of `build`, and the shape of an image. No numbers are made.
    """
    with torch.device("meta"):
        model = build(path, source, factory)
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
