"""lenet5, compiled by netdsl 0.1 from lenet.net (sha256 …). Yours to edit.

LeNet-5: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998
(Proc. IEEE 86), figure 2, table 1 and section II.B.

Input 1x32x32; 60,850 parameters; 326,520 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
from torch import Tensor, nn

__all__ = ["LeNet5", "Selective", "Squash", "Subsample", "lenet5"]


class Squash(nn.Module):
    """The squashing function of appendix A."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x * (2 / 3)) * 1.7159


class Subsample(nn.Module):
    """Adds up each 2x2 neighbourhood, then scales and shifts each map by learned numbers."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((in_channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(in_channels, 1, 1))
        self.avgpool = nn.AvgPool2d(kernel_size=2, stride=2)
        self.squash = Squash()

    def forward(self, x: Tensor) -> Tensor:
        x = self.squash(self.avgpool(x) * 4 * self.coefficient + self.bias)
        return x


class Selective(nn.Module):
    """Maps of layer C3, each of which sees some of the six maps before it (table 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList(
            [
                *(nn.Conv2d(3, 1, kernel_size=5) for _ in range(6)),
                *(nn.Conv2d(4, 1, kernel_size=5) for _ in range(9)),
                nn.Conv2d(6, 1, kernel_size=5),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        map0 = x[:, :1]  # 1x14x14
        map1 = x[:, 1:2]  # 1x14x14
        map2 = x[:, 2:3]  # 1x14x14
        map3 = x[:, 3:4]  # 1x14x14
        map4 = x[:, 4:5]  # 1x14x14
        map5 = x[:, 5:]  # 1x14x14
        y = torch.cat([map0, map1, map2], dim=1)  # 3x14x14
        maps0 = self.maps[0](y)  # 1x10x10
        y = torch.cat([map1, map2, map3], dim=1)  # 3x14x14
        maps1 = self.maps[1](y)  # 1x10x10
        y = torch.cat([map2, map3, map4], dim=1)  # 3x14x14
        maps2 = self.maps[2](y)  # 1x10x10
        y = torch.cat([map3, map4, map5], dim=1)  # 3x14x14
        maps3 = self.maps[3](y)  # 1x10x10
        y = torch.cat([map0, map4, map5], dim=1)  # 3x14x14
        maps4 = self.maps[4](y)  # 1x10x10
        y = torch.cat([map0, map1, map5], dim=1)  # 3x14x14
        maps5 = self.maps[5](y)  # 1x10x10
        y = torch.cat([map0, map1, map2, map3], dim=1)  # 4x14x14
        maps6 = self.maps[6](y)  # 1x10x10
        y = torch.cat([map1, map2, map3, map4], dim=1)  # 4x14x14
        maps7 = self.maps[7](y)  # 1x10x10
        y = torch.cat([map2, map3, map4, map5], dim=1)  # 4x14x14
        maps8 = self.maps[8](y)  # 1x10x10
        y = torch.cat([map0, map3, map4, map5], dim=1)  # 4x14x14
        maps9 = self.maps[9](y)  # 1x10x10
        y = torch.cat([map0, map1, map4, map5], dim=1)  # 4x14x14
        maps10 = self.maps[10](y)  # 1x10x10
        y = torch.cat([map0, map1, map2, map5], dim=1)  # 4x14x14
        maps11 = self.maps[11](y)  # 1x10x10
        y = torch.cat([map0, map1, map3, map4], dim=1)  # 4x14x14
        maps12 = self.maps[12](y)  # 1x10x10
        y = torch.cat([map1, map2, map4, map5], dim=1)  # 4x14x14
        maps13 = self.maps[13](y)  # 1x10x10
        y = torch.cat([map0, map2, map3, map5], dim=1)  # 4x14x14
        maps14 = self.maps[14](y)  # 1x10x10
        y = torch.cat([map0, map1, map2, map3, map4, map5], dim=1)  # 6x14x14
        y = self.maps[15](y)  # 1x10x10
        return torch.cat(
            [
                maps0,
                maps1,
                maps2,
                maps3,
                maps4,
                maps5,
                maps6,
                maps7,
                maps8,
                maps9,
                maps10,
                maps11,
                maps12,
                maps13,
                maps14,
                y,
            ],
            dim=1,
        )  # 16x10x10


class LeNet5(nn.Module):
    """The paper's network up to layer F6; a linear layer stands for the fixed codes of its output. 60,000 of the
    parameters are the paper's.

    Image [N, 1, 32, 32] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.squash1 = Squash()
        self.s2 = Subsample(6)
        self.c3 = Selective()
        self.squash2 = Squash()
        self.s4 = Subsample(16)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.squash3 = Squash()
        self.f6 = nn.Linear(120, 84)
        self.squash4 = Squash()
        self.classifier = nn.Linear(84, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.uniform_(module.weight, -0.1, 0.1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.squash1(self.c1(image))  # 6x28x28
        x = self.s2(x)  # 6x14x14
        x = self.squash2(self.c3(x))  # 16x10x10
        x = self.s4(x)  # 16x5x5
        x = self.squash3(self.c5(x))  # 120x1x1
        x = self.squash4(self.f6(x.flatten(1)))  # 84
        logits: Tensor = self.classifier(x)  # 10
        return logits


def lenet5(*, num_classes: int = 10) -> LeNet5:
    """LeNet5() of lenet.net."""
    return LeNet5(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
