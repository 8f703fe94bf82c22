"""nin, compiled by netdsl 0.1 from nin.net (sha256 …). Yours to edit.

Network in Network: Lin, Chen & Yan, 2013 (arXiv:1312.4400).

Input 3x32x32; 966,986 parameters; 222,486,528 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["NIN", "MLPConv", "nin"]


class MLPConv(nn.Module):
    """Multilayer perceptron convolution: a convolution, then two layers of a perceptron that all pixels share
    (section 3.1). A fully connected layer over the channels of a pixel is a 1x1 convolution.
    """

    def __init__(self, in_channels: int, a: int, kernel: int, b: int, c: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, a, kernel_size=kernel, padding=kernel // 2)
        self.conv2 = nn.Conv2d(a, b, kernel_size=1)
        self.conv3 = nn.Conv2d(b, c, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return F.relu(self.conv3(x))


class NIN(nn.Module):
    """CIFAR-10 (section 4.1): the last mlpconv has a map per class, which global average pooling turns into
    logits.

    Image [N, 3, 32, 32] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.mlp_conv1 = MLPConv(3, 192, 5, 160, 96)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.dropout1 = nn.Dropout(0.5)
        self.mlp_conv2 = MLPConv(96, 192, 5, 192, 192)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.dropout2 = nn.Dropout(0.5)
        self.mlp_conv3 = MLPConv(192, 192, 3, 192, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.dropout1(self.maxpool1(self.mlp_conv1(image)))  # 96x16x16
        x = self.dropout2(self.maxpool2(self.mlp_conv2(x)))  # 192x8x8
        x = self.mlp_conv3(x)  # 10x8x8
        logits: Tensor = x.mean(dim=(2, 3))  # 10
        return logits


def nin(*, num_classes: int = 10) -> NIN:
    """NIN() of nin.net."""
    return NIN(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
