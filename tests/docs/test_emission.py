"""What pages show of emitted files was emitted."""

from __future__ import annotations

import re

import pytest

from tests.docs.fences import DOCS, fences
from tests.pytorch.emit.test_golden import GOLDEN

README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
PAGE = (DOCS / "emission.md").read_text(encoding="utf-8")
QUOTED = sorted(set(re.findall(r"`([^`\n]*\bself\.\w[^`\n]*)`", PAGE)))


def test_the_module_that_is_shown_is_the_one_that_is_emitted() -> None:
    texts = [fence.text for fence in fences("emission.md") if fence.language == "python"]
    (shown,) = [text for text in texts if text.startswith("class ")]
    assert shown in (GOLDEN / "merged" / "googlenet_bn.py").read_text(encoding="utf-8")


def test_the_module_in_the_readme_is_the_one_that_is_emitted() -> None:
    """But for what it leaves out, which `…` stands for."""
    (shown,) = re.findall(r"^```python\n(class .*?)^```$", README, re.MULTILINE | re.DOTALL)
    emitted = (GOLDEN / "googlenet.py").read_text(encoding="utf-8")
    pieces = re.split(r"^ *…\n", shown, flags=re.MULTILINE)
    assert len(pieces) > 1
    assert re.search(".*?".join(map(re.escape, pieces)), emitted, re.DOTALL)


def test_the_call_in_the_readme_is_the_one_that_is_emitted() -> None:
    (shown,) = re.findall(r"`googlenet\(\*, (.*?)\)`", README)
    (emitted,) = re.findall(r"^def googlenet\(\*, (.*?)\)", (GOLDEN / "googlenet.py").read_text("utf-8"), re.MULTILINE)
    assert shown == re.sub(r": \w+ = ", "=", emitted)


@pytest.mark.parametrize("line", QUOTED)
def test_lines_that_are_quoted_are_emitted(line: str) -> None:
    assert any(line in path.read_text(encoding="utf-8") for path in GOLDEN.rglob("*.py"))
