"""The PyTorch backend: emission, verification and training.

>>> from netdsl_pytorch import build
>>> model = build("googlenet", num_classes=10)

Importing the package does not import torch; what needs it does so when it is first asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from netdsl_pytorch.load import build

__all__ = ["build"]


def __getattr__(name: str) -> object:
    if name != "build":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from netdsl_pytorch.load import build

    return build
