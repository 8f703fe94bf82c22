"""Several processes: they compute what one would, share the data, and end together."""

import functools
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, loop, resume, train
from netdsl_pytorch.harness.data.augment import derive_seed
from netdsl_pytorch.harness.run.folder import RunFolder
from safetensors.torch import load_file

from tests.pytorch.harness.models import PLAIN, plain, recompile_plain, recompile_tiny, tiny
from tests.pytorch.harness.processes import ended, together

# Some of everything that is drawn for samples.
SETTINGS = {"area": [0.5, 1.0], "flip": True, "photometric": 0.2, "shift": 0.1, "averaging": "ema", "log_every": 1}


def options(out: Path, **changes: Any) -> Options:
    """Twenty steps of 144 images."""
    settings = {**SETTINGS, "batch": 144, "learning_rate": 0.05, **changes.pop("settings", {})}
    return Options(out=out, **{"epochs": 2, "device": "cpu", "quiet": True, "settings": settings, **changes})


def run_together(run: Path, size: int, **changes: Any) -> None:
    work = functools.partial(train, plain(), options(run, **changes))
    with ended(together(run.parent / f"{run.name}-logs", size, work)) as processes:
        assert [process.wait() for process in processes] == [0] * size, [process.said() for process in processes]


def losses(run: Path) -> list[float]:
    return [line["loss"] for line in RunFolder(run).lines() if line["kind"] == "steps"]


def assert_close(run: Path, whole: Path) -> None:
    assert len(losses(run)) == len(losses(whole)) == 20
    assert losses(run) == pytest.approx(losses(whole), abs=1e-5)
    ours, theirs = load_file(run / "weights.safetensors"), load_file(whole / "weights.safetensors")
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-4, rtol=1e-4)
    results = [json.loads((path / "result.json").read_text()) for path in (run, whole)]
    assert results[0]["images"] == results[1]["images"] == 360
    assert results[0]["loss"] == pytest.approx(results[1]["loss"], abs=1e-4)
    assert RunFolder(run).lines()[-2]["samples"] == 2 * 1437


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    train(plain(), options(run))
    return run


@pytest.mark.parametrize(("size", "accumulate"), [(2, 1), (1, 3), (2, 2)])
@pytest.mark.slow
def test_processes_and_parts_compute_what_one_would(alone: Path, tmp_path: Path, size: int, accumulate: int) -> None:
    run = tmp_path / "run"
    run_together(run, size, settings={"accumulate": accumulate})
    assert_close(run, alone)
    result = json.loads((run / "result.json").read_text())
    assert result["processes"] == size


def stop_in_the_middle(run: Path, told: int, number: int = signal.SIGTERM) -> None:
    """A signal in step 13, to one process: at SIGTERM all stop after the step that follows."""
    update = loop.update

    def counted(t: loop.Training, sums: Any) -> None:
        update(t, sums)
        if t.state.step == 12 and t.group.rank == told:
            signal.raise_signal(number)

    loop.update = counted
    train(plain(), options(run))


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(alone: Path, tmp_path: Path, before: int, after: int) -> None:
    run = tmp_path / "run"

    stopping = functools.partial(stop_in_the_middle, run, before - 1)
    with ended(together(tmp_path / "first", before, stopping)) as processes:
        assert [process.wait() for process in processes] == [75] * before, [process.said() for process in processes]
    said = "".join(process.said() for process in processes)
    step = 13 if before == 1 else 14
    assert said.count("error:") == 1
    assert f"stopped after step {step}; all is saved" in said
    assert [path.name for path in sorted(run.glob("checkpoints/*"))][-1] == f"step-000000{step}"

    work = functools.partial(resume, run, {"device": "cpu", "quiet": True}, recompile_plain)
    with ended(together(tmp_path / "second", after, work)) as processes:
        assert [process.wait() for process in processes] == [0] * after, [process.said() for process in processes]
    assert_close(run, alone)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_process_ends_all_with_one_message(tmp_path: Path, lost: int) -> None:
    run = tmp_path / "run"
    work = functools.partial(train, plain(), options(run, epochs=100_000))
    with ended(together(tmp_path / "logs", 3, work)) as processes:
        deadline = time.monotonic() + 60
        while not list(run.glob("checkpoints/step-*")):
            assert time.monotonic() < deadline, [process.said() for process in processes]
            assert all(process.running() for process in processes), [process.said() for process in processes]
            time.sleep(0.01)
        processes[lost].signal(signal.SIGKILL)
        codes = [process.wait(60) for process in processes]
    assert codes == [-signal.SIGKILL if rank == lost else 1 for rank in range(3)], [
        process.said() for process in processes
    ]
    said = "".join(process.said() for process in processes)
    assert said.count("error: another process of this run was lost") == 1, said
    assert "Warning" not in said
    assert "Traceback" not in said


def test_one_process_s_trouble_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    work = functools.partial(train, tiny(), options(tmp_path / "run"))
    with ended(together(tmp_path / "logs", 2, work)) as processes:
        assert [process.wait(60) for process in processes] == [2, 1]
    said = "".join(process.said() for process in processes)
    assert said.count("error:") == 1
    assert "exists and is not an empty folder" in said


def train_again(run: Path) -> None:
    """As torchrun repeats a command on two machines, each of which counts for itself."""
    os.environ["TORCHELASTIC_RESTART_COUNT"] = os.environ["RANK"]
    train(plain(), options(run))


def test_torchrun_s_restart_goes_on_with_the_run(alone: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    work = functools.partial(stop_in_the_middle, run, 1, signal.SIGKILL)
    with ended(together(tmp_path / "first", 2, work)) as processes:
        assert [process.wait(60) for process in processes] == [1, -signal.SIGKILL]
    # The store still has the addresses of those that are gone.
    with ended(together(tmp_path / "second", 2, functools.partial(train_again, run), again=True)) as processes:
        assert [process.wait(60) for process in processes] == [0, 0], [process.said() for process in processes]
    assert_close(run, alone)


def test_torchrun_s_restart_of_one_process_goes_on_with_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(tiny(), options(run))
    (run / "result.json").unlink()
    work = functools.partial(train, tiny(), options(run))
    (process,) = together(tmp_path / "logs", 1, work, TORCHELASTIC_RESTART_COUNT="1")
    assert process.wait() == 0, process.said()
    assert (run / "result.json").is_file()


def test_what_makes_no_sense_with_several_processes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="sync_batchnorm works on GPUs only"):
        train(tiny(), options(tmp_path / "run", settings={"sync_batchnorm": True}))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_norms_of_several_processes_are_saved_and_tested_as_the_first_has_them(tmp_path: Path) -> None:
    run = tmp_path / "run"
    work = functools.partial(train, tiny(), options(run, settings={"averaging": "none"}))
    with ended(together(tmp_path / "logs", 2, work)) as processes:
        assert [process.wait() for process in processes] == [0, 0], [process.said() for process in processes]
    # What is evaluated is what is saved: one process finds the same with the saved weights.
    whole = json.loads((run / "result.json").read_text())
    (run / "result.json").unlink()
    result = resume(run, {"device": "cpu", "quiet": True}, recompile_tiny)
    assert (result.top1, result.loss) == pytest.approx((whole["top1"], whole["loss"]), abs=1e-6)


def test_nan_in_one_process_is_told_by_that_process(tmp_path: Path) -> None:
    poisoned = PLAIN.replace(
        "        logits: Tensor = self.logits(",
        "        import os\n"
        "        if self.training and os.environ.get('RANK') == '1' and torch.initial_seed() == SEED:\n"
        "            x = x * float('nan')\n        logits: Tensor = self.logits(",
    )
    seed = derive_seed("step", 0, 4, 1)
    source = poisoned.replace(
        "from torch import Tensor, nn\n", f"import torch\nfrom torch import Tensor, nn\nSEED = {seed}\n"
    )
    work = functools.partial(train, plain(source=source), options(tmp_path / "run"))
    with ended(together(tmp_path / "logs", 2, work)) as processes:
        codes = [process.wait(60) for process in processes]
    said = "".join(process.said() for process in processes)
    assert all(code in (1, 2) for code in codes), said
    assert said.count("error:") == 1, said
    assert "became NaN or infinite in step 5 (epoch 1 of 2" in said
    assert "`Tiny` first gave it, in what it hands to `dropout1`" in said
