"""Whole runs: what they leave behind, and how they stop and go on."""

import json
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, Result, from_file, resume, train
from netdsl_pytorch.harness.data.batches import BROKEN, Batch
from netdsl_pytorch.harness.data.datasets import FASHION_MNIST_FOLDERS
from netdsl_pytorch.harness.run.folder import RunFolder
from safetensors.torch import load_file
from torch import nn

from tests.conftest import NIGHTLY
from tests.pytorch.harness.models import TINY, mini_googlenet, recompile_tiny, tiny


def options(out: Path, **changes: object) -> Options:
    """Two quick epochs on the digits."""
    values: dict[str, object] = {"epochs": 2, "device": "cpu", "quiet": True, **changes}
    return Options(out=out, **values)  # type: ignore[arg-type]


def lines(run: Path) -> list[dict[str, object]]:
    """`metrics.jsonl` without the times."""
    timed = ("seconds", "images_per_second", "data_wait")
    return [{key: value for key, value in line.items() if key not in timed} for line in RunFolder(run).lines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never interrupted: 46 steps of a net with dropout, batch norm and a head."""
    run = tmp_path_factory.mktemp("whole") / "run"
    train(tiny(), options(run))
    return run


def assert_same(run: Path, whole: Path) -> None:
    """Bit for bit, but for the time it took."""
    assert (run / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    ours, theirs = (json.loads((path / "result.json").read_text()) for path in (run, whole))
    ours.pop("seconds"), theirs.pop("seconds")
    assert ours == theirs
    assert lines(run)[-1] == lines(whole)[-1]


def test_what_a_run_leaves(whole: Path) -> None:
    names = {"checkpoints", "metrics.jsonl", "model.py", "recipe.toml", "report.md", "result.json", "run.json"}
    names |= {"spec.net", "weights.safetensors"}
    found = {path.name for path in whole.iterdir()}
    assert names <= found
    # Pictures and TensorBoard's events are there where their libraries are.
    assert all(name.startswith("events.") or name.endswith(".svg") for name in found - names)
    assert (whole / "model.py").read_text() == TINY
    result = json.loads((whole / "result.json").read_text())
    assert list(result) == [
        *("top1", "top5", "loss", "data", "split", "images", "epochs", "seconds", "seed", "device", "processes"),
        *("precision", "weights", "parameters"),
    ]
    assert 0.3 < result["top1"] < result["top5"] <= 1
    assert (result["images"], result["epochs"], result["seed"], result["data"]) == (360, 2, 0, "digits")
    # 72 + 16 of the convolution and the norm, 1,290 of the logits; the head's 90 have no part in inference.
    assert result["parameters"] == 1378
    assert [(line["kind"], line["step"]) for line in lines(whole)] == [
        *(("steps", 23), ("epoch", 23), ("steps", 46), ("epoch", 46)),
    ]
    assert load_file(whole / "weights.safetensors").keys() >= {"conv1.weight", "logits.bias", "aux1.weight"}


def test_the_same_seed_gives_the_same_weights(whole: Path, tmp_path: Path) -> None:
    train(tiny(), options(tmp_path / "same"))
    assert_same(tmp_path / "same", whole)
    train(tiny(), options(tmp_path / "other", seed=1))
    other = (tmp_path / "other" / "weights.safetensors").read_bytes()
    assert other != (whole / "weights.safetensors").read_bytes()


def test_a_run_killed_before_its_first_checkpoint_begins_again(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("spec.net", "model.py", "run.json"):
        (run / name).write_bytes((whole / name).read_bytes())
    resume(run, {"device": "cpu", "quiet": True}, recompile_tiny)
    assert_same(run, whole)


def test_a_damaged_checkpoint_is_passed_over(whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    train(tiny(), options(run))
    (run / "result.json").unlink()
    file = run / "checkpoints" / "step-00000046" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    resume(run, {"device": "cpu", "quiet": True}, recompile_tiny)
    assert "warning: the checkpoint of step 46 is damaged (model.safetensors is not what" in capfd.readouterr().err
    assert_same(run, whole)


def test_a_finished_run_gives_its_result(whole: Path) -> None:
    before = (whole / "result.json").stat().st_mtime_ns
    result = resume(whole, {"quiet": True}, recompile_tiny)
    assert isinstance(result, Result)
    assert result.top1 == json.loads((whole / "result.json").read_text())["top1"]
    assert (whole / "result.json").stat().st_mtime_ns == before


def unfinished(run: Path) -> Path:
    train(tiny(), options(run))
    (run / "result.json").unlink()
    return run


def test_an_edited_model_runs_only_if_trusted(tmp_path: Path) -> None:
    run = unfinished(tmp_path / "run")
    mark = tmp_path / "ran"
    (run / "model.py").write_text(f"open({str(mark)!r}, 'w')\n" + TINY)
    with pytest.raises(HarnessError, match=r"model\.py is not what") as caught:
        resume(run, {"quiet": True}, recompile_tiny)
    assert caught.value.help is not None
    assert "--trust-model" in caught.value.help
    assert not mark.exists()
    resume(run, {"quiet": True, "trust_model": True}, recompile_tiny)
    assert mark.exists()


def test_compiled_code_beside_the_model_is_not_run(tmp_path: Path) -> None:
    import importlib.util
    import py_compile

    run = unfinished(tmp_path / "run")
    mark = tmp_path / "ran"
    model = run / "model.py"
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(mark)!r}, 'w')\n" + TINY)
    compiled = Path(importlib.util.cache_from_source(str(model)))
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), str(compiled), invalidation_mode=mode)
    resume(run, {"quiet": True}, recompile_tiny)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epochs": 3}, "`epochs` of this run is 2 and cannot be changed"),
        ({"seed": 1}, "`seed` of this run is 0 and cannot be changed"),
        ({"speed": 1}, "there is no option `speed`"),
        ({"data": "fashion-mnist"}, "are not those that this run began with|tiny takes|is not installed"),
    ],
)
def test_what_cannot_change_on_resume(tmp_path: Path, overrides: dict[str, object], message: str) -> None:
    run = unfinished(tmp_path / "run")
    with pytest.raises(HarnessError, match=message):
        resume(run, {"quiet": True, **overrides}, recompile_tiny)


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="there is no run folder"):
        resume(tmp_path / "none", {}, recompile_tiny)
    with pytest.raises(HarnessError, match="is not a run folder: it has no"):
        resume(tmp_path, {}, recompile_tiny)
    (tmp_path / "run.json").write_text('{"format": 1')
    with pytest.raises(HarnessError, match="is damaged"):
        resume(tmp_path, {}, recompile_tiny)


def test_nothing_is_overwritten(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="exists and is not an empty folder") as caught:
        train(tiny(), options(whole))
    assert caught.value.help is not None
    assert f"--resume {whole}" in caught.value.help
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HarnessError, match="exists and is not an empty folder"):
        train(tiny(), options(tmp_path / "file"))
    with pytest.raises(HarnessError, match="cannot make the run folder"):
        train(tiny(), options(tmp_path / "file" / "run"))


def test_wrong_classes_channels_devices_and_nets(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(HarnessError, match="1000 classes") as caught:
        train(tiny(num_classes=1000), options(run))
    assert caught.value.help == "--param num_classes=10"
    with pytest.raises(HarnessError, match="takes 3x8x8") as caught:
        train(tiny(input_shape=(3, 8, 8)), options(run))
    assert caught.value.help == "--input 1x8x8"
    with pytest.raises(HarnessError, match="there is no device `tpu`"):
        train(tiny(), options(run, device="tpu"))
    if not torch.cuda.is_available():
        with pytest.raises(HarnessError, match="there is no CUDA device"):
            train(tiny(), options(run, device="cuda"))
    assert not run.exists()
    with pytest.raises(HarnessError, match="the net gives 7, and 10 logits are due"):
        train(tiny(source=TINY.replace("num_classes: int = 10", "num_classes: int = 7")), options(run))


def test_a_net_without_heads_in_bfloat16(tmp_path: Path) -> None:
    source = TINY.replace("aux: bool = True) -> Tiny", "aux: bool = False) -> Tiny")
    source = source.replace('    loss_weights: ClassVar[dict[str, float]] = {"aux1": 0.3}\n\n', "")
    result = train(tiny(source=source), options(tmp_path / "run", precision="bfloat16", data="digits"))
    assert result.top1 > 0.3
    assert json.loads((tmp_path / "run" / "result.json").read_text())["precision"] == "bfloat16"


def test_the_heads_losses_count_with_their_weights() -> None:
    from typing import NamedTuple

    from netdsl_pytorch.harness.model.loss import total_loss

    class Output(NamedTuple):
        logits: torch.Tensor
        aux1: torch.Tensor

    torch.manual_seed(0)
    outputs, labels = Output(torch.randn(4, 3), torch.randn(4, 3)), torch.tensor([0, 1, 2, 0])
    batch = Batch(torch.empty(0), labels, torch.empty(0), total=4)
    loss, logits = total_loss(outputs, batch, {"aux1": 0.3}, smoothing=0.0)
    cross_entropy = nn.CrossEntropyLoss()
    assert loss.item() == pytest.approx(
        cross_entropy(outputs.logits, labels).item() + 0.3 * cross_entropy(outputs.aux1, labels).item()
    )
    assert logits is outputs.logits
    # Of blended images, each label counts with its share.
    batch.others, batch.share = labels.flip(0), torch.tensor([1.0, 0.5, 0.25, 0.0])
    blended, _ = total_loss(outputs.logits, batch, {}, smoothing=0.0)
    targets = nn.functional.one_hot(labels, 3) * batch.share[:, None]
    targets = targets + nn.functional.one_hot(batch.others, 3) * (1 - batch.share)[:, None]
    assert blended.item() == pytest.approx(cross_entropy(outputs.logits, targets).item())
    # A broken image has no part.
    broken = Batch(torch.empty(0), torch.tensor([0, 1, BROKEN, 0]), torch.empty(0), total=4, broken=1)
    partial, _ = total_loss(outputs.logits, broken, {}, smoothing=0.0)
    known = torch.tensor([True, True, False, True])
    assert partial.item() == pytest.approx(0.75 * cross_entropy(outputs.logits[known], labels[known]).item())


@pytest.mark.slow
def test_digits_reach_97_percent(tmp_path: Path) -> None:
    seeds = range(3 if NIGHTLY else 1)
    results = [train(mini_googlenet(), options(tmp_path / str(seed), epochs=None, seed=seed)) for seed in seeds]
    assert sorted(result.top1 for result in results)[len(results) // 2] >= 0.97
    assert json.loads((tmp_path / "0" / "result.json").read_text())["parameters"] == 140_098


@pytest.mark.nightly
@pytest.mark.skipif(not FASHION_MNIST_FOLDERS[0].is_dir(), reason="dataset-fashion-mnist is not installed")
def test_fashion_mnist_reaches_90_percent_in_3_epochs(tmp_path: Path) -> None:
    result = train(mini_googlenet(), options(tmp_path / "run", data="fashion-mnist", epochs=3))
    assert result.top1 >= 0.9


@pytest.mark.nightly
@pytest.mark.skipif(not FASHION_MNIST_FOLDERS[0].is_dir(), reason="dataset-fashion-mnist is not installed")
@pytest.mark.parametrize(("recipe", "epochs", "top1"), [("modern", 10, 0.925), ("googlenet", 4, 0.8)])
def test_recipes_train_on_fashion_mnist(tmp_path: Path, recipe: str, epochs: int, top1: float) -> None:
    result = train(mini_googlenet(), options(tmp_path / "run", data="fashion-mnist", recipe=recipe, epochs=epochs))
    assert result.top1 >= top1


@pytest.mark.parametrize(("factor", "reaches"), [(0.0, False), (2.0, True)])
def test_the_recipe_weighs_the_losses_of_heads(tmp_path: Path, factor: float, reaches: bool) -> None:
    run = tmp_path / "run"
    train(tiny(), options(run, epochs=1, settings={"head_weight": factor}))
    gradients = RunFolder(run).lines()[-1]["gradients"]
    assert (gradients["aux1"] > 0) == reaches
    assert gradients["conv1"] > 0


def test_an_edited_python_file_is_trained_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(TINY.replace("and a linear layer.", "and a linear layer.\n\nInput 1x8x8; 1,378 parameters.\n"))
    model = from_file(file)
    assert (model.name, model.input_shape, model.num_classes) == ("tiny", (1, 8, 8), 10)
    run = tmp_path / "run"
    train(model, options(run, epochs=1))
    assert not (run / "spec.net").exists()
    (run / "result.json").unlink()
    with pytest.raises(HarnessError, match=r"trains a Python file \(mine\.py\) and has no spec to compare it with"):
        resume(run, {"quiet": True}, recompile_tiny)
    resume(run, {"quiet": True, "trust_model": True}, recompile_tiny)
    file.write_text(TINY)
    with pytest.raises(HarnessError, match=r"the input of .* is not known"):
        from_file(file)
    assert from_file(file, ["1x8x8"]).input_shape == (1, 8, 8)
    for text, message in (
        ("def f(:", "is not Python"),
        ("x = 1", "has no function"),
        ("def f(): return 1", "not known"),
    ):
        file.write_text(text)
        with pytest.raises(HarnessError, match=message):
            from_file(file)
