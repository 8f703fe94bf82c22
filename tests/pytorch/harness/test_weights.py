"""Weights from elsewhere: by name, of the kind and shape that the net has."""

from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, train
from netdsl_pytorch.harness.model.model_source import build
from netdsl_pytorch.harness.model.weights import load_weights
from netdsl_pytorch.harness.prepare import heads_of
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.pytorch.harness.models import TINY, tiny


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


def torch_tiny(*, aux: bool) -> nn.Module:
    source = TINY if aux else TINY.replace("aux: bool = True", "aux: bool = False")
    return build(Path("tiny.py"), source, "tiny")


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, dict[str, Tensor]]:
    state = net().state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors", state


def test_all_weights_are_taken(saved: tuple[Path, dict[str, Tensor]]) -> None:
    module = net()
    load_weights(saved[0], module)
    assert all(torch.equal(value, saved[1][name]) for name, value in module.state_dict().items())


def test_what_does_not_fit_is_named_and_changes_nothing(saved: tuple[Path, dict[str, Tensor]]) -> None:
    path, state = saved
    changed = {**state, "3.weight": torch.zeros(5, 8), "head.weight": torch.zeros(1)}
    del changed["1.running_mean"]
    save_file(changed, path)
    module = net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(HarnessError) as caught:
        load_weights(path, module)
    assert caught.value.message.partition("does not fit the net: ")[2] == (
        "1 missing: 1.running_mean; 1 that the net does not have: head.weight; "
        "1 of another shape: 3.weight is 5x8, and 3x8 is due"
    )
    assert caught.value.help == "--reset 1 --reset 3 begins these anew"
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_layers_that_are_reset_keep_what_they_have(saved: tuple[Path, dict[str, Tensor]]) -> None:
    path, state = saved
    save_file(
        {name: value for name, value in state.items() if not name.startswith("3.")} | {"3.weight": torch.zeros(7)}, path
    )
    module = net()
    before = module.state_dict()["3.weight"].clone()
    load_weights(path, module, reset=["3"])
    assert torch.equal(module.state_dict()["3.weight"], before)
    assert torch.equal(module.state_dict()["0.weight"], state["0.weight"])
    with pytest.raises(HarnessError, match="there is no layer `fc` to reset") as caught:
        load_weights(path, module, reset=["fc"])
    assert caught.value.help == "layers: 0, 1, 3"


def test_a_run_begins_from_weights(tmp_path: Path) -> None:
    train(tiny(), Options(out=tmp_path / "first", epochs=1, device="cpu", quiet=True))
    weights = tmp_path / "first" / "weights.safetensors"
    still = {"learning_rate": 1e-12, "weight_decay": 0.0}
    options = Options(
        out=tmp_path / "second", epochs=1, device="cpu", quiet=True, weights=weights, reset=("aux1",), settings=still
    )
    train(tiny(), options)
    ours, theirs = load_file(tmp_path / "second" / "weights.safetensors"), load_file(weights)
    assert torch.allclose(ours["logits.weight"], theirs["logits.weight"], atol=1e-6)
    assert not torch.allclose(ours["aux1.weight"], theirs["aux1.weight"], atol=1e-3)
    with pytest.raises(HarnessError, match=r"cannot read .*none\.safetensors"):
        train(tiny(), Options(out=tmp_path / "third", device="cpu", weights=tmp_path / "none.safetensors"))


def test_a_net_begins_without_the_heads_of_the_file_and_with_its_own(tmp_path: Path) -> None:
    save_file(torch_tiny(aux=True).state_dict(), tmp_path / "with.safetensors")
    without = torch_tiny(aux=False)
    save_file(without.state_dict(), tmp_path / "without.safetensors")
    heads = heads_of(tiny())
    assert heads() == {"aux1.weight", "aux1.bias"}
    (told,) = load_weights(tmp_path / "with.safetensors", without)
    assert "has the head `aux1`, and the net has not: passed over" in told
    ours = torch_tiny(aux=True)
    before = ours.state_dict()["aux1.weight"].clone()
    (told,) = load_weights(tmp_path / "without.safetensors", ours, heads=heads)
    assert "has no head `aux1`: begun anew" in told
    assert torch.equal(ours.state_dict()["aux1.weight"], before)
    assert torch.equal(ours.state_dict()["conv1.weight"], load_file(tmp_path / "without.safetensors")["conv1.weight"])
    # Of a head, all or nothing; and what is no head is missing, or too many, as ever.
    part = {name: value for name, value in torch_tiny(aux=True).state_dict().items() if name != "aux1.bias"}
    save_file(part, tmp_path / "part.safetensors")
    with pytest.raises(HarnessError, match=r"1 missing: aux1\.bias"):
        load_weights(tmp_path / "part.safetensors", ours, heads=heads)
    save_file({**without.state_dict(), "other.weight": torch.zeros(2)}, tmp_path / "more.safetensors")
    with pytest.raises(HarnessError, match="does not have: other") as caught:
        load_weights(tmp_path / "more.safetensors", without)
    assert caught.value.help == "--reset other passes over these"
    load_weights(tmp_path / "more.safetensors", without, reset=["other"])


def test_a_run_tells_of_heads_that_it_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(torch_tiny(aux=False).state_dict(), tmp_path / "without.safetensors")
    options = Options(
        out=tmp_path / "run", epochs=1, device="cpu", quiet=True, weights=tmp_path / "without.safetensors"
    )
    train(tiny(), options)
    assert "initial.safetensors has no head `aux1`: begun anew" in capsys.readouterr().err


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module."])
def test_prefixes_of_wrappers_are_passed_over_and_told(saved: tuple[Path, dict[str, Tensor]], prefix: str) -> None:
    path, state = saved
    save_file({f"{prefix}{name}": value for name, value in state.items()} | {"n_averaged": torch.tensor(3)}, path)
    module = net()
    assert load_weights(path, module) == [f"{path}: the prefix `{prefix}` of its keys is passed over"]
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    # A net whose own keys begin so.
    inner = nn.ModuleDict({"model": net()})
    save_file({f"model.{name}": value for name, value in state.items()}, path)
    assert load_weights(path, inner) == []


def test_other_kinds_of_numbers_are_refused(saved: tuple[Path, dict[str, Tensor]]) -> None:
    path, state = saved
    for kind in (torch.float64, torch.float16, torch.bfloat16):
        save_file({name: value.to(kind) if value.is_floating_point() else value for name, value in state.items()}, path)
        module = net()
        load_weights(path, module)
        assert torch.equal(module.state_dict()["3.weight"], state["3.weight"].to(kind).float())
    for kind in (torch.int8, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn):
        save_file({**state, "3.weight": state["3.weight"].to(kind)}, path)
        name = str(kind).removeprefix("torch.")
        with pytest.raises(HarnessError, match=rf"kind of numbers: 3\.weight holds {name}, and float32 is due"):
            load_weights(path, net())
    save_file({**state, "1.num_batches_tracked": torch.tensor(1.5)}, path)
    with pytest.raises(HarnessError, match="holds float32, and int64 is due"):
        load_weights(path, net())
