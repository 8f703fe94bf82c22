"""Whole programs: a net with its inputs, outputs, heads, parameters, models and budgets."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import NamedTuple

from tests.programs.grammar import compounds, operators, statements, windows  # noqa: F401  (they register what programs are built from)
from tests.programs.grammar.blocks import finish
from tests.programs.grammar.body import Body, File, Owner
from tests.programs.grammar.registry import STATEMENTS, draw_one
from tests.programs.grammar.sizes import Shape, literal
from tests.programs.grammar.structure import chain


class Program(NamedTuple):
    """A spec, and which constructs it was drawn from."""

    text: str
    constructs: Counter[str]


def program(rng: Random) -> Program:
    """A random program, most of which pass `check`."""
    file = File(rng, left=rng.choice((8, 14, 20, 30)))
    if rng.random() < 0.15:
        file.lines.append(rng.choice(TOP))
        file.constructs["default of the file"] += 1
    name = rng.choice(("N", "N", "N", "Net", "Model"))
    file.taken.add(name)
    owner = Owner("net", taken={name})
    body = Body(file, owner, (), {})
    inputs = _inputs(body)
    for _ in range(rng.randint(2, 6)):
        if file.left < 0:
            break
        body.lines.append(draw_one(body, STATEMENTS)[1])
    _ends(body)
    head = ", ".join(each.declared for each in owner.parameters)
    lines = "\n".join("    " + line for text in [*inputs, *body.lines] for line in text.split("\n"))
    text = "\n".join([*file.lines, f"net {name}({head}) {{", lines, "}"])
    return Program(text + _models(body, name) + "\n", file.constructs)


TOP = [
    "# A comment at the head.",
    "default conv(bias = false)",
    "default conv(then = relu())",
    "default conv(then = batchnorm() -> relu())",
    "default linear(then = tanh())",
    "default batchnorm(eps = 0.01)",
]

SHAPES = [
    *["image: 3x8x8"] * 4, "image: 2x6x6", "image: 4x9x7", "image: 1x8x8", "image: 8x4x4",
    "tokens: [5, 4]", "tokens: [6, 8]", "signal: [4, 9]", "vector: [6]", "features: [8]", "volume: 2x4x4x4",
]  # fmt: skip


def _inputs(body: Body) -> list[str]:
    if body.chance(0.1):
        body.used("input of whole numbers")
        vocab = body.pick("9", "12")
        body.owner.taken |= {"words", "table"}
        body.lines.append(f"{body.pick('', 'table: ')}embedding({vocab}, 4)")
        body.shape = (literal(5), literal(4))
        return [f"input words: [5] int < {vocab}"]
    name, shape = body.pick(*SHAPES).split(": ")
    if body.chance(0.05):
        name = body.pick("x", "input", "in_channels", "self")
    body.owner.taken.add(name)
    sizes = [int(size) for size in shape.strip("[]").replace(",", "x").split("x")]
    body.shape = tuple(map(literal, sizes))
    if len(sizes) == 3 and sizes[1] == sizes[2] and body.chance(0.2):
        side = body.parameter(sizes[1], "side")
        body.shape = (body.shape[0], side, side)
        shape = f"[{sizes[0]}, {side.text}, {side.text}]"
    lines = [f"input {name}: {shape}"]
    body.values[name] = body.shape
    if body.chance(0.12):
        body.used("two inputs")
        second = body.name(body.pick("other", "right"))
        lines.append(f"input {second}: {shape if body.chance(0.7) else body.pick(*SHAPES).split(': ')[1]}")
        if lines[-1].endswith(shape):
            body.values[second] = body.shape
            body.lines.append(f"{name} -> {body.pick('add', 'concat')}({second})")
            if body.lines[-1].split()[-1].startswith("concat"):
                body.shape = (literal(2 * sizes[0]), *body.shape[1:])
        else:
            body.lines.append(f"{second} -> flatten() -> linear(1)\nfrom_second = identity()")
            body.values["from_second"] = (literal(1),)
            body.pending.append("from_second")
            body.lines.append(f"{name} -> {chain(body, 1)}")
    return lines


def _ends(body: Body) -> None:
    """Outputs and heads."""
    if body.pending and body.chance(0.3):
        name = body.pending.pop()
        output = body.name(body.pick("second", "extra", "mask"))
        body.lines.append(f"output {output} = {name} -> {chain(_from(body, body.values[name]), 2)}")
        body.used("several outputs")
    finish(body)
    heads = [_head(body, number) for number in range(body.pick(0, 0, 0, 1, 1, 2))]
    last = body.name(body.pick("result", "logits", "label", "score", "y"))
    final = chain(body.within(), 2) if body.chance(0.5) else "identity()"
    if body.chance(0.25):
        more = body.name(body.pick("aux_result", "angle", "probability"))
        body.lines.append(f"output {more} = {chain(body.within(), 2)}")
        body.used("several outputs")
    order = [f"output {last} = {final}", *heads]
    if body.chance(0.2):
        order.reverse()
    body.lines += order


def _from(body: Body, shape: Shape) -> Body:
    return body.within(shape=shape)


def _head(body: Body, number: int) -> str:
    body.used("head")
    name = body.name(body.pick("aux", "aux1", "head", "early", "train_loss"))
    start, shape = "", body.shape
    if body.values and body.chance(0.6):
        start = body.pick(*body.values)
        shape = body.values[start]
    child = _from(body, shape)
    text = (f"{start} -> " if start else "") + chain(child, 2)
    weight = body.pick("", " weight 0.3", " weight 0.5", " weight 2")
    line = f"train output {name} = {text}{weight}"
    case = body.whole(0, 9)
    if case == 0:
        body.used("head in an if")
        return f"if {body.flag()} {{ {line} }}"
    if case == 1:
        body.used("heads of a loop")
        where = start or body.name("here")
        before = "" if start else f"{where} = identity()\n"
        return f"{before}for h in range(2) {{ train output {name}{{h}} = {where} -> flatten() -> linear(2){weight} }}"
    if case == 2 and len(shape) in (1, 3):
        body.used("head with a param")
        sizes = ", ".join([body.write(shape[0]), *["1"] * (len(shape) - 1)])
        gain = body.name("gain")
        return f"param {gain}: [{sizes}]\ntrain output {name} = {start + ' -> ' if start else ''}mul({gain}){weight}"
    if case == 3 and len(shape) == 1:
        shared = body.name("shared")
        width = body.write(shape[0])
        body.used("head that uses a part again")
        before = f"{start} -> " if start else ""
        line = f"{before}{shared}: linear({width})" if not start else ""
        if start:
            return f"train output {name} = {start} -> {chain(child.within(shape=shape), 1)}{weight}"
        return f"{line}\ntrain output {name} = reuse({shared}){weight}"
    return line


def _models(body: Body, name: str) -> str:
    text = ""
    sizes = [each for each in body.owner.parameters if each.kind in ("size", "flag") and each.name != "side"]
    if sizes and body.chance(0.2):
        for member in ("small", "large")[: body.whole(1, 2)]:
            each = body.pick(*sizes)
            value = str(body.chance(0.5)).lower() if each.kind == "flag" else str(each.value)
            budget = body.pick("", " { expect params < 1M }", " { expect macs >= 0 and depth < 100 }")
            text += f"\nmodel {member} = {name}({each.name} = {value}){budget}"
            body.used("model")
    return text
