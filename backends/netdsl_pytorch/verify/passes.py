"""Passes through the network without numbers: results, the shape of each part, gradients, multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from netdsl.graph.graph import Node, Scope
from netdsl.graph.reach import reached
from netdsl_pytorch.report import Mismatch, some
from netdsl_pytorch.verify.subject import BATCH, TENSORS, Subject, compare, shape_of


def eval_results(subject: Subject) -> None:
    """One forward pass in eval mode."""
    subject.model.eval()
    with torch.no_grad():
        results = subject.model(*subject.inputs(BATCH))
    compare(results, subject.results, BATCH)


def train_results(subject: Subject) -> None:
    """One forward pass in training mode, which the checks of shapes and gradients look at too."""
    subject.called = {}

    def record(module: nn.Module, args: Any, result: Any) -> None:
        tensor = result[0] if isinstance(result, tuple) else result
        subject.called.setdefault(module, []).append(tuple(tensor.shape))

    hooks = [module.register_forward_hook(record) for module in subject.model.modules()]
    try:
        subject.model.train()
        subject.trained = subject.model(*subject.inputs(BATCH))
    finally:
        for hook in hooks:
            hook.remove()
    wanted = [output for output in subject.graph.outputs if not (output.train and subject.inference)]
    compare(subject.trained, wanted, BATCH)
    _compare_weights(subject)


def _compare_weights(subject: Subject) -> None:
    """Whether the module tells what the losses of its heads count."""
    if subject.inference:
        return
    wanted = {head.name: head.weight for head in subject.graph.heads}
    found = getattr(subject.model, "loss_weights", {})
    if found != wanted:
        raise Mismatch(f"`loss_weights` is {found}; the spec has {wanted}")


def shapes(subject: Subject) -> None:
    """What the modules gave that parts of the graph became, call by call."""
    expected: dict[nn.Module, list[tuple[str, tuple[int, ...]]]] = {}
    for item in _items(subject):
        first = item.shared or item
        if not first.path:
            continue
        try:
            module = subject.model.get_submodule(first.path)
        except AttributeError:
            if isinstance(item, Node) and item.weights and not item.fed and item.op.name not in TENSORS:
                raise Mismatch(f"there is no module `{first.path}`") from None
            continue
        if isinstance(item, Node) and (item.op.name in TENSORS or (item.fed and not _tied(item))):
            continue
        expected.setdefault(module, []).append((item.path, shape_of(item.output, BATCH)))
    for module, wanted in expected.items():
        path = wanted[0][0]
        found = subject.called.get(module, [])
        if len(found) != len(wanted):
            raise Mismatch(f"`{path}` runs {len(found)} times; the spec uses it {len(wanted)} times")
        if sorted(found) != sorted(shape for _, shape in wanted):
            raise Mismatch(f"`{path}` gives {list(found[0])}; the spec has {list(wanted[0][1])}")


def _items(subject: Subject) -> Iterator[Node | Scope]:
    stack: list[Scope] = [subject.graph.root]
    while stack:
        scope = stack.pop()
        for item in scope.items:
            if item.train_only and subject.inference:
                continue
            if item.name:
                yield item
            # A block without weights may have no name: labels in it are no paths of the module.
            if isinstance(item, Scope) and (item.name or item.kind != "block"):
                stack.append(item)


def _tied(node: Node) -> bool:
    return all(isinstance(source, tuple) for source in (node.fed or {}).values())


def gradients(subject: Subject) -> None:
    """The backward pass in training mode reaches every parameter."""
    model = subject.model
    if not any(True for _ in model.parameters()):
        return
    results = subject.trained if subject.trained is not None else model.train()(*subject.inputs(BATCH))
    tensors = [results] if isinstance(results, Tensor) else [each for each in results if each is not None]
    total = sum((tensor.sum() for tensor in tensors), start=torch.zeros((), device=subject.device))
    try:
        total.backward()
        meant = {node.path for node in subject.nodes() if node.unused}
        meant |= _lent(subject)
        found = [name for name, parameter in model.named_parameters() if parameter.grad is None]
        unused = [name for name in found if name not in meant]
    finally:
        model.zero_grad(set_to_none=True)
    if unused:
        raise Mismatch(f"no gradient reaches {some(unused)}")


def _lent(subject: Subject) -> set[str]:
    """The weights that nothing uses of parts whose results reach no output: such a part is there for what it lends."""
    outputs = [each.value for each in subject.graph.outputs if not (each.train and subject.inference)]
    running = reached(outputs, weights=False)
    again = {node.shared for node in running}
    used = {source for node in running for source in (node.fed or {}).values() if isinstance(source, tuple)}
    aside = [node for node in subject.nodes() if node not in running and node not in again]
    return {f"{node.path}.{each.name}" for node in aside for each in node.weights if (node, each.name) not in used}


def macs(subject: Subject) -> None:
    """The multiply-adds of one sample in eval mode."""
    expected = sum(node.macs for node in subject.graph.nodes(train=False))
    subject.model.eval()
    # Attention takes the path whose operations are counted one by one: with gradients, and with no kernel for all.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        subject.model(*subject.inputs(1))
    found = counter.get_total_flops() // 2
    if found != expected:
        raise Mismatch(f"the file does {found:,}; the spec has {expected:,}")
