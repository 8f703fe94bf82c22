"""What the checks of images cost: the harness's decoder against plain Pillow that gives the same pixels.

Plain Pillow opens the bytes, asks a JPEG for a smaller size, converts and resizes, without limits on what it opens, and
without an eye on orientation, transparency and kinds of pixels.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from _bench import cpu, in_process, interleaved, machine, publish, table
from netdsl_pytorch.harness.data.decode import decode
from PIL import Image

SIZE = (64, 64)
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 31


def photo(width: int, height: int) -> Image.Image:
    """Noise over a slope: as hard to pack as a photograph, more or less."""
    generator = np.random.default_rng(0)
    slope = np.linspace(0, 200, width)[None, :, None] + generator.normal(0, 20, (height, width, 3))
    return Image.fromarray(np.clip(slope, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


KINDS = {
    "JPEG, 64x64": encoded(photo(64, 64), "JPEG"),
    "JPEG, 500x375": encoded(photo(500, 375), "JPEG"),
    "JPEG, 500x375, progressive": encoded(photo(500, 375), "JPEG", progressive=True),
    "PNG, 64x64": encoded(photo(64, 64), "PNG"),
    "PNG, 500x375": encoded(photo(500, 375), "PNG"),
    "WebP, 500x375": encoded(photo(500, 375), "WEBP"),
    "TIFF, 500x375": encoded(photo(500, 375), "TIFF"),
}


def plain(content: bytes) -> torch.Tensor:
    """What `decode` gives, by Pillow alone."""
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", SIZE)
        image.load()
        pixels = image.convert("RGB").resize(SIZE, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return torch.from_numpy(np.asarray(pixels).transpose(2, 0, 1).copy())


def ours(content: bytes) -> torch.Tensor:
    return decode(content, 3, SIZE, lambda height, width: (0, 0, height, width))


def repeated(function: Callable[[bytes], torch.Tensor], content: bytes, times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            function(content)

    return run


def main() -> None:
    torch.set_num_threads(1)
    on, rows = machine(), []
    for name, content in KINDS.items():
        times = 200 if "64x64" in name else 20
        candidates = {each.__name__: in_process(repeated(each, content, times)) for each in (plain, ours)}
        runs = interleaved(candidates, ROUNDS)
        # Of processor time: other work on the machine then counts for less.
        ratios = [one.cpu / other.cpu for one, other in zip(runs["ours"], runs["plain"], strict=True)]
        rows.append((name, f"{cpu(runs['ours']) / times * 1e6:,.0f} µs", f"{median(ratios):.2f}"))
    lines = [f"{on}; median of {ROUNDS} rounds of processor time.", ""]
    lines += table(("image", "decoded in", "times plain Pillow"), rows)
    publish("decoding", "Decoding images", __doc__.strip(), lines)


if __name__ == "__main__":
    main()
