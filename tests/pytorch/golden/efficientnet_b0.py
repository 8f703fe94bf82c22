"""efficientnet_b0, compiled by netdsl 0.1 from efficientnet.net (sha256 …). Yours to edit.

EfficientNet: Tan & Le, "Rethinking Model Scaling for Convolutional Neural Networks", 2019 (arXiv:1905.11946),
table 1; torchvision's names.

Input 3x224x224; 5,288,548 parameters; 385,814,752 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvNormAct", "EfficientNet", "MBConv", "SqueezeExcitation", "StochasticDepth", "efficientnet_b0"]


def round_to(x: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to x, at least `divisor`, and not more than 10 % under x."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * x else rounded


class StochasticDepth(nn.Module):
    """While training, zeroes whole samples with probability p and divides the others by 1 - p."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        shape = [x.shape[0]] + [1] * (x.ndim - 1)
        keep = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.p)
        return x * keep / (1.0 - self.p) if self.p < 1.0 else x * keep

    def extra_repr(self) -> str:
        return f"p={self.p}"


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
            nn.BatchNorm2d(out),
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
        y = F.silu(self.fc1(x.mean(dim=(2, 3), keepdim=True)))
        return torch.sigmoid(self.fc2(y)) * x


class MBConv(nn.Module):
    """Mobile inverted bottleneck with channel attention (Tan & Le 2019, arXiv:1905.11946, section 4),
    torchvision's names: a 1x1 convolution expands, a depthwise one filters, a 1x1 convolution without
    activation projects. Skipped over where the shape stays. `drop` is the probability that a sample drops the
    unit while training.
    """

    def __init__(
        self, in_channels: int, out: int, kernel: int = 3, stride: int = 1, expand: int = 6, drop: float = 0.0
    ) -> None:
        super().__init__()
        hidden = round_to(in_channels * expand, 8)
        self.block = nn.Sequential(
            *([ConvNormAct(in_channels, hidden, nn.SiLU, kernel=1)] if hidden != in_channels else []),
            ConvNormAct(hidden, hidden, nn.SiLU, kernel=kernel, stride=stride, groups=hidden),
            SqueezeExcitation(hidden, max(1, in_channels // 4)),
            ConvNormAct(hidden, out, nn.Identity, kernel=1),
        )
        self.drop_path = StochasticDepth(drop) if stride == 1 and in_channels == out else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        if self.drop_path is not None:
            y = self.drop_path(y) + x
        return y


class EfficientNet(nn.Module):
    """Stochastic depth grows from 0 to
    0.2, `drop` is the dropout before the classifier.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, width: float = 1.0, drop: float = 0.2, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(3, round_to(32 * width, 8), nn.SiLU, stride=2)]
        channels = round_to(32 * width, 8)
        for i, (t, kernel, s, c) in enumerate(
            ((1, 3, 1, 16), (6, 3, 2, 24), (6, 5, 2, 40), (6, 3, 2, 80), (6, 5, 1, 112), (6, 5, 2, 192), (6, 3, 1, 320))
        ):
            stage: list[nn.Module] = []
            for j in range((1, 2, 2, 3, 3, 4, 1)[i]):
                stage.append(
                    MBConv(
                        channels,
                        round_to(c * width, 8),
                        kernel=kernel,
                        stride=s if j == 0 else 1,
                        expand=t,
                        drop=0.2 * (sum((1, 2, 2, 3, 3, 4, 1)[:i]) + j) / 16,
                    )
                )
                channels = round_to(c * width, 8)
            layers.append(nn.Sequential(*stage))
        layers.append(ConvNormAct(channels, 4 * round_to(320 * width, 8), nn.SiLU, kernel=1))  # 1280x7x7
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(drop), nn.Linear(4 * channels, num_classes))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.uniform_(module.weight, -1 / math.sqrt(num_classes), 1 / math.sqrt(num_classes))
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 1280x7x7
        x = x.mean(dim=(2, 3))  # 1280
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def efficientnet_b0(*, num_classes: int = 1000, width: float = 1.0, drop: float = 0.2) -> EfficientNet:
    """EfficientNet(1.0, 1.0, 224, 0.2) of efficientnet.net."""
    return EfficientNet(width=width, drop=drop, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
