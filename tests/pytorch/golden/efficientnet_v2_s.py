"""efficientnet_v2_s, compiled by netdsl 0.1 from efficientnet_v2.net (sha256 …). Yours to edit.

EfficientNetV2: Tan & Le, "Smaller Models and Faster Training", 2021 (arXiv:2104.00298), table 4;
torchvision's names.

Input 3x384x384; 21,458,488 parameters; 8,365,617,152 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "ConvNormAct",
    "EfficientNetV2",
    "FusedMBConv",
    "MBConv",
    "SqueezeExcitation",
    "StochasticDepth",
    "efficientnet_v2_s",
]


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * x else rounded


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
    torchvision's order (`Conv2dNormActivation`). `act = identity` leaves the activation out.
    """

    def __init__(
        self,
        in_channels: int,
        out: int,
        act: Callable[..., nn.Module],
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
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
            nn.BatchNorm2d(out, eps=0.001),
            act(),
        )


class FusedMBConv(nn.Module):
    """MBConv with the expansion and the filter in one convolution (Tan & Le 2021, arXiv:2104.00298, figure 2)."""

    def __init__(self, in_channels: int, out: int, stride: int = 1, expand: int = 4, drop: float = 0.0) -> None:
        super().__init__()
        hidden = round_to(in_channels * expand, 8)
        self.block = nn.Sequential(
            *(
                [
                    ConvNormAct(in_channels, hidden, nn.SiLU, stride=stride),
                    ConvNormAct(hidden, out, nn.Identity, kernel=1),
                ]
                if hidden != in_channels
                else [ConvNormAct(in_channels, out, nn.SiLU, stride=stride)]
            )
        )
        self.drop_path = StochasticDepth(drop) if stride == 1 and in_channels == out else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        if self.drop_path is not None:
            y = self.drop_path(y) + x
        return y


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
    """Mobile inverted bottleneck with channel attention (Tan & Le 2019, arXiv:1905.11946, section 4),
    torchvision's names: a 1x1 convolution expands, a depthwise one filters, a 1x1 convolution without
    activation projects. Skipped over where the shape stays. `drop` is the probability that a sample drops the
    unit while training.
    """

    def __init__(self, in_channels: int, out: int, stride: int = 1, expand: int = 6, drop: float = 0.0) -> None:
        super().__init__()
        hidden = round_to(in_channels * expand, 8)
        self.block = nn.Sequential(
            ConvNormAct(in_channels, hidden, nn.SiLU, kernel=1),
            ConvNormAct(hidden, hidden, nn.SiLU, stride=stride, groups=hidden),
            SqueezeExcitation(hidden, max(1, in_channels // 4)),
            ConvNormAct(hidden, out, nn.Identity, kernel=1),
        )
        self.drop_path = StochasticDepth(drop) if stride == 1 and in_channels == out else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        if self.drop_path is not None:
            y = self.drop_path(y) + x
        return y


class EfficientNetV2(nn.Module):
    """Stages near the image have the expansion and the filter in one convolution. Stochastic depth grows from 0
    to 0.2, `drop` is the dropout before the classifier.

    Image [N, 3, 384, 384] to logits [N, num_classes].
    """

    def __init__(self, drop: float = 0.2, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNormAct(3, 24, nn.SiLU, stride=2),  # 24x192x192
            nn.Sequential(*(FusedMBConv(24, 24, expand=1, drop=0.2 * j / 40) for j in range(2))),
            nn.Sequential(
                FusedMBConv(24, 48, stride=2, drop=0.01),  # 48x96x96
                FusedMBConv(48, 48, drop=0.2 * 3 / 40),
                FusedMBConv(48, 48, drop=0.02),
                FusedMBConv(48, 48, drop=0.025),
            ),  # 48x96x96
            nn.Sequential(
                FusedMBConv(48, 64, stride=2, drop=0.2 * 6 / 40),  # 64x48x48
                FusedMBConv(64, 64, drop=0.035),
                FusedMBConv(64, 64, drop=0.04),
                FusedMBConv(64, 64, drop=0.045),
            ),  # 64x48x48
            nn.Sequential(
                MBConv(64, 128, stride=2, expand=4, drop=0.05),  # 128x24x24
                MBConv(128, 128, expand=4, drop=0.2 * 11 / 40),
                MBConv(128, 128, expand=4, drop=0.2 * 12 / 40),
                MBConv(128, 128, expand=4, drop=0.065),
                MBConv(128, 128, expand=4, drop=0.07),
                MBConv(128, 128, expand=4, drop=0.075),
            ),  # 128x24x24
            nn.Sequential(
                MBConv(128, 160, drop=0.08),
                *(MBConv(160, 160, drop=0.2 * (16 + j) / 40) for j in range(1, 9)),
            ),  # 160x24x24
            nn.Sequential(
                MBConv(160, 256, stride=2, drop=0.125),  # 256x12x12
                MBConv(256, 256, drop=0.13),
                MBConv(256, 256, drop=0.135),
                MBConv(256, 256, drop=0.14),
                MBConv(256, 256, drop=0.2 * 29 / 40),
                MBConv(256, 256, drop=0.15),
                MBConv(256, 256, drop=0.155),
                MBConv(256, 256, drop=0.16),
                MBConv(256, 256, drop=0.165),
                MBConv(256, 256, drop=0.17),
                MBConv(256, 256, drop=0.175),
                MBConv(256, 256, drop=0.18),
                MBConv(256, 256, drop=0.185),
                MBConv(256, 256, drop=0.19),
                MBConv(256, 256, drop=0.195),
            ),  # 256x12x12
            ConvNormAct(256, 1280, nn.SiLU, kernel=1),  # 1280x12x12
        )
        self.classifier = nn.Sequential(nn.Dropout(drop), nn.Linear(1280, num_classes))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.uniform_(module.weight, -1 / math.sqrt(num_classes), 1 / math.sqrt(num_classes))
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 1280x12x12
        x = x.mean(dim=(2, 3))  # 1280
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def efficientnet_v2_s(*, num_classes: int = 1000, drop: float = 0.2) -> EfficientNetV2:
    """EfficientNetV2(small, 384, drop = 0.2) of efficientnet_v2.net."""
    return EfficientNetV2(drop=drop, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
