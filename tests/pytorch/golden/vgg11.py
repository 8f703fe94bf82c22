"""vgg11, compiled by netdsl 0.1 from vgg.net (sha256 …). Yours to edit.

VGG: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014
(arXiv:1409.1556), table 1; torchvision's names.

Input 3x224x224; 132,863,336 parameters; 7,609,090,048 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["VGG", "vgg11"]


class VGG(nn.Module):
    """Image [N, 3, 224, 224] to logits [N, num_classes]."""

    def __init__(self, counts: Sequence[int] = (1, 1, 2, 2, 2), num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for out, n in zip((64, 128, 256, 512, 512), counts, strict=False):
            for _ in range(n):
                layers += [nn.Conv2d(channels, out, kernel_size=3, padding=1), nn.ReLU()]
                channels = out
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, 4096),  # 4096
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),  # 1000
        )

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 512x7x7
        x = self.avgpool(x).flatten(1)  # 25088
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def vgg11(*, num_classes: int = 1000, counts: Sequence[int] = (1, 1, 2, 2, 2)) -> VGG:
    """VGG([1, 1, 2, 2, 2]) of vgg.net."""
    return VGG(counts=counts, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
