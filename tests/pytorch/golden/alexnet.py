"""AlexNet, compiled by netdsl 0.1 from alexnet.net (sha256 …). Yours to edit.

AlexNet: Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
2012, figure 2 and sections 3 and 5.

Input 3x227x227; 60,965,224 parameters; 724,406,816 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AlexNet", "alexnet"]


class AlexNet(nn.Module):
    """The paper's network; `groups = 2` are its two GPUs. It sums alpha over the window where the operator takes
    the mean, hence 5 * 1e-4. The paper says 224x224, but its sizes (55 after the first layer) follow from
    227x227.

    Image [N, 3, 227, 227] to logits [N, num_classes].
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, kernel_size=11, stride=4)
        self.lrn1 = nn.LocalResponseNorm(5, alpha=0.0005, k=2.0)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2)
        self.lrn2 = nn.LocalResponseNorm(5, alpha=0.0005, k=2.0)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2)
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2)

        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.dropout1 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.dropout2 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.ones_(module.bias)
        nn.init.ones_(self.get_parameter("conv2.bias"))
        nn.init.ones_(self.get_parameter("conv4.bias"))
        nn.init.ones_(self.get_parameter("conv5.bias"))
        nn.init.zeros_(self.get_parameter("fc8.bias"))

    def forward(self, image: Tensor) -> Tensor:
        x = self.lrn1(F.relu(self.conv1(image)))  # 96x55x55
        x = self.maxpool1(x)  # 96x27x27
        x = self.lrn2(F.relu(self.conv2(x)))  # 256x27x27
        x = self.maxpool2(x)  # 256x13x13
        x = F.relu(self.conv3(x))  # 384x13x13
        x = F.relu(self.conv4(x))  # 384x13x13
        x = self.maxpool3(F.relu(self.conv5(x)))  # 256x6x6

        x = x.flatten(1)  # 9216
        x = self.dropout1(F.relu(self.fc6(x)))  # 4096
        x = self.dropout2(F.relu(self.fc7(x)))  # 4096
        logits: Tensor = self.fc8(x)  # 1000
        return logits


def alexnet(*, num_classes: int = 1000) -> AlexNet:
    """AlexNet() of alexnet.net."""
    return AlexNet(num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
