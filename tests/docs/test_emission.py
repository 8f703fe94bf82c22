"""The page about emitted files: what it shows was emitted."""

from __future__ import annotations

from tests.docs.fences import fences
from tests.pytorch.emit.test_golden import GOLDEN


def test_the_module_that_is_shown_is_the_one_that_is_emitted() -> None:
    (shown,) = [fence.text for fence in fences("emission.md") if fence.language == "python"]
    assert shown in (GOLDEN / "merged" / "googlenet_bn.py").read_text(encoding="utf-8")
