"""inception_resnet_v1, compiled by netdsl 0.1 from inception_resnet_v1.net (sha256 …). Yours to edit.

Inception-ResNet v1: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", 2016 (arXiv:1602.07261), figures 10 to 15 and table 1.

Input 3x299x299; 22,756,328 parameters; 6,206,361,696 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "ConvNorm",
    "InceptionResNetV1",
    "ReductionA",
    "ReductionB",
    "UnitA",
    "UnitB",
    "UnitC",
    "inception_resnet_v1",
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


class ReductionA(nn.Module):
    """From 35x35 to 17x17 (figure 7, with k = 192, l = 192, m = 256, n = 384)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 384, 3, stride=2)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 192, 1),
            ConvNorm(192, 192, 3, padding=1),
            ConvNorm(192, 256, 3, stride=2),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.maxpool(x)], dim=1)  # 896x17x17


class ReductionB(nn.Module):
    """From 17x17 to 8x8 (figure 12)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(ConvNorm(in_channels, 256, 1), ConvNorm(256, 384, 3, stride=2))
        self.branch1 = nn.Sequential(ConvNorm(in_channels, 256, 1), ConvNorm(256, 256, 3, stride=2))
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 256, 1),
            ConvNorm(256, 256, 3, padding=1),
            ConvNorm(256, 256, 3, stride=2),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.maxpool(x)], dim=1)  # 1792x8x8


class UnitA(nn.Module):
    """Inception-ResNet-A (figure 10). What a unit adds is scaled down, or training breaks off (section 3.3)."""

    def __init__(self, in_channels: int, by: float = 0.17) -> None:
        super().__init__()
        self.by = by
        self.branch0 = ConvNorm(in_channels, 32, 1)
        self.branch1 = nn.Sequential(ConvNorm(in_channels, 32, 1), ConvNorm(32, 32, 3, padding=1))
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 32, 1),
            ConvNorm(32, 32, 3, padding=1),
            ConvNorm(32, 32, 3, padding=1),
        )
        self.project = nn.Conv2d(96, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], dim=1)  # 96x35x35
        return F.relu(self.project(y) * self.by + x)  # 256x35x35


class UnitB(nn.Module):
    """Inception-ResNet-B (figure 11)."""

    def __init__(self, in_channels: int, by: float = 0.1) -> None:
        super().__init__()
        self.by = by
        self.branch0 = ConvNorm(in_channels, 128, 1)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 128, 1),
            ConvNorm(128, 128, (1, 7), padding=(0, 3)),
            ConvNorm(128, 128, (7, 1), padding=(3, 0)),
        )
        self.project = nn.Conv2d(256, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.branch0(x), self.branch1(x)], dim=1)  # 256x17x17
        return F.relu(self.project(y) * self.by + x)  # 896x17x17


class UnitC(nn.Module):
    """Inception-ResNet-C (figure 13)."""

    def __init__(self, in_channels: int, by: float = 0.2) -> None:
        super().__init__()
        self.by = by
        self.branch0 = ConvNorm(in_channels, 192, 1)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 192, 1),
            ConvNorm(192, 192, (1, 3), padding=(0, 1)),
            ConvNorm(192, 192, (3, 1), padding=(1, 0)),
        )
        self.project = nn.Conv2d(384, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.branch0(x), self.branch1(x)], dim=1)  # 384x8x8
        return F.relu(self.project(y) * self.by + x)  # 1792x8x8


class InceptionResNetV1(nn.Module):
    """The network of figure 15 with the stem of figure 14.

    Image [N, 3, 299, 299] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvNorm(3, 32, 3, stride=2),  # 32x149x149
            ConvNorm(32, 32, 3),  # 32x147x147
            ConvNorm(32, 64, 3, padding=1),  # 64x147x147
            nn.MaxPool2d(kernel_size=3, stride=2),  # 64x73x73
            ConvNorm(64, 80, 1),  # 80x73x73
            ConvNorm(80, 192, 3),  # 192x71x71
            ConvNorm(192, 256, 3, stride=2),  # 256x35x35
        )
        self.stage_a = nn.Sequential(*(UnitA(256) for _ in range(5)))
        self.reduction_a = ReductionA(256)
        self.stage_b = nn.Sequential(*(UnitB(896) for _ in range(10)))
        self.reduction_b = ReductionB(896)
        self.stage_c = nn.Sequential(*(UnitC(1792) for _ in range(5)))
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1792, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)  # 256x35x35
        x = self.stage_a(x)  # 256x35x35
        x = self.reduction_a(x)  # 896x17x17
        x = self.stage_b(x)  # 896x17x17
        x = self.reduction_b(x)  # 1792x8x8
        x = self.stage_c(x)  # 1792x8x8
        logits: Tensor = self.fc(self.dropout(x.mean(dim=(2, 3))))  # 1000
        return logits


def inception_resnet_v1(*, num_classes: int = 1000) -> InceptionResNetV1:
    """InceptionResNetV1() of inception_resnet_v1.net."""
    return InceptionResNetV1(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
