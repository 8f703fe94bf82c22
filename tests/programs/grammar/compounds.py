"""Constructs of several pieces: lists of values, blocks that give or take lists, blocks and operators as arguments,
standard blocks, parts under elements of lists, tables, parameters of many kinds."""

from __future__ import annotations

from tests.programs.grammar.body import Body
from tests.programs.grammar.operators import activation
from tests.programs.grammar.registry import statement
from tests.programs.grammar.sizes import Shape, Size, literal, plus, times
from tests.programs.grammar.statements import ROOM
from tests.programs.grammar.structure import chain


def _free(body: Body) -> bool:
    """Whether labels may be as they are: outside of loops and sequences."""
    return body.may_label and not body.indices and not body.sequence and not body.must_label


def _block(body: Body, base: str, text: str) -> str:
    """Declares a block above what is being written; gives its name."""
    name = base
    while name in body.file.taken:
        name += body.pick("A", "B", "C")
    body.file.taken.add(name)
    body.file.lines.append(f"block {name}{text}")
    return name


def _use(body: Body, line: str) -> None:
    """An import, once, at the head of the file."""
    if line not in body.file.lines:
        body.file.lines.insert(0, line)


def _alike(body: Body) -> list[str]:
    """Values of the current rank, height and width."""
    return [
        name
        for name, shape in body.values.items()
        if len(shape) == body.rank and body.same(shape[1:], body.shape[1:]) and name != "in"
    ]


@statement(3, often=4)
def _list_into_a_block(body: Body) -> str | None:
    """`[a, b] -> Fuse(4)`."""
    if body.depth > 1 or not body.may_label:
        return None
    names = _alike(body)
    if not names:
        return None
    here = body.name("here")
    chosen = [here, *(body.pick(*names) for _ in range(body.pick(1, 1, 2)))]
    width = body.width()
    if len(chosen) * body.at(width) > ROOM:
        return None
    join = body.pick("concat", "add")
    if body.chance(0.5):
        block = _block(body, "Fuse", f"(c) {{ {join} {{ for x in in {{ x -> conv(c, 1x1) }} }} }}")
    else:
        block = _block(body, "Fuse", "(c) { for (i, x) in enumerate(in) { x -> lateral[i]: conv(c, 1x1) }\n"
                       f"    {join} {{ for x in lateral {{ x -> {activation(body)} }} }} }}")  # fmt: skip
    body.pending = [each for each in body.pending if each not in chosen]
    body.shape = (times(len(chosen), width) if join == "concat" else width, *body.shape[1:])
    return f"{here} = identity()\n[{', '.join(chosen)}] -> {block}({body.write(width)})"


@statement(1, 3, often=4)
def _block_that_gives_a_list(body: Body) -> str | None:
    if body.depth > 1 or not _free(body):
        return None
    first, op = body.width(), "conv(c, 1x1)" if body.rank == 3 else "linear(c)"
    one, two = body.pick(
        (f"one: {op}", f"two: {{ {op} -> relu() }}"),
        (f"one: {op}", f"in -> two: {op}"),
        (f"relu() -> one: {op}", f"one -> two: {op}"),
    )
    block = _block(body, "Pair", f"(c) {{ {one}\n    {two}\n    [one, two] }}")
    join = body.pick("add", "mul", "concat")
    body.shape = (times(2, first) if join == "concat" else first, *body.shape[1:])
    if body.at(body.shape[0]) > ROOM:
        return None
    if body.chance(0.5):
        label = body.name()
        return f"{label}: {block}({body.write(first)})\n{label}[0] -> {join}({label}[1])"
    left, right = body.name(), body.name()
    return f"({left}, {right}) = {block}({body.write(first)})\n{left} -> {join}({right})"


@statement(3, often=6)
def _block_as_an_argument(body: Body) -> str | None:
    if body.depth > 1 or not body.may_label:
        return None
    unit = _block(body, body.pick("Plain", "Inner"), "(w) { conv(w, 3x3, padding = same) -> relu() }")
    other = _block(body, "Other", "(w) = conv(w, 1x1, bias = false) -> batchnorm()") if body.chance(0.5) else unit
    stack = _block(body, "Stack", body.pick(
        "(unit, c, n = 2, norm = batchnorm) { for i in range(n) { unit(c * (i + 1)) -> norm() }; conv(c, 1x1) }",
        "(unit, c, n = 1, last = none) { repeat n { unit(c) }\n"
            "    if last != none { last(c, kernel = 1x1) } else { relu() } }",
        "(unit, c, n = 2) { for i in range(n) { steps[i]: unit(c) } }",
        "(unit, c, n = 1) { before: unit(c) -> { unit(c) -> unit(c) }; if n > 1 { unit(c) } }",
    ))  # fmt: skip
    width = body.width()
    text = body.write(width)
    more = body.pick("", ", 1", ", n = 2", ", n = 3")
    if "norm = " in body.file.lines[-1] and body.chance(0.4):
        more += body.pick(", norm = groupnorm(1)", ", norm = identity", ", norm = batchnorm(eps = 0.01)")
    if "last = " in body.file.lines[-1] and body.chance(0.4):
        more += ", last = conv"
    given = body.pick(unit, other)
    if body.depth == 0 and body.chance(0.3) and body.owner.kind == "net":
        given = body.option("block", given, given, None, "kind")
    body.shape = (width, *body.shape[1:])
    first = f"{stack}({given}, {text}{more})"
    if body.chance(0.4):
        first += f" -> {stack}({other}, {text}{body.pick('', ', n = 2')})"
    return first


@statement(3, often=4)
def _standard_block(body: Body) -> str:
    if body.chance(0.5):
        _use(body, "use std.conv { ConvNormAct }")
        width = body.width()
        body.shape = (width, *body.shape[1:])
        return f"ConvNormAct({body.write(width)})"
    _use(body, "use std.mobile { SqueezeExcitation }")
    return "SqueezeExcitation(2)"


@statement(1, 3, often=5)
def _parts_under_elements(body: Body) -> str | None:
    """`layers[i].proj: …`, `grid[i][j]: …`."""
    if not _free(body):
        return None
    name, index, other = body.name("layers"), body.name("i"), body.name("j")
    width = body.write(body.shape[0])
    op = f"conv({width}, 1x1)" if body.rank == 3 else f"linear({width})"
    norm = "batchnorm()" if body.rank == 3 else "layernorm()"
    return body.pick(
        f"for {index} in range(2) {{ {name}[{index}].proj: {op} -> {name}[{index}].norm: {norm} }}",
        f"for {index} in range(2) {{ for {other} in range(2) {{ {name}[{index}][{other}]: {op} }} }}",
        f"for {index} in range(2) {{ {name}.deep.step{{{index}}}: {op} }}",
        f"for {index} in [1, 3] {{ {name}[{index}]: {op} -> relu() }}",
        f"for {index} in range(2) {{ {name}.items[{index}]: {op} }}",
        f"for {index} in range(2) {{ {name}[{index}]: {{ {op} -> inner: {norm} }} }}",
    )


@statement(1, 3, often=5)
def _loop_over_rows(body: Body) -> str | None:
    """A loop over a table of rows, as in papers."""
    if body.must_label and not body.may_label:
        return None
    widths = [body.pick(2, 3, 4) for _ in range(body.whole(1, 3))]
    flags = [body.chance(0.5) for _ in widths]
    width, flag = body.name("w"), body.name("f")
    op = f"conv({width}, 1x1)" if body.rank == 3 else f"linear({width})"
    rows = ", ".join(f"({w}, {str(f).lower()})" for w, f in zip(widths, flags, strict=True))
    rows = f"[{rows}]"
    if body.chance(0.4):
        rows = f"zip({widths}, [{', '.join(str(f).lower() for f in flags)}])"
    elif body.chance(0.4) and len(widths) > 1:
        name = body.option("rows", widths, rows, None, "rows")
        rows, last = name, Size(None, lambda env: env[name][-1])
        body.shape = (last, *body.shape[1:])
    if not rows.isidentifier():
        body.shape = (literal(widths[-1]), *body.shape[1:])
    label = f"{body.label()}: " if body.sequence and body.must_label else ""
    return f"for ({width}, {flag}) in {rows} {{ {label}{op}\nif {flag} {{ {body.pick('relu()', 'tanh()')} }} }}"


@statement(often=5)
def _parameters_of_many_kinds(body: Body) -> str | None:
    """Numbers with a point, words, `none`, windows as parameters."""
    case = body.whole(0, 4)
    if case == 0:
        p = body.option("fraction", 0.5, "0.5", "0.25", body.pick("p", "slope", "factor"))
        return body.pick(f"leakyrelu({p})", f"scale({p})", f"scale(by = 2 * {p})", f"dropout({p})")
    if case == 1:
        k = body.option("maybe", None, body.pick("none", "none", "2"), "3", "extra")
        return f"if {k} != none {{ scale({k}) }} else {{ {body.pick('relu()', 'identity()')} }}"
    if case == 2 and body.rank == 3 and not body.keep and max(body.numbers()[1:]) <= 8:
        mode = body.option("word", "nearest", "nearest", "bilinear", "mode")
        body.shape = (body.shape[0], *(times(2, size) for size in body.shape[1:]))
        return f"upsample(2, mode = {mode})"
    if case == 3 and body.rank == 3 and body.may_label:
        bias = body.flag()
        width = body.width()
        body.shape = (width, *body.shape[1:])
        return f"conv({body.write(width)}, 1x1, bias = {body.pick(bias, f'not {bias}')})"
    if case == 4 and body.rank > 1:
        eps = body.option("fraction", 0.01, "0.01", "0.001", "eps")
        return f"batchnorm(eps = {eps})" if not (body.must_label and not body.may_label) else None
    return None


@statement(1, often=4)
def _rows_of_a_table(body: Body) -> str | None:
    """A learned table, read by a constant of indices."""
    if not _free(body):
        return None
    table, index, rows, width = body.name("table"), body.name("index"), body.name("rows"), body.shape[0]
    formula = body.pick("i % 3", "2 - i", "i", "(i * 2) % 4", "abs(i - 2)")
    join = body.pick("add", "mul")
    return (
        f"param {table}: [4, {body.write(width)}]\nconstant {index}[i]: [3] = {formula}\n"
        f"{rows} = {table} -> take({index}) -> sum(0)\n{join}({rows})"
    )


@statement(often=3)
def _one_thing_named_in_parts(body: Body) -> str | None:
    """A value that is used in branches and after them."""
    if not body.may_label or body.indices:
        return None
    name = body.name("shared")
    start: Shape = body.shape
    child = body.within()
    text = chain(child, 1)
    if not body.same(child.shape, start):
        return None
    body.shape = (plus(start[0], start[0]), *start[1:])
    if body.at(body.shape[0]) > ROOM:
        body.shape = start
        return None
    return f"{name} = {text}\nconcat {{ {name}; {name} -> {activation(body)} }}"
