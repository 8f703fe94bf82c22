"""inception_v3, compiled by netdsl 0.1 from inception_v3.net (sha256 …). Yours to edit.

Inception v3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015
(arXiv:1512.00567), table 1; torchvision's names.

Input 3x299x299; 23,834,568 parameters, 27,161,264 while training; 5,713,216,096 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "BasicConv2d",
    "InceptionA",
    "InceptionAux",
    "InceptionB",
    "InceptionC",
    "InceptionD",
    "InceptionE",
    "InceptionV3",
    "InceptionV3Output",
    "inception_v3",
]


class BasicConv2d(nn.Module):
    """Convolution, batch norm and ReLU."""

    def __init__(
        self,
        in_channels: int,
        out: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out, kernel_size=kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class InceptionA(nn.Module):
    """Figure 5: two 3x3 convolutions in place of a 5x5."""

    def __init__(self, in_channels: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, 64, 1)
        self.branch5x5_1 = BasicConv2d(in_channels, 48, 1)
        self.branch5x5_2 = BasicConv2d(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = BasicConv2d(in_channels, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, padding=1)
        self.avgpool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)
        self.branch_pool = BasicConv2d(in_channels, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.branch5x5_2(self.branch5x5_1(x))  # 64x35x35
        branch3 = self.branch3x3dbl_1(x)  # 64x35x35
        branch3 = self.branch3x3dbl_3(self.branch3x3dbl_2(branch3))  # 96x35x35
        branch4 = self.branch_pool(self.avgpool(x))
        return torch.cat([self.branch1x1(x), branch2, branch3, branch4], dim=1)


class InceptionB(nn.Module):
    """Grid reduction to 17x17 (figure 10)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(in_channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(in_channels, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.branch3x3dbl_1(x)  # 64x35x35
        branch2 = self.branch3x3dbl_3(self.branch3x3dbl_2(branch2))  # 96x17x17
        return torch.cat([self.branch3x3(x), branch2, self.maxpool(x)], dim=1)  # 768x17x17


class InceptionC(nn.Module):
    """Figure 6: 7x7 convolutions as 1x7 and 7x1, with `c` channels inside."""

    def __init__(self, in_channels: int, c: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, 192, 1)
        self.branch7x7_1 = BasicConv2d(in_channels, c, 1)
        self.branch7x7_2 = BasicConv2d(c, c, (1, 7), padding=(0, 3))
        self.branch7x7_3 = BasicConv2d(c, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = BasicConv2d(in_channels, c, 1)
        self.branch7x7dbl_2 = BasicConv2d(c, c, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = BasicConv2d(c, c, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = BasicConv2d(c, c, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = BasicConv2d(c, 192, (1, 7), padding=(0, 3))
        self.avgpool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)
        self.branch_pool = BasicConv2d(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.branch7x7_1(x)
        branch2 = self.branch7x7_3(self.branch7x7_2(branch2))  # 192x17x17
        branch3 = self.branch7x7dbl_1(x)
        branch3 = self.branch7x7dbl_3(self.branch7x7dbl_2(branch3))
        branch3 = self.branch7x7dbl_5(self.branch7x7dbl_4(branch3))  # 192x17x17
        branch4 = self.branch_pool(self.avgpool(x))  # 192x17x17
        return torch.cat([self.branch1x1(x), branch2, branch3, branch4], dim=1)  # 768x17x17


class InceptionAux(nn.Module):
    """Auxiliary classifier (section 4, figure 8): exists only while training."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.avgpool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv0 = BasicConv2d(in_channels, 128, 1)
        self.conv1 = BasicConv2d(128, 768, 5)
        self.fc = nn.Linear(768, num_classes)

        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Gives the weights their first values."""
        nn.init.trunc_normal_(self.fc.weight, std=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(self.conv0(self.avgpool(x)))  # 768x1x1
        x = self.fc(x.mean(dim=(2, 3)))  # 1000
        return x


class InceptionD(nn.Module):
    """Grid reduction to 8x8."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv2d(in_channels, 192, 1)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv2d(in_channels, 192, 1)
        self.branch7x7x3_2 = BasicConv2d(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = BasicConv2d(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.branch3x3_2(self.branch3x3_1(x))  # 320x8x8
        branch2 = self.branch7x7x3_1(x)  # 192x17x17
        branch2 = self.branch7x7x3_3(self.branch7x7x3_2(branch2))  # 192x17x17
        return torch.cat([branch1, self.branch7x7x3_4(branch2), self.maxpool(x)], dim=1)  # 1280x8x8


class InceptionE(nn.Module):
    """Figure 7: expanded filter banks on the coarsest grid."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, 320, 1)
        self.branch3x3_1 = BasicConv2d(in_channels, 384, 1)
        self.branch3x3_2a = BasicConv2d(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = BasicConv2d(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = BasicConv2d(in_channels, 448, 1)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = BasicConv2d(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = BasicConv2d(384, 384, (3, 1), padding=(1, 0))
        self.avgpool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)
        self.branch_pool = BasicConv2d(in_channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.branch3x3_1(x)  # 384x8x8
        branch2 = torch.cat([self.branch3x3_2a(branch2), self.branch3x3_2b(branch2)], dim=1)  # 768x8x8
        branch3 = self.branch3x3dbl_2(self.branch3x3dbl_1(x))  # 384x8x8
        branch3 = torch.cat([self.branch3x3dbl_3a(branch3), self.branch3x3dbl_3b(branch3)], dim=1)  # 768x8x8
        branch4 = self.branch_pool(self.avgpool(x))  # 192x8x8
        return torch.cat([self.branch1x1(x), branch2, branch3, branch4], dim=1)  # 2048x8x8


class InceptionV3Output(NamedTuple):
    """What InceptionV3 gives in training mode."""

    logits: Tensor
    aux_logits: Tensor


class InceptionV3(nn.Module):
    """`aux=False` leaves the auxiliary classifier out.

    Image [N, 3, 299, 299] to logits [N, num_classes]; in training mode with those of the heads.
    """

    loss_weights: ClassVar[dict[str, float]] = {"aux_logits": 0.4}

    def __init__(self, num_classes: int = 1000, aux: bool = True) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)

        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.AuxLogits = InceptionAux(768, num_classes) if aux else None
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)

        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(2048, num_classes)

        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.1)
        for module in self.modules():
            if isinstance(module, InceptionAux):
                module.reset_parameters()

    def forward(self, image: Tensor) -> Tensor | InceptionV3Output:
        x = self.Conv2d_1a_3x3(image)  # 32x149x149
        x = self.Conv2d_2a_3x3(x)  # 32x147x147
        x = self.maxpool1(self.Conv2d_2b_3x3(x))  # 64x73x73
        x = self.Conv2d_3b_1x1(x)  # 80x73x73
        x = self.maxpool2(self.Conv2d_4a_3x3(x))  # 192x35x35

        x = self.Mixed_5b(x)  # 256x35x35
        x = self.Mixed_5c(x)  # 288x35x35
        x = self.Mixed_5d(x)  # 288x35x35
        x = self.Mixed_6a(x)  # 768x17x17
        x = self.Mixed_6b(x)  # 768x17x17
        x = self.Mixed_6c(x)  # 768x17x17
        x = self.Mixed_6d(x)  # 768x17x17
        Mixed_6e = self.Mixed_6e(x)  # 768x17x17
        x = self.Mixed_7a(Mixed_6e)  # 1280x8x8
        x = self.Mixed_7b(x)  # 2048x8x8
        x = self.Mixed_7c(x)  # 2048x8x8

        logits: Tensor = self.fc(self.dropout(x.mean(dim=(2, 3))))  # 1000
        if self.training and self.AuxLogits is not None:
            return InceptionV3Output(logits, aux_logits=self.AuxLogits(Mixed_6e))
        return logits


def inception_v3(*, num_classes: int = 1000, aux: bool = True) -> InceptionV3:
    """InceptionV3() of inception_v3.net; `aux=False` leaves the training heads out."""
    return InceptionV3(num_classes=num_classes, aux=aux)


# As netdsl wrote it, as long as the text above has sha256 ….
