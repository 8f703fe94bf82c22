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
        self.layers = nn.Sequential(
            nn.Conv2d(3, stem, kernel_size=3, stride=2, padding=1, bias=False),  # 16x112x112
            nn.BatchNorm2d(stem, momentum=0.0003),
            nn.ReLU(),
            nn.Conv2d(stem, stem, kernel_size=3, padding=1, groups=stem, bias=False),
            nn.BatchNorm2d(stem, momentum=0.0003),
            nn.ReLU(),
            nn.Conv2d(stem, first, kernel_size=1, bias=False),  # 8x112x112
            nn.BatchNorm2d(first, momentum=0.0003),
            nn.Sequential(
                InvertedResidual(first, round_to(24 * alpha, 8), 3, 2, 3),
                *(InvertedResidual(round_to(24 * alpha, 8), round_to(24 * alpha, 8), 3, 1, 3) for _ in range(2)),
            ),  # 16x56x56
            nn.Sequential(
                InvertedResidual(round_to(24 * alpha, 8), round_to(40 * alpha, 8), 5, 2, 3),
                *(InvertedResidual(round_to(40 * alpha, 8), round_to(40 * alpha, 8), 5, 1, 3) for _ in range(2)),
            ),  # 24x28x28
            nn.Sequential(
                InvertedResidual(round_to(40 * alpha, 8), round_to(80 * alpha, 8), 5, 2, 6),
                *(InvertedResidual(round_to(80 * alpha, 8), round_to(80 * alpha, 8), 5, 1, 6) for _ in range(2)),
            ),  # 40x14x14
            nn.Sequential(
                InvertedResidual(round_to(80 * alpha, 8), round_to(96 * alpha, 8), 3, 1, 6),
                InvertedResidual(round_to(96 * alpha, 8), round_to(96 * alpha, 8), 3, 1, 6),
            ),  # 48x14x14
            nn.Sequential(
                InvertedResidual(round_to(96 * alpha, 8), round_to(192 * alpha, 8), 5, 2, 6),
                *(InvertedResidual(round_to(192 * alpha, 8), round_to(192 * alpha, 8), 5, 1, 6) for _ in range(3)),
            ),  # 96x7x7
            nn.Sequential(InvertedResidual(round_to(192 * alpha, 8), round_to(320 * alpha, 8), 3, 1, 6)),  # 160x7x7
            nn.Conv2d(round_to(320 * alpha, 8), 1280, kernel_size=1, bias=False),  # 1280x7x7
            nn.BatchNorm2d(1280, momentum=0.0003),
            nn.ReLU(),
        )
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
