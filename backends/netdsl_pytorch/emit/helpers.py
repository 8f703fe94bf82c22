"""Text of what emitted files define for themselves, because PyTorch and Python lack it; only what a file uses."""

from __future__ import annotations

from netdsl_pytorch.emit.common.expressions import HELPERS as EXPRESSION_HELPERS

HELPERS: dict[str, str] = {
    **EXPRESSION_HELPERS,
    "center_crop": '''\
def center_crop(x: Tensor, size: list[int]) -> Tensor:
    """The middle of an image; where a border is odd, the smaller half is cut off first."""
    for axis, length in enumerate(size, start=2):
        x = x.narrow(axis, (x.shape[axis] - length) // 2, length)
    return x
''',
    "causal_mask": '''\
def causal_mask(x: Tensor) -> Tensor:
    """True where a place of a sequence [N, length, features] must not attend: at those after it."""
    length = x.shape[-2]
    return torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
''',
    "recur": '''\
def recur(module: nn.LSTM | nn.GRU, x: Tensor) -> tuple[Tensor, Tensor]:
    """The states of the last layer at every place, and its final state, that of both directions side by side."""
    sequence, state = module(x)
    final = state[0] if isinstance(state, tuple) else state
    directions = 2 if module.bidirectional else 1
    return sequence, torch.cat(list(final[-directions:]), dim=-1)
''',
    "ChannelNorm": '''\
class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.layer_norm(x.movedim(1, -1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.movedim(-1, 1)
''',
    "Permute": '''\
class Permute(nn.Module):
    """Reorders the axes, the batch among them."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.axes)

    def extra_repr(self) -> str:
        return f"axes={self.axes}"
''',
    "StochasticDepth": '''\
class StochasticDepth(nn.Module):
    """While training, zeroes whole samples with probability p and divides the others by 1 - p."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        shape = [x.shape[0]] + [1] * (x.ndim - 1)
        keep = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.p)
        return x * keep / (1.0 - self.p) if self.p < 1.0 else x * keep

    def extra_repr(self) -> str:
        return f"p={self.p}"
''',
}

CLASSES = {"ChannelNorm", "Permute", "StochasticDepth"}
