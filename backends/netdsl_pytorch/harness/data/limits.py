"""The limits on data: each declared once, with its value and what it bounds.

What a decoder in C does cannot be interrupted. So each is checked on the bytes of a file before anything is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from netdsl_pytorch.harness.errors import BrokenImage


def _limit(default: int, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Bounds that image files and data sets must keep; a bound is the greatest value allowed."""

    image_bytes: int = _limit(2**28, "bytes of an image file")
    image_pixels: int = _limit(2**27, "pixels of an image, of a tile in it, and of what is cut into 10 or 144 crops")
    image_parts: int = _limit(2**16, "segments, chunks, blocks, tags or strips that an image file consists of")
    jpeg_scans: int = _limit(50, "scans of a JPEG")
    slow_samples: int = _limit(
        2**23, "numbers in an image that Pillow decodes in Python: PNM as text or of odd depth, BMP with run lengths"
    )

    idx_bytes: int = _limit(2**31, "bytes of an array in an IDX file, labels counted as 8 each: it is kept in memory")
    classes: int = _limit(2**16, "classes of a data set")

    def rule(self, name: str) -> str:
        """The limit as a fact for a message: ``the limit `jpeg_scans` is 50 (scans of a JPEG)``."""
        return f"the limit `{name}` is {getattr(self, name):,} ({IMAGE_LIMITS[name]})"

    def check(self, name: str, found: int) -> None:
        """Raises BrokenImage if `found` is more than the limit allows."""
        if found > getattr(self, name):
            raise BrokenImage(f"{found:,}: {self.rule(name)}")


IMAGE_LIMITS: dict[str, str] = {each.name: each.metadata["doc"] for each in fields(ImageLimits)}
"""What each limit bounds, by its name."""
LIMITS = ImageLimits()
"""Those in force."""
