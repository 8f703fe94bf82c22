"""Tar shards of all kinds of headers: read right, or refused with the reason."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from netdsl_pytorch.harness import HarnessError
from netdsl_pytorch.harness.data.shards import scan_shards


def add(tar: tarfile.TarFile, name: str, content: bytes, headers: dict[str, str]) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.pax_headers = headers
    tar.addfile(member, io.BytesIO(content))


def shards(
    folder: Path, form: int = tarfile.PAX_FORMAT, prefix: str = "", headers: dict[str, str] | None = None
) -> Path:
    """Two shards; images of the first have the headers."""
    for split in ("train", "val"):
        with tarfile.open(folder / f"{split}-0.tar", "w", format=form) as tar:
            for number in range(4):
                add(tar, f"{prefix}{number}.png", b"image %d" % number, (headers or {}) if split == "train" else {})
                add(tar, f"{prefix}{number}.cls", b"%d" % (number % 2), {})
    return folder


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_read(tmp_path: Path, form: int) -> None:
    found = scan_shards(shards(tmp_path, form, "long/" * 70))
    train, test = found.train, found.test
    assert [train.read(index) for index in range(4)] == [b"image %d" % number for number in range(4)]
    assert len(test) == 4


SPARSE: dict[str, dict[str, str]] = {
    "0.0": {
        "GNU.sparse.size": "100",
        "GNU.sparse.numblocks": "1",
        "GNU.sparse.offset": "0",
        "GNU.sparse.numbytes": "7",
    },
    "0.1": {"GNU.sparse.size": "100", "GNU.sparse.map": "0,7"},
}


@pytest.mark.parametrize("version", SPARSE)
def test_sparse_members_are_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(HarnessError, match="is stored without its holes") as caught:
        scan_shards(shards(tmp_path, headers=SPARSE[version]))
    assert caught.value.help == "make the shard without `tar --sparse`"


def test_what_lies_beside_shards_is_told(tmp_path: Path) -> None:
    shards(tmp_path)
    for name in (".cache", "train"):
        (tmp_path / name / "a").mkdir(parents=True)
    for name in ("train-1.tar.gz", "train-2.TGZ", "val-1.tar.zst", "notes.txt", "classes.txt.gz"):
        (tmp_path / name).touch()
    assert scan_shards(tmp_path).notes == (
        "tar files that are packed are passed over: 3, the first is train-1.tar.gz",
        "folders beside the shards are passed over: 1, the first is train",
    )
    # In folders of parts too, which are themselves none of those.
    for part in ("train", "val"):
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / f"{part}-0.tar").rename(tmp_path / part / "0.tar")
    (tmp_path / "val" / "1.tar.xz").touch()
    assert scan_shards(tmp_path).notes == (
        "tar files that are packed are passed over: 4, the first is train-1.tar.gz",
        "folders beside the shards are passed over: 1, the first is train/a",
    )


ODD: list[dict[str, str]] = [
    *({"size": value} for value in ("-5", "x", "9" * 30, "100000000000", "NaN", "")),
    *({"GNU.sparse.map": value, "GNU.sparse.size": "9"} for value in ("a,b", "", "1", "9" * 40 + ",1", "-1,-2")),
    *({"GNU.sparse.size": value, "GNU.sparse.map": "0,7"} for value in ("x", "-1", "9" * 40)),
    {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "x"},
    {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
    *({"mtime": value} for value in ("x", "1e999")),
    {"hdrcharset": "BINARY"},
]


@pytest.mark.parametrize("headers", ODD, ids=str)
def test_odd_headers_are_told_or_do_no_harm(tmp_path: Path, headers: dict[str, str]) -> None:
    try:
        train = scan_shards(shards(tmp_path, headers=headers)).train
    except HarnessError as error:
        assert str(tmp_path / "train-0.tar") in error.message  # noqa: PT017
    else:
        assert [train.read(index) for index in range(4)] == [b"image %d" % number for number in range(4)]


@pytest.mark.parametrize("kind", [tarfile.XGLTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_without_end_are_told(tmp_path: Path, kind: bytes) -> None:
    """Each is read within the one before it."""
    shards(tmp_path)
    member = tarfile.TarInfo("a")
    member.type = kind
    block: Callable[[], bytes] = lambda: member.tobuf(tarfile.USTAR_FORMAT)  # noqa: E731
    (tmp_path / "train-0.tar").write_bytes(block() * 3000)
    with pytest.raises(HarnessError):
        scan_shards(tmp_path)
