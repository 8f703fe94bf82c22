"""mini_googlenet, compiled by netdsl 0.1 from mini_googlenet.net (sha256 …). Yours to edit.

GoogLeNet in small, for 28x28 images (digits, Fashion-MNIST): the modules of Szegedy et al., "Going
Deeper with Convolutions", 2014 (arXiv:1409.4842), with the batch normalisation of Ioffe & Szegedy,
2015 (arXiv:1502.03167), which stands in for its LRN and lets it train in minutes on a CPU.

Input 1x28x28; 140,098 parameters, 147,980 while training; 7,898,688 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AuxHead", "ConvNorm", "Inception", "MiniGoogLeNet", "MiniGoogLeNetOutput", "mini_googlenet"]


class ConvNorm(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(self, in_channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out, kernel_size=kernel, padding=kernel // 2, bias=False)
        self.batchnorm1 = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.batchnorm1(self.conv1(x)))


class Inception(nn.Module):
    """Inception module with dimension reduction (figure 2b)."""

    def __init__(self, in_channels: int, n1: int, r3: int, n3: int, r5: int, n5: int, pool: int) -> None:
        super().__init__()
        self.conv_norm1 = ConvNorm(in_channels, n1, 1)
        self.conv_norm2 = ConvNorm(in_channels, r3, 1)
        self.conv_norm3 = ConvNorm(r3, n3, 3)
        self.conv_norm4 = ConvNorm(in_channels, r5, 1)
        self.conv_norm5 = ConvNorm(r5, n5, 5)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True)
        self.conv_norm6 = ConvNorm(in_channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.conv_norm3(self.conv_norm2(x))
        branch3 = self.conv_norm5(self.conv_norm4(x))
        branch4 = self.conv_norm6(self.maxpool(x))
        return torch.cat([self.conv_norm1(x), branch2, branch3, branch4], dim=1)


class AuxHead(nn.Module):
    """Auxiliary classifier (section 5): exists only while training."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(in_channels, 64)
        self.dropout = nn.Dropout(0.2)
        self.linear2 = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(F.relu(self.linear1(x.mean(dim=(2, 3)))))  # 64
        x = self.linear2(x)  # 10
        return x


class MiniGoogLeNetOutput(NamedTuple):
    """What MiniGoogLeNet gives in training mode."""

    logits: Tensor
    aux1: Tensor


class MiniGoogLeNet(nn.Module):
    """Four modules and one auxiliary head.

    Image [N, 1, 28, 28] to logits [N, num_classes]; in training mode with those of the heads.
    """

    loss_weights: ClassVar[dict[str, float]] = {"aux1": 0.3}

    def __init__(self, num_classes: int = 10, aux: bool = True) -> None:
        super().__init__()
        self.conv_norm1 = ConvNorm(1, 32, 3)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.i3a = Inception(32, 16, 16, 32, 4, 8, 8)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.i4a = Inception(64, 32, 24, 48, 8, 16, 16)
        self.i4b = Inception(112, 48, 32, 64, 8, 16, 16)
        self.i4c = Inception(144, 64, 48, 96, 16, 32, 32)

        self.dropout = nn.Dropout(0.2)
        self.logits = nn.Linear(224, num_classes)
        self.aux1 = AuxHead(112, num_classes) if aux else None

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, image: Tensor) -> Tensor | MiniGoogLeNetOutput:
        x = self.maxpool1(self.conv_norm1(image))  # 32x14x14
        x = self.i3a(x)  # 64x14x14
        x = self.maxpool2(x)  # 64x7x7
        i4a = self.i4a(x)  # 112x7x7
        x = self.i4b(i4a)  # 144x7x7
        x = self.i4c(x)  # 224x7x7

        logits: Tensor = self.logits(self.dropout(x.mean(dim=(2, 3))))  # 10
        if self.training and self.aux1 is not None:
            return MiniGoogLeNetOutput(logits, aux1=self.aux1(i4a))
        return logits


def mini_googlenet(*, num_classes: int = 10, aux: bool = True) -> MiniGoogLeNet:
    """MiniGoogLeNet() of mini_googlenet.net; `aux=False` leaves the training heads out."""
    return MiniGoogLeNet(num_classes=num_classes, aux=aux)


# As netdsl wrote it, as long as the text above has sha256 ….
