"""maxvit_t, compiled by netdsl 0.1 from maxvit.net (sha256 …). Yours to edit.

MaxViT: Tu et al., "MaxViT: Multi-Axis Vision Transformer", 2022 (arXiv:2204.01697), figure 2 and table 1;
torchvision's names.

Input 3x224x224; 30,919,624 parameters; 5,558,046,720 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "ConvNormAct",
    "MBConv",
    "MaxViT",
    "MaxVitLayer",
    "PartitionAttention",
    "RelativeAttention",
    "SqueezeExcitation",
    "Stage",
    "StochasticDepth",
    "maxvit_t",
]


def linspace(low: float, high: float, count: int) -> list[float]:
    """`count` numbers from `low` to `high`, evenly spaced."""
    step = (high - low) / (count - 1) if count > 1 else 0.0
    return [low + step * i for i in range(count)]


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


class ConvNormAct(nn.Sequential):
    """Convolution that keeps height and width (divided by its stride), normalisation and activation, in
    torchvision's order (`Conv2dNormActivation`).
    """

    def __init__(
        self, in_channels: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, dilation: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels,
                out,
                kernel_size=kernel,
                stride=stride,
                padding=dilation * (kernel // 2),
                dilation=dilation,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(out, eps=0.001, momentum=0.01),
            nn.GELU(),
        )


class SqueezeExcitation(nn.Module):
    """Channel attention (Hu et al. 2017, arXiv:1709.01507, figure 1), torchvision's names: every channel is
    scaled by a gate that sees all of them, pooled.
    """

    def __init__(self, in_channels: int, squeeze: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(in_channels, squeeze, kernel_size=1)
        self.fc2 = nn.Conv2d(squeeze, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))
        return torch.sigmoid(self.fc2(y)) * x


class MBConv(nn.Module):
    """Inverted bottleneck with channel attention, normalised before it."""

    def __init__(self, in_channels: int, out: int, stride: int, drop: float) -> None:
        super().__init__()
        if stride != 1:
            self.proj: nn.Module = nn.Sequential(
                nn.AvgPool2d(kernel_size=3, stride=stride, padding=1),
                nn.Conv2d(in_channels, out, kernel_size=1),
            )
        else:
            self.proj = nn.Identity()
        self.layers = nn.Sequential(
            OrderedDict(
                [
                    ("pre_norm", nn.BatchNorm2d(in_channels, eps=0.001, momentum=0.01)),
                    ("conv_a", ConvNormAct(in_channels, 4 * out, kernel=1)),
                    ("conv_b", ConvNormAct(4 * out, 4 * out, stride=stride, groups=4 * out)),
                    ("squeeze_excitation", SqueezeExcitation(4 * out, out // 4)),
                    ("conv_c", nn.Conv2d(4 * out, out, kernel_size=1)),
                ]
            )
        )
        self.drop_path = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.layers(x)
        x = self.proj(x) + self.drop_path(branch2)
        return x


class RelativeAttention(nn.Module):
    """Self-attention within each group of `size x size` pixels, with a learned bias for each relative position."""

    relative_position_index: Tensor

    def __init__(self, in_features: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = 1 / math.sqrt(in_features)
        self.relative_position_bias_table = nn.Parameter(
            nn.init.trunc_normal_(torch.empty((2 * size - 1) ** 2, heads), std=0.02)
        )
        i = torch.arange(size**2).view(-1, 1)
        j = torch.arange(size**2)
        relative_position_index = (i // size - j // size + size - 1) * (2 * size - 1) + i % size - j % size + size - 1
        self.register_buffer("relative_position_index", relative_position_index.to(torch.long))
        self.to_qkv = nn.Linear(in_features, 3 * in_features)
        self.merge = nn.Linear(in_features, in_features)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        x = self.to_qkv(x)
        y = x.reshape(x.shape[0], x.shape[1], x.shape[2], 3, self.heads, -1)
        q, k, v = y.permute(0, 3, 1, 4, 2, 5).unbind(dim=1)  # g t (s h d) -> s g h t d
        x = F.scaled_dot_product_attention(
            q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), attn_mask=bias, scale=self.scale
        ).reshape(q.shape)
        x = x.permute(0, 1, 3, 2, 4).flatten(3)  # g h t d -> g t (h d)
        x = self.merge(x)
        return x


class PartitionAttention(nn.Module):
    """Attention and a perceptron over groups of pixels: windows of neighbours or, with `grid`, pixels spread
    evenly over the image (figure 3).
    """

    def __init__(self, in_channels: int, size: int, grid: bool, drop: float) -> None:
        super().__init__()
        self.grid = grid
        self.size = size
        self.attn_layer = nn.Sequential(
            nn.LayerNorm(in_channels),
            RelativeAttention(in_channels, in_channels // 32, size),
            nn.Dropout(0.0),
        )
        self.drop_path1 = StochasticDepth(drop)
        self.mlp_layer = nn.Sequential(
            nn.LayerNorm(in_channels),
            nn.Linear(in_channels, 4 * in_channels),
            nn.GELU(),
            nn.Linear(4 * in_channels, in_channels),
            nn.Dropout(0.0),
        )
        self.drop_path2 = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.shape[2] // self.size
        columns = x.shape[3] // self.size
        if self.grid:
            y = x.reshape(x.shape[0], x.shape[1], x.shape[2] // rows, rows, x.shape[3] // columns, columns)
            x = y.permute(0, 3, 5, 2, 4, 1).reshape(x.shape[0], rows * columns, -1, x.shape[1])
        else:
            y = x.reshape(x.shape[0], x.shape[1], rows, x.shape[2] // rows, columns, x.shape[3] // columns)
            x = y.permute(0, 2, 4, 3, 5, 1).reshape(x.shape[0], rows * columns, -1, x.shape[1])
        x = x + self.drop_path1(self.attn_layer(x))
        x = x + self.drop_path2(self.mlp_layer(x))
        if self.grid:
            y = x.reshape(x.shape[0], rows, x.shape[1] // rows, self.size, x.shape[2] // self.size, x.shape[3])
            x = y.permute(0, 5, 3, 1, 4, 2).reshape(x.shape[0], x.shape[3], self.size * rows, -1)
        else:
            y = x.reshape(x.shape[0], rows, x.shape[1] // rows, self.size, x.shape[2] // self.size, x.shape[3])
            x = y.permute(0, 5, 1, 3, 2, 4).reshape(x.shape[0], x.shape[3], rows * self.size, -1)
        return x


class MaxVitLayer(nn.Module):
    """A convolution, then attention to what is near and to what is far (figure 2)."""

    def __init__(self, in_channels: int, out: int, stride: int, size: int, drop: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            OrderedDict(
                [
                    ("MBconv", MBConv(in_channels, out, stride, drop)),
                    ("window_attention", PartitionAttention(out, size, False, drop)),
                    ("grid_attention", PartitionAttention(out, size, True, drop)),
                ]
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(x)
        return x


class Stage(nn.Module):
    """A layer for each of `drops`; the first halves the resolution."""

    def __init__(self, in_channels: int, out: int, size: int, drops: Sequence[float]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                MaxVitLayer(in_channels, out, 2, size, drops[0]),
                *(MaxVitLayer(out, out, 1, size, drop) for drop in drops[1:]),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        for max_vit_layer in self.layers:
            x = max_vit_layer(x)
        return x


class MaxViT(nn.Module):
    """`drop` is the stochastic depth of the last layer; it grows from 0.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, first: int = 64, drop: float = 0.2, num_classes: int = 1000) -> None:
        super().__init__()
        drops = linspace(0, drop, 11)
        self.stem = nn.Sequential(
            ConvNormAct(3, first, stride=2),
            nn.Sequential(nn.Conv2d(first, first, kernel_size=3, padding=1)),
        )
        self.blocks = nn.ModuleList(
            [
                Stage(first, 64, 7, drops[0:2]),
                Stage(64, 128, 7, drops[2:4]),
                Stage(128, 256, 7, drops[4:9]),
                Stage(256, 512, 7, drops[9:11]),
            ]
        )
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),  # 512x1x1
            nn.Flatten(),  # 512
            nn.LayerNorm(512),
            nn.Linear(512, 512),
            nn.Tanh(),
            nn.Linear(512, num_classes, bias=False),  # 1000
        )

        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)  # 64x112x112
        for stage in self.blocks:
            x = stage(x)
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def maxvit_t(*, num_classes: int = 1000, first: int = 64, drop: float = 0.2) -> MaxViT:
    """MaxViT(64, [64, 128, 256, 512], [2, 2, 5, 2], drop = 0.2) of maxvit.net."""
    return MaxViT(first=first, drop=drop, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
