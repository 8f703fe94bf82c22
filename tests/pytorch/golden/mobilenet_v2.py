"""mobilenet_v2, compiled by netdsl 0.1 from mobilenet_v2.net (sha256 …). Yours to edit.

MobileNetV2: Sandler et al., "Inverted Residuals and Linear Bottlenecks", 2018 (arXiv:1801.04381), table 2;
torchvision's names.

Input 3x224x224; 3,504,872 parameters; 300,774,272 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from torch import Tensor, nn

__all__ = ["ConvNormAct", "InvertedResidual", "MobileNetV2", "mobilenet_v2"]


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
            nn.ReLU6(),
        )


class InvertedResidual(nn.Module):
    """Bottleneck residual block (table 1): expand, filter by channel, project without activation."""

    def __init__(self, in_channels: int, out: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = expand * in_channels
        self.residual = stride == 1 and in_channels == out
        self.conv = nn.Sequential(
            *([ConvNormAct(in_channels, hidden, kernel=1)] if expand != 1 else []),
            ConvNormAct(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, out, kernel_size=1, bias=False),
            nn.BatchNorm2d(out),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        if self.residual:
            y = y + x
        return y


class MobileNetV2(nn.Module):
    """`width` scales the channels of all layers.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, width: float = 1.0, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(3, round_to(32 * width, 8), stride=2)]
        channels = round_to(32 * width, 8)
        for t, c, n, s in (
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ):
            for i in range(n):
                layers.append(InvertedResidual(channels, round_to(c * width, 8), s if i == 0 else 1, t))
                channels = round_to(c * width, 8)
        layers.append(ConvNormAct(channels, round_to(1280 * max(1.0, width), 8), kernel=1))  # 1280x7x7
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(round_to(1280 * max(1.0, width), 8), num_classes))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 1280x7x7
        x = x.mean(dim=(2, 3))  # 1280
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def mobilenet_v2(*, width: float = 1.0, num_classes: int = 1000) -> MobileNetV2:
    """MobileNetV2() of mobilenet_v2.net."""
    return MobileNetV2(width=width, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
