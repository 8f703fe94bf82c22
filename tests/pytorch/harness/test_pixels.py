"""Pixels of every kind, transparent parts and orientations: read by rules that no other pixel can change."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netdsl_pytorch.harness.data.decode import decode_whole
from netdsl_pytorch.harness.errors import BrokenImage
from PIL import Image, ImageOps, PngImagePlugin, features


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def shown(content: bytes, channels: int) -> np.ndarray:
    return decode_whole(content, channels, 10**6).numpy()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, depth: int, colours: int, row: bytes, *chunks: bytes) -> bytes:
    """A PNG of one row, written by hand: Pillow writes few of the depths that there are."""
    header = struct.pack(">IIBBBBB", width, 1, depth, colours, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(width: int, bits: int, photometric: int, row: bytes, order: str = "<") -> bytes:
    """A TIFF of one row of grey."""
    entries = [(256, 4, 1, width), (257, 4, 1, 1), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, 1, len(row))]
    body = row + bytes(len(row) % 2)
    directory = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        directory += struct.pack(order + "HHI", tag, kind, count)
        directory += struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(body))
    return head + body + directory + bytes(4)


def multiplied(colour: tuple[int, int, int, int]) -> bytes:
    """A TIFF of one colour that is multiplied by its alpha already."""
    content = saved(Image.new("RGBA", (4, 4), colour), "TIFF")
    straight, done = (struct.pack("<HHIHH", 338, 3, 1, kind, 0) for kind in (2, 1))
    assert straight in content
    return content.replace(straight, done)


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=40))
def test_a_value_of_16_bits_is_a_257th_of_a_byte_whatever_is_beside_it(values: list[int]) -> None:
    expected = [round(value / 257) for value in values]
    image = Image.fromarray(np.array([values], dtype=np.uint16))
    contents = [saved(image, "PNG"), saved(image, "PPM"), saved(image, "TIFF")]
    contents.append(tiff(len(values), 16, 1, struct.pack(f">{len(values)}H", *values), ">"))
    # White is 0.
    contents.append(tiff(len(values), 16, 0, struct.pack(f"<{len(values)}H", *(65535 - value for value in values))))
    for content in contents:
        for channels in (1, 3):
            assert (shown(content, channels) == np.array(expected)).all()


def test_a_value_of_12_bits_is_scaled_from_12() -> None:
    packed = bytes((0xFF, 0xF8, 0x00))  # 4095 and 2048
    assert shown(tiff(2, 12, 1, packed), 1).flatten().tolist() == [255, round(2048 / 4095 * 255)]


@pytest.mark.parametrize("kind", ["I", "F", "I;16S"])
def test_pixels_without_a_black_and_a_white_are_broken(kind: str) -> None:
    numbers = np.array([[0, 100], [200, 70_000]], dtype=np.float32 if kind == "F" else np.int32)
    content = saved(Image.fromarray(numbers), "TIFF")
    if kind == "I;16S":
        content = tiff(2, 16, 1, struct.pack("<2h", -5, 5)).replace(
            struct.pack("<HHIHH", 277, 3, 1, 1, 0), struct.pack("<HHIHH", 339, 3, 1, 2, 0)
        )
    for channels in (1, 3):
        with pytest.raises(BrokenImage, match="of which none is black or white by itself"):
            shown(content, channels)


def test_colours_that_are_not_read_are_named() -> None:
    with pytest.raises(BrokenImage, match="its colours are kept as LAB, which is not read"):
        shown(saved(Image.new("LAB", (4, 4)), "TIFF"), 3)


WHITE, RED = (255, 255, 255), (200, 30, 10)
CLEAR: dict[str, Callable[[], bytes]] = {
    "RGBA": lambda: saved(Image.new("RGBA", (4, 4), (*WHITE, 0)), "PNG"),
    "LA": lambda: saved(Image.new("LA", (4, 4), (255, 0)), "PNG"),
    "RGB with a key": lambda: saved(Image.new("RGB", (4, 4), WHITE), "PNG", transparency=WHITE),
    "L with a key": lambda: saved(Image.new("L", (4, 4), 77), "PNG", transparency=77),
    "1 with a key": lambda: saved(Image.new("1", (4, 4), 1), "PNG", transparency=1),
    "I;16 with a key": lambda: png(2, 16, 0, b"\x12\x34" * 2, chunk(b"tRNS", b"\x12\x34")),
    "2 bits with a key": lambda: png(4, 2, 0, b"\xaa", chunk(b"tRNS", b"\0\2")),
    "4 bits with a key": lambda: png(2, 4, 0, b"\x99", chunk(b"tRNS", b"\0\x09")),
    "48 bits with a key": lambda: png(1, 16, 2, b"\x80\1\xff\xff\x12\4", chunk(b"tRNS", b"\x80\1\xff\xff\x12\4")),
    "48 bits with alpha": lambda: png(1, 16, 6, b"\xff\xff" * 3 + b"\0\0"),
    "palette with alphas": lambda: png(2, 8, 3, b"\0\0", chunk(b"PLTE", bytes(WHITE)), chunk(b"tRNS", b"\0")),
    "GIF": lambda: saved(Image.new("P", (4, 4), 7), "GIF", transparency=7),
    "WebP": lambda: saved(Image.new("RGBA", (4, 4), (*WHITE, 0)), "WEBP", lossless=True, exact=True),
    "TGA": lambda: saved(Image.new("RGBA", (4, 4), (*WHITE, 0)), "TGA"),
    "grey TGA": lambda: saved(Image.new("LA", (4, 4), (255, 0)), "TGA"),
    "TIFF": lambda: saved(Image.new("RGBA", (4, 4), (*WHITE, 0)), "TIFF"),
    "TIFF, multiplied": lambda: multiplied((0, 0, 0, 0)),
}


@pytest.mark.parametrize("kind", CLEAR)
def test_what_is_transparent_is_black_whatever_the_nets_channels(kind: str) -> None:
    for channels in (1, 3):
        assert not shown(CLEAR[kind](), channels).any()


def test_what_is_half_transparent_is_half_as_bright_and_other_colours_are_kept() -> None:
    half = shown(saved(Image.new("RGBA", (1, 1), (*RED, 128)), "PNG"), 3).flatten()
    assert np.abs(half - np.array(RED) * 128 / 255).max() <= 1
    assert shown(saved(Image.new("LA", (1, 1), (200, 128)), "PNG"), 1).item() == pytest.approx(200 * 128 / 255, abs=1)
    assert np.abs(shown(multiplied((100, 15, 5, 128)), 3)[:, 0, 0] - np.array([100.0, 15, 5])).max() <= 1
    assert shown(saved(Image.new("RGB", (1, 1), RED), "PNG", transparency=WHITE), 3).flatten().tolist() == list(RED)
    # Only the value itself is transparent, not those that become the same byte.
    key = chunk(b"tRNS", b"\x12\x34")
    assert shown(png(2, 16, 0, b"\x12\x34\x12\x35", key), 1).flatten().tolist() == [0, round(0x1235 / 257)]
    assert shown(png(4, 2, 0, b"\x1b", chunk(b"tRNS", b"\0\2")), 1).flatten().tolist() == [0, 85, 0, 255]


@pytest.mark.parametrize(
    ("mode", "format"),
    [("1", "PNG"), ("1", "TIFF"), ("1", "PPM"), ("1", "BMP"), ("L", "JPEG"), ("P", "GIF"), ("P", "BMP"), ("P", "TIFF"),
     ("P", "TGA"), ("1", "TGA"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "TIFF"), ("RGB", "AVIF"),
     ("RGBX", "TIFF")],
)  # fmt: skip
def test_kinds_of_colours_are_what_pillow_makes_of_them(mode: str, format: str) -> None:
    slope = np.linspace(0, 255, 24 * 16 * 3).astype(np.uint8).reshape(16, 24, 3)
    image = Image.fromarray(slope)
    try:
        content = saved(image.convert("RGB").convert(mode), format)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {format}")
    with Image.open(io.BytesIO(content)) as opened:
        for channels, wanted in ((1, "L"), (3, "RGB")):
            expected = np.asarray(opened.convert(wanted))
            assert np.array_equal(shown(content, channels).transpose(1, 2, 0).reshape(expected.shape), expected)
    assert np.abs(shown(content, 3).mean() - slope.mean()) < 16


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


def exif_of(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def with_text(image: Image.Image, orientation: int, keyword: str, packed: bool) -> bytes:
    """A PNG whose text tells how it was held."""
    exif = exif_of(orientation)
    info = PngImagePlugin.PngInfo()
    if keyword == "XML:com.adobe.xmp":
        info.add_itxt(keyword, (XMP % orientation).decode(), zip=packed)
    else:
        info.add_text(keyword, f"\nexif\n{len(exif):8}\n{exif.hex()}\n", zip=packed)
    return saved(image, "PNG", pnginfo=info)


def grey_16(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.T,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].T,
    8: lambda pixels: np.rot90(pixels),
}
TURNED: dict[str, Callable[[Image.Image, int], bytes]] = {
    "JPEG, EXIF": lambda image, way: saved(image, "JPEG", quality=100, exif=exif_of(way)),
    "JPEG, XMP": lambda image, way: saved(image, "JPEG", quality=100, xmp=XMP % way),
    "PNG, eXIf": lambda image, way: saved(image, "PNG", exif=exif_of(way)),
    "PNG, ImageMagick's": lambda image, way: with_text(image, way, "Raw profile type exif", False),
    "PNG, ImageMagick's, packed": lambda image, way: with_text(image, way, "Raw profile type exif", True),
    "PNG, XMP": lambda image, way: with_text(image, way, "XML:com.adobe.xmp", False),
    "PNG, XMP, packed": lambda image, way: with_text(image, way, "XML:com.adobe.xmp", True),
    "PNG of 16 bits, eXIf": lambda image, way: saved(grey_16(image), "PNG", exif=exif_of(way)),
    "WebP, EXIF": lambda image, way: saved(image, "WEBP", lossless=True, exif=exif_of(way)),
    "WebP, XMP": lambda image, way: saved(image, "WEBP", lossless=True, xmp=XMP % way),
    "AVIF": lambda image, way: saved(image, "AVIF", quality=100, exif=exif_of(way)),
    "AVIF, XMP": lambda image, way: saved(image, "AVIF", quality=100, xmp=XMP % way),
    "TIFF, tag": lambda image, way: saved(image, "TIFF", tiffinfo={0x0112: way}),
    "TIFF, XMP": lambda image, way: saved(image, "TIFF", tiffinfo={700: XMP % way}),
}  # fmt: skip


@pytest.mark.parametrize("way", range(1, 9))
@pytest.mark.parametrize("kind", TURNED)
def test_images_are_turned_as_pillow_turns_them(kind: str, way: int) -> None:
    slope = np.linspace(0, 255, 24 * 16).astype(np.uint8).reshape(16, 24)
    if kind.startswith("AVIF") and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    content = TURNED[kind](Image.fromarray(np.stack([slope] * 3, axis=2)), way)
    with Image.open(io.BytesIO(content)) as opened:
        upright = ImageOps.exif_transpose(opened)
        found = shown(content, 1)[0]
        assert found.shape == ((16, 24) if way < 5 else (24, 16)) == upright.size[::-1]
        # Against Pillow, and against the pixels themselves.
        if "16 bits" not in kind:
            assert np.abs(found.astype(int) - np.asarray(upright.convert("L"))).max() <= 2
        turned = TURNS[way](slope)
        assert np.abs(found.astype(int) - turned).max() <= 2


def test_exif_goes_before_xmp_and_a_long_text_costs_little() -> None:
    slope = np.linspace(0, 255, 24 * 16).astype(np.uint8).reshape(16, 24)
    both = saved(Image.fromarray(slope), "JPEG", quality=100, exif=exif_of(3), xmp=XMP % 6)
    assert shown(both, 1).shape == (1, 16, 24)
    assert shown(both, 1)[0, 0, 0] > 200
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(2**26))
    assert shown(png(4, 8, 0, bytes(4), chunk(b"iTXt", text)), 1).shape == (1, 1, 4)
    damaged = chunk(b"zTXt", b"Raw profile type exif\0\0" + b"no zlib")
    assert shown(png(4, 8, 0, bytes(4), damaged), 1).shape == (1, 1, 4)
