"""Which device and which precision are chosen."""

import pytest
import torch
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.machine.device import choose, choose_precision, set_seed

CPU = torch.device("cpu")
SMALL, LARGE = (1, 28, 28), (3, 224, 224)


@pytest.mark.parametrize(("tiles", "wide", "small", "large"), [
    (False, False, "float32", "float32"),
    (False, True, "float32", "bfloat16"),
    (True, True, "bfloat16", "bfloat16"),
])  # fmt: skip
def test_precision_follows_the_processor_and_the_image(
    monkeypatch: pytest.MonkeyPatch, tiles: bool, wide: bool, small: str, large: str
) -> None:
    # What other processors would answer.
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: wide, raising=False)
    assert choose_precision("auto", CPU, SMALL) == small
    assert choose_precision("auto", CPU, LARGE) == large
    assert choose_precision("auto", torch.device("cuda"), SMALL) == "bfloat16"
    assert choose_precision("float32", CPU, LARGE) == "float32"


def test_what_there_is_not() -> None:
    with pytest.raises(HarnessError, match="there is no precision `half`"):
        choose_precision("half", CPU, SMALL)
    for name in ("tpu", "cpu:x", "meta"):
        with pytest.raises(HarnessError, match="there is no device"):
            choose(name)


def test_a_seed_is_that_of_manual_seed() -> None:
    set_seed(5, CPU)
    ours = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(ours, torch.rand(3))
