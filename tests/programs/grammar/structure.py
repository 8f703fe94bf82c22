"""Chains, branches, groups, arms and loops: stages that hold stages."""

from __future__ import annotations

import re

from tests.programs.grammar.body import Body
from tests.programs.grammar.registry import STAGES, draw_one, stage
from tests.programs.grammar.sizes import Shape, Size, either, literal, plus


def chain(body: Body, most: int = 3) -> str:
    """Some stages, one after the other, some with labels."""
    texts = []
    for _ in range(body.whole(1, most)):
        construct, text = draw_one(body, STAGES)
        texts.append(labelled(body, text, construct.part, construct.nested))
    return " -> ".join(texts)


def labelled(body: Body, text: str, part: bool, nested: bool = False) -> str:
    if not body.may_label or re.match(r"\[|reuse|[\w.\[\]{}]+: ", text):
        return text
    must = part and body.must_label
    if must or (part and body.chance(0.3)) or (nested and body.chance(0.1)) or body.chance(0.03):
        label = body.label()
        if not body.indices and not body.sequence:
            body.values[label] = body.shape
        return f"{label}: {text}"
    return text


def part(body: Body, text: str) -> str:
    """A stage with weights that others add, which a sequence may want a label for."""
    return labelled(body, text, True)


def fit(body: Body, wanted: Shape) -> str | None:
    """A stage that gives a shape; empty if it is there already, None if no stage of this generator would."""
    if body.same(body.shape, wanted):
        return ""
    if body.rank != len(wanted) or (body.must_label and not body.may_label):
        return None
    if body.rank == 1:
        text = f"linear({body.write(wanted[0])})"
    elif body.same(body.shape[1:], wanted[1:]):
        window = "x".join(["1"] * (body.rank - 1))
        text = f"conv({body.write(wanted[0])}, {window})"
    elif body.rank == 2 and body.same(body.shape[:1], wanted[:1]):
        text = f"linear({body.write(wanted[1])})"
    else:
        return None
    body.shape = wanted
    return part(body, text)


def branch(body: Body, wanted: Shape | None, most: int = 2) -> str | None:
    """A line of a combine, from the body's current shape."""
    texts = [chain(body, most)]
    if wanted is not None:
        end = fit(body, wanted)
        if end is None:
            return None
        if end:
            texts.append(end)
    text = " -> ".join(texts)
    # In a combine, what stands in an arm or a loop by itself are branches of their own.
    return f"identity() -> {text}" if text.startswith(("if ", "for ", "repeat ")) and body.chance(0.85) else text


def _in_combine(body: Body) -> Body:
    return body.within(must_label=body.must_label or body.sequence, sequence=False, keep=True)


@stage(often=14, nested=True)
def _residual(body: Body) -> str | None:
    child = _in_combine(body)
    text = branch(child, body.shape)
    if text is None:
        return None
    name = body.pick("add", "add", "mul", "max", "sub")
    lines = [text, "identity()"]
    if body.chance(0.3):
        lines.reverse()
    if body.chance(0.15):
        flag = body.flag()
        lines[-1] = f"if {flag} {{ {lines[-1]} }} else {{ {body.pick('relu()', 'identity()', 'tanh()')} }}"
        body.used("branch that is one thing or another")
    else:
        body.values.update(child.values)
    if len(body.lines) and body.chance(0.2):
        others = [each for each, shape in body.values.items() if body.same(shape, body.shape)]
        if others:
            lines.append(body.pick(*others))
    return f"{name} {{\n" + _indented(lines) + "\n}"


@stage(1, 2, 3, often=12, nested=True)
def _concat(body: Body) -> str | None:
    start = body.shape
    lines, total = [], None
    for _ in range(body.whole(2, 3)):
        child = _in_combine(body)
        child.shape = start
        text = "identity()" if body.chance(0.2) else branch(child, None)
        if text is None or not body.same(child.shape[1:], start[1:]) or child.rank != len(start):
            return None
        if " -> " in text and body.chance(0.3):
            text = "{ " + text + " }"
        lines.append(text)
        body.values.update(child.values)
        total = child.shape[0] if total is None else plus(total, child.shape[0])
    assert total is not None
    if body.at(total) > 24:
        return None
    body.shape = (total, *start[1:])
    return "concat {\n" + _indented(lines) + "\n}"


@stage(3, often=3, nested=True)
def _gate(body: Body) -> str | None:
    if body.must_label and not body.may_label:
        return None
    inner = body.width()
    child = _in_combine(body)
    first = part(child, f"conv({body.write(inner)}, 1x1)")
    second = part(child, f"conv({body.write(body.shape[0])}, 1x1)")
    return f"mul {{ globalavgpool(keep = true) -> {first} -> relu() -> {second} -> sigmoid(); identity() }}"


@stage(1, 2, often=2, nested=True)
def _stacked(body: Body) -> str | None:
    child = _in_combine(body)
    text = branch(child, body.shape)
    if text is None:
        return None
    body.values.update(child.values)
    return f"stack {{ identity(); {text} }} -> {body.pick('mean', 'sum', 'maximum')}(0)"


@stage(2, often=2, nested=True)
def _product_of_matrices(body: Body) -> str | None:
    if body.at(body.shape[0]) > 12:
        return None
    first = body.shape[0]
    body.shape = (first, first)
    return "matmul { identity(); permute(1, 0) -> softmax() }"


@stage(often=10, nested=True)
def _group(body: Body) -> str | None:
    if not body.may_label:
        return None
    label = body.label()
    child = body.within(sequence=True, must_label=False, indices=(), may_label=True)
    child.owner.taken, before = set(child.owner.taken), child.owner.taken
    lines = []
    for _ in range(body.whole(1, 2)):
        start = child.shape
        text = chain(child, 3)
        if body.chance(0.1) and body.same(start, child.shape):
            text = f"repeat 2 {{ {text} }}" if ": " not in text else text
        lines.append(text)
    # Labels of a sequence are its own; parameters are the owner's.
    child.owner.taken = before | {each.name for each in child.owner.parameters}
    body.shape = child.shape
    child.lines = lines
    if not body.indices and not body.sequence:
        body.values[label] = body.shape
    return f"{label}: {child.braced()}"


@stage(often=3, nested=True)
def _braces(body: Body) -> str:
    child = body.within()
    child.lines = [chain(child, 2) for _ in range(2)]
    body.shape = child.shape
    body.values.update(child.values)
    return child.braced()


@stage(often=8, nested=True)
def _arms(body: Body) -> str | None:
    """An `if` of two arms, whose shapes may differ in the first axis."""
    flag = body.flag()
    first, second = body.within(may_label=body.may_label), body.within(may_label=body.may_label)
    first.lines = [chain(first, 2)]
    start = second.shape
    second.lines = [chain(second, 2)] if body.chance(0.7) else ["identity()"]
    if first.rank != second.rank or not body.same(first.shape[1:], second.shape[1:]):
        end = fit(second, first.shape)
        if end is None:
            second.shape = start
            second.lines = [first.lines[0].replace("relu", "tanh")]
            if ": " in first.lines[0]:
                return None
            second.shape = first.shape
        elif end:
            second.lines.append(end)
    negated = body.chance(0.2)
    one, other = (second, first) if negated else (first, second)
    body.shape = tuple(
        a if a.text and a.text == b.text else either(flag, a, b) for a, b in zip(one.shape, other.shape, strict=True)
    )
    if body.chance(0.15):
        both = body.name("both")
        child_text = f"if {'not ' * negated}{flag} {first.braced()} else {second.braced()}"
        return f"{both}: {child_text}" if not body.indices and body.may_label and ": " not in child_text else child_text
    return f"if {'not ' * negated}{flag} {first.braced()} else {second.braced()}"


@stage(often=5, nested=True)
def _one_arm(body: Body) -> str | None:
    """An `if` without `else` keeps the shape."""
    child = body.within()
    text = branch(child, body.shape)
    if text is None:
        return None
    child.lines = [text]
    tests = [body.flag()]
    known = [each.name for each in body.owner.parameters if each.kind == "size"]
    if known:
        tests.append(f"{body.pick(*known)} {body.pick('>', '<=', '!=', '==')} {body.whole(1, 6)}")
    if body.owner.kind == "block" and body.rank > 1:
        tests.append(f"in.channels {body.pick('>', '!=')} {body.whole(1, 6)}")
    test = body.pick(*tests)
    if len(tests) > 1 and body.chance(0.2):
        test = f"{tests[0]} {body.pick('and', 'or')} {tests[1]}"
    return f"if {test} {child.braced()}"


@stage(often=9, nested=True)
def _loop(body: Body) -> str | None:
    """A loop whose turns keep the shape."""
    case = body.whole(0, 4)
    if case == 0:
        child = body.within(may_label=False)
        head = f"repeat {_count(body)}"
    else:
        index = body.name(body.pick("i", "j", "k"))
        child = body.within(indices=(*body.indices, (index, 2)))
        if case == 1:
            child.sizes.append(Size(f"({index} + 1)", lambda env: 2))
        head = f"for {index} in range({_count(body)})"
        if case == 2:
            width = body.name(body.pick("w", "ch"))
            widths = [body.pick(2, 3, 4) for _ in range(body.whole(1, 3))]
            child.sizes.append(Size(width, lambda env: widths[-1]))
            head = f"for ({index}, {width}) in enumerate([{', '.join(map(str, widths))}])"
        elif case == 3 and body.chance(0.5):
            head = f"for {index} in {body.pick('[0, 2]', 'range(1, 3)', 'range(0, 4, 2)', 'reversed([1, 0])')}"
    text = branch(child, body.shape)
    if text is None:
        return None
    child.lines = [text]
    return f"{head} {child.braced()}"


def _count(body: Body) -> str:
    known = [each for each in body.owner.parameters if each.kind == "count"]
    if known and body.chance(0.3):
        return body.pick(*known).name
    count = body.pick(0, 1, 2, 2, 2, 3)
    if body.chance(0.2):
        return body.option("count", count, str(count), str(body.whole(1, 3)), body.pick("depth", "layers"))
    return str(count)


@stage(3, often=4, nested=True)
def _dense(body: Body) -> str | None:
    """A loop that grows: each turn joins what it has with something new."""
    count, growth = body.whole(1, 3), body.width()
    unlabelled = body.must_label and not body.may_label
    if unlabelled or body.sequence or body.at(body.shape[0]) + count * body.at(growth) > 24:
        return None
    child = body.within()
    start, index = body.shape, body.name("t")
    child.indices = (*body.indices, (index, count))
    text = part(child, f"conv({body.write(growth)}, 3x3, padding = same)")
    body.shape = (Size(None, lambda env: start[0].value(env) + count * growth.value(env)), *start[1:])
    before = body.pick("", "relu() -> ", "batchnorm() -> ")
    return f"for {index} in range({count}) {{ concat {{ identity(); {before}{text} }} }}"


@stage(3, often=5, nested=True)
def _widths(body: Body) -> str | None:
    """A loop over a list of widths, which may be a parameter."""
    if body.must_label and not body.may_label:
        return None
    widths = [body.pick(2, 3, 4, 6) for _ in range(body.whole(1, 3))]
    text = f"[{', '.join(map(str, widths))}]"
    if body.chance(0.4):
        name = body.option("list", widths, text, None, body.pick("widths", "ws", "channels"))
        last = Size(None, lambda env: env[name][-1])
    else:
        name, last = text, literal(widths[-1])
    index, width = body.name("i"), body.name("w")
    child = body.within(indices=(*body.indices, (index, len(widths))))
    child.sizes.append(Size(width, lambda env: widths[-1]))
    first = part(child, f"conv({width}, {body.pick('1x1', '3x3, padding = same')})")
    child.shape = (Size(width, last.value), *body.shape[1:])
    rest = f" -> {chain(child, 1)}" if body.chance(0.4) and not child.must_label else ""
    if rest:
        end = fit(child, (Size(width, last.value), *body.shape[1:]))
        if end is None:
            return None
        rest += f" -> {end}" if end else ""
    body.shape = (last, *body.shape[1:])
    return f"for ({index}, {width}) in enumerate({name}) {{\n    {first}{rest}\n}}"


def _indented(lines: list[str]) -> str:
    return "\n".join("    " + line for text in lines for line in text.split("\n"))
