"""Weights from elsewhere: strictly by name, and what is not safe to read is not read."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, convert, train
from netdsl_pytorch.harness.weights import load_weights
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.pytorch.harness.models import tiny


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


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


@pytest.mark.parametrize("form", ["plain", "under a key", "prefixed"])
def test_a_file_of_torch_save_becomes_safetensors(tmp_path: Path, form: str) -> None:
    state = net().state_dict()
    prefixed = {f"module.{key}": value for key, value in state.items()}
    forms = {"plain": state, "under a key": {"state_dict": state, "epoch": 3}, "prefixed": prefixed}
    torch.save(forms[form], tmp_path / "in.pth")
    assert convert(tmp_path / "in.pth", tmp_path / "out.safetensors") == len(state)
    module = net()
    load_weights(tmp_path / "out.safetensors", module)
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    with pytest.raises(HarnessError, match="exists"):
        convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    with pytest.raises(HarnessError, match="is not a safetensors file") as caught:
        load_weights(tmp_path / "in.pth", module)
    assert caught.value.help is not None
    assert caught.value.help.startswith("netdsl convert ")


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_no_code_of_a_pickle_is_run(tmp_path: Path) -> None:
    torch.save({"a": Evil(tmp_path / "ran")}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    for name in ("evil.pth", "plain.pth"):
        with pytest.raises(HarnessError, match="not a file of weights that can be read safely") as caught:
            convert(tmp_path / name, tmp_path / "out.safetensors")
        # PyTorch's own text advises to run the code.
        assert "weights_only" not in caught.value.message
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out.safetensors").exists()


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"a": torch.zeros(1), "b": "text"}, tmp_path / "mixed.pth")
    (tmp_path / "noise.pth").write_bytes(b"no pickle at all")
    whole = (tmp_path / "list.pth").read_bytes()
    (tmp_path / "short.pth").write_bytes(whole[: len(whole) // 2])
    for name, message in {
        "list.pth": "holds a list, and a state_dict is due",
        "mixed.pth": "is not a state_dict: b is no tensor",
        "noise.pth": "can be read safely: torch.save did not write it",
        "short.pth": "can be read safely",
        "none.pth": "cannot read",
    }.items():
        with pytest.raises(HarnessError, match=message):
            convert(tmp_path / name, tmp_path / "out.safetensors")
