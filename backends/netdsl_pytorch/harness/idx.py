"""Reads IDX files, the format of MNIST and its family, plain or gzipped; nothing in them is trusted.

The format, from Yann LeCun's MNIST page: two zero bytes, a byte for the element type (8 is unsigned byte), a byte for
the number of dimensions, each dimension as a big-endian 32-bit integer, then the elements, the last index fastest.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from netdsl_pytorch.harness.errors import HarnessError

UNSIGNED_BYTE = 8
MAX_BYTES = 16 * 2**30
"""Larger arrays are refused before they are read: a few bytes of gzip can claim any size."""
_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 2**24


def read_idx(path: Path, dimensions: tuple[int, ...]) -> Tensor:
    """The array of unsigned bytes in an IDX file, of as many dimensions as one of `dimensions`.

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
            if size > MAX_BYTES:
                raise _bad(path, f"its header announces {_shape(shape)}, which is {size:,} bytes")
            elements = _read(file, size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad(path, f"its gzip data are damaged or cut short ({error})") from error
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    if len(elements) != size:
        found = f"{len(elements):,} follow" if len(elements) < size else "more follow"
        raise _bad(path, f"its header announces {_shape(shape)} = {size:,} bytes, and {found}")
    return torch.frombuffer(elements, dtype=torch.uint8).reshape(shape)


def _read(file: "gzip.GzipFile | object", limit: int) -> bytearray:
    """Up to `limit` bytes. Piece by piece, so that memory follows what is there and not what a header claims."""
    elements = bytearray()
    while len(elements) < limit:
        piece: bytes = file.read(min(_PIECE, limit - len(elements)))  # type: ignore[union-attr]
        if not piece:
            break
        elements += piece
    return elements


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _bad(path: Path, why: str) -> HarnessError:
    return HarnessError(f"{path} is not a sound IDX file: {why}")
