"""Weights of a net and of the same net with its siblings merged: the one's tensors as the other has them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def is_as_written(state: Mapping[str, Tensor], moves: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether tensors have the keys of a net as written, not those that it has with its siblings merged."""
    siblings = [key for key, parts in moves.items() if len(parts) > 1]
    return not any(key in state for key in siblings) and any(part in state for key in siblings for part in moves[key])


def merged_state(state: Mapping[str, Tensor], moves: Mapping[str, tuple[str, ...]]) -> dict[str, Tensor]:
    """The tensors of a net with its siblings merged, of those of the net as written: side by side along the first axis.

    What is no part of the net keeps its key, and so does a tensor whose siblings are missing or do not fit.
    """
    left = dict(state)
    merged: dict[str, Tensor] = {}
    for key, parts in moves.items():
        tensors = [state[part] for part in parts if part in state]
        if len(tensors) == len(parts) and len({tensor.shape[1:] for tensor in tensors}) == 1:
            # What has no axes (how many batches were seen) is the same in all of them.
            merged[key] = torch.cat(tensors) if tensors[0].dim() else tensors[0]
            for part in parts:
                left.pop(part, None)
    return {**left, **merged}


def split_state(
    state: Mapping[str, Tensor], moves: Mapping[str, tuple[str, ...]], shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """The way back: the tensors of the net as written, whose `shapes` are given by key."""
    parts: dict[str, Tensor] = {}
    for key, names in moves.items():
        sizes = [shapes[name][0] for name in names if len(shapes[name])]
        pieces = torch.split(state[key], sizes) if sizes else [state[key]] * len(names)
        parts.update((name, piece.clone()) for name, piece in zip(names, pieces, strict=True))
    return parts
