"""Siamese, compiled by netdsl 0.1 from siamese.net (sha256 …). Yours to edit.

Siamese network: Koch, Zemel & Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", 2015,
figure 4 and section 3.2.

Inputs left 1x105x105, right 1x105x105; 38,951,745 parameters; 1,817,251,840 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Siamese", "Tower", "siamese"]


class Tower(nn.Module):
    """The twin: both images pass through the same weights."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=10)
        self.maxpool1 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(64, 128, kernel_size=7)
        self.maxpool2 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv3 = nn.Conv2d(128, 128, kernel_size=4)
        self.maxpool3 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv4 = nn.Conv2d(128, 256, kernel_size=4)
        self.linear1 = nn.Linear(256 * 6 * 6, 4096)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool1(F.relu(self.conv1(x)))  # 64x48x48
        x = self.maxpool2(F.relu(self.conv2(x)))  # 128x21x21
        x = self.maxpool3(F.relu(self.conv3(x)))  # 128x9x9
        x = F.relu(self.conv4(x))  # 256x6x6
        return torch.sigmoid(self.linear1(x.flatten(1)))  # 4096


class Siamese(nn.Module):
    """How likely two images show the same: from the distances between what the twins say of them.

    Left [N, 1, 105, 105] and right [N, 1, 105, 105] to similarity [N, 1].
    """

    def __init__(self) -> None:
        super().__init__()
        self.tower = Tower(1)
        self.score = nn.Linear(4096, 1)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.normal_(module.bias, std=0.01, mean=0.5)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.2)
                nn.init.normal_(module.bias, std=0.01, mean=0.5)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        x = torch.abs(self.tower(left) - self.tower(right))  # 4096
        similarity = torch.sigmoid(self.score(x))  # 1
        return similarity


def siamese() -> Siamese:
    """Siamese() of siamese.net."""
    return Siamese()


# As netdsl wrote it, as long as the text above has sha256 ….
