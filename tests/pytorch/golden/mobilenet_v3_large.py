"""mobilenet_v3_large, compiled by netdsl 0.1 from mobilenet_v3.net (sha256 …). Yours to edit.

MobileNetV3: Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244), tables 1 and 2;
torchvision's names.

Input 3x224x224; 5,483,032 parameters; 216,589,760 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvNormAct", "InvertedResidual", "MobileNetV3", "SqueezeExcitation", "mobilenet_v3_large"]


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * x else rounded


class ConvNormAct(nn.Sequential):
    """Convolution that keeps height and width (divided by its stride), normalisation and activation, in
    torchvision's order (`Conv2dNormActivation`). `act = identity` leaves the activation out.
    """

    def __init__(
        self,
        in_channels: int,
        out: int,
        act: Callable[..., nn.Module],
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels,
                out,
                kernel_size=kernel,
                stride=stride,
                padding=dilation * (kernel // 2),
                dilation=dilation,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(out, eps=0.001, momentum=0.01),
            act(),
        )


class SqueezeExcitation(nn.Module):
    """Channel attention (Hu et al. 2017, arXiv:1709.01507, figure 1), torchvision's names: every channel is
    scaled by a gate that sees all of them, pooled.
    """

    def __init__(self, in_channels: int, squeeze: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(in_channels, squeeze, kernel_size=1)
        self.fc2 = nn.Conv2d(squeeze, in_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))
        return F.hardsigmoid(self.fc2(y)) * x


class InvertedResidual(nn.Module):
    """MobileNetV2's block with channel attention (figure 4): expand, filter by channel, weigh the channels,
    project.
    """

    def __init__(
        self,
        in_channels: int,
        kernel: int,
        hidden: int,
        out: int,
        squeeze: bool,
        act: Callable[..., nn.Module],
        stride: int,
    ) -> None:
        super().__init__()
        self.residual = stride == 1 and in_channels == out
        self.block = nn.Sequential(
            *([ConvNormAct(in_channels, hidden, act, kernel=1)] if hidden != in_channels else []),
            ConvNormAct(hidden, hidden, act, kernel=kernel, stride=stride, groups=hidden),
            *([SqueezeExcitation(hidden, round_to(hidden // 4, 8))] if squeeze else []),
            ConvNormAct(hidden, out, nn.Identity, kernel=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        if self.residual:
            y = y + x
        return y


class MobileNetV3(nn.Module):
    """`last` is the width of the layer before the classifier.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, last: int = 1280, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNormAct(3, 16, nn.Hardswish, stride=2),  # 16x112x112
            InvertedResidual(16, 3, 16, 16, False, nn.ReLU, 1),
            InvertedResidual(16, 3, 64, 24, False, nn.ReLU, 2),  # 24x56x56
            InvertedResidual(24, 3, 72, 24, False, nn.ReLU, 1),
            InvertedResidual(24, 5, 72, 40, True, nn.ReLU, 2),  # 40x28x28
            *(InvertedResidual(40, 5, 120, 40, True, nn.ReLU, 1) for _ in range(2)),
            InvertedResidual(40, 3, 240, 80, False, nn.Hardswish, 2),  # 80x14x14
            InvertedResidual(80, 3, 200, 80, False, nn.Hardswish, 1),
            *(InvertedResidual(80, 3, 184, 80, False, nn.Hardswish, 1) for _ in range(2)),
            InvertedResidual(80, 3, 480, 112, True, nn.Hardswish, 1),  # 112x14x14
            InvertedResidual(112, 3, 672, 112, True, nn.Hardswish, 1),
            InvertedResidual(112, 5, 672, 160, True, nn.Hardswish, 2),  # 160x7x7
            *(InvertedResidual(160, 5, 960, 160, True, nn.Hardswish, 1) for _ in range(2)),
            ConvNormAct(160, 960, nn.Hardswish, kernel=1),  # 960x7x7
        )
        self.classifier = nn.Sequential(
            nn.Linear(960, last),  # 1280
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(last, num_classes),  # 1000
        )

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 960x7x7
        x = x.mean(dim=(2, 3))  # 960
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def mobilenet_v3_large(*, num_classes: int = 1000, last: int = 1280) -> MobileNetV3:
    """MobileNetV3(large, 1280) of mobilenet_v3.net."""
    return MobileNetV3(last=last, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
