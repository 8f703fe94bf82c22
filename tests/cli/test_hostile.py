"""Hostile input through `netdsl check`: random and mutated bytes never end in a traceback, nor in a hang."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from netdsl.cli.main import main
from tests.cli.conftest import Ran, Stdin

Run = Callable[..., Ran]

NIGHTLY = os.environ.get("NETDSL_NIGHTLY") == "1"
INPUTS = 100_000 if NIGHTLY else 10_000
PARTS = 10
"""The inputs are split, so that workers share them."""

HANG = 20
"""Seconds after which an input counts as a hang, on a machine however busy."""

SEEDS = [
    b"""# A remark.
default conv(padding = same, then = relu())
block Unit(c, stride = 1) {
    let wide = 2 * c
    add {
        { conv(wide, 1x1) -> conv(c, 3x3/stride, groups = 2) -> batchnorm(eps = 0.001) }
        if stride != 1 or in.channels != c { conv(c, 1x1/stride) } else { identity() }
    }
}
net Tiny(widths = [4, 8], n = 3) {
    input image: 3x16x16
    stem: conv(4, 3x3) => 4x16x16
    for (i, c) in enumerate(widths) { stage{i}: { repeat n { Unit(c) } } }
    output logits = globalavgpool() -> dropout(0.5) -> linear(10)
    train output aux = stage0 -> globalavgpool() -> linear(10) weight 0.3
    expect params < 1.6K and depth > 2
}
model tiny = Tiny(n = 1) { expect macs < 1M }
""",
    b"""net Text(heads = 2) {
    input tokens: [8] int < 50
    wte: embedding(50, 16)
    param pos: [8, 16] init normal(0.02)
    add(pos)
    x = identity()
    (q, k, v) = linear(48) -> rearrange("t (s h d) -> s h t d", s = 3, h = heads) -> unbind()
    constant mask[i, j]: [8, 8] = 0 if j <= i else -100
    q -> attend(k, v, mask) -> rearrange("h t d -> t (h d)")
    branches[0]: linear(4); x -> branches[1]: linear(4)
    init linear(weight = normal(0.01)); [branches[0], branches[1]] -> concat(dim = -1)
    output y = softmax()
}
""",
    b"""block A(c) = conv(c, 1x1) -> relu()
net N() { input x: 3x4x4; concat { A(2); A(x.channels) }; output y = relu() }
""",
]

PIECES = [
    *b" \n\t;{}()[]=,:.-><#\"'x0123456789\x00\r\xff",
    *[
        b"{",
        b"repeat 1000000000 {",
        b"\xc3\xa9",
        b"\xe2\x80\xae",
        b"9" * 400,
        b"((((((((",
        b"}}}}",
        b"-> ",
        b"for x in",
    ],
    *[
        b"1e999",
        b"0x0",
        b"1/0",
        b"10**10**10",
        b"conv(",
        b"in.",
        b"[0]",
        b"{i}",
        b'use "../../x.net" { A }',
        b"\x1b[2J",
    ],
]


WORD = re.compile(rb"[A-Za-z_]\w*|\d[\w.]*")
WORDS = sorted({word for seed in SEEDS for word in WORD.findall(seed)})
WORDS += [b"0", b"7", b"1000000", b"0.5", b"none", b"[]"]


def mutated(generator: random.Random) -> bytes:
    """A spec with words exchanged, so that most of it still parses; with pieces removed, doubled, swapped or put in;
    or bytes out of the blue."""
    kind = generator.random()
    if kind < 0.05:
        return generator.randbytes(generator.randrange(200))
    data = bytearray(generator.choice(SEEDS))
    if kind < 0.6:
        for _ in range(generator.choice([1, 1, 1, 2, 3])):
            word = generator.choice(list(WORD.finditer(data)))
            data[word.start() : word.end()] = generator.choice(WORDS)
        return bytes(data)
    for _ in range(generator.choice([1, 1, 1, 2, 3, 8])):
        at = generator.randrange(len(data) + 1)
        end = min(len(data), at + generator.choice([1, 1, 2, 5, 20]))
        kind = generator.randrange(4)
        if kind == 0:
            del data[at:end]
        elif kind == 1:
            data[at:at] = data[at:end]
        elif kind == 2:
            other = generator.choice(SEEDS)
            start = generator.randrange(len(other))
            data[at:end] = other[start : start + 12]
        else:
            piece = generator.choice(PIECES)
            data[at : generator.choice([at, end])] = bytes([piece]) if isinstance(piece, int) else piece
    return bytes(data)


@contextmanager
def no_hang() -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise AssertionError(f"no answer after {HANG} seconds")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def checked(data: bytes) -> Ran:
    """`netdsl check -`, run a thousand times a second: fixtures would take longer than the command."""
    before, sys.stdin = sys.stdin, Stdin(data)
    try:
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err, no_hang():
            code = main(["check", "-"])
    finally:
        sys.stdin = before
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no alarm to stop a hang with")
@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_specs(part: int) -> None:
    generator = random.Random(part if not NIGHTLY else None)
    codes: dict[int, int] = {}
    for _ in range(INPUTS // PARTS):
        data = mutated(generator)
        try:
            ran = checked(data)
        except AssertionError as error:
            pytest.fail(f"{error} for {data!r}")
        assert ran.code in (0, 1, 2), (ran, data)
        assert "Traceback" not in ran.err
        assert (ran.code == 0) == ("error[" not in ran.err), (ran, data)
        assert "\x1b" not in ran.err
        codes[ran.code] = codes.get(ran.code, 0) + 1
    # Mutations are mild enough for some specs to stay sound, and wild enough for most to break.
    assert codes[0] > 0
    assert codes[1] > codes[0]


@pytest.mark.parametrize("seed", SEEDS, ids=["image", "text", "small"])
def test_what_is_mutated_is_sound(netdsl: Run, seed: bytes) -> None:
    assert netdsl("check", "-", stdin=seed).code == 0


def text(what: str) -> bytes:
    return f"net N() {{\n    input x: 3x8x8\n    {what}\n    output y = relu()\n}}\n".encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (text("repeat 1000000000 { relu() }"), "--limit"),
        (text("let n = 2 ** 30\n    repeat n { relu() }"), "--limit"),
        (text("let n = " + "9" * 5000), "digits"),
        (text("{" * 100_000), "--limit nesting"),
        (text("(" * 100_000), "--limit nesting"),
        (text("relu()\0"), "NUL"),
        (text("relu() # ?").replace(b"?", b"\xff"), "not UTF-8"),
        (text("relu()\r conv(3, 3x3)"), "carriage return"),
        (text("relu() # \u202e"), "bidirectional control"),
        (b"x" * (2**20 + 1), "--limit file_size"),
        (text("let a = 10 ** 10 ** 10"), "too large"),
        (text("let a = range(10 ** 12)"), "list"),
        (text("let a = 1e300 * 1e300"), "finite"),
        (text("conv(99999999999, 3x3)"), ""),
        (text('use "/etc/passwd" { A }'), ""),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else None,
)
def test_attacks_get_a_clear_message(netdsl: Run, data: bytes, says: str) -> None:
    with no_hang():
        ran = netdsl("check", "-", stdin=data)
    assert ran.code in (1, 2)
    assert ran.err.startswith("error[E")
    assert says in ran.err
    assert ran.err.count("\n") < 60


def doubled(depth: int) -> bytes:
    blocks = [b"block B0() { relu() }"]
    blocks += [b"block B%d() { B%d(); B%d() }" % (i, i - 1, i - 1) for i in range(1, depth + 1)]
    return b"\n".join([*blocks, b"net N() { input x: 3x8x8; output y = B%d() }" % depth])


def test_a_net_of_the_name_of_a_block(netdsl: Run) -> None:
    # Found by mutation: the net that is its own model was never declared.
    ran = netdsl("check", "-", stdin=b"block A() = relu()\nnet A() { input x: 3x4x4; output y = A() }")
    assert ran.code == 1
    assert ran.err.startswith("error[E0103]: `A` is declared twice")


def test_thirty_nested_doublings(netdsl: Run) -> None:
    with no_hang():
        ran = netdsl("check", "-", stdin=doubled(30))
    assert ran.code == 1
    assert ran.err.startswith("error[E0901]")
    assert "--limit nodes=" in ran.err


@pytest.mark.parametrize("form", ["crlf", "bom", "both"])
def test_crlf_and_a_byte_order_mark_are_accepted(netdsl: Run, form: str) -> None:
    data = SEEDS[0]
    data = data.replace(b"\n", b"\r\n") if form != "bom" else data
    data = b"\xef\xbb\xbf" + data if form != "crlf" else data
    assert netdsl("check", "-", stdin=data) == netdsl("check", "-", stdin=SEEDS[0])
    assert netdsl("check", "-", stdin=data).code == 0
