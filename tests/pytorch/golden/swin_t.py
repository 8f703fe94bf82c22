"""swin_t, compiled by netdsl 0.1 from swin.net (sha256 …). Yours to edit.

Swin Transformer: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", 2021
(arXiv:2103.14030), figure 3 and section 3.3; torchvision's names.

Input 3x224x224; 28,288,354 parameters; 4,490,566,656 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "FromWindows",
    "PatchMerging",
    "Permute",
    "ShiftMask",
    "StochasticDepth",
    "SwinBlock",
    "SwinTransformer",
    "ToWindows",
    "WindowAttention",
    "swin_t",
]


class Permute(nn.Module):
    """Reorders the axes, the batch among them."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.axes)

    def extra_repr(self) -> str:
        return f"axes={self.axes}"


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


class PatchMerging(nn.Module):
    """Joins each 2x2 neighbourhood and halves its features: `height/2 x width/2 x 2*features`."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * in_features)
        self.reduction = nn.Linear(4 * in_features, 2 * in_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3])
        x = self.norm(y.permute(0, 1, 3, 4, 2, 5).flatten(3))  # (h a) (w b) c -> h w (b a c)
        x = self.reduction(x)
        return x


class ToWindows(nn.Module):
    """Cuts into windows of `window x window` pixels, after a cyclic shift: gives `windows x window**2 x features`."""

    def __init__(self, window: int, shift: int = 0) -> None:
        super().__init__()
        self.with_roll = shift > 0
        self.shifts0 = -shift
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        if self.with_roll:
            x = x.roll((self.shifts0, self.shifts0), (1, 2))
        y = x.reshape(
            x.shape[0], x.shape[1] // self.window, self.window, x.shape[2] // self.window, self.window, x.shape[3]
        )
        return y.permute(0, 1, 3, 2, 4, 5).reshape(x.shape[0], -1, self.window * self.window, x.shape[3])


class FromWindows(nn.Module):
    """Puts windows together again to `height` rows of pixels, and shifts back."""

    def __init__(self, height: int, window: int, shift: int = 0) -> None:
        super().__init__()
        self.h = height // window
        self.window = window
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(x.shape[0], self.h, x.shape[1] // self.h, self.window, x.shape[2] // self.window, x.shape[3])
        x = y.permute(0, 1, 3, 2, 4, 5).reshape(x.shape[0], self.h * self.window, -1, x.shape[3])
        if self.shift > 0:
            x = x.roll((self.shift, self.shift), (1, 2))
        return x


class ShiftMask(nn.Module):
    """Keeps pixels apart that only the shift has made neighbours (figure 4): -100 for pairs from different
    regions. Gives `windows x 1 x window**2 x window**2`.
    """

    region: Tensor
    mask: Tensor

    def __init__(self, height: int, width: int, window: int, shift: int) -> None:
        super().__init__()
        columns = width // window
        y = torch.arange(height).view(-1, 1)
        x = torch.arange(width)
        region = 3 * torch.where(y < height - window, 0, torch.where(y < height - shift, 1, 2)) + torch.where(
            x < width - window, 0, torch.where(x < width - shift, 1, 2)
        )
        self.register_buffer("region", region.to(torch.long), persistent=False)
        w = torch.arange(height // window * columns).view(-1, 1, 1, 1)
        i = torch.arange(window**2).view(-1, 1)
        j = torch.arange(window**2)
        mask = torch.where(
            self.region[w // columns * window + i // window, w % columns * window + i % window]
            == self.region[w // columns * window + j // window, w % columns * window + j % window],
            0.0,
            -100.0,
        )
        self.register_buffer("mask", mask.to(torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.mask


class WindowAttention(nn.Module):
    """Multi-head self-attention within windows that are shifted by `shift` pixels (section 3.2)."""

    relative_position_index: Tensor

    def __init__(
        self, in_features: int, in_height: int, in_width: int, heads: int, window: int = 7, shift: int = 0
    ) -> None:
        super().__init__()
        self.n = window**2
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(
            nn.init.trunc_normal_(torch.empty((2 * window - 1) ** 2, heads), std=0.02)
        )
        i = torch.arange(window**4)
        relative_position_index = (
            (i // window**3 - i // window % window + window - 1) * (2 * window - 1)
            + i // window**2 % window
            - i % window
            + window
            - 1
        )
        self.register_buffer("relative_position_index", relative_position_index.to(torch.long))

        self.to_windows = ToWindows(window, shift=shift)
        self.qkv = nn.Linear(in_features, 3 * in_features)
        self.shift_mask = ShiftMask(in_height, in_width, window, shift) if shift > 0 else None
        self.proj = nn.Linear(in_features, in_features)
        self.from_windows = FromWindows(in_height, window, shift=shift)

    def forward(self, x: Tensor) -> Tensor:
        table = self.relative_position_bias_table[self.relative_position_index]
        table = table.reshape(self.n, -1, table.shape[1]).permute(2, 0, 1)  # (n m) h -> h n m

        y = self.to_windows(x)
        x = self.qkv(y)
        y2 = x.reshape(x.shape[0], x.shape[1], x.shape[2], 3, self.heads, -1)
        q, k, v = y2.permute(0, 3, 1, 4, 2, 5).unbind(dim=1)  # w t (s h d) -> s w h t d
        if self.shift_mask is not None:
            bias = self.shift_mask(y) + table
            x = F.scaled_dot_product_attention(
                q.flatten(1, 2), k.flatten(1, 2), v.flatten(1, 2), attn_mask=bias.flatten(0, 1)
            ).reshape(q.shape)
        else:
            x = F.scaled_dot_product_attention(
                q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), attn_mask=table
            ).reshape(q.shape)
        x = self.from_windows(self.proj(x.permute(0, 1, 3, 2, 4).flatten(3)))  # w h t d -> w t (h d)
        return x


class SwinBlock(nn.Module):
    """Attention within windows, then a perceptron for each pixel (figure 3b). A shift would change nothing where
    one window holds all pixels.
    """

    def __init__(
        self, in_features: int, in_height: int, in_width: int, heads: int, window: int, shifted: bool, drop: float
    ) -> None:
        super().__init__()
        shift = window // 2 if shifted and in_height > window else 0
        self.norm1 = nn.LayerNorm(in_features)
        self.attn = WindowAttention(in_features, in_height, in_width, heads, window=window, shift=shift)
        self.drop_path1 = StochasticDepth(drop)
        self.norm2 = nn.LayerNorm(in_features)
        self.mlp = nn.Sequential(
            nn.Linear(in_features, 4 * in_features),
            nn.GELU(),
            nn.Dropout(0.0),
            nn.Linear(4 * in_features, in_features),
            nn.Dropout(0.0),
        )
        self.drop_path2 = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.attn(self.norm1(x)))
        branch2 = self.norm2(x)
        branch2 = self.mlp(branch2)
        x = x + self.drop_path2(branch2)
        return x


class SwinTransformer(nn.Module):
    """Four stages of depths blocks, every other one shifted. `drop` is the stochastic depth of the last block;
    it grows from 0.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, heads: Sequence[int] = (3, 6, 12, 24), drop: float = 0.2, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(
                nn.Conv2d(3, 96, kernel_size=4, stride=4),  # 96x56x56
                Permute(0, 2, 3, 1),  # 56x56x96
                nn.LayerNorm(96),
            ),  # 56x56x96
            nn.Sequential(*(SwinBlock(96, 56, 56, heads[0], 7, j % 2 == 1, drop * j / 11) for j in range(2))),
            PatchMerging(96),  # 28x28x192
            nn.Sequential(*(SwinBlock(192, 28, 28, heads[1], 7, j % 2 == 1, drop * (2 + j) / 11) for j in range(2))),
            PatchMerging(192),  # 14x14x384
            nn.Sequential(*(SwinBlock(384, 14, 14, heads[2], 7, j % 2 == 1, drop * (4 + j) / 11) for j in range(6))),
            PatchMerging(384),  # 7x7x768
            nn.Sequential(*(SwinBlock(768, 7, 7, heads[3], 7, j % 2 == 1, drop * (10 + j) / 11) for j in range(2))),
        )
        self.norm = nn.LayerNorm(768)
        self.head = nn.Linear(768, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 7x7x768
        x = self.norm(x).permute(0, 3, 1, 2).mean(dim=(2, 3))  # 768
        logits: Tensor = self.head(x)  # 1000
        return logits


def swin_t(*, num_classes: int = 1000, heads: Sequence[int] = (3, 6, 12, 24), drop: float = 0.2) -> SwinTransformer:
    """SwinTransformer(dim = 96, depths = [2, 2, 6, 2], heads = [3, 6, 12, 24], drop = 0.2) of swin.net."""
    return SwinTransformer(heads=heads, drop=drop, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
