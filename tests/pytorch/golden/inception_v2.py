"""inception_v2, compiled by netdsl 0.1 from inception_v2.net (sha256 …). Yours to edit.

Inception v2, or BN-Inception: Ioffe & Szegedy, "Batch Normalization: Accelerating Deep Network Training by
Reducing Internal Covariate Shift", 2015 (arXiv:1502.03167), figure 5. Its filter counts add up to 608 and
1056 channels where the figure says 576 and 1024; the counts are kept here, as in Caffe's model. The first
layer is an ordinary convolution, as there, not the separable one that the paper mentions.

Input 3x224x224; 11,285,224 parameters; 2,032,600,064 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvNorm", "Inception", "InceptionV2", "Reduction", "inception_v2"]


class ConvNorm(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(self, in_channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out, kernel_size=kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Inception module with two 3x3 convolutions in place of the 5x5; `pool` is an operator."""

    def __init__(
        self, in_channels: int, n1: int, r3: int, n3: int, rd: int, nd: int, pool: Callable[..., nn.Module], proj: int
    ) -> None:
        super().__init__()
        self.branch1 = ConvNorm(in_channels, n1, 1)
        self.branch2 = nn.Sequential(ConvNorm(in_channels, r3, 1), ConvNorm(r3, n3, 3))
        self.branch3 = nn.Sequential(ConvNorm(in_channels, rd, 1), ConvNorm(rd, nd, 3), ConvNorm(nd, nd, 3))
        self.branch4 = nn.Sequential(pool(kernel_size=3, stride=1, padding=1), ConvNorm(in_channels, proj, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class Reduction(nn.Module):
    """Halves the resolution; the pool branch passes all channels on."""

    def __init__(self, in_channels: int, r3: int, n3: int, rd: int, nd: int) -> None:
        super().__init__()
        self.branch1 = nn.Sequential(ConvNorm(in_channels, r3, 1), ConvNorm(r3, n3, 3, stride=2))
        self.branch2 = nn.Sequential(ConvNorm(in_channels, rd, 1), ConvNorm(rd, nd, 3), ConvNorm(nd, nd, 3, stride=2))
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.maxpool(x)], dim=1)


class InceptionV2(nn.Module):
    """The network of figure 5.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, 64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2 = ConvNorm(64, 64, 1)
        self.conv3 = ConvNorm(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

        self.i3a = Inception(192, 64, 64, 64, 64, 96, nn.AvgPool2d, 32)
        self.i3b = Inception(256, 64, 64, 96, 64, 96, nn.AvgPool2d, 64)
        self.i3c = Reduction(320, 128, 160, 64, 96)
        self.i4a = Inception(576, 224, 64, 96, 96, 128, nn.AvgPool2d, 128)
        self.i4b = Inception(576, 192, 96, 128, 96, 128, nn.AvgPool2d, 128)
        self.i4c = Inception(576, 160, 128, 160, 128, 160, nn.AvgPool2d, 128)
        self.i4d = Inception(608, 96, 128, 192, 160, 192, nn.AvgPool2d, 128)
        self.i4e = Reduction(608, 128, 192, 192, 256)
        self.i5a = Inception(1056, 352, 192, 320, 160, 224, nn.AvgPool2d, 128)
        self.i5b = Inception(1024, 352, 192, 320, 192, 224, partial(nn.MaxPool2d, ceil_mode=True), 128)

        self.fc = nn.Linear(1024, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.maxpool1(self.conv1(image))  # 64x56x56
        x = self.maxpool2(self.conv3(self.conv2(x)))  # 192x28x28

        x = self.i3a(x)  # 256x28x28
        x = self.i3b(x)  # 320x28x28
        x = self.i3c(x)  # 576x14x14
        x = self.i4a(x)  # 576x14x14
        x = self.i4b(x)  # 576x14x14
        x = self.i4c(x)  # 608x14x14
        x = self.i4d(x)  # 608x14x14
        x = self.i4e(x)  # 1056x7x7
        x = self.i5a(x)  # 1024x7x7
        x = self.i5b(x)  # 1024x7x7

        logits: Tensor = self.fc(x.mean(dim=(2, 3)))  # 1000
        return logits


def inception_v2(*, num_classes: int = 1000) -> InceptionV2:
    """InceptionV2() of inception_v2.net."""
    return InceptionV2(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
