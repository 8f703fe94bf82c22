"""Reads IDX files, the format of MNIST and its family, plain or gzipped; nothing in them is trusted.

The format, from Yann LeCun's MNIST page: two zero bytes, a byte for the element type (8 is unsigned byte), a byte for
the number of dimensions, each dimension as a big-endian 32-bit integer, then the elements, the last index fastest.
"""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import HarnessError

UNSIGNED_BYTE = 8
_GZIP_RATIO = 1032
"""Deflate packs no more bytes than that into one: a header that announces more is known for a lie unread."""
_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 2**24


def read_idx(path: Path, dimensions: tuple[int, ...], *, each: int = 1) -> Tensor:
    """The array of unsigned bytes in an IDX file, of as many dimensions as one of `dimensions`.

    Only what its header announces is read, if that is within the limit `idx_bytes`, which an element has `each` of.

    Gzip is recognised by its first bytes, whatever the file is called. Raises HarnessError for a file that cannot be
    read, is no IDX file, or does not hold exactly the elements that its header announces.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP_MAGIC
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4:
                raise _bad(path, f"it ends after {len(magic)} of the 4 bytes that begin it")
            zeros, element, rank = magic[:2], magic[2], magic[3]
            if zeros != b"\0\0":
                raise _bad(path, f"it begins with {magic.hex(' ')}, where an IDX file has 00 00")
            if element != UNSIGNED_BYTE:
                raise _bad(path, f"its elements have the type 0x{element:02x}; only unsigned bytes (0x08) are read")
            if rank not in dimensions:
                wanted = " or ".join(map(str, dimensions))
                raise _bad(path, f"it has {rank} dimensions, and {wanted} are due here")
            header = file.read(4 * rank)
            if len(header) < 4 * rank:
                raise _bad(path, "it ends within its header")
            shape = struct.unpack(f">{rank}I", header)
            size = math.prod(shape)
            if size == 0:
                raise _bad(path, f"its header announces {_shape(shape)}, which is empty")
            if size * each > LIMITS.idx_bytes:
                raise HarnessError(
                    f"{path} is too large: its header announces {_shape(shape)} = {size * each:,} bytes, and "
                    f"{LIMITS.rule('idx_bytes')}",
                    help="images in files or in shards are read as they are needed",
                )
            held = path.stat().st_size
            if zipped and size > _GZIP_RATIO * held:
                raise _bad(path, f"its header announces {_shape(shape)} = {size:,} bytes, and the file has {held:,}")
            left = held - file.tell()
            if not zipped and left < size:
                raise _bad(path, f"its header announces {_shape(shape)} = {size:,} bytes, and {left:,} follow")
            elements, found = _read(file, size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad(path, f"its gzip data are damaged or cut short ({error})") from error
    except MemoryError as error:
        raise HarnessError(f"{path} does not fit into the memory: {_shape(shape)} = {size:,} bytes") from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    if found != size:
        follow = f"{found:,} follow" if found < size else "more follow"
        raise _bad(path, f"its header announces {_shape(shape)} = {size:,} bytes, and {follow}")
    return torch.frombuffer(elements, dtype=torch.uint8).reshape(shape)


def _read(file: io.BufferedIOBase, size: int) -> tuple[bytearray, int]:
    """`size` bytes, and how many there were, one more at most."""
    elements = bytearray(size)
    view = memoryview(elements)
    found = 0
    while found < size:
        count = file.readinto(view[found : found + _PIECE])
        if not count:
            return elements, found
        found += count
    return elements, found + len(file.read(1))


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _bad(path: Path, why: str) -> HarnessError:
    return HarnessError(f"{path} is not a sound IDX file: {why}")
