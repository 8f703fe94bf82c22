"""The curves of a run for TensorBoard, where it is installed."""

import secrets
from pathlib import Path
from typing import Any

NAMES = {
    ("steps", "loss"): "loss/train",
    ("steps", "top1"): "top1/train",
    ("steps", "learning_rate"): "learning_rate",
    ("steps", "images_per_second"): "speed/images_per_second",
    ("steps", "data_wait"): "speed/data_wait",
    ("steps", "mfu"): "speed/mfu",
    ("epoch", "loss"): "loss/test",
    ("epoch", "top1"): "top1/test",
    ("epoch", "top5"): "top5/test",
}


class Events:
    """Writes lines of metrics.jsonl as TensorBoard's events into a folder, or nothing if that is not installed."""

    def __init__(self, folder: Path, writes: bool) -> None:
        self.folder = folder
        self.writes = writes
        self.writer: Any = None

    def add(self, values: dict[str, Any]) -> None:
        """Adds one line."""
        if self.writer is None and self.writes:
            try:
                from torch.utils.tensorboard import SummaryWriter

                # A name that nobody can have put a link at.
                self.writer = SummaryWriter(str(self.folder), filename_suffix=f".{secrets.token_hex(8)}")
            except (ImportError, OSError):
                self.writes = False
        if self.writer is None:
            return
        for (kind, key), name in NAMES.items():
            if values["kind"] == kind and key in values:
                self.writer.add_scalar(name, values[key], values["step"])
        for stage, norm in values.get("gradients", {}).items():
            self.writer.add_scalar(f"gradient/{stage}", norm, values["step"])

    def close(self) -> None:
        """Flushes what was added."""
        if self.writer is not None:
            self.writer.close()
