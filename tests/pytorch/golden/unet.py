"""UNet, compiled by netdsl 0.1 from unet.net (sha256 …). Yours to edit.

U-Net: Ronneberger, Fischer & Brox, "Convolutional Networks for Biomedical Image Segmentation", 2015
(arXiv:1505.04597), figure 1: convolutions without padding, skips cropped to fit.

Input 1x572x572; 31,030,658 parameters; 150,428,424,448 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DoubleConv", "UNet", "Up", "unet"]


def center_crop(x: Tensor, size: list[int]) -> Tensor:
    """The middle of an image; where a border is odd, the smaller half is cut off first."""
    for axis, length in enumerate(size, start=2):
        x = x.narrow(axis, (x.shape[axis] - length) // 2, length)
    return x


class DoubleConv(nn.Module):
    """Two convolutions without padding or with it, each followed by a ReLU: a level of a U-Net (Ronneberger et
    al. 2015, arXiv:1505.04597).
    """

    def __init__(self, in_channels: int, channels: int, padding: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, kernel_size=3, padding=padding)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=padding)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        return F.relu(self.conv2(x))


class Up(nn.Module):
    """Expanding path: upsample, join with the contracting path, convolve."""

    def __init__(self, in_channels: int, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, channels, kernel_size=2, stride=2)
        self.conv = DoubleConv(skip_channels + channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        x = torch.cat([center_crop(skip, [x.shape[2], x.shape[3]]), x], dim=1)
        x = self.conv(x)
        return x


class UNet(nn.Module):
    """Four levels down, four up; a class for each pixel of the middle.

    Image [N, 1, 572, 572] to mask [N, num_classes, 388, 388].
    """

    def __init__(self, base: int = 64, num_classes: int = 2) -> None:
        super().__init__()
        self.down1 = DoubleConv(1, base)
        self.maxpool1 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.down2 = DoubleConv(base, 2 * base)
        self.maxpool2 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.down3 = DoubleConv(2 * base, 4 * base)
        self.maxpool3 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.down4 = DoubleConv(4 * base, 8 * base)
        self.maxpool4 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.dropout1 = nn.Dropout(0.5)
        self.bottom = DoubleConv(8 * base, 16 * base)
        self.dropout2 = nn.Dropout(0.5)
        self.up4 = Up(16 * base, 8 * base, 8 * base)
        self.up3 = Up(8 * base, 4 * base, 4 * base)
        self.up2 = Up(4 * base, 2 * base, 2 * base)
        self.up1 = Up(2 * base, base, base)
        self.out = nn.Conv2d(base, num_classes, kernel_size=1)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, image: Tensor) -> Tensor:
        down1 = self.down1(image)  # 64x568x568
        down2 = self.down2(self.maxpool1(down1))  # 128x280x280
        down3 = self.down3(self.maxpool2(down2))  # 256x136x136
        down4 = self.down4(self.maxpool3(down3))  # 512x64x64
        x = self.dropout1(self.maxpool4(down4))  # 512x32x32
        x = self.dropout2(self.bottom(x))  # 1024x28x28
        x = self.up4(x, down4)  # 512x52x52
        x = self.up3(x, down3)  # 256x100x100
        x = self.up2(x, down2)  # 128x196x196
        x = self.up1(x, down1)  # 64x388x388
        mask: Tensor = self.out(x)  # 2x388x388
        return mask


def unet(*, base: int = 64, num_classes: int = 2) -> UNet:
    """UNet() of unet.net."""
    return UNet(base=base, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
