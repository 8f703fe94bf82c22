"""squeezenet1_0, compiled by netdsl 0.1 from squeezenet.net (sha256 …). Yours to edit.

SqueezeNet: Iandola et al. 2016 (arXiv:1602.07360), table 1; torchvision's names.

Input 3x224x224; 1,248,424 parameters; 818,924,576 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Fire", "SqueezeNet1_0", "squeezenet1_0"]


class Fire(nn.Module):
    """Fire module (figure 1): a squeeze layer feeds 1x1 and 3x3 convolutions side by side."""

    def __init__(self, in_channels: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, narrow, kernel_size=1)
        self.expand1x1 = nn.Conv2d(narrow, wide, kernel_size=1)
        self.expand3x3 = nn.Conv2d(narrow, wide, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        branch1 = F.relu(self.expand1x1(x))
        branch2 = F.relu(self.expand3x3(x))
        return torch.cat([branch1, branch2], dim=1)


class SqueezeNet1_0(nn.Module):
    """Version 1.0: the paper's network.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, kernel_size=7, stride=2),  # 96x109x109
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),  # 96x54x54
            Fire(96, 16, 64),  # 128x54x54
            Fire(128, 16, 64),
            Fire(128, 32, 128),  # 256x54x54
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),  # 256x27x27
            Fire(256, 32, 128),
            Fire(256, 48, 192),  # 384x27x27
            Fire(384, 48, 192),
            Fire(384, 64, 256),  # 512x27x27
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),  # 512x13x13
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Conv2d(512, num_classes, kernel_size=1),  # 1000x13x13
            nn.ReLU(),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),  # 1000
        )

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.classifier.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 512x13x13
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def squeezenet1_0(*, num_classes: int = 1000) -> SqueezeNet1_0:
    """SqueezeNet1_0() of squeezenet.net."""
    return SqueezeNet1_0(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
