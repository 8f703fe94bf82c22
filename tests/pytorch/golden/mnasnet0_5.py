"""mnasnet0_5, compiled by netdsl 0.1 from mnasnet.net (sha256 …). Yours to edit.

MnasNet-B1: Tan et al., "Platform-Aware Neural Architecture Search for Mobile", 2018 (arXiv:1807.11626);
torchvision's names.

Input 3x224x224; 2,218,512 parameters; 104,455,968 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math

from torch import Tensor, nn

__all__ = ["InvertedResidual", "MNASNet", "mnasnet0_5"]


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * x else rounded


class InvertedResidual(nn.Module):
    """Inverted residual with a linear bottleneck."""

    def __init__(self, in_channels: int, out: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = expand * in_channels
        self.residual = stride == 1 and in_channels == out
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, hidden, kernel_size=1, bias=False),
            nn.BatchNorm2d(hidden, momentum=0.0003),
            nn.ReLU(),
            nn.Conv2d(
                hidden, hidden, kernel_size=kernel, stride=stride, padding=kernel // 2, groups=hidden, bias=False
            ),
            nn.BatchNorm2d(hidden, momentum=0.0003),
            nn.ReLU(),
            nn.Conv2d(hidden, out, kernel_size=1, bias=False),
            nn.BatchNorm2d(out, momentum=0.0003),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        if self.residual:
            y = y + x
        return y


class MNASNet(nn.Module):
    """`alpha` scales the channels of all layers but the last.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, alpha: float = 0.5, num_classes: int = 1000) -> None:
        super().__init__()
        stem = round_to(32 * alpha, 8)
        first = round_to(16 * alpha, 8)
        layers: list[nn.Module] = [
            nn.Conv2d(3, stem, kernel_size=3, stride=2, padding=1, bias=False),  # 16x112x112
            nn.BatchNorm2d(stem, momentum=0.0003),
            nn.ReLU(),
            nn.Conv2d(stem, stem, kernel_size=3, padding=1, groups=stem, bias=False),
            nn.BatchNorm2d(stem, momentum=0.0003),
            nn.ReLU(),
            nn.Conv2d(stem, first, kernel_size=1, bias=False),  # 8x112x112
            nn.BatchNorm2d(first, momentum=0.0003),
        ]
        channels = first
        for c, kernel, s, t, n in (
            (24, 3, 2, 3, 3),
            (40, 5, 2, 3, 3),
            (80, 5, 2, 6, 3),
            (96, 3, 1, 6, 2),
            (192, 5, 2, 6, 4),
            (320, 3, 1, 6, 1),
        ):
            stage: list[nn.Module] = []
            for i in range(n):
                stage.append(InvertedResidual(channels, round_to(c * alpha, 8), kernel, s if i == 0 else 1, t))
                channels = round_to(c * alpha, 8)
            layers.append(nn.Sequential(*stage))
        layers += [
            nn.Conv2d(channels, 1280, kernel_size=1, bias=False),  # 1280x7x7
            nn.BatchNorm2d(1280, momentum=0.0003),
            nn.ReLU(),
        ]
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.uniform_(module.weight, -math.sqrt(3 / num_classes), math.sqrt(3 / num_classes))
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.layers(image)  # 1280x7x7
        x = x.mean(dim=(2, 3))  # 1280
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def mnasnet0_5(*, num_classes: int = 1000, alpha: float = 0.5) -> MNASNet:
    """MNASNet(0.5) of mnasnet.net."""
    return MNASNet(alpha=alpha, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
