"""wavenet, compiled by netdsl 0.1 from wavenet.net (sha256 …). Yours to edit.

WaveNet: van den Oord et al., "A Generative Model for Raw Audio", 2016 (arXiv:1609.03499), figure 4: gated,
dilated, causal convolutions with residual and skip connections.

Input 1x16000; 540,544 parameters; 8,471,552,000 multiply-adds.
Comments give shapes without the batch, for the default arguments.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Causal", "Layer", "Layer2", "WaveNet", "wavenet"]


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
    """Residual block: gives what it adds to the output and, unless it is the last, the next value."""

    def __init__(self, in_channels: int, channels: int, skips: int, dilation: int) -> None:
        super().__init__()
        self.gates = Causal(in_channels, 2 * channels, 2, dilation=dilation)
        self.skip = nn.Conv1d(channels, skips, kernel_size=1)
        self.res = nn.Conv1d(channels, channels, kernel_size=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        f, g = self.gates(x).chunk(2, dim=1)
        z = torch.tanh(f) * torch.sigmoid(g)  # 32x16000
        skip = self.skip(z)  # 256x16000
        y = self.res(z) + x  # 32x16000
        return skip, y


class Layer2(nn.Module):
    """Residual block: gives what it adds to the output and, unless it is the last, the next value."""

    def __init__(self, in_channels: int, channels: int, skips: int, dilation: int) -> None:
        super().__init__()
        self.gates = Causal(in_channels, 2 * channels, 2, dilation=dilation)
        self.skip = nn.Conv1d(channels, skips, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        f, g = self.gates(x).chunk(2, dim=1)
        z = torch.tanh(f) * torch.sigmoid(g)  # 32x16000
        x = self.skip(z)  # 256x16000
        return x


class WaveNet(nn.Module):
    """Dilations double from 1 within a stack. One second of sound at 16 kHz in, a class for each of its samples
    out.

    Audio [N, 1, 16000] to logits [N, num_classes, 16000].
    """

    def __init__(self, channels: int = 32, skips: int = 256, num_classes: int = 256) -> None:
        super().__init__()
        self.stem = Causal(1, channels, 2)
        self.layers = nn.ModuleList(
            [
                Layer(channels, channels, skips, 1),
                Layer(channels, channels, skips, 2),
                Layer(channels, channels, skips, 4),
                Layer(channels, channels, skips, 8),
                Layer(channels, channels, skips, 16),
                Layer(channels, channels, skips, 32),
                Layer(channels, channels, skips, 64),
                Layer(channels, channels, skips, 128),
                Layer(channels, channels, skips, 256),
                Layer(channels, channels, skips, 512),
                Layer(channels, channels, skips, 1),
                Layer(channels, channels, skips, 2),
                Layer(channels, channels, skips, 4),
                Layer(channels, channels, skips, 8),
                Layer(channels, channels, skips, 16),
                Layer(channels, channels, skips, 32),
                Layer(channels, channels, skips, 64),
                Layer(channels, channels, skips, 128),
                Layer(channels, channels, skips, 256),
                Layer(channels, channels, skips, 512),
                Layer(channels, channels, skips, 1),
                Layer(channels, channels, skips, 2),
                Layer(channels, channels, skips, 4),
                Layer(channels, channels, skips, 8),
                Layer(channels, channels, skips, 16),
                Layer(channels, channels, skips, 32),
                Layer(channels, channels, skips, 64),
                Layer(channels, channels, skips, 128),
                Layer(channels, channels, skips, 256),
                Layer2(channels, channels, skips, 512),
            ]
        )
        self.head1 = nn.Conv1d(skips, skips, kernel_size=1)
        self.head2 = nn.Conv1d(skips, num_classes, kernel_size=1)

    def forward(self, audio: Tensor) -> Tensor:
        x = self.stem(audio)  # 32x16000
        layers_0_0, layers_0_1 = self.layers[0](x)
        layers_1_0, layers_1_1 = self.layers[1](layers_0_1)
        layers_2_0, layers_2_1 = self.layers[2](layers_1_1)
        layers_3_0, layers_3_1 = self.layers[3](layers_2_1)
        layers_4_0, layers_4_1 = self.layers[4](layers_3_1)
        layers_5_0, layers_5_1 = self.layers[5](layers_4_1)
        layers_6_0, layers_6_1 = self.layers[6](layers_5_1)
        layers_7_0, layers_7_1 = self.layers[7](layers_6_1)
        layers_8_0, layers_8_1 = self.layers[8](layers_7_1)
        layers_9_0, layers_9_1 = self.layers[9](layers_8_1)
        layers_10_0, layers_10_1 = self.layers[10](layers_9_1)
        layers_11_0, layers_11_1 = self.layers[11](layers_10_1)
        layers_12_0, layers_12_1 = self.layers[12](layers_11_1)
        layers_13_0, layers_13_1 = self.layers[13](layers_12_1)
        layers_14_0, layers_14_1 = self.layers[14](layers_13_1)
        layers_15_0, layers_15_1 = self.layers[15](layers_14_1)
        layers_16_0, layers_16_1 = self.layers[16](layers_15_1)
        layers_17_0, layers_17_1 = self.layers[17](layers_16_1)
        layers_18_0, layers_18_1 = self.layers[18](layers_17_1)
        layers_19_0, layers_19_1 = self.layers[19](layers_18_1)
        layers_20_0, layers_20_1 = self.layers[20](layers_19_1)
        layers_21_0, layers_21_1 = self.layers[21](layers_20_1)
        layers_22_0, layers_22_1 = self.layers[22](layers_21_1)
        layers_23_0, layers_23_1 = self.layers[23](layers_22_1)
        layers_24_0, layers_24_1 = self.layers[24](layers_23_1)
        layers_25_0, layers_25_1 = self.layers[25](layers_24_1)
        layers_26_0, layers_26_1 = self.layers[26](layers_25_1)
        layers_27_0, layers_27_1 = self.layers[27](layers_26_1)
        layers_28_0, layers_28_1 = self.layers[28](layers_27_1)
        x = self.layers[29](layers_28_1)  # 256x16000
        x = (
            layers_0_0
            + layers_1_0
            + layers_2_0
            + layers_3_0
            + layers_4_0
            + layers_5_0
            + layers_6_0
            + layers_7_0
            + layers_8_0
            + layers_9_0
            + layers_10_0
            + layers_11_0
            + layers_12_0
            + layers_13_0
            + layers_14_0
            + layers_15_0
            + layers_16_0
            + layers_17_0
            + layers_18_0
            + layers_19_0
            + layers_20_0
            + layers_21_0
            + layers_22_0
            + layers_23_0
            + layers_24_0
            + layers_25_0
            + layers_26_0
            + layers_27_0
            + layers_28_0
            + x
        )  # 256x16000
        x = F.relu(x)  # 256x16000
        logits: Tensor = self.head2(F.relu(self.head1(x)))  # 256x16000
        return logits


def wavenet(*, channels: int = 32, skips: int = 256, num_classes: int = 256) -> WaveNet:
    """WaveNet() of wavenet.net."""
    return WaveNet(channels=channels, skips=skips, num_classes=num_classes)


# As netdsl wrote it, as long as the text above has sha256 ….
