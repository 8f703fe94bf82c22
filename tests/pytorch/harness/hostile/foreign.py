"""Run folders of somebody else, for the tests of what they can do: one is made, and something in it replaced."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netdsl_pytorch.harness.run.checkpoint import _manifest

BLOCKS = 'use "../more.net" { n }\nblock Features(c = n) { conv(c, 3x3, padding = same) -> batchnorm() -> relu() }\n'
SPEC = """use "parts/blocks.net" { Features }
net Small(num_classes = 10) {
    input image: 1x8x8
    Features() -> maxpool(2x2/2)
    output logits = globalavgpool() -> linear(num_classes)
}
"""
SECRET = "root:$6$salt$hash"
SETTINGS = ("--epochs", "1", "--batch", "720", "--device", "cpu", "--quiet")

Netdsl = Callable[..., tuple[int, str]]


def described(run: Path, **changes: Any) -> dict[str, Any]:
    """Changes what run.json says."""
    values = {**json.loads((run / "run.json").read_text()), **changes}
    (run / "run.json").write_text(json.dumps(values))
    return values


def unfinished(run: Path) -> Path:
    (run / "result.json").unlink()
    return run


def refused(done: tuple[int, str], *words: str) -> None:
    code, said = done
    assert code in (1, 2), said
    assert SECRET not in said
    for each in words:
        assert each in said


def resealed(step: Path, position: dict[str, Any] | None = None) -> None:
    """Makes the manifest of a forged checkpoint right."""
    values = json.loads((step / "manifest.json").read_text())
    values.pop("sha256")
    values["position"] |= position or {}
    for name in values["files"]:
        content = (step / name).read_bytes()
        values["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (step / "manifest.json").write_bytes(_manifest(values))
