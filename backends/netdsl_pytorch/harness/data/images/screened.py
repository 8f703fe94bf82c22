"""What is known of an image file before it is decoded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Screened:
    """The part of a file that the first picture is decoded from, and what its metadata say of it."""

    content: bytes
    """Without comments, profiles, other pictures and whatever else is not needed."""
    exif: bytes = b""
    """Its EXIF data, if they were taken out of the content."""
    xmp: bytes = b""
    """Its XMP, which tells how the camera was held where EXIF does not."""
