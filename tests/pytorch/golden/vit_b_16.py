"""vit_b_16, compiled by netdsl 0.1 from vit.net (sha256 …). Yours to edit.

Vision Transformer: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020 (arXiv:2010.11929), table 1;
torchvision's names.

Input 3x224x224; 86,567,656 parameters; 17,563,828,224 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn

__all__ = ["Encoder", "EncoderBlock", "VisionTransformer", "vit_b_16"]


class EncoderBlock(nn.Module):
    """Transformer encoder block, normalised before each part (figure 1, right)."""

    def __init__(self, in_features: int, num_heads: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(in_features, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(in_features, num_heads, batch_first=True)
        self.dropout = nn.Dropout(drop)
        self.ln_2 = nn.LayerNorm(in_features, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(in_features, hidden),
            nn.GELU(),
            nn.Dropout(drop),
            nn.Linear(hidden, in_features),
            nn.Dropout(drop),
        )

        for module in self.modules():
            if type(module) is nn.Linear:
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        branch2 = self.ln_1(x)  # 197x768
        branch2, _ = self.self_attention(branch2, branch2, branch2, need_weights=False)  # 197x768
        x = x + self.dropout(branch2)  # 197x768
        x = x + self.mlp(self.ln_2(x))  # 197x768
        return x


class Encoder(nn.Module):
    def __init__(self, layers: int, num_heads: int, dim: int, hidden: int, drop: float, patches: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(nn.init.normal_(torch.empty(1, patches + 1, dim), std=0.02))
        self.dropout = nn.Dropout(drop)
        self.layers = nn.Sequential(
            OrderedDict((f"encoder_layer_{i}", EncoderBlock(dim, num_heads, hidden, drop)) for i in range(layers))
        )
        self.ln = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(x + self.pos_embedding)  # 197x768
        x = self.layers(x)  # 197x768
        x = self.ln(x)  # 197x768
        return x


class VisionTransformer(nn.Module):
    """`dim`, `layers`, `num_heads` and `hidden` are a row of table 1; the image is cut into squares of `patch`
    pixels.

    Image [N, 3, size, size] to logits [N, num_classes].
    """

    def __init__(
        self,
        patch: int = 16,
        layers: int = 12,
        num_heads: int = 12,
        dim: int = 768,
        hidden: int = 3072,
        size: int = 224,
        drop: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        patches = (size // patch) ** 2
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))

        self.conv_proj = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)
        self.encoder = Encoder(layers, num_heads, dim, hidden, drop, patches)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(dim, num_classes)))

        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (3 * patch**2)))
        nn.init.zeros_(self.get_parameter("conv_proj.bias"))
        nn.init.zeros_(self.get_parameter("heads.head.weight"))
        nn.init.zeros_(self.get_parameter("heads.head.bias"))

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv_proj(image).permute(0, 2, 3, 1).flatten(1, 2)  # c h w -> (h w) c: 196x768
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], dim=1)  # 197x768
        x = self.encoder(x)  # 197x768
        x = x[:, 0]  # 768
        logits: Tensor = self.heads(x)  # 1000
        return logits


def vit_b_16(
    *,
    size: int = 224,
    drop: float = 0.0,
    num_classes: int = 1000,
    patch: int = 16,
    layers: int = 12,
    num_heads: int = 12,
    dim: int = 768,
    hidden: int = 3072,
) -> VisionTransformer:
    """VisionTransformer(patch = 16, layers = 12, num_heads = 12, dim = 768, hidden = 3072) of vit.net."""
    return VisionTransformer(
        patch=patch,
        layers=layers,
        num_heads=num_heads,
        dim=dim,
        hidden=hidden,
        size=size,
        drop=drop,
        num_classes=num_classes,
    )


# As netdsl wrote it, as long as the text above has sha256 ….
