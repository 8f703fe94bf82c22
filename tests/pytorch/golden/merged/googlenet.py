"""GoogLeNet, compiled by netdsl 0.1 from googlenet.net (sha256 …). Yours to edit.

GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", 2014 (arXiv:1409.4842), table 1.

Input 3x224x224; 6,998,552 parameters, 13,378,280 while training; 1,582,671,872 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AuxHead", "GoogLeNet", "GoogLeNetOutput", "Inception", "googlenet"]


class Inception(nn.Module):
    """Inception module with dimension reduction (figure 2b)."""

    def __init__(self, in_channels: int, n1: int, r3: int, n3: int, r5: int, n5: int, pool: int) -> None:
        super().__init__()
        self.n1 = n1
        self.r3 = r3
        self.r5 = r5
        self.siblings = nn.Conv2d(in_channels, n1 + r3 + r5, kernel_size=1)
        self.conv2 = nn.Conv2d(r3, n3, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(r5, n5, kernel_size=5, padding=2)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True)
        self.conv4 = nn.Conv2d(in_channels, pool, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        part1, part2, part3 = torch.split(F.relu(self.siblings(x)), [self.n1, self.r3, self.r5], dim=1)
        branch2 = F.relu(self.conv2(part2))
        branch3 = F.relu(self.conv3(part3))
        branch4 = F.relu(self.conv4(self.maxpool(x)))
        return torch.cat([part1, branch2, branch3, branch4], dim=1)


class AuxHead(nn.Module):
    """Auxiliary classifier (section 5): exists only while training."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv1 = nn.Conv2d(in_channels, 128, kernel_size=1)
        self.linear1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.linear2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(self.avgpool(x))).flatten(1)  # 2048
        x = self.linear2(self.dropout(F.relu(self.linear1(x))))  # 1000
        return x


class GoogLeNetOutput(NamedTuple):
    """What GoogLeNet gives in training mode."""

    logits: Tensor
    aux1: Tensor
    aux2: Tensor


class GoogLeNet(nn.Module):
    """The network of the paper: 22 layers, normalised by local response, without batch norm.

    Image [N, 3, 224, 224] to logits [N, num_classes]; in training mode with those of the heads.
    """

    loss_weights: ClassVar[dict[str, float]] = {"aux1": 0.3, "aux2": 0.3}

    def __init__(self, num_classes: int = 1000, aux: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.lrn1 = nn.LocalResponseNorm(5)
        self.conv2 = nn.Conv2d(64, 64, kernel_size=1)
        self.conv3 = nn.Conv2d(64, 192, kernel_size=3, padding=1)
        self.lrn2 = nn.LocalResponseNorm(5)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

        self.i3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.i3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.i4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.i4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.i4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.i4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.i4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.i5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.i5b = Inception(832, 384, 192, 384, 48, 128, 128)

        self.dropout = nn.Dropout(0.4)
        self.logits = nn.Linear(1024, num_classes)
        self.aux1 = AuxHead(512, num_classes) if aux else None
        self.aux2 = AuxHead(528, num_classes) if aux else None

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.constant_(module.bias, 0.2)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor | GoogLeNetOutput:
        x = self.lrn1(self.maxpool1(F.relu(self.conv1(image))))  # 64x56x56
        x = F.relu(self.conv2(x))  # 64x56x56
        x = self.maxpool2(self.lrn2(F.relu(self.conv3(x))))  # 192x28x28

        x = self.i3a(x)  # 256x28x28
        x = self.i3b(x)  # 480x28x28
        x = self.maxpool3(x)  # 480x14x14
        i4a = self.i4a(x)  # 512x14x14
        x = self.i4b(i4a)  # 512x14x14
        x = self.i4c(x)  # 512x14x14
        i4d = self.i4d(x)  # 528x14x14
        x = self.i4e(i4d)  # 832x14x14
        x = self.maxpool4(x)  # 832x7x7
        x = self.i5a(x)  # 832x7x7
        x = self.i5b(x)  # 1024x7x7

        logits: Tensor = self.logits(self.dropout(x.mean(dim=(2, 3))))  # 1000
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutput(logits, aux1=self.aux1(i4a), aux2=self.aux2(i4d))
        return logits


def googlenet(*, num_classes: int = 1000, aux: bool = True) -> GoogLeNet:
    """GoogLeNet() of googlenet.net; `aux=False` leaves the training heads out."""
    return GoogLeNet(num_classes=num_classes, aux=aux)


# As netdsl wrote it, as long as the text above has sha256 ….
