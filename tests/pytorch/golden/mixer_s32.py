"""mixer_s32, compiled by netdsl 0.1 from mixer.net (sha256 …). Yours to edit.

MLP-Mixer: Tolstikhin et al., "MLP-Mixer: An all-MLP Architecture for Vision", 2021 (arXiv:2105.01601), table
1; timm's names.

Input 3x224x224; 19,104,624 parameters; 1,002,426,368 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["MLPMixer", "MixerBlock", "Mlp", "PatchEmbed", "mixer_s32"]


class PatchEmbed(nn.Module):
    """Cuts an image into `patch x patch` squares and projects each: gives `patches x dim`."""

    def __init__(self, in_channels: int, dim: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dim, kernel_size=patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x).permute(0, 2, 3, 1).flatten(1, 2)  # c h w -> (h w) c: 49x512
        return x


class Mlp(nn.Module):
    """Perceptron over the features of each position."""

    def __init__(self, in_features: int, hidden: int, drop: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(in_features, hidden)
        self.dropout1 = nn.Dropout(drop)
        self.fc2 = nn.Linear(hidden, in_features)
        self.dropout2 = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout1(F.gelu(self.fc1(x)))
        x = self.dropout2(self.fc2(x))
        return x


class MixerBlock(nn.Module):
    """Mixer layer (figure 1): a perceptron across patches, then one across channels."""

    def __init__(self, in_features: int, in_length: int, tokens: int, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(in_features, eps=1e-6)
        self.mlp_tokens = Mlp(in_length, tokens)
        self.norm2 = nn.LayerNorm(in_features, eps=1e-6)
        self.mlp_channels = Mlp(in_features, channels)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.mlp_tokens(self.norm1(x).permute(0, 2, 1)).permute(0, 2, 1)  # 49x512
        x = x + branch2  # 49x512
        x = x + self.mlp_channels(self.norm2(x))  # 49x512
        return x


class MLPMixer(nn.Module):
    """`dim` is the paper's C; the perceptrons have `dim / 2` and `4 * dim` hidden units.

    Image [N, 3, 224, 224] to logits [N, num_classes].
    """

    def __init__(self, dim: int = 512, layers: int = 8, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = PatchEmbed(3, dim, 32)
        self.blocks = nn.ModuleList(MixerBlock(dim, 49, dim // 2, 4 * dim) for _ in range(layers))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.get_parameter("head.bias"))

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)  # 49x512
        for mixer_block in self.blocks:
            x = mixer_block(x)  # 49x512
        x = self.norm(x).mean(dim=1)  # 512
        logits: Tensor = self.head(x)  # 1000
        return logits


def mixer_s32(*, num_classes: int = 1000, dim: int = 512, layers: int = 8) -> MLPMixer:
    """MLPMixer( 512, layers = 8, patch = 32) of mixer.net."""
    return MLPMixer(dim=dim, layers=layers, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
