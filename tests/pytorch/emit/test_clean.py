"""Emitted files pass the checks that their users run: `ruff check`, `ruff format` at 120 columns, `mypy --strict`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pytorch.emit.emitting import CASES, MODELS, of_file

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is emitted for a model of every spec, and for every case."""
    folder = tmp_path_factory.mktemp("emitted")
    for model, path in MODELS.items():
        (folder / f"{model}.py").write_text(of_file(path, model)[1], encoding="utf-8")
    for path in CASES:
        (folder / f"case_{path.stem}.py").write_text(of_file(path)[1], encoding="utf-8")
    return folder


def run(*command: str | Path) -> None:
    ran = subprocess.run([str(each) for each in command], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_ruff_finds_nothing(files: Path) -> None:
    run(BIN / "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", files)


@pytest.mark.slow
def test_ruff_would_lay_nothing_out_otherwise(files: Path) -> None:
    run(BIN / "ruff", "format", "--no-cache", "--isolated", "--line-length", "120", "--check", files)


@pytest.mark.slow
def test_mypy_finds_nothing(files: Path) -> None:
    cache = ROOT / ".mypy_cache" / "emitted"
    run(BIN / "mypy", "--strict", "--config-file=", "--python-version", "3.11", f"--cache-dir={cache}", files)
