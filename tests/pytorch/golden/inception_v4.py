"""inception_v4, compiled by netdsl 0.1 from inception_v4.net (sha256 …). Yours to edit.

Inception v4: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", 2016 (arXiv:1602.07261), figures 3 to 9; timm's names.

Input 3x299x299; 42,679,816 parameters; 12,253,974,624 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "ConvNorm",
    "InceptionA",
    "InceptionB",
    "InceptionC",
    "InceptionV4",
    "Mixed3a",
    "Mixed4a",
    "Mixed5a",
    "ReductionA",
    "ReductionB",
    "inception_v4",
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


class Mixed3a(nn.Module):
    """The first fork of the stem (figure 3)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv = ConvNorm(in_channels, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.maxpool(x), self.conv(x)], dim=1)  # 160x73x73


class Mixed4a(nn.Module):
    """The second fork of the stem."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(ConvNorm(in_channels, 64, 1), ConvNorm(64, 96, 3))
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 64, 1),
            ConvNorm(64, 64, (1, 7), padding=(0, 3)),
            ConvNorm(64, 64, (7, 1), padding=(3, 0)),
            ConvNorm(64, 96, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x)], dim=1)  # 192x71x71


class Mixed5a(nn.Module):
    """The third fork of the stem."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv = ConvNorm(in_channels, 192, 3, stride=2)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), self.maxpool(x)], dim=1)  # 384x35x35


class InceptionA(nn.Module):
    """The 35x35 module (figure 4)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 96, 1)
        self.branch1 = nn.Sequential(ConvNorm(in_channels, 64, 1), ConvNorm(64, 96, 3, padding=1))
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 64, 1),
            ConvNorm(64, 96, 3, padding=1),
            ConvNorm(96, 96, 3, padding=1),
        )
        self.branch3 = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=1, padding=1, count_include_pad=False),
            ConvNorm(in_channels, 96, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], dim=1)  # 384x35x35


class ReductionA(nn.Module):
    """From 35x35 to 17x17 (figure 7, with k = 192, l = 224, m = 256, n = 384)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 384, 3, stride=2)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 192, 1),
            ConvNorm(192, 224, 3, padding=1),
            ConvNorm(224, 256, 3, stride=2),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.maxpool(x)], dim=1)  # 1024x17x17


class InceptionB(nn.Module):
    """The 17x17 module (figure 5)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 384, 1)
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 192, 1),
            ConvNorm(192, 224, (1, 7), padding=(0, 3)),
            ConvNorm(224, 256, (7, 1), padding=(3, 0)),
        )
        self.branch2 = nn.Sequential(
            ConvNorm(in_channels, 192, 1),
            ConvNorm(192, 192, (7, 1), padding=(3, 0)),
            ConvNorm(192, 224, (1, 7), padding=(0, 3)),
            ConvNorm(224, 224, (7, 1), padding=(3, 0)),
            ConvNorm(224, 256, (1, 7), padding=(0, 3)),
        )
        self.branch3 = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=1, padding=1, count_include_pad=False),
            ConvNorm(in_channels, 128, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], dim=1)  # 1024x17x17


class ReductionB(nn.Module):
    """From 17x17 to 8x8 (figure 8)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(ConvNorm(in_channels, 192, 1), ConvNorm(192, 192, 3, stride=2))
        self.branch1 = nn.Sequential(
            ConvNorm(in_channels, 256, 1),
            ConvNorm(256, 256, (1, 7), padding=(0, 3)),
            ConvNorm(256, 320, (7, 1), padding=(3, 0)),
            ConvNorm(320, 320, 3, stride=2),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch0(x), self.branch1(x), self.maxpool(x)], dim=1)  # 1536x8x8


class InceptionC(nn.Module):
    """The 8x8 module (figure 6)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch0 = ConvNorm(in_channels, 256, 1)
        self.branch1_0 = ConvNorm(in_channels, 384, 1)
        self.branch1_1a = ConvNorm(384, 256, (1, 3), padding=(0, 1))
        self.branch1_1b = ConvNorm(384, 256, (3, 1), padding=(1, 0))
        self.branch2_0 = ConvNorm(in_channels, 384, 1)
        self.branch2_1 = ConvNorm(384, 448, (3, 1), padding=(1, 0))
        self.branch2_2 = ConvNorm(448, 512, (1, 3), padding=(0, 1))
        self.branch2_3a = ConvNorm(512, 256, (1, 3), padding=(0, 1))
        self.branch2_3b = ConvNorm(512, 256, (3, 1), padding=(1, 0))
        self.branch3 = nn.Sequential(
            nn.AvgPool2d(kernel_size=3, stride=1, padding=1, count_include_pad=False),
            ConvNorm(in_channels, 256, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.branch1_0(x)  # 384x8x8
        branch2 = torch.cat([self.branch1_1a(branch2), self.branch1_1b(branch2)], dim=1)  # 512x8x8
        branch3_ = self.branch2_2(self.branch2_1(self.branch2_0(x)))  # 512x8x8
        branch3_ = torch.cat([self.branch2_3a(branch3_), self.branch2_3b(branch3_)], dim=1)  # 512x8x8
        return torch.cat([self.branch0(x), branch2, branch3_, self.branch3(x)], dim=1)  # 1536x8x8


class InceptionV4(nn.Module):
    """The network of figure 9.

    Image [N, 3, 299, 299] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNorm(3, 32, 3, stride=2),  # 32x149x149
            ConvNorm(32, 32, 3),  # 32x147x147
            ConvNorm(32, 64, 3, padding=1),  # 64x147x147
            Mixed3a(64),  # 160x73x73
            Mixed4a(160),  # 192x71x71
            Mixed5a(192),  # 384x35x35
            *(InceptionA(384) for _ in range(4)),
            ReductionA(384),  # 1024x17x17
            *(InceptionB(1024) for _ in range(7)),
            ReductionB(1024),  # 1536x8x8
            *(InceptionC(1536) for _ in range(3)),
        )
        self.dropout = nn.Dropout(0.2)
        self.last_linear = nn.Linear(1536, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 1536x8x8
        logits: Tensor = self.last_linear(self.dropout(x.mean(dim=(2, 3))))  # 1000
        return logits


def inception_v4(*, num_classes: int = 1000) -> InceptionV4:
    """InceptionV4() of inception_v4.net."""
    return InceptionV4(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
