"""Translation validation: whether an emitted file does what its graph says, checked anew for every file.

Nothing here trusts the emitter: the file is run, on the meta device, where tensors have shapes and no numbers, so that
the largest model costs seconds and no memory.
"""

from __future__ import annotations

from netdsl_pytorch.report import Check, Mismatch, Report
from netdsl_pytorch.verify.verifier import verify

__all__ = ["Check", "Mismatch", "Report", "verify"]
