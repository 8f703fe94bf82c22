"""wavenet, compiled by netdsl 0.1 from wavenet.net (sha256 …). Yours to edit.

WaveNet: van den Oord et al., "A Generative Model for Raw Audio", 2016 (arXiv:1609.03499), figure 4: gated,
dilated, causal convolutions with residual and skip connections.

Input 1x16000; 540,544 parameters; 8,471,552,000 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Causal", "Layer", "WaveNet", "wavenet"]


class Causal(nn.Module):
    """Convolution over time that sees the past alone (van den Oord et al. 2016, arXiv:1609.03499, section 2.1).
    Keeps the length.
    """

    def __init__(self, in_channels: int, out: int, kernel: int, dilation: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.left = (kernel - 1) * dilation
        self.conv = nn.Conv1d(in_channels, out, kernel_size=kernel, dilation=dilation, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.pad(x, (self.left, 0)))
        return x


class Layer(nn.Module):
    """Residual block: gives what it adds to the output, and the next value, which nothing reads of the last."""

    def __init__(self, in_channels: int, channels: int, skips: int, dilation: int, last: bool) -> None:
        super().__init__()
        self.gates = Causal(in_channels, 2 * channels, 2, dilation=dilation)
        self.skip = nn.Conv1d(channels, skips, kernel_size=1)
        self.res = nn.Conv1d(channels, channels, kernel_size=1) if not last else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = self.gates(x).chunk(2, dim=1)
        z = torch.tanh(f) * torch.sigmoid(g)  # 32x16000
        skip = self.skip(z)  # 256x16000
        carry = z  # 32x16000
        if self.res is not None:
            y = self.res(carry) + x
            carry = y
        return skip, carry


class WaveNet(nn.Module):
    """Dilations double from 1 within a stack. One second of sound at 16 kHz in, a class for each of its samples
    out.

    Audio [N, 1, 16000] to logits [N, num_classes, 16000].
    """

    def __init__(
        self, channels: int = 32, skips: int = 256, stacks: int = 3, layers_per_stack: int = 10, num_classes: int = 256
    ) -> None:
        super().__init__()
        n = stacks * layers_per_stack
        self.stem = Causal(1, channels, 2)
        self.layers = nn.ModuleList(
            Layer(channels, channels, skips, 2 ** (i % layers_per_stack), i == n - 1) for i in range(n)
        )
        self.head1 = nn.Conv1d(skips, skips, kernel_size=1)
        self.head2 = nn.Conv1d(skips, num_classes, kernel_size=1)

    def forward(self, audio: Tensor) -> Tensor:
        x = self.stem(audio)  # 32x16000
        total = x.new_zeros(())
        for layer in self.layers:
            skip, x = layer(x)
            total = total + skip  # 256x16000
        x = F.relu(total)  # 256x16000
        logits: Tensor = self.head2(F.relu(self.head1(x)))  # 256x16000
        return logits


def wavenet(
    *, channels: int = 32, skips: int = 256, stacks: int = 3, layers_per_stack: int = 10, num_classes: int = 256
) -> WaveNet:
    """WaveNet() of wavenet.net."""
    return WaveNet(
        channels=channels, skips=skips, stacks=stacks, layers_per_stack=layers_per_stack, num_classes=num_classes
    )


# As netdsl wrote it, as long as the text above has sha256 ….
