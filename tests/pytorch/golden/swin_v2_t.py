"""swin_v2_t, compiled by netdsl 0.1 from swin_v2.net (sha256 …). Yours to edit.

Swin Transformer V2: Liu et al., "Scaling Up Capacity and Resolution", 2022 (arXiv:2111.09883), figure 1 and
section 3; torchvision's names.

Input 3x256x256; 28,351,570 parameters; 5,939,690,496 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "FromWindows",
    "PatchMerging",
    "Permute",
    "Qkv",
    "ShiftMask",
    "StochasticDepth",
    "SwinBlock",
    "SwinTransformerV2",
    "ToWindows",
    "WindowAttention",
    "swin_v2_t",
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
    """Joins each 2x2 neighbourhood and halves its features, then normalises."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * in_features, 2 * in_features, bias=False)
        self.norm = nn.LayerNorm(2 * in_features)

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3])
        x = y.permute(0, 1, 3, 4, 2, 5).flatten(3)  # (h a) (w b) c -> h w (b a c)
        x = self.norm(self.reduction(x))
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
    """Attention by cosine, with a learned temperature per head (section 3.2) and a bias from a small network
    over relative positions on a logarithmic scale (section 3.3). Keys have no bias, since a softmax would not
    see it.
    """

    relative_coords_table: Tensor
    relative_position_index: Tensor

    def __init__(self, in_features: int, in_height: int, in_width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        span = 2 * window - 1
        self.shape0 = span**2
        self.heads = heads
        self.n = window**2
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10)))
        y = torch.arange(span, dtype=torch.float64).view(-1, 1, 1)
        x = torch.arange(span, dtype=torch.float64).view(-1, 1)
        axis = torch.arange(2, dtype=torch.float64)
        relative_coords_table = (
            torch.sign(torch.where(axis == 0, y, x) - window + 1)
            * torch.log2(8 * torch.abs(torch.where(axis == 0, y, x) - window + 1) / (window - 1) + 1)
            / 3
        )
        self.register_buffer("relative_coords_table", relative_coords_table.to(torch.float32).unsqueeze(0))
        i = torch.arange(window**4)
        relative_position_index = (
            (i // window**3 - i // window % window + window - 1) * span
            + i // window**2 % window
            - i % window
            + window
            - 1
        )
        self.register_buffer("relative_position_index", relative_position_index.to(torch.long))
        self.qkv = Qkv()
        self.qkv.weight = nn.Parameter(nn.init.trunc_normal_(torch.empty(3 * in_features, in_features), std=0.02))
        self.qkv.bias = nn.Parameter(torch.zeros(3 * in_features))

        self.cpb_mlp = nn.Sequential(nn.Linear(2, 512), nn.ReLU(), nn.Linear(512, heads, bias=False))

        self.to_windows = ToWindows(window, shift=shift)
        self.shift_mask = ShiftMask(in_height, in_width, window, shift) if shift > 0 else None
        self.proj = nn.Linear(in_features, in_features)
        self.from_windows = FromWindows(in_height, window, shift=shift)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cpb_mlp(self.relative_coords_table)
        y = y.reshape(self.shape0, self.heads)
        table = y[self.relative_position_index]
        table = torch.sigmoid(table.reshape(self.n, -1, table.shape[1]).permute(2, 0, 1))  # (n m) h -> h n m
        table = table * 16

        q_bias, _, v_bias = self.qkv.bias.chunk(3, dim=0)
        no_bias = q_bias * 0
        qkv_bias = torch.cat([q_bias, no_bias, v_bias], dim=0)
        temperature = torch.exp(self.logit_scale.clamp(max=math.log(100)))
        y = F.linear(self.to_windows(x), self.qkv.weight, bias=qkv_bias)
        y2 = y.reshape(y.shape[0], y.shape[1], y.shape[2], 3, self.heads, -1)
        q, k, v = y2.permute(0, 3, 1, 4, 2, 5).unbind(dim=1)  # w t (s h d) -> s w h t d
        keys = F.normalize(k, dim=-1)
        y = F.normalize(q, dim=-1) * temperature
        if self.shift_mask is not None:
            bias = self.shift_mask(y) + table
            y = F.scaled_dot_product_attention(
                y.flatten(1, 2), keys.flatten(1, 2), v.flatten(1, 2), attn_mask=bias.flatten(0, 1), scale=1.0
            ).reshape(y.shape)
        else:
            y = F.scaled_dot_product_attention(
                y.flatten(0, 1), keys.flatten(0, 1), v.flatten(0, 1), attn_mask=table, scale=1.0
            ).reshape(y.shape)
        y = self.from_windows(self.proj(y.permute(0, 1, 3, 2, 4).flatten(3)))  # w h t d -> w t (h d)
        return y


class SwinBlock(nn.Module):
    """Swin's block with the normalisation after each part (figure 1). A shift would change nothing where one
    window holds all pixels.
    """

    def __init__(
        self, in_features: int, in_height: int, in_width: int, heads: int, window: int, shifted: bool, drop: float
    ) -> None:
        super().__init__()
        shift = window // 2 if shifted and in_height > window else 0
        self.attn = WindowAttention(in_features, in_height, in_width, heads, window, shift)
        self.norm1 = nn.LayerNorm(in_features)
        self.drop_path1 = StochasticDepth(drop)
        self.mlp = nn.Sequential(
            nn.Linear(in_features, 4 * in_features),
            nn.GELU(),
            nn.Dropout(0.0),
            nn.Linear(4 * in_features, in_features),
            nn.Dropout(0.0),
        )
        self.norm2 = nn.LayerNorm(in_features)
        self.drop_path2 = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.norm1(self.attn(x)))
        branch2 = self.mlp(x)
        branch2 = self.drop_path2(self.norm2(branch2))
        x = x + branch2
        return x


class Qkv(nn.Module):
    weight: nn.Parameter
    bias: nn.Parameter


class SwinTransformerV2(nn.Module):
    """Four stages of depths blocks, every other one shifted. `drop` is the stochastic depth of the last block;
    it grows from 0.

    Image [N, 3, 256, 256] to logits [N, num_classes].
    """

    def __init__(
        self, heads: Sequence[int] = (3, 6, 12, 24), drop: float = 0.2, window: int = 8, num_classes: int = 1000
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(
                nn.Conv2d(3, 96, kernel_size=4, stride=4),  # 96x64x64
                Permute(0, 2, 3, 1),  # 64x64x96
                nn.LayerNorm(96),
            ),  # 64x64x96
            nn.Sequential(*(SwinBlock(96, 64, 64, heads[0], window, j % 2 == 1, drop * j / 11) for j in range(2))),
            PatchMerging(96),  # 32x32x192
            nn.Sequential(
                *(SwinBlock(192, 32, 32, heads[1], window, j % 2 == 1, drop * (2 + j) / 11) for j in range(2))
            ),
            PatchMerging(192),  # 16x16x384
            nn.Sequential(
                *(SwinBlock(384, 16, 16, heads[2], window, j % 2 == 1, drop * (4 + j) / 11) for j in range(6))
            ),
            PatchMerging(384),  # 8x8x768
            nn.Sequential(
                *(SwinBlock(768, 8, 8, heads[3], window, j % 2 == 1, drop * (10 + j) / 11) for j in range(2))
            ),
        )
        self.norm = nn.LayerNorm(768)
        self.head = nn.Linear(768, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 8x8x768
        x = self.norm(x).permute(0, 3, 1, 2).mean(dim=(2, 3))  # 768
        logits: Tensor = self.head(x)  # 1000
        return logits


def swin_v2_t(
    *, window: int = 8, num_classes: int = 1000, heads: Sequence[int] = (3, 6, 12, 24), drop: float = 0.2
) -> SwinTransformerV2:
    """SwinTransformerV2(dim = 96, depths = [2, 2, 6, 2], heads = [3, 6, 12, 24], drop = 0.2) of swin_v2.net."""
    return SwinTransformerV2(heads=heads, drop=drop, window=window, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
