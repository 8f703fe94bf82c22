"""gpt2, compiled by netdsl 0.1 from gpt.net (sha256 …). Yours to edit.

GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, table 2, as nanoGPT builds
it and with its names (github.com/karpathy/nanoGPT).

Input 1024; 124,439,808 parameters; 145,824,153,600 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["GPT", "MLP", "Block", "CausalSelfAttention", "Transformer", "gpt2"]


class CausalSelfAttention(nn.Module):
    """Causal self-attention, all heads in one projection."""

    def __init__(self, in_features: int, heads: int, drop: float, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.drop = drop
        self.c_attn = nn.Linear(in_features, 3 * in_features, bias=bias)
        self.c_proj = nn.Linear(in_features, in_features, bias=bias)
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_attn(x)  # 1024x2304
        y = x.reshape(x.shape[0], x.shape[1], 3, self.heads, -1)
        q, k, v = y.permute(0, 2, 3, 1, 4).unbind(dim=1)  # t (s h d) -> s h t d
        x = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=self.drop if self.training else 0.0)
        x = x.permute(0, 2, 1, 3).flatten(2)  # h t d -> t (h d): 1024x768
        x = self.dropout(self.c_proj(x))  # 1024x768
        return x


class MLP(nn.Module):
    """Two layers over each position."""

    def __init__(self, in_features: int, drop: float, bias: bool) -> None:
        super().__init__()
        self.c_fc = nn.Linear(in_features, 4 * in_features, bias=bias)
        self.c_proj = nn.Linear(4 * in_features, in_features, bias=bias)
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(self.c_proj(F.gelu(self.c_fc(x))))  # 1024x768
        return x


class Block(nn.Module):
    """Transformer block, normalised before each part. What is added to the stream starts smaller, the more
    blocks add to it.
    """

    def __init__(self, in_features: int, layers: int, heads: int, drop: float, bias: bool) -> None:
        super().__init__()
        self.layers = layers
        self.ln_1 = nn.LayerNorm(in_features, bias=bias)
        self.attn = CausalSelfAttention(in_features, heads, drop, bias)
        self.ln_2 = nn.LayerNorm(in_features, bias=bias)
        self.mlp = MLP(in_features, drop, bias)

        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Gives the weights their first values."""
        nn.init.normal_(self.get_parameter("attn.c_proj.weight"), std=0.02 / math.sqrt(2 * self.layers))
        nn.init.normal_(self.get_parameter("mlp.c_proj.weight"), std=0.02 / math.sqrt(2 * self.layers))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))  # 1024x768
        x = x + self.mlp(self.ln_2(x))  # 1024x768
        return x


class Transformer(nn.Module):
    """Token and position embeddings, the blocks, a last normalisation. It takes `length` tokens or fewer."""

    position: Tensor

    def __init__(self, layers: int, heads: int, dim: int, vocab: int, length: int, drop: float, bias: bool) -> None:
        super().__init__()
        t = torch.arange(length)
        self.register_buffer("position", t, persistent=False)
        self.wte = nn.Embedding(vocab, dim)
        self.wpe = nn.Embedding(length, dim)
        self.dropout = nn.Dropout(drop)
        self.h = nn.ModuleList(Block(dim, layers, heads, drop, bias) for _ in range(layers))
        self.ln_f = nn.LayerNorm(dim, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        x = self.wte(x)  # 1024x768
        places = self.wpe(self.position)[:n]  # 1024x768
        x = self.dropout(x + places)  # 1024x768
        for block in self.h:
            x = block(x)  # 1024x768
        x = self.ln_f(x)  # 1024x768
        return x


class GPT(nn.Module):
    """`layers`, `heads` and `dim` are a row of table 2. The output layer is the token embedding again.

    Tokens [N, length] to logits [N, length, vocab].
    """

    def __init__(
        self,
        layers: int = 12,
        heads: int = 12,
        dim: int = 768,
        vocab: int = 50257,
        length: int = 1024,
        drop: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.transformer = Transformer(layers, heads, dim, vocab, length, drop, bias)
        self.lm_head = nn.Linear(dim, vocab, bias=False)
        self.lm_head.weight = self.transformer.wte.weight

        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        for module in self.modules():
            if isinstance(module, Block):
                module.reset_parameters()

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer(tokens)  # 1024x768
        logits: Tensor = self.lm_head(x)  # 1024x50257
        return logits


def gpt2(
    *,
    vocab: int = 50257,
    length: int = 1024,
    drop: float = 0.0,
    bias: bool = True,
    layers: int = 12,
    heads: int = 12,
    dim: int = 768,
) -> GPT:
    """GPT(layers = 12, heads = 12, dim = 768) of gpt.net."""
    return GPT(layers=layers, heads=heads, dim=dim, vocab=vocab, length=length, drop=drop, bias=bias)


# As netdsl wrote it, as long as the text above has sha256 ….
