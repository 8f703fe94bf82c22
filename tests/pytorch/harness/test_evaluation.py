"""Evaluation: crops as the paper has them, ensembles, predictions, and what is said of runs that do not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, evaluate, list_runs, predict, train
from netdsl_pytorch.harness.data.crops import crops
from netdsl_pytorch.harness.data.datasets import MemorySplit, load
from PIL import Image
from sklearn.datasets import load_digits

from tests.pytorch.harness.models import recompile_tiny, tiny


def literal_144(image: Image.Image, side: int) -> list[np.ndarray]:
    """Section 7 of the paper word by word, on a grey image, for a net that takes `side` x `side`."""

    def resized(part: Image.Image, width: int, height: int) -> Image.Image:
        return part.resize((width, height), Image.Resampling.BILINEAR)

    found = []
    width, height = image.size
    for scale in (256, 288, 320, 352):
        # "we resize the image to 4 scales where the shorter dimension is 256, 288, 320 and 352"
        shorter = scale * side / 224
        if width < height:
            scaled = resized(image, round(shorter), round(height * shorter / width))
        else:
            scaled = resized(image, round(width * shorter / height), round(shorter))
        w, h = scaled.size
        square = min(w, h)
        # "take the left, center and right square of these resized images (in the case of portrait images, we take the
        # top, center and bottom squares)"
        if w >= h:
            squares = [scaled.crop((x, 0, x + square, square)) for x in (0, (w - square) // 2, w - square)]
        else:
            squares = [scaled.crop((0, y, square, y + square)) for y in (0, (h - square) // 2, h - square)]
        for part in squares:
            # "we then take the 4 corners and the center 224x224 crop as well as the square resized to 224x224"
            far = square - side
            corners = [(0, 0), (far, 0), (0, far), (far, far), (far // 2, far // 2)]
            views = [part.crop((x, y, x + side, y + side)) for x, y in corners]
            views.append(resized(part, side, side))
            for view in views:
                # "and their mirrored versions"
                found += [np.asarray(view), np.asarray(view.transpose(Image.Transpose.FLIP_LEFT_RIGHT))]
    return found


@pytest.mark.parametrize("shape", [(40, 60), (75, 50), (300, 310)])
def test_the_144_crops_are_those_of_the_paper(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(0)
    pixels = chance.random(shape, dtype=np.float32) * 255
    expected = literal_144(Image.fromarray(pixels), 56)
    found = crops(torch.from_numpy(pixels)[None], (56, 56), 144)
    assert found.shape == (144, 1, 56, 56)
    # In whatever order, each is there as often.
    key = [float(view.sum()) for view in expected]
    ours = [float(view.sum()) for view in found]
    for i, j in zip(np.argsort(key), np.argsort(ours), strict=True):
        assert abs(key[i] - ours[j]) < 3
    remaining = list(found[:, 0])
    for view in expected:
        distances = [float((torch.from_numpy(view.copy()) - other).abs().max()) for other in remaining]
        nearest = int(np.argmin(distances))
        assert distances[nearest] < 0.01
        remaining.pop(nearest)


def test_ten_crops_and_one() -> None:
    image = torch.arange(32 * 32.0).view(1, 32, 32) % 256
    found = crops(image, (28, 28), 10)
    assert found.shape == (10, 1, 28, 28)
    assert torch.equal(found[0], image[:, :28, :28])
    assert torch.equal(found[1], image[:, :28, :28].flip(2))
    assert torch.equal(found[6], image[:, 4:, 4:])
    assert torch.equal(found[8], image[:, 2:30, 2:30])
    assert torch.equal(crops(image, (28, 28), 1, test_crop=0.875)[0], image[:, 2:30, 2:30])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three short runs with seeds of their own."""
    paths = [tmp_path_factory.mktemp("runs") / str(seed) for seed in range(3)]
    for seed, path in enumerate(paths):
        train(
            tiny(), Options(out=path, epochs=2, device="cpu", quiet=True, seed=seed, settings={"learning_rate": 0.05})
        )
    return paths


def evaluated(runs: list[Path], **options: Any) -> Any:
    return evaluate(runs, recompile_tiny, device="cpu", quiet=True, **options)


def test_evaluation_agrees_with_training(runs: list[Path]) -> None:
    import json

    result = json.loads((runs[0] / "result.json").read_text())
    found = evaluated(runs[:1])
    assert found.figures.top1 == result["top1"]
    assert found.figures.top5 == result["top5"]
    assert found.figures.loss == pytest.approx(result["loss"], abs=1e-4)
    assert found.figures.images == 360
    confusion = found.figures.confusion
    assert confusion.sum(dim=1).tolist() == [36, 36, 35, 37, 36, 37, 36, 36, 35, 36]
    assert confusion.diagonal().sum().item() == round(result["top1"] * 360)


def test_an_ensemble_is_the_mean_of_probabilities(runs: list[Path]) -> None:
    data = load("digits", (1, 8, 8))
    assert isinstance(data.test, MemorySplit)
    from netdsl_pytorch.harness.evaluation import open_run
    from netdsl_pytorch.harness.progress import Progress

    nets = [open_run(run, recompile_tiny, False, torch.device("cpu"), Progress(quiet=True)) for run in runs]
    mean = torch.stack([net.probabilities(data.test.images.float()) for net in nets]).mean(dim=0)
    expected = (mean.argmax(1) == data.test.labels).double().mean().item()
    together = evaluated(runs)
    assert together.figures.top1 == pytest.approx(expected)
    assert together.figures.loss == pytest.approx(-mean[range(360), data.test.labels].log().mean().item(), abs=1e-5)
    assert together.figures.loss < max(evaluated([run]).figures.loss for run in runs)


def test_more_crops_see_each_image_once(runs: list[Path]) -> None:
    assert evaluated(runs[:1], crops=10).figures.images == 360
    with pytest.raises(HarnessError, match="there are no 12 crops: 1, 10 or 144"):
        evaluated(runs[:1], crops=12)


def test_pictures_of_digits_are_told_as_the_digits_are(runs: list[Path], tmp_path: Path) -> None:
    # As anybody would draw them, white on black.
    drawn, labels = load_digits(return_X_y=True)
    paths = [tmp_path / f"{number}.png" for number in range(60)]
    for path, digit in zip(paths, drawn, strict=False):
        Image.fromarray((digit.reshape(8, 8) * 15.9).astype(np.uint8)).save(path)
    found = predict(runs[0], paths, recompile_tiny, top=1, device="cpu")
    right = sum(each.classes[0][0] == str(label) for each, label in zip(found, labels, strict=False))
    assert right / len(paths) > evaluated(runs[:1]).figures.top1 - 0.15


def test_an_image_of_a_digit_is_named(runs: list[Path], tmp_path: Path) -> None:
    data = load("digits", (1, 8, 8))
    assert isinstance(data.test, MemorySplit)
    path = tmp_path / "digit.png"
    Image.fromarray(data.test.images[5, 0].numpy()).save(path)
    (found,) = predict(runs[0], [path], recompile_tiny, top=3, device="cpu")
    assert found.image == path
    assert len(found.classes) == 3
    shares = [share for _, share in found.classes]
    assert shares == sorted(shares, reverse=True)
    from netdsl_pytorch.harness.evaluation import open_run
    from netdsl_pytorch.harness.progress import Progress

    net = open_run(runs[0], recompile_tiny, False, torch.device("cpu"), Progress(quiet=True))
    expected = net.probabilities(data.test.images[5:6].float())[0]
    assert found.classes[0][0] == str(int(expected.argmax()))
    assert found.classes[0][1] == pytest.approx(float(expected.max()), abs=1e-5)
    for content, message in ((b"", "cannot be decoded"), (path.read_bytes()[:80], "cannot be decoded")):
        (tmp_path / "bad.png").write_bytes(content)
        with pytest.raises(HarnessError, match=message):
            predict(runs[0], [tmp_path / "bad.png"], recompile_tiny, device="cpu")
    with pytest.raises(HarnessError, match=r"cannot read .*none\.png"):
        predict(runs[0], [tmp_path / "none.png"], recompile_tiny, device="cpu")
    with pytest.raises(HarnessError, match="--top 0 names no class"):
        predict(runs[0], [path], recompile_tiny, top=0, device="cpu")


def test_an_unfinished_run_is_tested_as_its_checkpoint_is(
    runs: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(runs[0], run)
    (run / "result.json").unlink()
    (run / "weights.safetensors").unlink()
    assert evaluated([run]).figures == evaluated(runs[:1]).figures
    assert "is not finished: these are the weights of step 46" in capfd.readouterr().err
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(HarnessError, match="has no weights yet"):
        evaluated([run])
    with pytest.raises(HarnessError, match="there is no run folder"):
        evaluated([tmp_path / "none"])


def test_runs_are_listed(runs: list[Path], tmp_path: Path) -> None:
    found = list_runs(runs[0].parent.parent)
    assert {state.path for state in found} >= set(runs)
    (state,) = [state for state in found if state.path == runs[1]]
    assert (state.model, state.data, state.finished, state.epochs_done, state.epochs) == ("tiny", "digits", True, 2, 2)
    assert state.top1 is not None
    assert 0 < state.top1 < 1
    assert list_runs(tmp_path) == []
    with pytest.raises(HarnessError, match="there is no folder"):
        list_runs(tmp_path / "none")
