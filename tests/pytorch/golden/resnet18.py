"""resnet18, compiled by netdsl 0.1 from resnet.net (sha256 …). Yours to edit.

ResNet: He et al. 2015 (arXiv:1512.03385), table 1. ResNeXt: Xie et al. 2016 (arXiv:1611.05431), table 1.
Wide ResNet: Zagoruyko & Komodakis 2016 (arXiv:1605.07146). torchvision's names.

Input 3x224x224; 11,689,512 parameters; 1,814,073,344 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BasicBlock", "ResNet", "resnet18"]


class BasicBlock(nn.Module):
    """Residual unit of two 3x3 convolutions (figure 5, left)."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if stride != 1 or in_channels != width:
            self.downsample: nn.Module = nn.Sequential(
                nn.Conv2d(in_channels, width, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(width),
            )
        else:
            self.downsample = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        branch1 = F.relu(self.bn1(self.conv1(x)))
        branch1 = self.bn2(self.conv2(branch1))
        x = branch1 + self.downsample(x)
        return F.relu(x)


class ResNet(nn.Module):
    """`layers` is a column of table 1: how many units each stage has.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, layers: tuple[int, int, int, int] = (2, 2, 2, 2), num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        stages: list[nn.Sequential] = []
        channels = 64
        for i, n in enumerate(layers):
            stage: list[nn.Module] = []
            for j in range(n):
                stage.append(BasicBlock(channels, 64 * 2**i, stride=2 if i > 0 and j == 0 else 1))
                channels = 64 * 2**i
            stages.append(nn.Sequential(*stage))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(channels, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(image)))  # 64x112x112
        x = self.maxpool(x)  # 64x56x56
        x = self.layer1(x)  # 64x56x56
        x = self.layer2(x)  # 128x28x28
        x = self.layer3(x)  # 256x14x14
        x = self.layer4(x)  # 512x7x7
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))  # 1000
        return logits


def resnet18(*, num_classes: int = 1000, layers: tuple[int, int, int, int] = (2, 2, 2, 2)) -> ResNet:
    """ResNet(BasicBlock, [2, 2, 2, 2]) of resnet.net."""
    return ResNet(layers=layers, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
