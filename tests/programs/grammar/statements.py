"""Statements: values, lists of parts, tensors of a program's own, parts used again, `let`, `default` and `init`."""

from __future__ import annotations

from tests.programs.grammar.body import Body
from tests.programs.grammar.operators import activation
from tests.programs.grammar.registry import statement
from tests.programs.grammar.sizes import Size, literal, over, times
from tests.programs.grammar.structure import chain, fit

ROOM = 24
"""The widest first axis that joining may make."""


@statement(often=30)
def _line(body: Body) -> str:
    """A chain, with a contract at times."""
    text = chain(body)
    if body.chance(0.15):
        text += f" => [{', '.join(body.write(size) for size in body.shape)}]"
        body.used("contract")
    return text


@statement(often=9)
def _value(body: Body) -> str:
    """A name for the current value, or for what is made of it."""
    child = body.within(may_label=body.may_label)
    text = "identity()" if body.chance(0.5) else chain(child, 2)
    name = body.name()
    body.values[name] = child.shape
    body.pending.append(name)
    return f"{name} = {text}"


@statement(often=9)
def _read_again(body: Body) -> str | None:
    """A value from above, joined with the current one."""
    if not body.values:
        return None
    name = body.pick(*(body.pending or body.values)) if body.chance(0.7) else body.pick(*body.values)
    shape = body.values[name]
    if body.same(shape, body.shape):
        text = f"{body.pick('add', 'add', 'sub', 'mul', 'max')}({name})"
    elif (
        len(shape) == body.rank
        and body.same(shape[1:], body.shape[1:])
        and body.at(shape[0]) + body.at(body.shape[0]) <= ROOM
    ):
        first, second = body.shape[0], shape[0]
        body.shape = (Size(None, lambda env: first.value(env) + second.value(env)), *body.shape[1:])
        text = f"concat({name})" if body.chance(0.6) else f"concat {{ identity(); {name} }}"
    else:
        return None
    body.pending = [each for each in body.pending if each != name]
    return text


@statement(often=4)
def _start_from(body: Body) -> str | None:
    """A line that starts from a value, while what was current is kept for later."""
    if not body.values:
        return None
    kept, name = body.name(), body.pick(*body.values)
    body.values[kept] = body.shape
    body.pending = [*(each for each in body.pending if each != name), kept]
    shape, body.shape = body.shape, body.values[name]
    if body.keep and not body.same(shape, body.shape):
        body.shape = shape
        return None
    return f"{kept} = identity()\n{name} -> {chain(body, 2)}"


@statement(1, 2, 3, often=5)
def _parts_of_a_value(body: Body) -> str | None:
    first = body.shape[0]
    if not body.divides(2, first) or body.at(first) < 2:
        return None
    half = over(first, 2)
    left, right = body.name(), body.name()
    texts = [f"({left}, {right}) = {body.pick('chunk(2)', 'chunk(n = 2)')}"]
    if half.text and body.chance(0.4):
        texts = [f"({left}, {right}) = split([{half.text}, {half.text}])"]
    if body.chance(0.25):
        texts = [f"({left}, _) = chunk(2)"]
        body.shape = (half, *body.shape[1:])
        body.values[left] = body.shape
        return f"{texts[0]}\n{left} -> {activation(body)}"
    body.shape = (half, *body.shape[1:])
    body.values[left] = body.values[right] = body.shape
    return f"{texts[0]}\n{left} -> {activation(body)} -> {body.pick('add', 'mul', 'sub')}({right})"


@statement(2, often=4)
def _recurrence(body: Body) -> str | None:
    if body.at(body.shape[0]) > 9:  # verification goes through it step by step
        return None
    hidden = body.width()
    call = f"{body.pick('lstm', 'gru')}({body.write(hidden)}"
    both = body.chance(0.3)
    call += body.pick("", ", layers = 2") + (", bidirectional = true" if both else "") + ")"
    call = f"{body.label()}: {call}" if body.may_label and not body.indices and body.chance(0.4) else call
    name = body.name()
    width = times(2, hidden) if both else hidden
    if body.chance(0.5):
        body.shape = (width,)
        text = f"(_, {name}) = {call}"
    else:
        body.shape = (body.shape[0], width)
        text = f"({name}, _) = {call}"
    body.values[name] = body.shape
    return f"{text}\n{name} -> {activation(body)}"


@statement(2, often=4)
def _attend(body: Body) -> str | None:
    if body.at(body.shape[1]) > 12:
        return None
    width = body.shape[1]
    q, k, v = body.name("q"), body.name("k"), body.name("v")
    lines = [f"linear({body.write(times(3, width))}) -> reshape([{body.write(body.shape[0])}, 3, {body.write(width)}])"]
    lines.append(f"({q}, {k}, {v}) = unbind(1)")
    more = body.pick("", ", causal = true", ", scale = 0.5")
    lines.append(f"{q} -> attend({k}, {v}{more})")
    return "\n".join(lines)


# --- lists of parts, parts used again


@statement(1, 3, often=10)
def _list_of_parts(body: Body) -> str | None:
    if not body.may_label or body.indices or body.sequence:
        return None
    name, start, index, count = body.name("parts"), body.name(), body.name("i"), body.whole(1, 3)
    width = body.width()
    call = f"conv({body.write(width)}, 1x1)" if body.rank == 3 else f"linear({body.write(width)})"
    call = body.pick(call, call, f"{{ {call} -> relu() }}")
    from_value = body.chance(0.6)
    lines = [f"{start} = identity()"] if from_value else []
    first = f"{start} -> " if from_value else ""
    if body.chance(0.25):  # filled by two loops, or by a loop and a line
        lines.append(f"for {index} in range({count}) {{ {first}{name}[{index}]: {call} }}")
        lines.append(f"for {index} in range({count}, {count + 2}) {{ {first}{name}[{index}]: {call} }}")
        count += 2
        body.used("list filled by two loops")
    elif body.chance(0.3):
        lines += [f"{first}{name}[{place}]: {call}" for place in range(count)]
    else:
        lines.append(f"for {index} in range({count}) {{ {first}{name}[{index}]: {call} }}")
    total = (width, *body.shape[1:])
    case = body.whole(0, 3)
    if count == 1 or case == 0:
        lines.append(f"{name}[{count - 1}] -> {activation(body)}")
        if from_value:
            lines += [f"add({name}[{place}])" for place in range(count - 1)]
    elif case == 1:
        lines.append(f"{body.pick('add', 'max')} {{ for x in {name} {{ x }} }}")
    elif case == 2 and count * body.at(width) <= ROOM:
        lines.append(f"concat {{ for x in {name} {{ x -> {activation(body)} }} }}")
        total = (times(count, width), *body.shape[1:])
    else:
        lines.append(" -> ".join([f"{name}[0]", *(f"add({name}[{place}])" for place in range(1, count))]))
    body.shape = total
    return "\n".join(lines)


@statement(1, 2, 3, often=8)
def _part_used_again(body: Body) -> str | None:
    if not body.may_label or body.indices or body.sequence:
        return None
    name = body.label() if body.chance(0.3) else body.name()
    width = body.write(body.shape[0] if body.rank == 3 else body.shape[-1])
    call = f"conv({width}, {body.pick('1x1', '3x3, padding = same')})" if body.rank == 3 else f"linear({width})"
    if body.chance(0.4):
        call = f"{{ {call} -> {body.pick('relu()', 'dropout(0.1)', 'batchnorm()' if body.rank == 3 else 'tanh()')} }}"
    again = f"reuse({name})"
    if body.chance(0.3):
        again = body.pick(f"repeat 2 {{ {again} }}", f"add {{ {again}; identity() }}", f"{again} -> {activation(body)}")
    return f"{name}: {call}\n{again}"


@statement(1, 3, often=5)
def _tied_weights(body: Body) -> str | None:
    if not body.may_label or body.indices or body.sequence or body.must_label:
        return None
    name, width = body.name(), body.shape[0]
    op, window = ("conv", ", 1x1") if body.rank == 3 else ("linear", "")
    bias = body.pick(", bias = false", "", f", bias = {name}.bias")
    return (
        f"{name}: {op}({body.write(width)}{window})\n"
        f"{activation(body)} -> {op}({body.write(width)}{window}, weight = {name}.weight{bias})"
    )


# --- tensors


def _leading(body: Body) -> str:
    """The shape of a tensor that broadcasts over all but the first axis."""
    return f"[{', '.join([body.write(body.shape[0]), *['1'] * (body.rank - 1)])}]"


@statement(often=6)
def _learned_tensor(body: Body) -> str | None:
    if body.indices or body.sequence or not body.may_label:
        return None
    name = body.name()
    prefix = f"{body.name()}.{name}" if body.chance(0.1) else name
    init = body.pick("", " init ones()", " init normal(0.02)", " init constant(0.5)")
    return f"param {prefix}: {_leading(body)}{init}\n{body.pick('mul', 'add')}({prefix})"


FORMULAS = [
    "1 / (i + 1)", "2 ** -i", "i * 0.5 - 1", "1 if i % 2 == 0 else -1", "sin(i) + cos(2 * pi * i / 3)", "i // 2",
    "exp(-i / 2)", "sqrt(i + 1)", "10000 ** (-i // 2)", "min(i, 2)", "abs(i - 1) / 3", "2 if i > 1 or i == 0 else 3",
    "0 if i > 0 and i < 3 else 0.25", "round(i / 2)", "log(i + 1)", "i", "floor(i / 2) + ceil(i / 3)",
]  # fmt: skip


@statement(often=6)
def _fixed_tensor(body: Body) -> str | None:
    if body.indices or body.sequence or not body.may_label:
        return None
    name, kind = body.name(), body.pick("constant", "constant", "buffer")
    formula = body.pick(*FORMULAS)
    known = [each.name for each in body.owner.parameters if each.kind == "size"]
    if known and body.chance(0.3):
        formula = body.pick("i / {c}", "1 if i < {c} else 0", "{c} - i", "(i + 1) % {c}").format(c=body.pick(*known))
    if "i" not in formula:
        formula = f"i * ({formula})"
    places = ", ".join(["i", *(f"i{place}" for place in range(1, body.rank))])
    lines = [f"{kind} {name}[{places}]: {_leading(body)} = {formula}"]
    if body.rank == 1 and body.chance(0.3):
        other = body.name()
        lines.append(f"constant {other}[i]: {_leading(body)} = {name}[i] * 2 + i")
        return "\n".join([*lines, f"add({name}) -> mul({other})"])
    return "\n".join([*lines, f"{body.pick('add', 'mul', 'sub')}({name})"])


@statement(1, 3, often=5)
def _given_weights(body: Body) -> str | None:
    if body.indices or body.sequence or not body.may_label:
        return None
    name, width, channels = body.name(), body.width(), body.shape[0]
    if not channels.text and body.owner.kind == "block":
        return None
    first, last = body.write(width), body.write(channels)
    if body.rank == 1:
        shape, indices, use = f"[{first}, {last}]", "o, c", f"linear({first}, bias = false, weight = {name})"
    else:
        side = body.pick(1, 3)
        shape, indices = f"[{first}, {last}, {side}, {side}]", "o, c, y, z"
        use = f"conv({first}, {side}x{side}{', padding = same' * (side > 1)}, bias = false, weight = {name})"
    formula = body.pick("1 / (o + c + 1)", "o - c", "1 if o == c else 0", "0.5", "1", "(o + 1) * 0.25")
    if body.chance(0.4):
        declared = f"param {name}: {shape}{body.pick('', ' init normal(0.1)')}"
    else:
        declared = f"{body.pick('constant', 'buffer')} {name}[{indices}]: {shape} = {formula}"
    body.shape = (width, *body.shape[1:])
    return f"{declared}\n{use}"


# --- numbers, defaults, initialisers


@statement(often=6)
def _number(body: Body) -> str | None:
    name, base = body.name(body.pick("inner", "half", "wide", "m")), body.width()
    case = body.whole(0, 4)
    if case == 0:
        value, text = times(2, base), f"2 * ({body.write(base)})"
    elif case == 1:
        value, text = Size(None, lambda env: base.value(env) + 1), f"{body.write(base)} + 1"
    elif case == 2:
        value, text = Size(None, lambda env: max(base.value(env), 2)), f"max({body.write(base)}, 2)"
    elif case == 3:
        numbers = sorted(body.rng.sample(range(1, 7), 3))
        kept = [2 * each for each in numbers if each > numbers[0]]
        value = literal(kept[0])
        text = f"[2 * e for e in {numbers} if e > {numbers[0]}][0]"
        body.used("comprehension")
    else:
        flag = body.flag()
        value = Size(None, lambda env: base.value(env) if env[flag] else 3)
        text = f"{body.write(base)} if {flag} else 3"
    if not 0 < body.at(value) <= 16:
        return None
    body.sizes.append(Size(name, value.value))
    return f"let {name} = {text}\n{chain(body, 1)}"


@statement(1, 3, often=3)
def _default(body: Body) -> str:
    """For the uses of an operator that follow in this body."""
    text = body.pick(
        "default conv(bias = false)",
        f"default conv(then = {activation(body)})",
        "default linear(bias = false)",
        "default batchnorm(eps = 0.002, momentum = 0.2)",
        "default conv(then = batchnorm() -> relu())",
        "default linear(then = relu())",
        "default layernorm(eps = 0.01)",
    )
    return f"{text}\n{chain(body, 2)}"


INITIALISERS = ["zeros()", "ones()", "constant(0.2)", "normal(0.02)", "uniform(-0.1, 0.1)", "xavier_uniform()"]
INITIALISERS += ["kaiming_normal(mode = fan_out)", "lecun_normal()", "trunc_normal(0.02)", "orthogonal()"]


@statement(1, 3, often=4)
def _initialiser(body: Body) -> str | None:
    if body.depth > 0:
        return None
    op = "conv" if body.rank == 3 else "linear"
    width = body.write(body.shape[0])
    call = f"conv({width}, 1x1)" if op == "conv" else f"linear({width})"
    weight, bias = body.pick(*INITIALISERS), body.pick("zeros()", "constant(0.1)")
    if body.chance(0.4) and body.may_label and not body.indices and not body.sequence:
        name = body.name()
        return f"init {name}.weight = {weight}\n{name}: {call}"
    return f"init {op}(weight = {weight}{body.pick('', f', bias = {bias}')})\n{call}"


@statement(1, 3, often=3)
def _named_in_arms(body: Body) -> str | None:
    """A value that each arm names."""
    if body.indices or body.sequence:
        return None
    name, flag = body.name(), body.flag()
    arms = [body.pick("relu()", "tanh()", "identity()"), activation(body)]
    other = body.within()
    other.shape = body.shape
    end = fit(other, body.shape)
    assert end == ""
    return f"if {flag} {{ {name} = {arms[0]} }} else {{ {name} = {arms[1]} }}\n{body.pick('add', 'mul')}({name})"
