"""alexnet_torchvision, compiled by netdsl 0.1 from alexnet_torchvision.net (sha256 …). Yours to edit.

AlexNet with one tower: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014
(arXiv:1404.5997), as torchvision builds it and with its names.

Input 3x224x224; 61,100,840 parameters; 714,188,480 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from torch import Tensor, nn

__all__ = ["AlexNet", "alexnet_torchvision"]


class AlexNet(nn.Module):
    """One tower, wider first layers, no normalisation.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),  # 64x55x55
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # 64x27x27
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # 192x27x27
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # 192x13x13
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # 384x13x13
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # 256x13x13
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # 256x6x6
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(9216, 4096),  # 4096
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),  # 1000
        )

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 256x6x6
        x = self.avgpool(x).flatten(1)  # 9216
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def alexnet_torchvision(*, num_classes: int = 1000) -> AlexNet:
    """AlexNet() of alexnet_torchvision.net."""
    return AlexNet(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
