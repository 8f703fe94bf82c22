"""The keys and shapes of the `state_dict`, and the number of parameters."""

from __future__ import annotations

from typing import Any

from netdsl_pytorch.report import Mismatch, some
from netdsl_pytorch.verify.subject import Subject


def keys(subject: Subject) -> None:
    """The keys, their order as modules have it, and the shape of each."""
    weights = subject.graph.state(train=not subject.inference)
    expected = _in_file_order({key: tuple(map(int, weight.shape)) for key, weight in weights.items()})
    found = {key: tuple(tensor.shape) for key, tensor in subject.model.state_dict().items()}
    missing = [key for key in expected if key not in found]
    extra = [key for key in found if key not in expected]
    if missing or extra:
        parts = [f"without {some(missing)}"] if missing else []
        parts += [f"with {some(extra)}, which the spec does not have"] if extra else []
        raise Mismatch("the state_dict is " + " and ".join(parts))
    for key, shape in expected.items():
        if found[key] != shape:
            raise Mismatch(f"`{key}` has shape {list(found[key])}; the spec has {list(shape)}")
    for ours, theirs in zip(expected, _in_file_order(found), strict=True):
        if ours != theirs:
            raise Mismatch(f"`{theirs}` stands where the spec has `{ours}`")


def parameters(subject: Subject) -> None:
    """The number of learned numbers."""
    expected = sum(node.params for node in subject.nodes())
    found = sum(parameter.numel() for parameter in subject.model.parameters())
    if found != expected:
        raise Mismatch(f"the file has {found:,}; the spec has {expected:,}")


def _in_file_order(keys: dict[str, Any]) -> dict[str, Any]:
    """The keys grouped as modules group them, where a list of parts counts from 0 however the text filled it."""
    tree: dict[str, Any] = {}
    for key, value in keys.items():
        at = tree
        *path, last = key.split(".")
        for part in path:
            at = at.setdefault(part, {})
        at[last] = (key, value)

    found: dict[str, Any] = {}

    def walk(at: dict[str, Any]) -> None:
        own = [(name, each) for name, each in at.items() if isinstance(each, tuple)]
        below = [(name, each) for name, each in at.items() if not isinstance(each, tuple)]
        if below and all(name.isdigit() for name, _ in below):
            below.sort(key=lambda pair: int(pair[0]))
        # A module's own tensors come before those of its parts, in an order that is PyTorch's.
        for _, (key, value) in sorted(own):
            found[key] = value
        for _, each in below:
            walk(each)

    walk(tree)
    return found
