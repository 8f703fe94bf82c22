"""Folders of classes as people have them: other names of splits, links, files that are passed over."""

import os
from pathlib import Path

import pytest
from netdsl_pytorch.harness import HarnessError, Options, dry_run
from netdsl_pytorch.harness.data.folders import scan_folder, scan_test

from tests.pytorch.harness.test_files import picture, small_net
from tests.pytorch.harness.test_matching import write


@pytest.mark.parametrize(
    ("train", "test"), [("train", "valid"), ("Train", "VAL"), ("training", "validation"), ("train", "testing")]
)
def test_what_splits_are_called(tmp_path: Path, train: str, test: str) -> None:
    write(tmp_path / train, a=2, b=2)
    write(tmp_path / test, a=1, b=1)
    found = scan_folder(tmp_path)
    assert (len(found.train), len(found.test), found.classes, found.split) == (4, 2, ("a", "b"), f"the folder {test}")
    assert len(scan_test(tmp_path).test) == 2


def test_two_names_for_one_split_are_refused_and_val_goes_before_test(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        write(tmp_path / name, a=1, b=1)
    assert scan_folder(tmp_path).split == "the folder val (`test` is left alone)"
    write(tmp_path / "valid", a=1, b=1)
    for scan in (scan_folder, scan_test):
        with pytest.raises(HarnessError, match=r"has both `val(id)?` and `val(id)?`"):
            scan(tmp_path)


def test_a_class_may_be_called_as_a_split_is_but_a_split_is_no_class(tmp_path: Path) -> None:
    write(tmp_path / "vehicles", bus=3, train=3)
    assert scan_folder(tmp_path / "vehicles").classes == ("bus", "train")
    write(tmp_path / "flat", train=3, val=3)
    with pytest.raises(HarnessError, match=r"flat/(train|val) has no class folders"):
        scan_folder(tmp_path / "flat")
    write(tmp_path / "half" / "val", a=1, b=1)
    with pytest.raises(HarnessError, match="has a folder `val`, and none of train, training beside it"):
        scan_folder(tmp_path / "half")


def test_linked_classes_folders_and_files_are_taken_and_loops_are_not(tmp_path: Path) -> None:
    write(tmp_path / "store", cats=3, more=2, dogs=3)
    folder = tmp_path / "data"
    (folder / "dog").mkdir(parents=True)
    (folder / "cat").symlink_to(tmp_path / "store" / "cats")
    (folder / "dog" / "more").symlink_to(tmp_path / "store" / "more")
    (folder / "dog" / "one.jpg").symlink_to(tmp_path / "store" / "dogs" / "1.jpg")
    (folder / "dog" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (folder / "dog" / "more" / "back").symlink_to(folder / "dog")
    found = scan_test(folder)
    names = [os.path.relpath(path, folder) for path in found.test.paths]
    assert names == ["cat/0.jpg", "cat/1.jpg", "cat/2.jpg", "dog/more/0.jpg", "dog/more/1.jpg", "dog/one.jpg"]
    assert found.notes == (
        "1 file in class folders is passed over, by what they end in: 1 what leads to no file",
        "1 linked folder passed over, in which they are themselves",
    )
    (folder / "kitten").symlink_to(tmp_path / "store" / "cats")
    with pytest.raises(HarnessError, match=r"the class folders `cat` and `kitten` in .* are one folder, by a link"):
        scan_folder(folder)


def test_what_is_passed_over_is_told_once_with_its_suffixes(tmp_path: Path) -> None:
    write(tmp_path, a=5, b=5, B=5)
    for name in ("a/x.heic", "a/y.HEIC", "a/deep/z.txt", "b/README"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    for name in ("a/.hidden", "a/Thumbs.db", "b/desktop.ini", "b/._0.jpg", ".checkpoints", "__MACOSX", "note.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "beside.jpg").write_bytes(picture(1))
    found = scan_folder(tmp_path)
    assert len(found.train) + len(found.test) == 15
    assert found.notes == (
        "4 files in class folders are passed over, by what they end in: 2 .heic, 1 .txt, 1 nothing",
        "1 image beside the class folders passed over, being in none",
        "`B` and `b` are two classes, and differ in the case of letters only",
    )
    model = small_net()
    plan = dry_run(model, Options(out=tmp_path / "run", data=str(tmp_path), device="cpu", settings={"batch": 4}))
    assert f"warning: {found.notes[0]}" in plan.lines()


def test_images_in_folders_below_a_class_belong_to_it_and_one_class_is_too_few(tmp_path: Path) -> None:
    write(tmp_path / "a", deep=2, deeper=1)
    with pytest.raises(HarnessError, match="has 1 class folder: two at least are due"):
        scan_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(HarnessError, match=r"the class folder .*empty has no images"):
        scan_folder(tmp_path)
    assert scan_test(tmp_path).test.labels.tolist() == [0, 0, 0]
