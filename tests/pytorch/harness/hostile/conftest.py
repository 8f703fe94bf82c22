"""A run of somebody else, and the command line to read it with."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdsl.cli.main import main
from tests.pytorch.harness.hostile.foreign import BLOCKS, SECRET, SETTINGS, SPEC, Netdsl


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """What waits for ever ends here."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def netdsl(capsys: pytest.CaptureFixture[str]) -> Netdsl:
    def command(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main(list(map(str, arguments)))
        return code, "".join(capsys.readouterr())

    return command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a spec that uses two files, one of them by way of the other; its spec is gone."""
    folder = tmp_path_factory.mktemp("made")
    specs = folder / "specs"
    (specs / "parts").mkdir(parents=True)
    (specs / "small.net").write_text(SPEC)
    (specs / "parts" / "blocks.net").write_text(BLOCKS)
    (specs / "more.net").write_text("let n = 4\n")
    assert main(["train", str(specs / "small.net"), "--out", str(folder / "run"), *SETTINGS]) == 0
    shutil.rmtree(specs)
    return folder / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "shadow"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\n")
    return path
