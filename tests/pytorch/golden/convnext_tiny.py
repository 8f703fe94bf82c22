"""convnext_tiny, compiled by netdsl 0.1 from convnext.net (sha256 …). Yours to edit.

ConvNeXt: Liu et al., "A ConvNet for the 2020s", 2022 (arXiv:2201.03545), section 3 and table 9; torchvision's
names.

Input 3x224x224; 28,589,128 parameters; 4,455,531,264 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CNBlock", "ChannelNorm", "ConvNeXt", "Permute", "StochasticDepth", "convnext_tiny"]


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.layer_norm(x.movedim(1, -1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.movedim(-1, 1)


class Permute(nn.Module):
    """Reorders the axes, the batch among them."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.axes)

    def extra_repr(self) -> str:
        return f"axes={self.axes}"


class StochasticDepth(nn.Module):
    """While training, zeroes whole samples with probability p and divides the others by 1 - p."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        shape = [x.shape[0]] + [1] * (x.ndim - 1)
        keep = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(1.0 - self.p)
        return x * keep / (1.0 - self.p) if self.p < 1.0 else x * keep

    def extra_repr(self) -> str:
        return f"p={self.p}"


class CNBlock(nn.Module):
    """Depthwise 7x7, then a perceptron over channels, on channels-last values (figure 4)."""

    def __init__(self, in_channels: int, drop: float) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.full((in_channels, 1, 1), 1e-6))
        self.block = nn.Sequential(
            nn.Conv2d(in_channels, in_channels, kernel_size=7, padding=3, groups=in_channels),
            Permute(0, 2, 3, 1),
            nn.LayerNorm(in_channels, eps=1e-6),
            nn.Linear(in_channels, 4 * in_channels),
            nn.GELU(),
            nn.Linear(4 * in_channels, in_channels),
            Permute(0, 3, 1, 2),
        )
        self.drop_path = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        y = self.drop_path(y * self.layer_scale) + x
        return y


class ConvNeXt(nn.Module):
    """`drop` is the stochastic depth of the last block; it grows from 0.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(
        self,
        widths: Sequence[int] = (96, 192, 384, 768),
        depths: Sequence[int] = (3, 3, 9, 3),
        drop: float = 0.1,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Sequential(nn.Conv2d(3, widths[0], kernel_size=4, stride=4), ChannelNorm(widths[0], eps=1e-6))
        ]
        channels = widths[0]
        for i, n in enumerate(depths):
            if i > 0:
                layers.append(
                    nn.Sequential(
                        ChannelNorm(channels, eps=1e-6),
                        nn.Conv2d(channels, widths[i], kernel_size=2, stride=2),
                    )
                )
                channels = widths[i]
            layers.append(
                nn.Sequential(*(CNBlock(channels, drop * (sum(depths[:i]) + j) / (sum(depths) - 1)) for j in range(n)))
            )
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            ChannelNorm(channels, eps=1e-6),
            nn.Flatten(),  # 768
            nn.Linear(channels, num_classes),  # 1000
        )

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        x = self.features(image)  # 768x7x7
        x = x.mean(dim=(2, 3), keepdim=True)  # 768x1x1
        logits: Tensor = self.classifier(x)  # 1000
        return logits


def convnext_tiny(
    *,
    num_classes: int = 1000,
    widths: Sequence[int] = (96, 192, 384, 768),
    depths: Sequence[int] = (3, 3, 9, 3),
    drop: float = 0.1,
) -> ConvNeXt:
    """ConvNeXt([96, 192, 384, 768], [3, 3, 9, 3], drop = 0.1) of convnext.net."""
    return ConvNeXt(widths=widths, depths=depths, drop=drop, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
