"""Models for the harness's tests: the mini GoogLeNet, and a tiny net where only the harness matters."""

import dataclasses
from pathlib import Path
from typing import Any

from netdsl_pytorch.harness import TrainableModel, trainable
from netdsl_pytorch.harness.run.description import Description
from netdsl_pytorch.harness.run.folder import ReadSpec

from netdsl.loading import load_spec

SPECS = Path(__file__).parents[3] / "specs"

TINY = '''"""A convolution with dropout, a head, and a linear layer."""

from typing import ClassVar, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class TinyOutput(NamedTuple):
    logits: Tensor
    aux1: Tensor


class Tiny(nn.Module):
    loss_weights: ClassVar[dict[str, float]] = {"aux1": 0.3}

    def __init__(self, num_classes: int = 10, aux: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1, bias=False)
        self.batchnorm1 = nn.BatchNorm2d(8)
        self.dropout1 = nn.Dropout(0.2)
        self.logits = nn.Linear(8 * 4 * 4, num_classes)
        self.aux1 = nn.Linear(8, num_classes) if aux else None

    def forward(self, image: Tensor) -> Tensor | TinyOutput:
        x = F.max_pool2d(F.relu(self.batchnorm1(self.conv1(image))), 2)  # 8x4x4
        logits: Tensor = self.logits(self.dropout1(x.flatten(1)))
        if self.training and self.aux1 is not None:
            return TinyOutput(logits, aux1=self.aux1(x.mean(dim=(2, 3))))
        return logits


def tiny(num_classes: int = 10, aux: bool = True) -> Tiny:
    return Tiny(num_classes=num_classes, aux=aux)
'''


PLAIN = TINY.replace("nn.BatchNorm2d(8)", "nn.Identity()").replace("nn.Dropout(0.2)", "nn.Dropout(0.0)")
"""Without batch norm and dropout: what an image gives does not depend on the others of its batch."""


def tiny(**changes: Any) -> TrainableModel:
    """A net of 1,392 parameters for 8x8 images; `changes` are fields of TrainableModel."""
    model = TrainableModel(
        name="tiny",
        source=TINY,
        spec="# stands for the spec: these tests bring their own compiler\n",
        spec_name="tiny.net",
        params=(),
        inputs=(),
        input_shape=(1, 8, 8),
        num_classes=10,
    )
    return dataclasses.replace(model, **changes)


def mini_googlenet() -> TrainableModel:
    """The net of specs/mini_googlenet.net, as the compiler writes it."""
    return trainable(load_spec(str(SPECS / "mini_googlenet.net"), traced=True).sound())


def recompile_tiny(spec: str, description: Description, read: ReadSpec) -> TrainableModel:
    """The compiler's part in a resumption of a `tiny` run."""
    return tiny(spec=spec, spec_name=description.spec_name, params=description.params)


def plain(**changes: Any) -> TrainableModel:
    """Likewise without batch norm and dropout."""
    return tiny(**{"source": PLAIN, **changes})


def recompile_plain(spec: str, description: Description, read: ReadSpec) -> TrainableModel:
    """The compiler's part in a resumption of a `plain` run."""
    return plain(spec=spec, spec_name=description.spec_name, params=description.params)
