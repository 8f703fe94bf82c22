"""Images in files: folders of classes and tar shards, sound and otherwise, and what Pillow makes of them."""

import contextlib
import functools
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, evaluate, train
from netdsl_pytorch.harness.data.augment import middle_box
from netdsl_pytorch.harness.data.batches import BROKEN, Batches
from netdsl_pytorch.harness.data.datasets import load
from netdsl_pytorch.harness.data.decode import decode, decode_whole
from netdsl_pytorch.harness.errors import BrokenImage
from netdsl_pytorch.harness.machine.distributed import Group
from netdsl_pytorch.harness.recipe import Recipe
from PIL import Image

from tests.pytorch.harness.models import tiny
from tests.pytorch.harness.processes import ended, together

CPU = torch.device("cpu")


def picture(number: int, width: int = 40, height: int = 30, format: str = "JPEG", mode: str = "RGB") -> bytes:
    """An image file with a slope whose direction is the class, and some noise."""
    chance = np.random.default_rng(number)
    down, right = np.mgrid[0:1:height * 1j, 0:1:width * 1j]  # fmt: skip
    values = (down if number % 3 == 0 else right if number % 3 == 1 else 1 - right) * 200
    pixels = np.clip(values[:, :, None] + chance.normal(20, 8, (height, width, 3)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format)
    return file.getvalue()


def write_folder(folder: Path, train_count: int = 24, test_count: int = 9) -> Path:
    """Three classes of JPEGs of many sizes, set apart into `train` and `val`."""
    for split, first, count in (("train", 0, train_count), ("val", 1000, test_count)):
        for number in range(first, first + count):
            path = folder / split / "abc"[number % 3] / f"{number:05d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(number, 30 + number % 7, 28 + number % 5))
    return folder


def write_shards(folder: Path, count: int = 24, shards: int = 3) -> Path:
    """The same as tar shards."""
    folder.mkdir(exist_ok=True)
    for split, first, total, parts in (("train", 0, count, shards), ("val", 999, 9, 1)):
        for part in range(parts):
            with tarfile.open(folder / f"{split}-{part:06d}.tar", "w") as tar:
                for number in range(first + part, first + total, parts):
                    for suffix, content in ((".jpg", picture(number)), (".cls", str(number % 3).encode())):
                        member = tarfile.TarInfo(f"{number:06d}{suffix}")
                        member.size = len(content)
                        tar.addfile(member, io.BytesIO(content))
    return folder


def opened(folder: Path, channels: int = 3, side: int = 16) -> Any:
    return load(str(folder), (channels, side, side))


def test_a_folder_of_classes(tmp_path: Path) -> None:
    data = opened(write_folder(tmp_path))
    assert (len(data.train), len(data.test), data.classes, data.channels) == (24, 9, ("a", "b", "c"), 3)
    assert data.split == "the folder val"
    assert data.train.labels.bincount().tolist() == [8, 8, 8]
    assert (data.mean > 50).all()
    assert data.fingerprint() == opened(tmp_path).fingerprint()
    (tmp_path / "train" / "a" / "new.JPEG").write_bytes(picture(3))
    assert opened(tmp_path).fingerprint() != data.fingerprint()


def test_without_test_images_a_fifth_of_each_class_is_set_apart(tmp_path: Path) -> None:
    write_folder(tmp_path)
    data = opened(tmp_path / "train")
    assert data.train.labels.bincount().tolist() == [6, 6, 6]
    assert data.test.labels.bincount().tolist() == [2, 2, 2]
    assert not set(data.train.paths) & set(data.test.paths)
    assert data.test.paths == opened(tmp_path / "train").test.paths


def test_a_folder_that_is_not_sound_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "train" / "empty").mkdir()
    with pytest.raises(HarnessError, match=r"the class folder .*train/empty has no images"):
        opened(tmp_path)
    (tmp_path / "train" / "empty").rmdir()
    (tmp_path / "val" / "d").mkdir()
    with pytest.raises(HarnessError, match=r"has the class `d`, and .*train has no folder of that name"):
        opened(tmp_path)
    shutil.rmtree(tmp_path / "val")
    with pytest.raises(
        HarnessError, match=r"has a folder `train`, and none of val, valid, validation, test, testing beside it"
    ):
        opened(tmp_path)
    with pytest.raises(HarnessError, match="has no class folders: two at least are due"):
        opened(tmp_path / "train" / "a")


def test_shards_hold_what_was_put_into_them(tmp_path: Path) -> None:
    data = opened(write_shards(tmp_path))
    assert (len(data.train), len(data.test), data.classes) == (24, 9, ("0", "1", "2"))
    numbers = [part + 3 * place for part in range(3) for place in range(8)]
    assert data.train.labels.tolist() == [number % 3 for number in numbers]
    assert [data.train.read(index) for index in range(24)] == [picture(number) for number in numbers]
    (tmp_path / "classes.txt").write_text("down\nright\nleft\n")
    assert opened(tmp_path).classes == ("down", "right", "left")
    (tmp_path / "classes.txt").write_text("down\nright\n")
    with pytest.raises(HarnessError, match=r"train-000002\.tar, the image at byte .* has the label 2, and classes.txt"):
        opened(tmp_path)


def test_an_epoch_of_shards_has_each_image_once_and_reads_few_shards_at_a_time(tmp_path: Path) -> None:
    from netdsl_pytorch.harness.data import files

    data = opened(write_shards(tmp_path, count=60, shards=20))
    order = data.train.order(seed=0, epoch=1)
    assert sorted(order.tolist()) == list(range(60))
    assert torch.equal(order, data.train.order(seed=0, epoch=1))
    assert not torch.equal(order, data.train.order(seed=0, epoch=2))
    shards = data.train.spans[order.numpy(), 0]
    assert len(set(shards[: 3 * files.WINDOW].tolist())) == files.WINDOW


def test_every_truncation_of_a_shard_is_found(tmp_path: Path) -> None:
    write_shards(tmp_path, count=6)
    path = tmp_path / "train-000001.tar"
    whole = path.read_bytes()
    end = whole.rstrip(b"\0")
    least = -(-len(end) // 512) * 512 + 512
    for length in [*range(0, least, 97), least - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(HarnessError, match=r"the shard .*train-000001\.tar is damaged or cut short"):
            opened(tmp_path)
    path.write_bytes(whole)
    assert len(opened(tmp_path).train) == 6


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.jpg": b"x"}, "the image `a` in .* has no class: `a.cls` is missing"),
        ({"a.jpg": b"x", "a.cls": b"one"}, "`a.cls` in .* holds 'one': a class is a number"),
        ({"a.cls": b"1"}, "has no images"),
        ({"a.jpg": b"x", "a.png": b"x", "a.cls": b"1"}, "has two images called `a`"),
        ({"a.jpg": b"x", "a.cls": b"1" + b" " * 64 + b"2"}, "`a.cls` in .* holds '1 .*': a class is a number"),
        ({"a.jpg": b"x", "a.cls": b"-1"}, "holds '-1': a class is a number"),
        ({"a.jpg": b"x", "a.cls": b"999999999"}, "has labels up to 999,999,999: the limit `classes` is 65,536"),
        ({"a.jpg": b"x", "a.cls": b"1", "./a.cls": b"2"}, "has two classes for `a`"),
    ],
)
def test_shards_that_are_not_sound_are_named(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    write_shards(tmp_path)
    with tarfile.open(tmp_path / "train-000000.tar", "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(HarnessError, match=message):
        opened(tmp_path)


def test_samples_without_an_image_and_shards_of_no_split_are_told(tmp_path: Path) -> None:
    write_shards(tmp_path)
    (tmp_path / "val-000000.tar").rename(tmp_path / "Valid_0.tar")
    (tmp_path / "extra-0.tar").write_bytes(b"")
    with tarfile.open(tmp_path / "train-000003.tar", "w") as tar:
        for name, content in {"a.jpg": picture(0), "a.cls": b"1", "b.heic": b"x", "b.cls": b"0"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    data = opened(tmp_path)
    assert (len(data.train), len(data.test), data.split) == (25, 9, "the valid shards")
    assert data.notes == (
        "tar files whose names begin as no split's are passed over: 1, the first is extra-0.tar",
        f"samples of {tmp_path} with a class and no image: 1, the first is `b`",
    )
    shutil.copy(tmp_path / "Valid_0.tar", tmp_path / "val-0.tar")
    with pytest.raises(HarnessError, match="has both `va"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("down\n\nleft\n", r"line 2 of .*classes.txt is empty, and 3 lines name a class each"),
        ("down\nright\ndown\n", r"lines 1 and 3 of .*classes.txt are both `down`"),
        ("\n\n", r"classes.txt is empty"),
        (b"\xff\xfe", r"cannot read .*classes.txt"),
    ],
)
def test_names_that_are_not_sound_are_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    write_shards(tmp_path)
    (tmp_path / "classes.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(HarnessError, match=message):
        opened(tmp_path)


def test_lines_of_names_end_as_editors_end_them(tmp_path: Path) -> None:
    write_shards(tmp_path)
    (tmp_path / "classes.txt").write_bytes("\ufeffa b\u2028c\r\nright\r\nleft\r\n\r\n".encode())
    assert opened(tmp_path).classes == ("a b\u2028c", "right", "left")


def test_a_net_with_other_channels_or_classes(tmp_path: Path) -> None:
    write_folder(tmp_path)
    with pytest.raises(HarnessError, match=r"tiny has 10 classes, and .* has 3") as caught:
        train(tiny(), Options(out=tmp_path / "run", data=str(tmp_path), device="cpu"))
    assert caught.value.help == "--param num_classes=3"
    with pytest.raises(HarnessError, match=r"image files are decoded to 1 channel .* or 3") as caught:
        train(tiny(input_shape=(4, 8, 8)), Options(out=tmp_path / "run", data=str(tmp_path), device="cpu"))
    assert caught.value.help == "--input 3x8x8"


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_part_is_decoded_as_if_the_whole_had_been(format: str, channels: int) -> None:
    content = picture(1, 640, 480, format)
    box = (100.0, 60.0, 300.0, 400.0)
    found = decode(content, channels, (24, 32), lambda height, width: box)
    assert found.shape == (channels, 24, 32)
    with Image.open(io.BytesIO(content)) as image:
        part = image.convert("L" if channels == 1 else "RGB").crop((60, 100, 460, 400))
        expected = np.asarray(part.resize((32, 24), Image.Resampling.BILINEAR), dtype=np.int64)
    ours = found.permute(1, 2, 0).numpy().astype(np.int64).reshape(expected.shape)
    # A JPEG is decoded at a quarter of its size, which smooths differently.
    assert np.abs(ours - expected).mean() < 1.5
    assert np.abs(ours - expected).max() < 12


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "I;16", "1"])
def test_all_kinds_of_images_become_grey_or_colours(mode: str) -> None:
    file = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(np.full((9, 9), 40000, dtype=np.uint16)).save(file, "PNG")
    else:
        Image.new("L", (9, 9), 156).convert(mode).save(file, "PNG")
    for channels in (1, 3):
        image = decode_whole(file.getvalue(), channels, 100)
        assert image.shape == (channels, 9, 9)
        assert abs(image.float().mean().item() - 156) < 2
    with pytest.raises(BrokenImage):
        decode_whole(file.getvalue()[:40], 3, 100)


def middle(height: int, width: int) -> tuple[float, float, float, float]:
    return middle_box(height, width, (8, 8), 1.0)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_seen_as_the_camera_was_held(orientation: int, format: str) -> None:
    upright = Image.open(io.BytesIO(picture(1, 320, 200, "PNG")))
    # What a viewer undoes was done to the pixels by the camera.
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    file = io.BytesIO()
    turned = upright if stored is None else upright.transpose(Image.Transpose(stored))
    turned.save(file, format, exif=exif, quality=98)

    box = functools.partial(middle_box, size=(20, 32), share=0.8)
    expected = decode(picture(1, 320, 200, "PNG"), 3, (20, 32), box)
    assert (decode(file.getvalue(), 3, (20, 32), box).int() - expected.int()).abs().max() < 12
    assert decode_whole(file.getvalue(), 3, 100).shape[1] < decode_whole(file.getvalue(), 3, 100).shape[2]


def test_damaged_exif_leaves_an_image_as_it_is(recwarn: pytest.WarningsRecorder) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(picture(1))).save(file, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01")
    decode(file.getvalue(), 3, (8, 8), functools.partial(middle_box, size=(8, 8), share=1.0))
    assert not recwarn.list


def test_any_bytes_are_an_image_or_broken() -> None:
    whole = picture(0)
    chance = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for place in chance.integers(0, len(whole), 8):
            damaged[place] = chance.integers(0, 256)
        content = bytes(damaged[: chance.integers(1, len(whole))])
        with contextlib.suppress(BrokenImage):
            assert decode(content, 3, (8, 8), middle).shape == (3, 8, 8)


def test_workers_and_processes_give_the_same_images(tmp_path: Path) -> None:
    data = opened(write_folder(tmp_path))
    recipe = Recipe(batch=8, area=(0.2, 1.0), flip=True, photometric=0.3)
    alone = [parts[0] for parts in Batches(data, recipe, (16, 16), CPU).epoch(3)]
    helped = [parts[0] for parts in Batches(data, recipe, (16, 16), CPU, workers=2).epoch(3)]
    shares = [list(Batches(data, recipe, (16, 16), CPU, Group(rank, 2)).epoch(3)) for rank in range(2)]
    for step, whole in enumerate(alone):
        assert torch.equal(helped[step].images, whole.images)
        assert torch.equal(torch.cat([share[step][0].images for share in shares]), whole.images)
        assert torch.equal(torch.cat([share[step][0].samples for share in shares]), whole.samples)
    # Each epoch cuts anew.
    other = next(Batches(data, recipe, (16, 16), CPU).epoch(4))[0]
    place = (other.samples == alone[0].samples[0]).nonzero()
    assert not place.numel() or not torch.equal(other.images[place[0, 0]], alone[0].images[0])


def small_net() -> Any:
    return tiny(num_classes=3, source=tiny().source.replace("num_classes: int = 10", "num_classes: int = 3"))


def options(folder: Path, run: Path, **settings: Any) -> Options:
    settings = {"epochs": 3, "batch": 8, "learning_rate": 0.02, "flip": False, **settings}
    return Options(out=run, data=str(folder), device="cpu", quiet=True, workers=1, settings=settings)


def test_broken_images_are_passed_over_counted_and_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "images")
    broken = [folder / "train" / "a" / "00003.jpg", folder / "val" / "b" / "01000.jpg"]
    broken[0].write_bytes(broken[0].read_bytes()[:200])
    broken[1].write_bytes(b"")
    run = tmp_path / "run"
    train(small_net(), options(folder, run))
    result = json.loads((run / "result.json").read_text())
    assert result["broken_images"] == 2
    assert result["images"] == 8
    named = (run / "broken.txt").read_text()
    assert all(str(path) in named for path in broken)
    recompile = lambda *_: small_net()  # noqa: E731
    figures = evaluate([run], recompile, device="cpu", quiet=True).figures
    assert (figures.images, figures.top1) == (8, result["top1"])
    assert figures.loss == pytest.approx(result["loss"], abs=1e-4)
    with pytest.raises(HarnessError, match=r"1 image cannot be decoded, the last of them .* 0 are passed over"):
        train(small_net(), options(folder, tmp_path / "other", broken_limit=0))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"no image", "it is no image of a format that is opened: JPEG, PNG, WebP, GIF, BMP, TIFF, PPM, AVIF or TGA"),
    ],
)
def test_the_reason_for_a_broken_image_is_a_sentence(content: bytes, why: str) -> None:
    with pytest.raises(BrokenImage) as caught:
        decode(content, 3, (8, 8), functools.partial(middle_box, size=(8, 8), share=1.0))
    assert str(caught.value) == why


def test_a_broken_image_has_no_label(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "train" / "a" / "00000.jpg").write_bytes(b"no image")
    batches = Batches(opened(folder), Recipe(batch=24), (16, 16), CPU)
    (batch,) = next(batches.epoch(0))
    assert batch.broken == 1
    assert (batch.labels == BROKEN).sum() == 1
    assert (batch.samples[batch.labels == BROKEN] == 0).all()
    assert [*batches.broken] == [str(folder / "train" / "a" / "00000.jpg")]


@pytest.mark.slow
def test_a_folder_of_images_is_learnt_by_two_processes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "images", train_count=96, test_count=30)
    broken = [
        folder / "train" / "a" / "00000.jpg",
        folder / "train" / "b" / "00001.jpg",
        folder / "val" / "c" / "01001.jpg",
    ]
    for path in broken:
        path.write_bytes(b"no image")
    run = tmp_path / "run"
    work = functools.partial(train, small_net(), options(folder, run, epochs=6))
    with ended(together(tmp_path / "logs", 2, work)) as processes:
        assert [process.wait() for process in processes] == [0, 0], [process.said() for process in processes]
    result = json.loads((run / "result.json").read_text())
    assert (result["images"], result["broken_images"]) == (29, 3)
    assert result["top1"] > 0.9
    lines = (run / "broken.txt").read_text().splitlines()
    assert sorted(line.partition("\t")[0] for line in lines) == sorted(map(str, broken))
