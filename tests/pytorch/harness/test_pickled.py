"""Files of torch.save: their tensors are taken, and what is not safe to read is not read."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, convert
from netdsl_pytorch.harness.model.weights import load_weights
from safetensors.torch import load_file
from torch import Tensor, nn


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


@pytest.mark.parametrize("form", ["plain", "under a key", "prefixed", "under two keys, prefixed"])
def test_a_file_of_torch_save_becomes_safetensors(tmp_path: Path, form: str) -> None:
    state = net().state_dict()
    prefixed = {f"module.{key}": value for key, value in state.items()}
    forms = {"plain": state, "under a key": {"state_dict": state, "epoch": 3}, "prefixed": prefixed}
    forms["under two keys, prefixed"] = {"model_ema": {"state_dict": {**prefixed, "n_averaged": torch.tensor(2)}}}
    torch.save(forms[form], tmp_path / "in.pth")
    count, told = convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert (count, len(told)) == (len(state), {"plain": 0, "under two keys, prefixed": 3}.get(form, 1))
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


SOUND = {
    "expanded": torch.tensor(2.0).expand(3, 4),
    "turned": torch.arange(6.0).view(2, 3).T,
    "a part": torch.arange(1000.0)[5:7],
    "empty": torch.zeros(0, 3),
    "a number": torch.tensor(1.0),
    "a parameter": nn.Parameter(torch.ones(2)),
    "conjugated": torch.tensor([1 + 2j]).conj().imag,
    "whole": torch.arange(3, dtype=torch.int8),
}


def test_tensors_of_all_layouts_are_written_as_they_are(tmp_path: Path) -> None:
    tied = torch.ones(2, 2)
    state: dict[str, Tensor] = {**SOUND, "tied1": tied, "tied2": tied, "tied3": tied[0]}
    torch.save(state, tmp_path / "in.pth")
    convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    assert found.keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(found[name], value.detach(), rtol=0, atol=0)
    assert (tmp_path / "out.safetensors").stat().st_size < 2000


UNFIT = {
    "is several tensors in one": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    "is sparse": lambda: torch.eye(3).to_sparse(),
    "has a shape and no numbers": lambda: torch.zeros(2, device="meta"),
    "is quantised": lambda: torch._empty_affine_quantized([2], scale=0.1, zero_point=0, dtype=torch.qint8),
    "holds complex64": lambda: torch.zeros(2, dtype=torch.complex64),
    "holds float8_e4m3fn": lambda: torch.zeros(2).to(torch.float8_e4m3fn),
    "would take 4,000,000,000,004 bytes": lambda: torch.zeros(1).expand(10**6, 10**6),
}


@pytest.mark.parametrize("why", UNFIT)
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_no_net_can_have_are_refused(tmp_path: Path, why: str) -> None:
    torch.save({"fine": torch.zeros(1), "odd": UNFIT[why]()}, tmp_path / "in.pth")
    with pytest.raises(HarnessError, match=why):
        convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_what_the_names_of_tensors_cannot_be(tmp_path: Path) -> None:
    endless: dict[str, object] = {}
    endless["model"] = endless
    for state in ({"__metadata__": torch.zeros(1)}, {"a\udc80": torch.zeros(1)}, {1: torch.zeros(1)}, endless):
        torch.save(state, tmp_path / "in.pth")
        with pytest.raises(HarnessError):
            convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
