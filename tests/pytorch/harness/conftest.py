"""What the harness's tests share."""

import sys

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains as where matplotlib and TensorBoard are not installed, which takes half the time of a short run.

    Tests marked `pictures` have both.
    """
    if request.node.get_closest_marker("pictures") is None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
