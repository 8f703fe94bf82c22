"""inception_resnet_v2, compiled by netdsl 0.1 from inception_resnet_v2.net (sha256 …). Yours to edit.

Inception-ResNet v2: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", 2016 (arXiv:1602.07261), figures 15 to 19, as its authors released it: ten, twenty and ten units,
and a 1x1 convolution before the pool. timm's names.

Input 3x299x299; 55,843,464 parameters; 13,155,794,016 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "Block8",
    "Block17",
    "Block35",
    "ConvNorm",
    "InceptionResNetV2",
    "Mixed5b",
    "Mixed6a",
    "Mixed7a",
    "inception_resnet_v2",
]


class ConvNorm(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(
        self,
        in_channels: int,
        out: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out, kernel_size=kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed5b(nn.Module):
    """The end of the stem, as in Inception v3."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 96, 1)
        self.branch1 = nn.Sequential(ConvNorm(in_channels, 48, 1), ConvNorm(48, 64, 5, padding=2))
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 64, 1),
            ConvNorm(64, 96, 3, padding=1),
            ConvNorm(96, 96, 3, padding=1),
        )
        self.branch3 = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=1, padding=1, count_include_pad=False),
            ConvNorm(in_channels, 64, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], dim=1)  # 320x35x35


class Mixed6a(nn.Module):
    """Reduction-A (figure 7)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 384, 3, stride=2)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 256, 1),
            ConvNorm(256, 256, 3, padding=1),
            ConvNorm(256, 384, 3, stride=2),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.maxpool(x)], dim=1)  # 1088x17x17


class Mixed7a(nn.Module):
    """Reduction-B (figure 18)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(ConvNorm(in_channels, 256, 1), ConvNorm(256, 384, 3, stride=2))
        self.branch1 = nn.Sequential(ConvNorm(in_channels, 256, 1), ConvNorm(256, 288, 3, stride=2))
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 256, 1),
            ConvNorm(256, 288, 3, padding=1),
            ConvNorm(288, 320, 3, stride=2),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.maxpool(x)], dim=1)  # 2080x8x8


class Block8(nn.Module):
    """Inception-ResNet-C (figure 19)."""

    def __init__(self, in_channels: int, by: float, act: Callable[..., nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.by = by
        self.branch0 = ConvNorm(in_channels, 192, 1)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 192, 1),
            ConvNorm(192, 224, (1, 3), padding=(0, 1)),
            ConvNorm(224, 256, (3, 1), padding=(1, 0)),
        )
        self.conv2d = nn.Conv2d(448, in_channels, kernel_size=1)
        self.act = act()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.cat([self.branch0(x), self.branch1(x)], dim=1)  # 448x8x8
        y = self.act(self.conv2d(y) * self.by + x)  # 2080x8x8
        return y


class Block35(nn.Module):
    """Inception-ResNet-A (figure 16). What a unit adds is scaled down, or training breaks off (section 3.3)."""

    def __init__(self, in_channels: int, by: float) -> None:
        super().__init__()
        self.by = by
        self.branch0 = ConvNorm(in_channels, 32, 1)
        self.branch1 = nn.Sequential(ConvNorm(in_channels, 32, 1), ConvNorm(32, 32, 3, padding=1))
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 32, 1),
            ConvNorm(32, 48, 3, padding=1),
            ConvNorm(48, 64, 3, padding=1),
        )
        self.conv2d = nn.Conv2d(128, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], dim=1)  # 128x35x35
        return F.relu(self.conv2d(y) * self.by + x)  # 320x35x35


class Block17(nn.Module):
    """Inception-ResNet-B (figure 17)."""

    def __init__(self, in_channels: int, by: float) -> None:
        super().__init__()
        self.by = by
        self.branch0 = ConvNorm(in_channels, 192, 1)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 128, 1),
            ConvNorm(128, 160, (1, 7), padding=(0, 3)),
            ConvNorm(160, 192, (7, 1), padding=(3, 0)),
        )
        self.conv2d = nn.Conv2d(384, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.branch0(x), self.branch1(x)], dim=1)  # 384x17x17
        return F.relu(self.conv2d(y) * self.by + x)  # 1088x17x17


class InceptionResNetV2(nn.Module):
    """The network of figure 15.

    Image [N, 3, 299, 299] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv2d_1a = ConvNorm(3, 32, 3, stride=2)
        self.conv2d_2a = ConvNorm(32, 32, 3)
        self.conv2d_2b = ConvNorm(32, 64, 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv2d_3b = ConvNorm(64, 80, 1)
        self.conv2d_4a = ConvNorm(80, 192, 3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.mixed_5b = Mixed5b(192)
        self.repeat = nn.Sequential(*(Block35(320, 0.17) for _ in range(10)))
        self.mixed_6a = Mixed6a(320)
        self.repeat_1 = nn.Sequential(*(Block17(1088, 0.1) for _ in range(20)))
        self.mixed_7a = Mixed7a(1088)
        self.repeat_2 = nn.Sequential(*(Block8(2080, 0.2) for _ in range(9)))
        self.block8 = Block8(2080, 1.0, act=nn.Identity)
        self.conv2d_7b = ConvNorm(2080, 1536, 1)
        self.dropout = nn.Dropout(0.2)
        self.classif = nn.Linear(1536, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv2d_1a(image)  # 32x149x149
        x = self.conv2d_2a(x)  # 32x147x147
        x = self.maxpool1(self.conv2d_2b(x))  # 64x73x73
        x = self.conv2d_3b(x)  # 80x73x73
        x = self.maxpool2(self.conv2d_4a(x))  # 192x35x35
        x = self.mixed_5b(x)  # 320x35x35
        x = self.repeat(x)  # 320x35x35
        x = self.mixed_6a(x)  # 1088x17x17
        x = self.repeat_1(x)  # 1088x17x17
        x = self.mixed_7a(x)  # 2080x8x8
        x = self.repeat_2(x)  # 2080x8x8
        x = self.block8(x)  # 2080x8x8
        x = self.conv2d_7b(x)  # 1536x8x8
        logits: Tensor = self.classif(self.dropout(x.mean(dim=(2, 3))))  # 1000
        return logits


def inception_resnet_v2(*, num_classes: int = 1000) -> InceptionResNetV2:
    """InceptionResNetV2() of inception_resnet_v2.net."""
    return InceptionResNetV2(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
