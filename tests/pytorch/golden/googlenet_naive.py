"""googlenet_naive, compiled by netdsl 0.1 from googlenet_naive.net (sha256 …). Yours to edit.

GoogLeNet with naive inception modules: Szegedy et al., "Going Deeper with Convolutions", 2014
(arXiv:1409.4842), figure 2a in the network of table 1. Nothing is reduced before the large filters, and the
pool branch passes all channels on, so every module widens the next: 14 times the parameters and 7.9 times the
multiply-adds.

Input 3x224x224; 97,526,008 parameters, 104,274,376 while training; 12,568,061,056 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AuxHead", "GoogLeNetNaive", "GoogLeNetNaiveOutput", "NaiveInception", "googlenet_naive"]


class NaiveInception(nn.Module):
    """Inception module, naive version (figure 2a)."""

    def __init__(self, in_channels: int, n1: int, n3: int, n5: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, n1, kernel_size=1)
        self.conv2 = nn.Conv2d(in_channels, n3, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(in_channels, n5, kernel_size=5, padding=2)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = F.relu(self.conv1(x))
        branch2 = F.relu(self.conv2(x))
        branch3 = F.relu(self.conv3(x))
        return torch.cat([branch1, branch2, branch3, self.maxpool(x)], dim=1)


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


class GoogLeNetNaiveOutput(NamedTuple):
    """What GoogLeNetNaive gives in training mode."""

    logits: Tensor
    aux1: Tensor
    aux2: Tensor


class GoogLeNetNaive(nn.Module):
    """GoogLeNet's stem, heads and filter counts around the naive module.

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

        self.i3a = NaiveInception(192, 64, 128, 32)
        self.i3b = NaiveInception(416, 128, 192, 96)
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.i4a = NaiveInception(832, 192, 208, 48)
        self.i4b = NaiveInception(1280, 160, 224, 64)
        self.i4c = NaiveInception(1728, 128, 256, 64)
        self.i4d = NaiveInception(2176, 112, 288, 64)
        self.i4e = NaiveInception(2640, 256, 320, 128)
        self.maxpool4 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.i5a = NaiveInception(3344, 256, 320, 128)
        self.i5b = NaiveInception(4048, 384, 384, 128)

        self.dropout = nn.Dropout(0.4)
        self.logits = nn.Linear(4944, num_classes)
        self.aux1 = AuxHead(1280, num_classes) if aux else None
        self.aux2 = AuxHead(2640, num_classes) if aux else None

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.constant_(module.bias, 0.2)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor | GoogLeNetNaiveOutput:
        x = self.lrn1(self.maxpool1(F.relu(self.conv1(image))))  # 64x56x56
        x = F.relu(self.conv2(x))  # 64x56x56
        x = self.maxpool2(self.lrn2(F.relu(self.conv3(x))))  # 192x28x28

        x = self.i3a(x)  # 416x28x28
        x = self.i3b(x)  # 832x28x28
        x = self.maxpool3(x)  # 832x14x14
        i4a = self.i4a(x)  # 1280x14x14
        x = self.i4b(i4a)  # 1728x14x14
        x = self.i4c(x)  # 2176x14x14
        i4d = self.i4d(x)  # 2640x14x14
        x = self.i4e(i4d)  # 3344x14x14
        x = self.maxpool4(x)  # 3344x7x7
        x = self.i5a(x)  # 4048x7x7
        x = self.i5b(x)  # 4944x7x7

        logits: Tensor = self.logits(self.dropout(x.mean(dim=(2, 3))))  # 1000
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetNaiveOutput(logits, aux1=self.aux1(i4a), aux2=self.aux2(i4d))
        return logits


def googlenet_naive(*, num_classes: int = 1000, aux: bool = True) -> GoogLeNetNaive:
    """GoogLeNetNaive() of googlenet_naive.net; `aux=False` leaves the training heads out."""
    return GoogLeNetNaive(num_classes=num_classes, aux=aux)


# As netdsl wrote it, as long as the text above has sha256 ….
