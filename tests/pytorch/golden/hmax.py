"""HMax, compiled by netdsl 0.1 from gabor.net (sha256 …). Yours to edit.

HMAX: Serre et al., "Robust Object Recognition with Cortex-Like Mechanisms", 2007 (TPAMI 29): layers S1 and
C1, a fixed bank of Gabor filters over scales and orientations with a pooled maximum, feeding a classifier.

Input 1x128x128; 5,130 parameters; 596,644,864 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Band", "Gabor", "Grid", "HMax", "hmax"]


class Gabor(nn.Module):
    """A bank of Gabor filters in `n` orientations, `size` x `size`, without a mean and of unit norm as in Serre
    et al., "Robust Object Recognition with Cortex-Like Mechanisms", 2007 (TPAMI 29), equation 1; `sigma` and
    `wave` follow its table 1, the aspect ratio is 0.3.
    """

    bank: Tensor

    def __init__(self, n: int, size: int) -> None:
        super().__init__()
        sigma = 0.0036 * size**2 + 0.35 * size + 0.18
        wave = sigma / 0.8
        mid = size // 2
        self.n = n
        self.shape1 = size**2
        self.size = size
        self.padding = size // 2
        o = torch.arange(n, dtype=torch.float64).view(-1, 1, 1, 1)
        y = torch.arange(size, dtype=torch.float64).view(-1, 1)
        x = torch.arange(size, dtype=torch.float64)
        bank = torch.exp(
            -(
                ((x - mid) * torch.cos(math.pi * o / n) + (y - mid) * torch.sin(math.pi * o / n)) ** 2
                + 0.09 * ((y - mid) * torch.cos(math.pi * o / n) - (x - mid) * torch.sin(math.pi * o / n)) ** 2
            )
            / (2 * sigma**2)
        ) * torch.cos(
            2 * math.pi / wave * ((x - mid) * torch.cos(math.pi * o / n) + (y - mid) * torch.sin(math.pi * o / n))
        )
        self.register_buffer("bank", bank.to(torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.bank.mean(dim=(1, 2, 3), keepdim=True)  # 4x1x1x1
        filters = self.bank - mean
        filters = F.normalize(filters.reshape(self.n, self.shape1), dim=-1)
        filters = filters.reshape(self.n, 1, self.size, self.size)
        return F.conv2d(x, filters, padding=self.padding)  # 4x128x128


class Band(nn.Module):
    """C1 (table 1): the maximum over two neighbouring scales and over a neighbourhood, half overlapping."""

    def __init__(self, n: int, size: int, pool: int) -> None:
        super().__init__()
        self.gabor1 = Gabor(n, size)
        self.gabor2 = Gabor(n, size + 2)
        self.maxpool = nn.MaxPool2d(kernel_size=pool, stride=pool // 2)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = torch.abs(self.gabor1(x))  # 4x128x128
        branch2 = torch.abs(self.gabor2(x))  # 4x128x128
        x = self.maxpool(torch.maximum(branch1, branch2))
        return x


class Grid(nn.Module):
    """The maxima of `cells x cells` parts of each map; the last ones of a row or column may be smaller."""

    def __init__(self, in_height: int, cells: int) -> None:
        super().__init__()
        size = math.ceil(in_height / cells)
        self.maxpool = nn.MaxPool2d(kernel_size=size, stride=size, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(x).flatten(1)  # 64
        return x


class HMax(nn.Module):
    """Eight bands of two scales, four orientations; of each map a 4x4 grid of maxima goes to the classifier.

    Image [N, 1, 128, 128] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.band1 = Band(4, 7, 8)
        self.grid1 = Grid(31, 4)
        self.band2 = Band(4, 11, 10)
        self.grid2 = Grid(24, 4)
        self.band3 = Band(4, 15, 12)
        self.grid3 = Grid(20, 4)
        self.band4 = Band(4, 19, 14)
        self.grid4 = Grid(17, 4)
        self.band5 = Band(4, 23, 16)
        self.grid5 = Grid(15, 4)
        self.band6 = Band(4, 27, 18)
        self.grid6 = Grid(13, 4)
        self.band7 = Band(4, 31, 20)
        self.grid7 = Grid(11, 4)
        self.band8 = Band(4, 35, 22)
        self.grid8 = Grid(10, 4)
        self.fc = nn.Linear(512, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.band1(image)  # 4x31x31
        c0 = self.grid1(x)  # 64
        x = self.band2(image)  # 4x24x24
        c1 = self.grid2(x)  # 64
        x = self.band3(image)  # 4x20x20
        c2 = self.grid3(x)  # 64
        x = self.band4(image)  # 4x17x17
        c3 = self.grid4(x)  # 64
        x = self.band5(image)  # 4x15x15
        c4 = self.grid5(x)  # 64
        x = self.band6(image)  # 4x13x13
        c5 = self.grid6(x)  # 64
        x = self.band7(image)  # 4x11x11
        c6 = self.grid7(x)  # 64
        x = self.band8(image)  # 4x10x10
        x = self.grid8(x)  # 64
        logits: Tensor = self.fc(torch.cat([c0, c1, c2, c3, c4, c5, c6, x], dim=1))  # 10
        return logits


def hmax(*, num_classes: int = 10) -> HMax:
    """HMax() of gabor.net."""
    return HMax(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
