"""googlenet_bn, compiled by netdsl 0.1 from googlenet_bn.net (sha256 …). Yours to edit.

GoogLeNet with batch normalisation: Szegedy et al., "Going Deeper with Convolutions", 2014 (arXiv:1409.4842), as
torchvision builds it and with its names: no LRN, no bias, and 3x3 convolutions where the paper has 5x5.

Input 3x224x224; 6,624,904 parameters, 13,004,888 while training; 1,498,376,192 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BasicConv2d", "GoogLeNet", "GoogLeNetOutput", "Inception", "InceptionAux", "googlenet_bn"]


class BasicConv2d(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(self, in_channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out, kernel_size=kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Inception module with dimension reduction (figure 2b)."""

    def __init__(self, in_channels: int, n1: int, r3: int, n3: int, r5: int, n5: int, pool: int) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, n1, 1)
        self.branch2 = nn.Sequential(BasicConv2d(in_channels, r3, 1), BasicConv2d(r3, n3, 3))
        self.branch3 = nn.Sequential(BasicConv2d(in_channels, r5, 1), BasicConv2d(r5, n5, 3))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, pool, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class InceptionAux(nn.Module):
    """Auxiliary classifier (section 5): exists only while training."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.conv = BasicConv2d(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x)).flatten(1)  # 2048
        x = self.fc2(self.dropout(F.relu(self.fc1(x))))  # 1000
        return x


class GoogLeNetOutput(NamedTuple):
    """What GoogLeNet gives in training mode."""

    logits: Tensor
    aux_logits1: Tensor
    aux_logits2: Tensor


class GoogLeNet(nn.Module):
    """`aux=False` leaves the auxiliary classifiers out.

    Image [N, 3, 224, 224] to logits [N, num_classes]; in training mode with those of the heads.
    """

    loss_weights: ClassVar[dict[str, float]] = {"aux_logits1": 0.3, "aux_logits2": 0.3}

    def __init__(self, num_classes: int = 1000, aux: bool = True) -> None:
        super().__init__()
        self.conv1 = BasicConv2d(3, 64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, 1)
        self.conv3 = BasicConv2d(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)

        self.aux1 = InceptionAux(512, num_classes) if aux else None
        self.aux2 = InceptionAux(528, num_classes) if aux else None
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, num_classes)

        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.01)

    def forward(self, image: Tensor) -> Tensor | GoogLeNetOutput:
        x = self.maxpool1(self.conv1(image))  # 64x56x56
        x = self.maxpool2(self.conv3(self.conv2(x)))  # 192x28x28

        x = self.inception3a(x)  # 256x28x28
        x = self.inception3b(x)  # 480x28x28
        x = self.maxpool3(x)  # 480x14x14
        inception4a = self.inception4a(x)  # 512x14x14
        x = self.inception4b(inception4a)  # 512x14x14
        x = self.inception4c(x)  # 512x14x14
        inception4d = self.inception4d(x)  # 528x14x14
        x = self.inception4e(inception4d)  # 832x14x14
        x = self.maxpool4(x)  # 832x7x7
        x = self.inception5a(x)  # 832x7x7
        x = self.inception5b(x)  # 1024x7x7

        logits: Tensor = self.fc(self.dropout(x.mean(dim=(2, 3))))  # 1000
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutput(logits, aux_logits1=self.aux1(inception4a), aux_logits2=self.aux2(inception4d))
        return logits


def googlenet_bn(*, num_classes: int = 1000, aux: bool = True) -> GoogLeNet:
    """GoogLeNet() of googlenet_bn.net; `aux=False` leaves the training heads out."""
    return GoogLeNet(num_classes=num_classes, aux=aux)


# As netdsl wrote it, as long as the text above has sha256 ….
