"""Random small networks: specs that are valid by construction, with the shape that comes out of them.

A piece of text is drawn together with what it does to a shape, so that the shape of the whole net is known without
the elaborator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

Shape = tuple[int, int]
"""Channels, and the side of the square image."""

SIDE = 16


@dataclass(frozen=True)
class Piece:
    """Lines of a spec, and what they make of a shape."""

    text: str
    apply: Callable[[Shape], Shape]

    @staticmethod
    def join(pieces: list[Piece], between: str = "\n") -> Piece:
        def apply(shape: Shape) -> Shape:
            for piece in pieces:
                shape = piece.apply(shape)
            return shape

        return Piece(between.join(piece.text for piece in pieces), apply)


@dataclass(frozen=True)
class Network:
    """A spec, and the shape of its result."""

    text: str
    shape: tuple[int, int, int]


CHANNELS = st.sampled_from([2, 3, 4, 6, 8])


@st.composite
def convolution(draw: st.DrawFn) -> Piece:
    channels, kernel, stride = draw(CHANNELS), draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from([1, 1, 1, 2]))
    forms = [f"conv({channels}, {kernel}x{kernel}/{stride}, padding = same)"]
    forms.append(f"conv(kernel = {kernel}, out = {channels}, stride = {stride}, padding = {kernel // 2})")
    forms.append(f"conv({channels - 1} + 1, [{kernel}, {kernel}]/{stride}, padding = same, bias = false)")
    return Piece(draw(st.sampled_from(forms)), lambda shape: (channels, (shape[1] - 1) // stride + 1))


KEEPING = st.sampled_from(
    ["relu()", "batchnorm()", "dropout(0.1)", "identity()", "maxpool(3x3/1, padding = same)", "lrn(3)"]
)
"""Stages that keep the shape."""

SIMPLE = st.one_of(convolution(), KEEPING.map(lambda text: Piece(text, lambda shape: shape)))


@st.composite
def chain(draw: st.DrawFn) -> Piece:
    return Piece.join(draw(st.lists(SIMPLE, min_size=1, max_size=3)), " -> ")


@st.composite
def joined(draw: st.DrawFn) -> Piece:
    """A combine whose branches give known channels; all keep the side."""
    name = draw(st.sampled_from(["concat", "add", "max"]))
    widths = draw(st.lists(CHANNELS, min_size=2, max_size=3))
    if name != "concat":
        widths = [widths[0]] * len(widths)
    before = [draw(st.sampled_from(["", "relu() -> ", "conv(2, 3x3, padding = same) -> "])) for _ in widths]
    branches = [f"{start}conv({width}, 1x1)" for start, width in zip(before, widths, strict=True)]
    if draw(st.booleans()):
        branches[0] = f"{{ {branches[0]} }}"
    if draw(st.booleans()):
        branches[-1] = f"if true {{ {branches[-1]} }} else {{ unknown() }}"
    if draw(st.booleans()):
        branches.insert(1, "if false { unknown() }")
    total = sum(widths) if name == "concat" else widths[0]
    return Piece(f"{name} {{\n" + "\n".join(branches) + "\n}", lambda shape: (total, shape[1]))


@st.composite
def residual(draw: st.DrawFn) -> Piece:
    body = draw(KEEPING)
    form = draw(st.sampled_from(["add {{ {}; identity() }}", "mul {{ identity(); {} -> sigmoid() }}"]))
    return Piece(form.format(body), lambda shape: shape)


@st.composite
def branched(draw: st.DrawFn, pieces: st.SearchStrategy[Piece]) -> Piece:
    """An `if` of two arms, on a parameter of the net."""
    first, second = draw(pieces), draw(pieces)
    negated, taken = draw(st.sampled_from([("", first), ("not ", second)]))
    return Piece(f"if {negated}flag {{\n{first.text}\n}} else {{\n{second.text}\n}}", taken.apply)


@st.composite
def looped(draw: st.DrawFn, pieces: st.SearchStrategy[Piece]) -> Piece:
    piece, count = draw(pieces), draw(st.integers(0, 3))
    heads = [f"repeat {count}", f"for i in range({count})", f"for (i, x) in enumerate([{', '.join(['7'] * count)}])"]
    return Piece(f"{draw(st.sampled_from(heads))} {{\n{piece.text}\n}}", Piece.join([piece] * count).apply)


@st.composite
def braced(draw: st.DrawFn, pieces: st.SearchStrategy[Piece]) -> Piece:
    piece = draw(pieces)
    return Piece(f"{{\n{piece.text}\n}}", piece.apply)


@st.composite
def used(draw: st.DrawFn) -> Piece:
    """A use of a block of `BLOCKS`."""
    channels = draw(CHANNELS)
    calls = [
        (f"Plain({channels})", lambda shape: (channels, shape[1])),
        (f"Seq({channels}, act = tanh)", lambda shape: (channels, shape[1])),
        (f"Unit({channels})", lambda shape: (channels, shape[1])),
        (f"Unit({channels}, 2)", lambda shape: (channels, (shape[1] - 1) // 2 + 1)),
        ("Widen(conv(kernel = 1x1))", lambda shape: (shape[0] + 1, shape[1])),
    ]
    return Piece(*draw(st.sampled_from(calls)))


BLOCKS = """
block Plain(c) { conv(c, 1x1) -> batchnorm() }
block Seq(c, act = relu) = conv(c, 3x3, padding = same, bias = false) -> act()
block Unit(c, stride = 1) {
    let inner = 2 * c
    add {
        { Plain(inner) -> Seq(c); if stride > 1 { conv(c, 3x3/stride, padding = same) } }
        down: if stride != 1 or in.channels != c { conv(c, 1x1/stride) } else { identity() }
    }
    relu()
}
block Widen(op) { let n = in.channels + 1; op(n) -> relu() }
block Merge(skip: tensor, c) { concat { skip; in } -> mix: conv(c, 1x1) }
block Two(c) { a: conv(c, 1x1) -> relu(); b = tanh(); [a, b] }
block Gate() {
    param g: [in.channels, 1, 1] init ones()
    constant k[i, y, x]: [in.channels, 1, 1] = 1 + i / 2
    mul(g) -> add(k)
}
"""

PIECES = st.recursive(
    chain(),
    lambda pieces: st.one_of(joined(), residual(), branched(pieces), looped(pieces), braced(pieces), used()),
    max_leaves=4,
)


_MORE = [
    ["Gate()"],
    ["k{n} = identity()", "relu() -> Merge(k{n}, {c})"],
    ["two{n}: Two({c})", "two{n}[0] -> sub(two{n}[1])"],
    ["if flag {{ v{n} = relu() }} else {{ v{n} = tanh() }}", "add(v{n})"],
    ["concat {{ identity(); relu() }}", "(h{n}, _) = chunk(2)", "h{n} -> relu()"],
    ["param w{n}: [{c}, {c}, 1, 1]", "conv({c}, 1x1, weight = w{n})"],
    ["t{n}: conv({c}, 1x1, bias = false)", "conv({c}, 1x1, bias = false, weight = t{n}.weight)"],
    ["for i in range(2) {{ body{n}.layer{{i}}: Plain({c}) }}"],
    ["u{n}: if flag {{ conv({c}, 1x1) -> relu() }} else {{ identity() }}", "reuse(u{n})"],
    ["down{n}: repeat 2 {{ Unit({c}) }}"],
]
"""Lines that keep the shape, each with something of the language that pieces do not have."""


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A net of a few pieces: some are labelled groups, some are named and used again."""
    pieces = draw(st.lists(PIECES, min_size=1, max_size=5))
    shape: Shape = (3, SIDE)
    lines = []
    for number, piece in enumerate(pieces):
        shape = piece.apply(shape)
        if draw(st.booleans()):
            lines.append(f"{{\n{piece.text}\n}} => [{shape[0]}, {shape[1]}, {shape[1]}]")
        else:
            lines.append(piece.text)
        if draw(st.integers(0, 3)) == 0:
            lines += [f"z{number} = identity()", f"relu() -> add(z{number})"]
        if draw(st.integers(0, 3)) == 0:
            lines += [f"part{number}: conv({shape[0]}, 1x1)", f"reuse(part{number})"]
        if draw(st.integers(0, 3)) == 0:
            width, count = draw(CHANNELS), draw(st.integers(2, 3))
            start = draw(st.sampled_from(["", f"s{number} -> "]))
            stage = draw(st.sampled_from(["conv({}, 1x1)", "{{ conv({}, 1x1) -> relu() }}", "Plain({})"])).format(width)
            lines += [
                f"s{number} = identity()",
                f"for i in range({count}) {{ {start}p{number}[i]: {stage} }}",
                draw(st.sampled_from([f"add {{ for x in p{number} {{ x }} }}", f"p{number}[0] -> add(p{number}[1])"])),
            ]
            if count == 3 and lines[-1].startswith("p"):
                lines[-1] += f" -> add(p{number}[2])"
            shape = (width, shape[1])
        if draw(st.integers(0, 2)) == 0:
            more = draw(st.sampled_from(_MORE))
            lines += [line.format(n=number, c=shape[0]) for line in more]
        if draw(st.integers(0, 3)) == 0:
            lines.append(f"group{number}: {{ conv({shape[0]}, 1x1) -> relu(); repeat 2 {{ conv({shape[0]}, 1x1) }} }}")
    head = "net N(flag = true) {\n" + f"input image: 3x{SIDE}x{SIDE}\n"
    if draw(st.booleans()):
        head += "default conv(then = relu())\n"
    text = BLOCKS + head + "\n".join(lines) + "\noutput result = identity()\n}\n"
    return Network(text, (shape[0], shape[1], shape[1]))
