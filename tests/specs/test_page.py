"""docs/library.md is current, and says of every model what it agrees with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.specs.library import MODELS, records
from tests.specs.page import SOURCES, page


@pytest.mark.slow
def test_the_page_is_current(golden: Callable[[Path, str], None], pytestconfig: pytest.Config) -> None:
    golden(pytestconfig.rootpath / "docs" / "library.md", page())


def test_each_model_has_one_source_of_its_agreement() -> None:
    measured = set(records("torchvision")) | set(records("timm"))
    assert sorted(SOURCES) == sorted(set(MODELS) - measured)
