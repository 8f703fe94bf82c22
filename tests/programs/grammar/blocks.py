"""Blocks: written where they are first used, and used again wherever they fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.programs.grammar.body import Body, Owner, Parameter
from tests.programs.grammar.registry import STATEMENTS, draw_one, stage
from tests.programs.grammar.sizes import Env, Shape, Size, axes_of
from tests.programs.grammar.structure import chain, fit

NAMES = ["Unit", "Basic", "Cell", "Mixer", "Stem", "Up", "Wide", "Gate", "Conv2d", "Sequential", "Net", "Tail"]


@dataclass
class Block:
    """A block as it was written, with what is needed to use it again."""

    name: str
    owner: Owner
    rank: int
    result: Shape
    sequence: bool


def _new(body: Body) -> Block:
    """Writes a block that fits the current shape."""
    owner = Owner("block", {"in": body.numbers()})
    inner = Body(body.file, owner, axes_of("in", "in", body.rank), {}, depth=body.depth + 1)
    inner.keep = body.keep
    name = body.pick(*NAMES)
    while name in body.file.taken:
        name += body.pick("A", "B", "C")
    body.file.taken.add(name)
    doc = body.pick("", "", "## What it is.\n")
    sequence = body.chance(0.25)
    if sequence:
        inner.sequence = True
        text = f"= {chain(inner, 3)}"
        body.used("block that is a sequence")
    else:
        for _ in range(body.whole(1, 3)):
            inner.lines.append(draw_one(inner, STATEMENTS)[1])
        _tensors(body, inner)
        finish(inner)
        text = "{\n" + inner.text() + "\n}"
    parameters = sorted(owner.parameters, key=lambda each: (each.kind != "tensor", each.default is not None))
    owner.parameters = parameters
    declared = ", ".join(each.declared for each in parameters)
    body.file.lines.append(f"{doc}block {name}({declared}) {text}")
    block = Block(name, owner, body.rank, inner.shape, sequence)
    body.file.blocks.append(block)
    return block


def _tensors(body: Body, inner: Body) -> None:
    """A further tensor input, if there is a value to give, and what reads it."""
    fitting = [name for name, shape in body.values.items() if body.same(shape, body.shape)]
    if not fitting or not body.chance(0.4):
        return
    name, given = inner.name(body.pick("skip", "gate", "other")), body.pick(*fitting)
    maybe = body.chance(0.3)
    shape = axes_of(name, name, body.rank)
    inner.owner.env[name] = body.numbers()
    inner.owner.parameters.append(Parameter(name, "tensor", None, given, "none" if maybe else None))
    if maybe:
        end = fit(inner.within(), shape)
        inner.lines.append(
            f"if {name} != none {{ {'add' if end == '' else 'relu() -> add'}({name}) }}"
            if end == ""
            else f"if {name} != none {{ relu() }}"
        )
        body.used("further tensor that may be left out")
        return
    body.used("further tensor")
    first = inner.shape
    if inner.same(first, shape):
        inner.lines.append(f"add({name})")
    elif len(first) == len(shape) and inner.same(first[1:], shape[1:]):
        inner.shape = (Size(None, lambda env: first[0].value(env) + shape[0].value(env)), *first[1:])
        inner.lines.append(f"concat({name})")
    else:
        inner.lines.append(
            f"kept = identity()\n{name} -> flatten() -> linear(1)\nscalar = identity()\n"
            "kept -> flatten() -> linear(1) -> add(scalar)"
        )
        inner.shape = (Size("1", lambda env: 1),)


def finish(body: Body) -> None:
    """Values that nothing has read are joined with the current one, so that the net has no loose end."""
    for name in list(body.pending):
        shape = body.values[name]
        if body.same(shape, body.shape):
            body.lines.append(f"add({name})")
        elif len(shape) == body.rank and body.same(shape[1:], body.shape[1:]):
            first, second = body.shape[0], shape[0]
            body.lines.append(f"concat({name})")
            body.shape = (_sum(first, second), *body.shape[1:])
        else:
            one, other = body.name("flat"), body.name("rest")
            lines = [f"{one} = {'flatten() -> ' if body.rank > 1 else ''}linear(2)"]
            lines.append(f"{name} -> {'flatten() -> ' if len(shape) > 1 else ''}linear(2)")
            body.lines += [*lines, f"add({one})"]
            body.shape = (Size("2", lambda env: 2),)
            del other
    body.pending = []


def _sum(first: Size, second: Size) -> Size:
    return Size(None, lambda env: first.value(env) + second.value(env))


def _arguments(body: Body, block: Block, env: dict[str, Any], fresh: bool) -> str | None:
    """What a use writes between its parentheses; `env` gets the values. None if it cannot be used here."""
    texts: list[str] = []
    named = False
    for each in block.owner.parameters:
        text = each.text
        if each.kind == "tensor":
            fitting = [name for name, shape in body.values.items() if body.same(shape, body.shape)]
            if not fitting and each.default is None:
                return None
            if not fitting:
                named = True
                continue
            text = each.text if fresh and each.text in fitting else body.pick(*fitting)
            body.pending = [name for name in body.pending if name != text]
            env[each.name] = body.numbers()
        elif each.kind == "size":
            size = body.width() if body.chance(0.35) else None
            if size is not None and (not fresh or body.at(size) == each.value):
                text, env[each.name] = body.write(size), body.at(size)
        elif each.kind == "flag" and (not fresh or body.chance(0.1)):
            env[each.name] = body.chance(0.5)
            text = str(env[each.name]).lower()
        elif each.kind == "operator" and body.chance(0.5):
            text = body.pick("relu", "tanh", "silu", "gelu", "sigmoid")
        if each.default is not None and text == each.default and body.chance(0.5):
            named = True
            continue
        texts.append(f"{each.name} = {text}" if named or (each.kind != "tensor" and body.chance(0.15)) else text)
        named = named or texts[-1].startswith(f"{each.name} = ")
    return ", ".join(texts)


@stage(1, 2, 3, often=16, part=True, nested=True)
def _use_of_a_block(body: Body) -> str | None:
    fitting = [each for each in body.file.blocks if each.rank == body.rank]
    fresh = not fitting or body.chance(0.4)
    block = _new(body) if fresh else body.pick(*fitting)
    env: dict[str, Any] = {**block.owner.env, "in": body.numbers()}
    given = _arguments(body, block, env, fresh)
    if given is None or not holds(block, env):
        return None
    names = {each.name: env[each.name] for each in block.owner.parameters if each.name in env} | {"in": env["in"]}
    shape = tuple(size.value(env) for size in block.result)
    if max(shape) > 24 or (body.keep and list(shape[1:]) != body.numbers()[1:]):
        return None
    for each in block.owner.needs:
        body.owner.needs.append(lambda _, need=each: need({**block.owner.env, **names}))  # type: ignore[misc]
    body.shape = tuple(_fixed(size, {**block.owner.env, **env}) for size in block.result)
    return f"{block.name}({given})"


def holds(block: Block, env: Env) -> bool:
    try:
        return all(need(env) for need in block.owner.needs)
    except (KeyError, IndexError):
        return False


def _fixed(size: Size, env: Env) -> Size:
    number = size.value(env)
    return Size(None, lambda _: number)
