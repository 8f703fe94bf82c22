"""fpn, compiled by netdsl 0.1 from fpn.net (sha256 …). Yours to edit.

Feature pyramid network: Lin et al. 2016 (arXiv:1612.03144), figure 3 and section 4.1; torchvision's names.

Inputs c2 256x56x56, c3 512x28x28, c4 1024x14x14, c5 2048x7x7; 3,344,384 parameters; 2,841,968,640
multiply-adds. Comments give shapes without the batch, for the default arguments.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FPN", "Pyramid", "PyramidOutput", "fpn"]


class FPN(nn.Module):
    """Feature pyramid (Lin et al. 2016, arXiv:1612.03144, figure 3), the names of torchvision's
    `FeaturePyramidNetwork`. Takes feature maps from fine to coarse; gives as many, each with `channels` and
    with what the coarser ones mean.
    """

    def __init__(
        self, in1_channels: int, in2_channels: int, in3_channels: int, in4_channels: int, channels: int
    ) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(in1_channels, channels, kernel_size=1)),
                nn.Sequential(nn.Conv2d(in2_channels, channels, kernel_size=1)),
                nn.Sequential(nn.Conv2d(in3_channels, channels, kernel_size=1)),
                nn.Sequential(nn.Conv2d(in4_channels, channels, kernel_size=1)),
            ]
        )
        self.layer_blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, kernel_size=3, padding=1)) for _ in range(4)
        )

    def forward(self, x1: Tensor, x2: Tensor, x3: Tensor, x4: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        merged3 = self.inner_blocks[3](x4)  # 256x7x7
        layer_blocks3 = self.layer_blocks[3](merged3)  # 256x7x7
        x = self.inner_blocks[2](x3)  # 256x14x14
        merged2 = x + F.interpolate(merged3, size=x3.shape[2:])  # 256x14x14
        layer_blocks2 = self.layer_blocks[2](merged2)  # 256x14x14
        x = self.inner_blocks[1](x2)  # 256x28x28
        merged1 = x + F.interpolate(merged2, size=x2.shape[2:])  # 256x28x28
        layer_blocks1 = self.layer_blocks[1](merged1)  # 256x28x28
        x = self.inner_blocks[0](x1)  # 256x56x56
        x = x + F.interpolate(merged1, size=x1.shape[2:])  # 256x56x56
        x = self.layer_blocks[0](x)  # 256x56x56
        return x, layer_blocks1, layer_blocks2, layer_blocks3


class PyramidOutput(NamedTuple):
    """What Pyramid gives."""

    p2: Tensor
    p3: Tensor
    p4: Tensor
    p5: Tensor


class Pyramid(nn.Module):
    """The pyramid alone, over feature maps of ResNet-50's four stages.

    C2 [N, 256, 56, 56], c3 [N, 512, 28, 28], c4 [N, 1024, 14, 14] and c5 [N, 2048, 7, 7] to p2 [N, channels,
    56, 56], p3 [N, channels, 28, 28], p4 [N, channels, 14, 14], p5 [N, channels, 7, 7].
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        self.fpn = FPN(256, 512, 1024, 2048, channels)

    def forward(self, c2: Tensor, c3: Tensor, c4: Tensor, c5: Tensor) -> PyramidOutput:
        fpn_0, fpn_1, fpn_2, fpn_3 = self.fpn(c2, c3, c4, c5)
        return PyramidOutput(p2=fpn_0, p3=fpn_1, p4=fpn_2, p5=fpn_3)


def fpn(*, channels: int = 256) -> Pyramid:
    """Pyramid() of fpn.net."""
    return Pyramid(channels=channels)


# As netdsl wrote it, as long as the text above has sha256 ….
