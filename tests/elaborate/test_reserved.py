"""The names that labels may not have are those of torch's modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netdsl.text.reserved import MODULE_ATTRIBUTES, SEQUENTIAL_ATTRIBUTES
from tests.elaborate.specs import codes, in_net, modules, net


def test_every_attribute_of_a_module_is_known() -> None:
    """Every attribute but dunders, which are refused by their form; of the class and of an instance."""
    found = {
        name for name in {*dir(nn.Module), *vars(nn.Module()), *nn.Module.__annotations__} if not name.startswith("__")
    }
    assert found <= MODULE_ATTRIBUTES
    if torch.__version__.startswith("2.13."):  # the version that the list was taken from
        assert found == MODULE_ATTRIBUTES


def test_every_attribute_that_sequences_have_besides_is_known() -> None:
    assert {
        name for name in dir(nn.Sequential) if not name.startswith("__")
    } - MODULE_ATTRIBUTES == SEQUENTIAL_ATTRIBUTES


@pytest.mark.parametrize("name", ["append", "pop"])
def test_they_are_kept_in_sequences_only(name: str) -> None:
    assert codes(in_net(f"f: {{ {name}: conv(4, 1x1) }}")) == ["E0104"]
    assert modules(net(f"{name}: conv(4, 1x1)")) == [name]
