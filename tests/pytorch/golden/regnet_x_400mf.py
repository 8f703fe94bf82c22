"""regnet_x_400mf, compiled by netdsl 0.1 from regnet.net (sha256 …). Yours to edit.

RegNet: Radosavovic et al., "Designing Network Design Spaces", 2020 (arXiv:2003.13678), sections 3.3 and 4;
torchvision's names.

Input 3x224x224; 5,495,976 parameters; 413,812,608 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections import OrderedDict
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvNormAct", "RegNet", "Unit", "regnet_x_400mf"]


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
        kernel: int = 3,
        stride: int = 1,
        act: Callable[..., nn.Module] = nn.ReLU,
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


class Unit(nn.Module):
    """Bottleneck without a bottleneck (figure 4): a grouped 3x3 convolution between two of 1x1."""

    def __init__(self, in_channels: int, width: int, stride: int, group: int) -> None:
        super().__init__()
        self.proj = (
            ConvNormAct(in_channels, width, kernel=1, stride=stride, act=nn.Identity)
            if stride != 1 or in_channels != width
            else None
        )
        self.f = nn.Sequential(
            OrderedDict(
                [
                    ("a", ConvNormAct(in_channels, width, kernel=1)),
                    ("b", ConvNormAct(width, width, stride=stride, groups=width // group)),
                    ("c", ConvNormAct(width, width, kernel=1, act=nn.Identity)),
                ]
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.proj(x) if self.proj is not None else x
        x = branch1 + self.f(x)
        return F.relu(x)


class RegNet(nn.Module):
    """Widths grow linearly by slope from start (equation 2), are rounded to powers of step (equation 3) and to
    whole eights; units of one width are a stage. `group` is the width of the groups.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, group: int = 16, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 32, stride=2)
        self.trunk_output = nn.Sequential()
        channels = 32
        for s, (w, n) in enumerate(((24, 1), (64, 2), (152, 7), (392, 12))):
            stage = nn.Sequential()
            for i in range(n):
                stage.add_module(
                    f"block{s + 1}-{i}", Unit(channels, round_to(w, min(group, w)), 2 if i == 0 else 1, min(group, w))
                )
                channels = round_to(w, min(group, w))
            self.trunk_output.add_module(f"block{s + 1}", stage)
        self.fc = nn.Linear(channels, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)  # 32x112x112
        x = self.trunk_output(x)  # 400x7x7
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))  # 1000
        return logits


def regnet_x_400mf(*, num_classes: int = 1000, group: int = 16) -> RegNet:
    """RegNet(22, 24, 24.48, 2.54, 16) of regnet.net."""
    return RegNet(group=group, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
