"""densenet121, compiled by netdsl 0.1 from densenet.net (sha256 …). Yours to edit.

DenseNet: Huang et al., "Densely Connected Convolutional Networks", 2016 (arXiv:1608.06993), table 1;
torchvision's names.

Input 3x224x224; 7,978,856 parameters; 2,834,161,664 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DenseBlock", "DenseLayer", "DenseNet", "Transition", "densenet121"]


class DenseLayer(nn.Module):
    """Bottleneck layer of DenseNet-BC: BN-ReLU-Conv(1x1)-BN-ReLU-Conv(3x3)."""

    def __init__(self, in_channels: int, growth: int, expansion: int = 4) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, expansion * growth, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(expansion * growth)
        self.conv2 = nn.Conv2d(expansion * growth, growth, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(F.relu(self.norm1(x)))
        x = self.conv2(F.relu(self.norm2(x)))
        return x


class DenseBlock(nn.Module):
    """Every layer sees the outputs of all layers before it."""

    def __init__(self, in_channels: int, n: int, growth: int) -> None:
        super().__init__()
        for i in range(n):
            self.add_module(f"denselayer{i + 1}", DenseLayer(in_channels + i * growth, growth))

    def forward(self, x: Tensor) -> Tensor:
        for denselayer in self.children():
            x = torch.cat([x, denselayer(x)], dim=1)
        return x


class Transition(nn.Module):
    """Halves the channels and the resolution."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.conv = nn.Conv2d(in_channels, in_channels // 2, kernel_size=1, bias=False)
        self.avgpool = nn.AvgPool2d(kernel_size=2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.conv(F.relu(self.norm(x))))
        return x


class DenseNet(nn.Module):
    """`layers` is a column of table 1: how many layers each dense block has; `growth` is the paper's k.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(
        self, layers: Sequence[int] = (6, 12, 24, 16), growth: int = 32, stem: int = 64, num_classes: int = 1000
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("conv0", nn.Conv2d(3, stem, kernel_size=7, stride=2, padding=3, bias=False)),  # 64x112x112
                    ("norm0", nn.BatchNorm2d(stem)),
                    ("2", nn.ReLU()),
                    ("3", nn.MaxPool2d(kernel_size=3, stride=2, padding=1)),  # 64x56x56
                ]
            )
        )
        channels = stem
        for i, n in enumerate(layers):
            self.features.add_module(f"denseblock{i + 1}", DenseBlock(channels, n, growth))
            channels += n * growth
            if i < len(layers) - 1:
                self.features.add_module(f"transition{i + 1}", Transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 1024x7x7
        logits: Tensor = self.classifier(F.relu(x).mean(dim=(2, 3)))  # 1000
        return logits


def densenet121(
    *, growth: int = 32, stem: int = 64, num_classes: int = 1000, layers: Sequence[int] = (6, 12, 24, 16)
) -> DenseNet:
    """DenseNet([6, 12, 24, 16]) of densenet.net."""
    return DenseNet(layers=layers, growth=growth, stem=stem, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
