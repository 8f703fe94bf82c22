"""xception, compiled by netdsl 0.1 from xception.net (sha256 …). Yours to edit.

Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016 (arXiv:1610.02357),
figure 5; timm's names.

Input 3x299x299; 22,855,952 parameters; 8,357,403,496 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SeparableConv", "Unit", "Xception", "xception"]


class SeparableConv(nn.Module):
    """A filter for each channel, then a 1x1 convolution, nothing between (section 3)."""

    def __init__(self, in_channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels, kernel_size=3, padding=1, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pointwise(self.conv1(x))
        return x


class Unit(nn.Module):
    """Residual unit of `n` separable convolutions. Only the last of them widens unless `early`; `act` tells
    whether a ReLU comes first.
    """

    def __init__(
        self, in_channels: int, out: int, n: int, stride: int = 1, early: bool = True, act: bool = True
    ) -> None:
        super().__init__()
        self.skip = (
            nn.Conv2d(in_channels, out, kernel_size=1, stride=stride, bias=False)
            if stride != 1 or in_channels != out
            else None
        )
        if self.skip is not None:
            self.skipbn = nn.BatchNorm2d(out)
        layers: list[nn.Module] = []
        channels = in_channels
        for i in range(n):
            if i > 0 or act:
                layers.append(nn.ReLU())
            layers.append(SeparableConv(channels, out if early or i == n - 1 else in_channels))
            channels = out if early or i == n - 1 else in_channels
            layers.append(nn.BatchNorm2d(channels))
        if stride != 1:
            layers.append(nn.MaxPool2d(kernel_size=3, stride=stride, padding=1))
        self.rep = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.skipbn(self.skip(x)) if self.skip is not None else x
        x = branch1 + self.rep(x)
        return x


class Xception(nn.Module):
    """Entry flow, eight units of middle flow, exit flow.

    Image [N, 3, 299, 299] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, kernel_size=3, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.block1 = Unit(64, 128, 2, stride=2, act=False)
        self.block2 = Unit(128, 256, 2, stride=2)
        self.block3 = Unit(256, 728, 2, stride=2)
        self.block4 = Unit(728, 728, 3)
        self.block5 = Unit(728, 728, 3)
        self.block6 = Unit(728, 728, 3)
        self.block7 = Unit(728, 728, 3)
        self.block8 = Unit(728, 728, 3)
        self.block9 = Unit(728, 728, 3)
        self.block10 = Unit(728, 728, 3)
        self.block11 = Unit(728, 728, 3)
        self.block12 = Unit(728, 1024, 2, stride=2, early=False)
        self.conv3 = SeparableConv(1024, 1536)
        self.bn3 = nn.BatchNorm2d(1536)
        self.conv4 = SeparableConv(1536, 2048)
        self.bn4 = nn.BatchNorm2d(2048)
        self.fc = nn.Linear(2048, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(image)))  # 32x149x149
        x = F.relu(self.bn2(self.conv2(x)))  # 64x147x147
        x = self.block1(x)  # 128x74x74
        x = self.block2(x)  # 256x37x37
        x = self.block3(x)  # 728x19x19
        x = self.block4(x)  # 728x19x19
        x = self.block5(x)  # 728x19x19
        x = self.block6(x)  # 728x19x19
        x = self.block7(x)  # 728x19x19
        x = self.block8(x)  # 728x19x19
        x = self.block9(x)  # 728x19x19
        x = self.block10(x)  # 728x19x19
        x = self.block11(x)  # 728x19x19
        x = self.block12(x)  # 1024x10x10
        x = F.relu(self.bn3(self.conv3(x)))  # 1536x10x10
        x = F.relu(self.bn4(self.conv4(x)))  # 2048x10x10
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))  # 1000
        return logits


def xception(*, num_classes: int = 1000) -> Xception:
    """Xception() of xception.net."""
    return Xception(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
