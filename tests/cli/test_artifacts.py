"""What backends write, as files: plain names alone, all files or none, and nothing over what others wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.backend import Artifact, Backend, FileState, Job, Verification
from netdsl.cli.artifacts import check_artifact, check_before, write_artifact
from netdsl.cli.errors import CommandError
from netdsl.extension.options import Option


class Several(Backend):
    """Writes what it is told; its files begin with `ours`."""

    name = "several"
    suffix = ""
    options: tuple[Option, ...] = ()

    def emit(self, job: Job) -> Artifact:
        raise NotImplementedError

    def verify(self, job: Job, artifact: Artifact, *, quick: bool) -> Verification:
        raise NotImplementedError

    def provenance(self, artifact: Artifact) -> FileState:
        return "ours" if all(content.startswith(b"ours") for content in artifact.files.values()) else "foreign"


BACKEND = Several()
FILES = Artifact({"a.txt": b"ours 1", "sub/b.bin": b"ours \xff", "sub/deep/c": b"ours 3"})


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(path: Path, artifact: Artifact = FILES, force: bool = False) -> None:
    check_before(BACKEND, str(path), force=force)
    check_artifact(BACKEND, artifact)
    write_artifact(BACKEND, str(path), artifact, force=force)


def test_several_files_go_into_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "out")
    assert listing(tmp_path / "out") == dict(FILES.files)
    write(tmp_path / "out", Artifact({"a.txt": b"ours 4", "d": b"ours 5"}))
    assert listing(tmp_path / "out") == {**FILES.files, "a.txt": b"ours 4", "d": b"ours 5"}


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../../b", "", "a//b", "./a", "a\\b", "c:a", "a/", "a\n", "..", "sub", "x" * 300]
)
def test_names_that_are_no_plain_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="no plain path"):
        write(tmp_path / "out", Artifact({"sub/good": b"ours", name: b"ours"}))
    assert not list(tmp_path.iterdir())


def test_nothing_at_all_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="writes no file"):
        write(tmp_path / "out", Artifact({}))


def test_where_one_cannot_be_written_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netdsl.cli import files

    write(tmp_path / "out", Artifact({"a.txt": b"ours before", "sub/b.bin": b"ours before"}))
    before = listing(tmp_path)
    real = files._replace

    def replace(path: str, data: bytes) -> None:
        if data == b"ours 3":
            raise OSError(28, "No space left on device")
        real(path, data)

    monkeypatch.setattr(files, "_replace", replace)
    with pytest.raises(CommandError, match=r"cannot write `.*c`: no space left on device"):
        write(tmp_path / "out")
    assert listing(tmp_path) == before
    assert not (tmp_path / "out" / "sub" / "deep").exists()
    with pytest.raises(CommandError):
        write(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.bin").write_bytes(b"mine")
    with pytest.raises(CommandError, match="netdsl did not write it"):
        write(tmp_path)
    assert listing(tmp_path) == {"sub/b.bin": b"mine"}
    write(tmp_path, force=True)
    assert listing(tmp_path) == dict(FILES.files)


def test_several_files_need_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ours")
    for path in ("-", str(tmp_path / "file"), str(tmp_path / "nowhere" / "out")):
        with pytest.raises(CommandError, match=r"name a folder|no folder|3 files"):
            write_artifact(BACKEND, path, FILES, force=True)
    with pytest.raises(CommandError, match="is a folder"):
        write_artifact(BACKEND, str(tmp_path), Artifact({"a": b""}), force=True)
