"""mobilenet_v1, compiled by netdsl 0.1 from mobilenet_v1.net (sha256 …). Yours to edit.

MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", 2017 (arXiv:1704.04861), table 1.

Input 3x224x224; 4,231,976 parameters; 568,740,352 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from torch import Tensor, nn

__all__ = ["ConvNormAct", "DepthwiseSeparable", "MobileNetV1", "mobilenet_v1"]


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * x else rounded


class ConvNormAct(nn.Sequential):
    """Convolution that keeps height and width (divided by its stride), normalisation and activation, in
    torchvision's order (`Conv2dNormActivation`).
    """

    def __init__(
        self, in_channels: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1, dilation: int = 1
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
            nn.BatchNorm2d(out),
            nn.ReLU(),
        )


class DepthwiseSeparable(nn.Module):
    """Depthwise separable convolution (Howard et al. 2017, arXiv:1704.04861, figure 3): each channel is filtered
    by itself, then a 1x1 convolution mixes them.
    """

    def __init__(self, in_channels: int, out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = ConvNormAct(in_channels, in_channels, kernel=kernel, stride=stride, groups=in_channels)
        self.pointwise = ConvNormAct(in_channels, out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(x)
        x = self.pointwise(x)
        return x


class MobileNetV1(nn.Module):
    """`width` is the paper's alpha.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, width: float = 1.0, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNormAct(3, round_to(32 * width, 8), stride=2),  # 32x112x112
            DepthwiseSeparable(round_to(32 * width, 8), round_to(64 * width, 8)),  # 64x112x112
            DepthwiseSeparable(round_to(64 * width, 8), round_to(128 * width, 8), stride=2),  # 128x56x56
            DepthwiseSeparable(round_to(128 * width, 8), round_to(128 * width, 8)),
            DepthwiseSeparable(round_to(128 * width, 8), round_to(256 * width, 8), stride=2),  # 256x28x28
            DepthwiseSeparable(round_to(256 * width, 8), round_to(256 * width, 8)),
            DepthwiseSeparable(round_to(256 * width, 8), round_to(512 * width, 8), stride=2),  # 512x14x14
            *(DepthwiseSeparable(round_to(512 * width, 8), round_to(512 * width, 8)) for _ in range(5)),
            DepthwiseSeparable(round_to(512 * width, 8), round_to(1024 * width, 8), stride=2),  # 1024x7x7
            DepthwiseSeparable(round_to(1024 * width, 8), round_to(1024 * width, 8)),
        )
        self.dropout = nn.Dropout(0.001)
        self.fc = nn.Linear(round_to(1024 * width, 8), num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 1024x7x7
        logits: Tensor = self.fc(self.dropout(x.mean(dim=(2, 3))))  # 1000
        return logits


def mobilenet_v1(*, width: float = 1.0, num_classes: int = 1000) -> MobileNetV1:
    """MobileNetV1() of mobilenet_v1.net."""
    return MobileNetV1(width=width, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
