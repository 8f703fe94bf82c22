"""IDX files: sound ones are read exactly, and each way to be unsound has its message."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.data import idx as module
from netdsl_pytorch.harness.data.idx import read_idx
from netdsl_pytorch.harness.data.limits import ImageLimits


def idx(shape: tuple[int, ...], elements: bytes, kind: int = 8) -> bytes:
    """An IDX file with this header and these elements."""
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + elements


SOUND = idx((2, 3, 4), bytes(range(24)))


@pytest.mark.parametrize("zipped", [False, True])
def test_elements_are_those_written(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(SOUND) if zipped else SOUND)
    assert torch.equal(read_idx(path, (3,)), torch.arange(24, dtype=torch.uint8).view(2, 3, 4))


@pytest.mark.parametrize("zipped", [False, True])
def test_every_truncation_is_refused(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "images"
    whole = gzip.compress(SOUND) if zipped else SOUND
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(HarnessError, match="not a sound IDX file"):
            read_idx(path, (3,))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SOUND + b"\0", "24 bytes, and more follow"),
        (SOUND[:-3], "24 bytes, and 21 follow"),
        (b"\x89PNG\r\n\x1a\n", "begins with 89 50 4e 47"),
        (idx((2, 3, 4), bytes(96), kind=0x0D), "the type 0x0d"),
        (idx((24,), bytes(24)), "has 1 dimensions, and 3 or 4 are due"),
        (idx((2, 0, 4), b""), "announces 2x0x4, which is empty"),
        (
            idx((2**32 - 1, 2**16, 2**16), b""),
            "announces 4294967295x65536x65536 .* the limit `idx_bytes` is 2,147,483,648",
        ),
        (
            gzip.compress(idx((2, 2**15, 2**15), b""), mtime=0),
            "announces 2x32768x32768 = 2,147,483,648 bytes, and the file has",
        ),
        (gzip.compress(SOUND, mtime=0)[:-1] + b"\xff", "gzip data are damaged"),
    ],
)
def test_the_fault_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=message):
        read_idx(path, (3, 4))


def test_no_more_than_the_header_announces_is_unpacked(tmp_path: Path) -> None:
    """A few bytes of gzip hold any number of zeros."""
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(idx((2, 3, 4), bytes(2**26))))
    tracemalloc.start()
    with pytest.raises(HarnessError, match="24 bytes, and more follow"):
        read_idx(path, (3,))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**22


def test_what_a_plain_file_has_not_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(idx((2**26, 1, 1), bytes(8)))
    tracemalloc.start()
    with pytest.raises(HarnessError, match="67,108,864 bytes, and 8 follow"):
        read_idx(path, (3,))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**22


def test_labels_count_as_what_they_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels"
    path.write_bytes(idx((24,), bytes(24)))
    monkeypatch.setattr(module, "LIMITS", ImageLimits(idx_bytes=100))
    assert len(read_idx(path, (1,))) == 24
    with pytest.raises(HarnessError, match="announces 24 = 192 bytes, and the limit `idx_bytes` is 100"):
        read_idx(path, (1,), each=8)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="No such file"):
        read_idx(tmp_path / "images", (3,))


@given(st.binary(max_size=64))
def test_any_bytes_are_an_array_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(content)
    try:
        array = read_idx(path, (1, 3))
    except HarnessError:
        return
    assert content == idx(tuple(array.shape), bytes(array.flatten().tolist()))
