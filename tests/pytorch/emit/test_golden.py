"""What is emitted for a model of every built-in spec, as text to be read: `make golden` rewrites it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pytorch.emit.emitting import MODELS, of_file, without_hashes

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("model", MODELS)
def test_the_emitted_file_is_the_one_that_was_read(model: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"{model}.py", without_hashes(of_file(MODELS[model], model)[1]))


def test_there_are_no_golden_files_without_a_spec() -> None:
    assert {path.stem for path in GOLDEN.glob("*.py")} == set(MODELS)
