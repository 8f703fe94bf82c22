"""Network in Network's idea: a fully connected layer that all pixels share is a convolution with 1x1 filters."""

from __future__ import annotations

import torch
from netdsl_pytorch.load import build
from torch import Tensor, nn


def test_a_fully_connected_layer_over_pixels_is_its_1x1_convolution(tmp_path) -> None:
    spec = tmp_path / "pixels.net"
    spec.write_text(
        "net Layer() { input pixels: 8x8x96; output y = fc: linear(64) }\n"
        "net Convolution() { input image: 96x8x8; output y = fc: conv(64, 1x1) }\n"
    )
    torch.manual_seed(0)
    layer, convolution = build(f"{spec}:layer"), build(f"{spec}:convolution")
    state = layer.state_dict()
    assert list(state) == list(convolution.state_dict())
    convolution.load_state_dict({key: value.view_as(convolution.state_dict()[key]) for key, value in state.items()})

    image = torch.randn(2, 96, 8, 8)
    by_pixel = layer(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(convolution(image), by_pixel)


def test_an_mlpconv_is_a_perceptron_that_slides_over_the_image() -> None:
    """NIN's first mlpconv at one place of the image: its window, flattened, through three linear layers."""
    torch.manual_seed(0)
    nin = build("nin").eval()
    mlpconv = nin.get_submodule("mlp_conv1")
    image = torch.randn(1, 3, 32, 32)
    whole = mlpconv(image)

    hidden = image[0, :, 8:13, 18:23].flatten()
    for each in ("conv1", "conv2", "conv3"):
        weights = mlpconv.get_submodule(each)
        assert isinstance(weights, nn.Conv2d)
        assert weights.bias is not None
        hidden = torch.relu(weights.weight.flatten(1) @ hidden + weights.bias)
    torch.testing.assert_close(whole[0, :, 10, 20], hidden)


def test_global_average_pooling_reads_a_class_off_its_own_map() -> None:
    """The last mlpconv has a map per class: the logits are the means of the maps, without a layer between."""
    nin = build("nin").eval()
    image = torch.randn(1, 3, 32, 32)
    maps: list[Tensor] = []
    nin.get_submodule("mlp_conv3").register_forward_hook(lambda module, inputs, output: maps.append(output))
    torch.testing.assert_close(nin(image), maps[0].mean((2, 3)))
