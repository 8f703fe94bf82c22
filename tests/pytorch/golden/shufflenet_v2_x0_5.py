"""shufflenet_v2_x0_5, compiled by netdsl 0.1 from shufflenet_v2.net (sha256 …). Yours to edit.

ShuffleNet V2: Ma et al., "Practical Guidelines for Efficient CNN Architecture Design", 2018 (arXiv:1807.11164),
table 5; torchvision's names.

Input 3x224x224; 1,366,792 parameters; 40,476,448 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
from torch import Tensor, nn

__all__ = ["ChannelShuffle", "Down", "Main", "Shortcut", "ShuffleNetV2", "Unit", "shufflenet_v2_x0_5"]


class Shortcut(nn.Sequential):
    """The shortcut of a strided unit."""

    def __init__(self, in_channels: int, out: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, in_channels, kernel_size=3, stride=2, padding=1, groups=in_channels, bias=False),
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, out, kernel_size=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
        )


class Main(nn.Sequential):
    """Pointwise, depthwise, pointwise."""

    def __init__(self, in_channels: int, out: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out, kernel_size=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
            nn.Conv2d(out, out, kernel_size=3, stride=stride, padding=1, groups=out, bias=False),
            nn.BatchNorm2d(out),
            nn.Conv2d(out, out, kernel_size=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(),
        )


class ChannelShuffle(nn.Module):
    """Deals the channels of `groups` groups out in turn, so that the next grouped convolution sees all groups
    (Zhang et al. 2017, arXiv:1707.01083, figure 1).
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        y = x.reshape(x.shape[0], self.groups, -1, x.shape[2], x.shape[3])
        return y.permute(0, 2, 1, 3, 4).flatten(1, 2)  # (g c) h w -> (c g) h w


class Down(nn.Module):
    """Figure 3 (d): halves the resolution."""

    def __init__(self, in_channels: int, out: int) -> None:
        super().__init__()
        self.branch1 = Shortcut(in_channels, out // 2)
        self.branch2 = Main(in_channels, out // 2, 2)
        self.channel_shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.channel_shuffle(torch.cat([self.branch1(x), self.branch2(x)], dim=1))
        return x


class Unit(nn.Module):
    """Figure 3 (c): half of the channels pass by, then the halves are shuffled."""

    def __init__(self, in_channels: int, out: int) -> None:
        super().__init__()
        self.branch2 = Main(in_channels // 2, out // 2, 1)
        self.channel_shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1)
        x = self.channel_shuffle(torch.cat([left, self.branch2(right)], dim=1))
        return x


class ShuffleNetV2(nn.Module):
    """Image [N, 3, 224, 224] to logits [N, num_classes]."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, 24, kernel_size=3, stride=2, padding=1, bias=False),  # 24x112x112
            nn.BatchNorm2d(24),
            nn.ReLU(),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage2 = nn.Sequential(Down(24, 48), *(Unit(48, 48) for _ in range(3)))
        self.stage3 = nn.Sequential(Down(48, 96), *(Unit(96, 96) for _ in range(7)))
        self.stage4 = nn.Sequential(Down(96, 192), *(Unit(192, 192) for _ in range(3)))
        self.conv5 = nn.Sequential(
            nn.Conv2d(192, 1024, kernel_size=1, bias=False),  # 1024x7x7
            nn.BatchNorm2d(1024),
            nn.ReLU(),
        )
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv1(image)  # 24x112x112
        x = self.maxpool(x)  # 24x56x56
        x = self.stage2(x)  # 48x28x28
        x = self.stage3(x)  # 96x14x14
        x = self.stage4(x)  # 192x7x7
        x = self.conv5(x)  # 1024x7x7
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))  # 1000
        return logits


def shufflenet_v2_x0_5(*, num_classes: int = 1000) -> ShuffleNetV2:
    """ShuffleNetV2([24, 48, 96, 192, 1024]) of shufflenet_v2.net."""
    return ShuffleNetV2(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
