"""Checkpoints: exact, and no truncation or flipped bit goes unnoticed."""

import random
import resource
import shutil
import signal
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.run.checkpoint import load, load_newest, restore_optimizer, save
from torch import nn


def trained(steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A little net, channels last, and its optimiser after so many steps."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(5, 2, 4, 4)).square().mean().backward()
        optimizer.step()
    return model, optimizer


def never(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of the steps 1 and 2."""
    path = tmp_path / "checkpoints"
    for step in (1, 2):
        save(path, step, {"epoch": step, "loss": 0.1 + 0.2}, *trained(step))
    return path


def test_what_is_saved_comes_back(folder: Path) -> None:
    found = load_newest(folder, never)
    assert found is not None
    assert (found.step, found.position) == (2, {"epoch": 2, "loss": 0.1 + 0.2})
    model, optimizer = trained(2)
    fresh, other = trained(0)
    fresh.load_state_dict(found.model)
    restore_optimizer(other, fresh, found.optimizer)
    for ours, theirs in zip(model.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        before, after = optimizer.state[ours]["momentum_buffer"], other.state[theirs]["momentum_buffer"]
        assert torch.equal(before, after)
        assert before.stride() == after.stride()


def test_tied_weights_are_saved_under_both_names(tmp_path: Path) -> None:
    first, second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    save(tmp_path, 1, {}, model, torch.optim.SGD(model.parameters(), lr=0.1))
    found = load(tmp_path, 1).model
    assert torch.equal(found["0.weight"], first.weight)
    assert torch.equal(found["1.weight"], first.weight)


def test_the_last_two_are_kept(folder: Path) -> None:
    save(folder, 3, {}, *trained(3))
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000002", "step-00000003"]


def test_there_may_be_none(tmp_path: Path) -> None:
    assert load_newest(tmp_path / "checkpoints", never) is None


def test_an_unfinished_one_is_not_seen(folder: Path) -> None:
    shutil.copytree(folder / "step-00000002", folder / ".step-00000003.99.tmp")
    found = load_newest(folder, never)
    assert found is not None
    assert found.step == 2
    assert not (folder / ".step-00000003.99.tmp").exists()


FILES = ["manifest.json", "model.safetensors", "optimizer.safetensors"]


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_and_a_thousand_flipped_bits_are_found(folder: Path, name: str) -> None:
    file = folder / "step-00000002" / name
    whole = file.read_bytes()
    chance = random.Random(0)
    damaged = [whole[:length] for length in range(len(whole))]
    for bit in chance.sample(range(8 * len(whole)), 1000 // len(FILES) + 1):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    damaged.append(whole + b"\n")
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises((ValueError, KeyError, TypeError)):
            load(folder, 2)
    file.write_bytes(whole)
    assert load(folder, 2).step == 2


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_one_is_set_aside_and_the_one_before_used(folder: Path, name: str) -> None:
    newest = folder / "step-00000002"
    whole = (newest / name).read_bytes()
    for content in (b"", whole[:-1], whole[:50] + b"?" + whole[51:], None):
        (newest / name).unlink()
        if content is not None:
            (newest / name).write_bytes(content)
        warnings: list[str] = []
        found = load_newest(folder, warnings.append)
        assert found is not None
        assert found.step == 1
        assert len(warnings) == 1
        assert warnings[0].startswith("the checkpoint of step 2 is damaged")
        # It is set aside under another name, and nothing is deleted.
        (folder / "step-00000002.damaged").rename(newest)
        (newest / name).write_bytes(whole)
    assert load_newest(folder, never) is not None


def test_an_older_checkpoint_under_a_newer_name_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "step-00000002")
    shutil.copytree(folder / "step-00000001", folder / "step-00000002")
    found = load_newest(folder, lambda text: None)
    assert found is not None
    assert found.step == 1


def test_all_damaged(folder: Path) -> None:
    for path in folder.glob("*/model.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(HarnessError, match=r"all checkpoints in .* are damaged"):
        load_newest(folder, lambda text: None)


def test_a_damaged_one_can_be_made_again(folder: Path) -> None:
    (folder / "step-00000002" / "model.safetensors").write_bytes(b"")
    load_newest(folder, lambda text: None)
    save(folder, 2, {}, *trained(2))
    found = load_newest(folder, never)
    assert found is not None
    assert found.step == 2


def test_a_full_disk_keeps_the_last_one(folder: Path) -> None:
    # A limit on the size of files fails a write as a full disk does.
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(HarnessError, match=r"cannot write the checkpoint of step 3.*; the checkpoint of step 2 is"):
            save(folder, 3, {}, *trained(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000001", "step-00000002"]
    found = load_newest(folder, never)
    assert found is not None
    assert found.step == 2
