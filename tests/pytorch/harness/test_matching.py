"""The images that a run is tested on: their classes are matched with the run's by name, or refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, evaluate, train
from netdsl_pytorch.harness.data.datasets import load
from netdsl_pytorch.harness.matching import load_test
from netdsl_pytorch.harness.recipe import Recipe
from netdsl_pytorch.harness.run.description import Description

from tests.pytorch.harness.test_data import write_folder as write_idx_folder
from tests.pytorch.harness.test_data import write_idx
from tests.pytorch.harness.test_files import options, picture, small_net, write_shards


def described(*classes: str, data: str = "/nowhere", sha: str = "", channels: int = 3) -> Description:
    """What a run says that tells these classes apart."""
    return Description(
        model="n", spec_name="n", params=(), inputs=(), spec_model=None, limits=(), input_shape=(channels, 16, 16),
        num_classes=len(classes), data=data, data_sha256=sha, classes=classes, mean=(0.0,) * channels,
        std=(1.0,) * channels, weights=None, device="cpu", precision="float32", recipe=Recipe(),
    )  # fmt: skip


def write(folder: Path, **counts: int) -> Path:
    """A folder per class with so many images."""
    for name, count in counts.items():
        for number in range(count):
            path = folder / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(number))
    return folder


def labels(description: Description, folder: Path) -> tuple[list[int], tuple[str, ...]]:
    found = load_test(description, str(folder))
    return found.split.labels.tolist(), found.notes


def test_folders_in_another_order_keep_their_names(tmp_path: Path) -> None:
    write(tmp_path / "val", a_red=1, b_blue=2)
    assert labels(described("b_blue", "a_red"), tmp_path)[0] == [1, 0, 0]
    assert labels(described("0", "b_blue", "a_red"), tmp_path)[0] == [2, 1, 1]


def test_a_class_that_the_run_does_not_know_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "val", b_blue=2, z_red=3)
    with pytest.raises(
        HarnessError, match="has 3 images of `z_red`, which the run does not know: it tells `a_red`"
    ) as caught:
        load_test(described("a_red", "b_blue"), str(tmp_path))
    assert caught.value.exit_code == 2
    # Without images it is in nobody's way.
    for path in (tmp_path / "val" / "z_red").iterdir():
        path.unlink()
    assert labels(described("a_red", "b_blue"), tmp_path) == (
        [1, 1],
        ("the test images are the folder val", "there are no images of 1 of the run's 2 classes: `a_red`"),
    )


def test_of_class_folders_all_images_are_tested_and_what_training_had_is_told(tmp_path: Path) -> None:
    write(tmp_path / "plain", a=6, b=5)
    found, notes = labels(described("a", "b"), tmp_path / "plain")
    assert found == [0] * 6 + [1] * 5
    assert notes == ("the test images are all images of its class folders",)
    own = load(str(tmp_path / "plain"), (3, 16, 16))
    sha = own.fingerprint()
    moved = (tmp_path / "plain").rename(tmp_path / "moved")
    run = described("a", "b", data=str(moved), sha=sha)
    found, notes = labels(run, moved)
    assert found == [0] * 6 + [1] * 5
    assert notes[0] == "the test images are all images of its class folders"
    assert notes[1].startswith("images that the run was trained on are among them: without --data, those alone are")
    assert notes[1].endswith(f" (of {moved})")
    # Also where another run, tested together with it, is the one.
    assert load_test(described("a", "b"), str(moved), [described("a", "b"), run]).notes == notes
    # Without --data, as it says; and an image more is another data set.
    found = load_test(run, None).split.labels.tolist()
    assert found == own.test.labels.tolist() == [0, 0, 1]
    write(moved, a=7)
    assert labels(run, moved) == ([0] * 7 + [1] * 5, notes[:1])
    # Of parts, the one to test with was not trained on.
    write(tmp_path / "parts" / "train", a=2, b=2)
    write(tmp_path / "parts" / "val", a=1, b=1)
    sha = load(str(tmp_path / "parts"), (3, 16, 16)).fingerprint()
    assert labels(described("a", "b", sha=sha), tmp_path / "parts") == ([0, 1], ("the test images are the folder val",))
    with pytest.raises(HarnessError, match="`` does not exist"):
        load_test(run, "")
    # One class will do, and one image.
    write(tmp_path / "one", b=1)
    assert labels(described("a", "b"), tmp_path / "one")[0] == [1]


def test_neither_training_images_nor_a_train_folder_are_needed(tmp_path: Path) -> None:
    write(tmp_path / "val", a=1, b=1)
    assert labels(described("a", "b"), tmp_path)[0] == [0, 1]
    write(tmp_path / "only" / "train", a=1, b=1)
    with pytest.raises(HarnessError, match="has a folder `train`, and none of val") as caught:
        load_test(described("a", "b"), str(tmp_path / "only"))
    assert "if all of its images are to be tested" in str(caught.value.help)


def test_numbers_are_matched_with_numbers_only(tmp_path: Path) -> None:
    idx = write_idx_folder(tmp_path / "idx", channels=3)
    assert labels(described("0", "1", "2"), idx)[0] == [0, 1, 2, 0, 1, 2]
    assert labels(described("2", "10", "1", "0"), idx)[0] == [3, 2, 0, 3, 2, 0]
    with pytest.raises(HarnessError, match="has 6 images of `0`, `1`, `2`, which the run does not know") as caught:
        load_test(described("a", "b", "c"), str(idx))
    assert caught.value.help.startswith(f"name the classes in {idx}/classes.txt")  # type: ignore[union-attr]
    (idx / "classes.txt").write_text("c\na\nb\n")
    assert labels(described("a", "b", "c"), idx)[0] == [2, 0, 1, 2, 0, 1]
    for path in idx.glob("train-*"):
        path.unlink()
    assert labels(described("a", "b", "c"), idx)[0] == [2, 0, 1, 2, 0, 1]
    write_idx(idx / "t10k-labels-idx1-ubyte", torch.tensor([0, 1, 2, 0, 1, 3], dtype=torch.uint8))
    with pytest.raises(HarnessError, match=r"labels in .* go up to 3, and classes.txt names 3 classes"):
        load_test(described("a", "b", "c"), str(idx))
    with pytest.raises(HarnessError, match="have 3 channels, and the net takes 1"):
        load_test(described("0", "1", "2", channels=1), str(write_idx_folder(tmp_path / "other", channels=3)))


def test_shards_are_matched_by_their_classes_txt(tmp_path: Path) -> None:
    write_shards(tmp_path)
    numbers = load_test(described("0", "1", "2"), str(tmp_path)).split.labels
    with pytest.raises(HarnessError, match="has 9 images of `0`, `1`, `2`"):
        load_test(described("down", "right", "left"), str(tmp_path))
    (tmp_path / "classes.txt").write_text("left\ndown\nright\n")
    for path in tmp_path.glob("train-*"):
        path.unlink()
    found = load_test(described("down", "right", "left"), str(tmp_path)).split.labels
    assert torch.equal(found, torch.tensor([2, 0, 1])[numbers])


def test_a_run_is_as_good_on_the_same_images_in_another_order(tmp_path: Path) -> None:
    write(tmp_path / "data" / "train", a=8, b=8, c=8)
    write(tmp_path / "data" / "val", a=3, b=3, c=3)
    train(small_net(), options(tmp_path / "data", tmp_path / "run", epochs=1))
    again: Any = lambda *_: small_net()  # noqa: E731
    own = evaluate([tmp_path / "run"], again, device="cpu", quiet=True)
    write(tmp_path / "other", a=3, b=3, c=3)
    other = evaluate([tmp_path / "run"], again, device="cpu", quiet=True, data=str(tmp_path / "other"))
    assert own.figures == other.figures
    assert torch.equal(own.figures.confusion, other.figures.confusion)
    assert (own.notes, other.notes) == ((), ("the test images are all images of its class folders",))
    for path in (tmp_path / "other").rglob("*.jpg"):
        path.write_bytes(b"no image")
    with pytest.raises(HarnessError, match=r"none of the 9 test images of .* can be decoded"):
        evaluate([tmp_path / "run"], again, device="cpu", quiet=True, data=str(tmp_path / "other"))
