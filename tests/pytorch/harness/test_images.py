"""Image files from anybody: only raster formats are opened, by content, within limits; all else is a broken image."""

import contextlib
import functools
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from netdsl_pytorch.harness.data.augment import middle_box
from netdsl_pytorch.harness.data.crops import crops
from netdsl_pytorch.harness.data.decode import decode, decode_whole
from netdsl_pytorch.harness.data.files import read_image
from netdsl_pytorch.harness.data.images.formats import FORMATS, NAMES, screen
from netdsl_pytorch.harness.data.images.tiff import ORIENTATION
from netdsl_pytorch.harness.data.limits import IMAGE_LIMITS, LIMITS
from netdsl_pytorch.harness.errors import BrokenImage
from PIL import Image, ImageFile, features

ROOT = Path(__file__).parents[3]
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\nnewpath 9 9 moveto showpage\n%%EOF\n"
GREY_POSTSCRIPT = POSTSCRIPT.replace(b"%%End", b'%ImageData: 40 30 8 1 0 1 2 "x"\n%%End')
box = functools.partial(middle_box, size=(8, 8), share=1.0)


def saved(format: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    """A slope in a file of some format."""
    file = io.BytesIO()
    across = np.linspace(0, 255, size[0] * size[1] * 3).astype(np.uint8).reshape(size[1], size[0], 3)
    Image.fromarray(across).convert(mode).save(file, format, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def tags(count: int, size: int) -> bytes:
    """A directory of tags that all have the same bytes, which are almost all that there are."""
    entries = [struct.pack("<HHII", 0x1000 + tag, 7, size - 8, 8) for tag in range(count)]
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", count) + b"".join(entries)).ljust(size, b"\0")


def segments(*contents: bytes) -> bytes:
    """A JPEG with segments of applications."""
    whole = saved("JPEG")
    return whole[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(each) + 2) + each for each in contents) + whole[2:]


OTHERS = {
    "EPS": POSTSCRIPT,
    "grey EPS": GREY_POSTSCRIPT,
    "EPS with a DOS header": b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, len(POSTSCRIPT)) + bytes(18) + POSTSCRIPT,
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(36),
    "EMF": b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(40),
    "FITS": b"SIMPLE  =                    T".ljust(2880),
    "PSD": b"8BPS\0\1" + bytes(40),
    "MPEG": b"\0\0\1\xb3" + bytes(40),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "CUR": b"\0\0\2\0\1\0" + bytes(40),
    "PFM": b"Pf\n1 1\n-1.0\n" + struct.pack("<f", float("nan")),
    "gzip": b"\x1f\x8b\x08" + bytes(40),
    "text": b"no image",
    **{name: saved(name) for name in ("PDF", "ICO", "PCX", "SGI", "IM", "DDS", "ICNS")},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_broken_images(name: str) -> None:
    for channels in (1, 3):
        with pytest.raises(BrokenImage, match=r"it is no image of a format that is opened: JPEG, PNG, .* or TGA"):
            decode(OTHERS[name], channels, (8, 8), box)
        with pytest.raises(BrokenImage):
            decode_whole(OTHERS[name], channels, 8)


ATTACK = """
import io, json, sys, tarfile
from pathlib import Path
from netdsl_pytorch.harness import HarnessError, evaluate, predict, train
from tests.pytorch.harness.test_files import options, small_net, write_folder, write_shards
from netdsl_pytorch.harness.data.images.formats import SUFFIXES
from tests.pytorch.harness.test_images import GREY_POSTSCRIPT, POSTSCRIPT

here = Path(sys.argv[1])
folder = write_folder(here / "images")
bad = [folder / split / "a" / f"{kind}{suffix}" for split in ("train", "val") for kind in ("grey", "colours")
       for suffix in sorted(SUFFIXES)]
for path in bad:
    path.write_bytes(GREY_POSTSCRIPT if path.stem == "grey" else POSTSCRIPT)
again = lambda *_: small_net()
train(small_net(), options(folder, here / "run", epochs=1))
assert json.loads((here / "run" / "result.json").read_text())["broken_images"] == len(bad)
named = (here / "run" / "broken.txt").read_text()
assert all(str(path) in named for path in bad)
assert evaluate([here / "run"], again, device="cpu", quiet=True, crops=10).figures.images == 9
for path in bad:
    try:
        predict(here / "run", [path], again, device="cpu")
    except HarnessError as error:
        assert error.exit_code == 2 and "it is no image of a format" in error.message, error.message
    else:
        raise AssertionError(path)
shards = write_shards(here / "shards")
with tarfile.open(shards / "train-000009.tar", "w") as tar:
    for number, suffix in enumerate(sorted(SUFFIXES)):
        for ending, content in ((suffix, POSTSCRIPT), (".cls", b"1")):
            member = tarfile.TarInfo(f"{number}{ending}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
train(small_net(), options(shards, here / "other", epochs=1))
assert json.loads((here / "other" / "result.json").read_text())["broken_images"] == len(SUFFIXES)
"""


@pytest.mark.slow
def test_postscript_starts_no_program_whatever_it_is_called(tmp_path: Path) -> None:
    """In training, evaluation and prediction, from folders and shards. Pillow looks for Ghostscript on PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("gs", "gswin32c"):
        (programs / name).write_text(f"#!/bin/sh\necho ran >> {tmp_path}/mark\nexit 1\n")
        (programs / name).chmod(0o755)
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    found = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    subprocess.run(
        [sys.executable, "-c", ATTACK, str(tmp_path)],
        env={**os.environ, "PATH": path, "PYTHONPATH": found, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    assert not (tmp_path / "mark").exists()


@pytest.mark.slow
def test_decoders_themselves_say_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """libtiff writes a line for each that it cannot decode, which may be millions."""
    file = io.BytesIO()
    Image.effect_noise((64, 3000), 100).convert("1").save(file, "TIFF", compression="group3")
    content = bytearray(file.getvalue())
    content[1000:3000] = b"\x55" * 2000
    with contextlib.suppress(BrokenImage):
        decode_whole(bytes(content), 1, 100)
    os.write(2, b"still open")
    assert capfd.readouterr() == ("", "still open")
    code = "from tests.pytorch.harness.test_images import *; print(decode_whole(saved('TIFF'), 1, 9).numel())"
    command = f'exec "{sys.executable}" -c "{code}" 2>&-'
    closed = subprocess.run(["sh", "-c", command], capture_output=True, check=False, cwd=ROOT)
    assert closed.stdout.strip().isdigit()


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_each_format_is_known_by_its_content_and_broken_when_cut_short(format: object) -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    name = format.name  # type: ignore[attr-defined]
    if name == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    content = saved(name)
    assert screen(content)[0] is format
    whole = decode_whole(content, 3, 100)
    with Image.open(io.BytesIO(content)) as image:
        assert np.array_equal(whole.permute(1, 2, 0).numpy(), np.asarray(image.convert("RGB")))
    for length in {*range(0, len(content) // 2, max(len(content) // 40, 1)), *range(40)}:
        with pytest.raises(BrokenImage):
            decode_whole(content[:length], 3, 100)


@pytest.mark.parametrize(
    ("content", "first"),
    [
        (lambda frames: saved_all("GIF", frames), 10),
        (lambda frames: saved_all("PNG", frames), 10),
        (lambda frames: saved_all("WEBP", frames, lossless=True), 10),
        (lambda frames: saved_all("TIFF", frames), 10),
        (lambda frames: saved_all("MPO", frames), 10),
    ],
)
def test_of_many_pictures_the_first_counts(content: "functools.partial[bytes]", first: int) -> None:
    frames = [Image.new("RGB", (40, 30), (value, value, value)) for value in (10, 90, 200)]
    found = decode_whole(content(frames), 3, 100)
    assert (found.int() - first).abs().max() <= 1


def saved_all(format: str, frames: list[Image.Image], **options: object) -> bytes:
    file = io.BytesIO()
    frames[0].save(file, format, save_all=True, append_images=frames[1:], **options)
    return file.getvalue()


def commented(blocks: bytes) -> bytes:
    """A GIF with a comment."""
    whole = saved("GIF")
    return whole[: 13 + 768] + b"\x21\xfe" + blocks + b"\0" + whole[13 + 768 :]


def scans(count: int) -> bytes:
    """A progressive JPEG with so many more scans."""
    whole = saved("JPEG", progressive=True)
    last = whole.rfind(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * count + whole[-2:]


def strips(count: int) -> bytes:
    first = 8 + 2 + 12 * 9 + 4
    entries = [(256, 1), (257, count), (258, 8), (259, 1), (262, 1), (277, 1), (278, 1)]
    directory = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries]
    directory[6:6] = [struct.pack("<HHII", 273, 4, count, first)]
    directory += [struct.pack("<HHII", 279, 4, count, first)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 9) + b"".join(directory) + bytes(4) + struct.pack("<I", 1) * count


def tiled(side: int) -> bytes:
    entries = [
        (256, 16),
        (257, 16),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, side),
        (323, side),
        (324, 8),
        (325, 9),
    ]
    directory = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(directory) + bytes(4)


def run_lengths(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 1078, 40, width, height, 1, 8, 1, 0, 0, 0, 256, 0)
    return b"BM" + header + bytes(1024) + pixels


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (lambda: png(10**9, 1, chunk(b"IDAT", b"")), "image_pixels"),
        (lambda: png(2**14, 2**14 - 1, chunk(b"IDAT", b"")), "image_pixels"),
        (lambda: png(4, 4, chunk(b"IDAT", b"") * 70_000), "image_parts"),
        (lambda: scans(60), "jpeg_scans"),
        (lambda: segments(*[b""] * 70_000), "image_parts"),
        (lambda: b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + (16382).to_bytes(3, "little") * 2, "image_pixels"),
        (lambda: commented(b"\1c" * 70_000), "image_parts"),
        (lambda: strips(70_000), "image_parts"),
        (lambda: tiled(2**15), "image_pixels"),
        (lambda: b"P3\n3000 3000\n255\n", "slow_samples"),
        (lambda: b"P6\n3000 3000\n254\n", "slow_samples"),
        (lambda: b"P6\n3000 3000\n65535\n", "slow_samples"),
        (lambda: b"P5\n99999 99999\n255\n", "image_pixels"),
        (lambda: run_lengths(4000, 4000, b""), "slow_samples"),
        (lambda: run_lengths(4, 4, bytes(2**24)), "slow_samples"),
    ],
)  # fmt: skip
def test_what_would_take_too_much_meets_a_limit_with_a_name(content: "functools.partial[bytes]", limit: str) -> None:
    whole = content()
    begun = time.process_time()
    with pytest.raises(BrokenImage, match=f"the limit `{limit}` is {getattr(LIMITS, limit):,}"):
        decode(whole, 3, (8, 8), box)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "content",
    [
        lambda: segments(*[b"Exif\0\0" + tags(5000, 64_000)] * 20),
        lambda: segments(b"MPF\0" + tags(5000, 64_000)),
        lambda: png(40, 30, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 100, pixels()),
        lambda: png(40, 30, chunk(b"eXIf", tags(40_000, 2**20)), pixels()),
        lambda: saved("TIFF")[:4] + struct.pack("<I", 2**20) + bytes(16) + tags(40_000, 2**20),
        lambda: b"P3\n40 30\n255\n" + b"#\n" * 10**6 + b"1 " * 3600,
        lambda: commented((b"\xff" + bytes(255)) * 60_000),
    ],
)
def test_metadata_cost_nothing(content: "functools.partial[bytes]") -> None:
    """Each of these took gigabytes, or minutes, where Pillow read it."""
    whole = content()
    begun = time.process_time()
    with contextlib.suppress(BrokenImage):
        assert decode(whole, 3, (8, 8), box).shape == (3, 8, 8)
    assert time.process_time() - begun < 2


def pixels() -> bytes:
    return chunk(b"IDAT", zlib.compress(bytes(41 * 30)))


def test_what_is_left_out_changes_no_pixel() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    plain = decode_whole(saved("PNG"), 3, 100).flip(1, 2)
    for format in ("PNG", "TIFF"):
        assert torch.equal(decode_whole(saved(format, exif=exif, icc_profile=bytes(900)), 3, 100), plain)
    bare = decode_whole(saved("JPEG"), 3, 100).flip(1, 2)
    assert torch.equal(decode_whole(saved("JPEG", exif=exif, icc_profile=bytes(900), comment="x"), 3, 100), bare)
    assert torch.equal(
        decode_whole(b"P6 # 1\n 4#1\n3 255\n" + bytes(range(36)), 3, 9).flatten().sort()[0],
        torch.arange(36, dtype=torch.uint8),
    )


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_any_bytes_are_an_image_or_broken(format: object) -> None:
    name = format.name  # type: ignore[attr-defined]
    if name == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    whole = saved(name, exif=b"Exif\0\0" + tags(3, 90)) if name in ("JPEG", "PNG", "WebP", "AVIF") else saved(name)
    chance = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in chance.integers(0, min(len(whole), 200), 4):
            damaged[place] = chance.integers(0, 256)
        for channels in (1, 3):
            with contextlib.suppress(BrokenImage):
                assert decode(bytes(damaged), channels, (8, 8), box).shape == (channels, 8, 8)


def test_a_long_thin_image_is_not_cut_into_crops_of_gigabytes() -> None:
    image = torch.zeros(3, 1, 100_000, dtype=torch.uint8)
    assert crops(image, (8, 8), 1).shape == (1, 3, 8, 8)
    with pytest.raises(BrokenImage, match="the limit `image_pixels`"):
        crops(image, (224, 224), 144)


def test_files_that_are_none_or_too_large_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BrokenImage, match="it is not a file"):
        read_image(tmp_path / "pipe.png")
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(LIMITS.image_bytes + 1)
    with pytest.raises(BrokenImage, match="the limit `image_bytes`"):
        read_image(tmp_path / "large.png")


def test_the_documentation_names_the_formats_and_the_limits() -> None:
    text = " ".join((ROOT / "docs" / "training.md").read_text("utf-8").split())
    told = ", ".join(f"{each.name} ({', '.join(f'`{suffix}`' for suffix in each.suffixes)})" for each in FORMATS)
    assert f"Images are {told}." in text
    assert NAMES.count(",") == len(FORMATS) - 2
    for name, what in IMAGE_LIMITS.items():
        assert f"| `{name}` | {getattr(LIMITS, name):,} | {what} |" in text
