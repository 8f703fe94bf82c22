"""The heap of glibc, as far as large blocks go: how far it grows when blocks are taken and freed in a certain order.

system.py makes glibc keep what is freed, so the resident set grows as far as the heap does, which is more than what is
held at once: a block is taken from the smallest free piece that holds it, and what is left over, or what does not fit
again, is lost to blocks of that size. Two things matter most:

- PyTorch asks for blocks that begin at a multiple of 64. glibc (malloc/malloc.c, _int_memalign) looks for a piece that
  is larger by that and a little more, cuts the block out of it, and gives the ends back. So the piece that a block
  leaves does not hold a block of the same size, unless it was joined with a free neighbour.
- Between large blocks lie small ones that stay: nodes of autograd, objects of Python, primitives of oneDNN, and small
  pieces that the thread cache keeps. Free neighbours on two sides of one cannot be joined.
"""

from bisect import bisect_left, insort

ALIGNMENT = 64
OVERHEAD, UNIT, LEAST = 8, 16, 32
"""Of a piece: bytes before the block, what its size is a multiple of, and its least size."""
WALL = 32
LARGE = 2**16
"""Bytes from which on a block counts as large."""
BETWEEN = 5
"""After how many large blocks there is a small one that stays. Chosen on ten nets, see benchmarks/memory.py."""


class Heap:
    """Blocks by their keys, and the free pieces among them."""

    def __init__(self) -> None:
        self.high = 0
        """How far the heap has grown at most."""
        self._top = 0
        self._blocks: dict[int, tuple[int, int]] = {}
        self._sizes: dict[int, int] = {}
        """Of free pieces, by where they begin."""
        self._ends: dict[int, int] = {}
        """Where free pieces begin, by where they end."""
        self._free: list[tuple[int, int]] = []
        """Size and beginning of free pieces, the smallest first."""
        self._large = 0

    def take(self, key: int, count: int) -> None:
        """Takes a block of `count` bytes."""
        size = max(LEAST, -(-(count + OVERHEAD) // UNIT) * UNIT)
        wanted = size + ALIGNMENT + LEAST
        place = bisect_left(self._free, (wanted, -1))
        if place < len(self._free):
            whole, start = self._free[place]
            self._remove(start)
        else:
            whole, start = wanted, self._top
            self._top += wanted
        begin = start
        # The block follows 16 bytes after the piece's beginning.
        if (start + UNIT) % ALIGNMENT:
            begin = -(-(start + UNIT) // ALIGNMENT) * ALIGNMENT - UNIT
            if begin - start < LEAST:
                begin += ALIGNMENT
        end = begin + size
        self.high = max(self.high, end)
        self._blocks[key] = (begin, size)
        if begin > start:
            self._add(start, begin - start)
        if start + whole > end:
            self._add(end, start + whole - end)
        if count >= LARGE:
            self._large += 1
            if self._large % BETWEEN == 0:
                self._wall(end)

    def free(self, key: int) -> None:
        """Gives the block back."""
        self._add(*self._blocks.pop(key))

    def _wall(self, start: int) -> None:
        """A small block at `start`, if nothing is there, that is never given back."""
        if start == self._top:
            self._top += WALL
        elif (size := self._sizes.get(start, 0)) > WALL:
            self._remove(start)
            self._add(start + WALL, size - WALL)

    def _add(self, start: int, size: int) -> None:
        """A free piece, joined with its free neighbours."""
        before = self._ends.get(start)
        if before is not None:
            size += self._remove(before)
            start = before
        if start + size in self._sizes:
            size += self._remove(start + size)
        if start + size == self._top:
            self._top = start
            return
        self._sizes[start] = size
        self._ends[start + size] = start
        insort(self._free, (size, start))

    def _remove(self, start: int) -> int:
        """Takes a free piece out; returns its size."""
        size = self._sizes.pop(start)
        del self._ends[start + size]
        del self._free[bisect_left(self._free, (size, start))]
        return size
