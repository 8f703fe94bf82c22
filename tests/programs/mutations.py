"""Programs changed: numbers, names, labels, stages, lines and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from random import Random

from netdsl.ops import REGISTRY
from netdsl.syntax.layout.words import Word, words
from netdsl.text.errors import SpecError
from netdsl.text.source import Source
from tests.programs.grammar.body import PLAIN, TRICKY

Mutation = Callable[[Random, str, list[Word]], str | None]

MUTATIONS: list[Mutation] = []

KEEPING = ["relu()", "tanh()", "identity()", "sigmoid()", "dropout(0.1)", "batchnorm()", "layernorm()", "softmax()"]


def mutated(rng: Random, text: str, times: int, done: Callable[[str], None]) -> str:
    """The text after some changes; `done` is told what they were."""
    left = times
    for _ in range(times * 6):
        if not left:
            break
        try:
            found = words(Source("mutated.net", text))
        except (SpecError, IndexError):
            break  # it does not parse any more, and its brackets may not match
        mutation = rng.choice(MUTATIONS)
        changed = mutation(rng, text, found)
        if changed is not None and changed != text:
            text, left = changed, left - 1
            done("mutation: " + mutation.__name__.strip("_").replace("_", " "))
    return text


def _mutation(change: Mutation) -> Mutation:
    MUTATIONS.append(change)
    return change


def _replaced(text: str, word: Word, new: str) -> str:
    return text[: word.start] + new + text[word.end :]


def _of(rng: Random, found: list[Word], *kinds: str) -> Word | None:
    fitting = [word for word in found if word.kind in kinds]
    return rng.choice(fitting) if fitting else None


def _number(rng: Random, found: list[Word]) -> Word | None:
    fitting = [word for word in found if word.text.isdigit()]
    return rng.choice(fitting) if fitting else None


@_mutation
def _another_number(rng: Random, text: str, found: list[Word]) -> str | None:
    word = _number(rng, found)
    if word is None:
        return None
    value = int(word.text)
    near = [0, 1, 2, 3, max(0, value - 1), value + 1, 2 * value, max(1, value // 2)]
    return _replaced(text, word, str(rng.choice(near)))


@_mutation
def _number_as_a_sum(rng: Random, text: str, found: list[Word]) -> str | None:
    word = _number(rng, found)
    if word is None or int(word.text) < 1:
        return None
    value = int(word.text)
    less = rng.randint(0, value)
    forms = [f"({less} + {value - less})", f"({2 * value} // 2)", f"({value + less} - {less})", f"max({value}, {less})"]
    return _replaced(text, word, rng.choice(forms))


@_mutation
def _number_as_a_parameter(rng: Random, text: str, found: list[Word]) -> str | None:
    """A number, or all that equal it, becomes a parameter of the net."""
    match = re.search(r"\bnet \w+\(", text)
    within = [word for word in found if match and word.start > match.end()]
    word = _number(rng, within)
    if match is None or word is None:
        return None
    name = rng.choice(["k9", "size", "in_channels", "n", "width", "count"])
    if any(each.text == name for each in found):
        return None
    same = [each for each in within if each.text == word.text and (each is word or rng.random() < 0.5)]
    for each in reversed(same):
        text = _replaced(text, each, name)
    empty = text[match.end()] == ")"
    return f"{text[: match.end()]}{name} = {word.text}{'' if empty else ', '}{text[match.end() :]}"


def _statements(text: str) -> list[tuple[int, int]]:
    """Lines that are statements whole: braces that they open they close."""
    found, place = [], 0
    for line in text.split("\n"):
        stripped = line.strip()
        words = ("net ", "block ", "model ", "default ", "use ", "}", "input ", "#")
        whole = line.count("{") == line.count("}") and line.count("(") == line.count(")")
        if stripped and line.startswith(" ") and not stripped.startswith(words) and whole:
            found.append((place, place + len(line)))
        place += len(line) + 1
    return found


def _line(rng: Random, text: str) -> tuple[int, int, str] | None:
    lines = _statements(text)
    if not lines:
        return None
    start, end = rng.choice(lines)
    return start, end, text[start:end]


@_mutation
def _line_less(rng: Random, text: str, found: list[Word]) -> str | None:
    line = _line(rng, text)
    return line and text[: line[0]] + text[line[1] + 1 :]


@_mutation
def _line_twice(rng: Random, text: str, found: list[Word]) -> str | None:
    line = _line(rng, text)
    if line is None:
        return None
    again = re.sub(r"(\b[A-Za-z_]\w*)(: | = )", rf"\g<1>{rng.randint(1, 99)}\2", line[2])
    return text[: line[1]] + "\n" + again + text[line[1] :]


@_mutation
def _lines_swapped(rng: Random, text: str, found: list[Word]) -> str | None:
    lines = _statements(text)
    if len(lines) < 2:
        return None
    place = rng.randrange(len(lines) - 1)
    (a, b), (c, d) = lines[place], lines[place + 1]
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


@_mutation
def _line_elsewhere(rng: Random, text: str, found: list[Word]) -> str | None:
    """A line is spliced in at another place."""
    line, other = _line(rng, text), _line(rng, text)
    if line is None or other is None:
        return None
    again = re.sub(r"\b[A-Za-z_]\w*: ", "", line[2])
    return text[: other[1]] + "\n" + again + text[other[1] :]


AROUND = [
    "if true {{ {} }}", "if false {{ relu() }} else {{ {} }}", "repeat 1 {{ {} }}", "repeat 2 {{ {} }}",
    "for i9 in range(2) {{ {} }}", "g9: {{ {} }}", "{{ {} }}", "add {{ {}; identity() }}",
    "concat {{ {}; identity() }}",
    "p9.q9.r9: {{ {} }}", "l9[0]: {{ {} }}", "v9 = identity()\n{}\nadd(v9)",
    "for i9 in range(2) {{ w9[i9]: {{ {} }} }}",
    "v9 = {}\nadd(v9)", "train output h9 = {}", "g9: if true {{ {} }}", "g9: repeat 2 {{ {} }}",
]  # fmt: skip


@_mutation
def _line_within(rng: Random, text: str, found: list[Word]) -> str | None:
    """A line gets something around it."""
    line = _line(rng, text)
    if line is None or re.match(r"\s*(output|train|let|param|constant|buffer|init|expect)\b", line[2]):
        return None
    return text[: line[0]] + "    " + rng.choice(AROUND).format(line[2].strip()) + text[line[1] :]


def _calls(found: list[Word]) -> list[tuple[Word, Word]]:
    """Stages that are calls of operators: the name, and the bracket that ends it."""
    return [
        (word, found[after.partner])
        for word, after in pairwise(found)
        if word.text in REGISTRY and after.text == "(" and after.partner > 0
    ]


@_mutation
def _another_operator(rng: Random, text: str, found: list[Word]) -> str | None:
    calls = _calls(found)
    if not calls:
        return None
    word, end = rng.choice(calls)
    return text[: word.start] + rng.choice(KEEPING) + text[end.end :]


@_mutation
def _another_combine(rng: Random, text: str, found: list[Word]) -> str | None:
    names = ("add", "mul", "max", "sub", "concat", "stack")
    fitting = [word for word in found if word.text in names]
    return _replaced(text, rng.choice(fitting), rng.choice(names)) if fitting else None


@_mutation
def _stage_more(rng: Random, text: str, found: list[Word]) -> str | None:
    calls = _calls(found)
    if not calls:
        return None
    end = rng.choice(calls)[1]
    return f"{text[: end.end]} -> {rng.choice(KEEPING)}{text[end.end :]}"


@_mutation
def _label(rng: Random, text: str, found: list[Word]) -> str | None:
    """A stage gets a label, plain or not."""
    calls = _calls(found)
    if not calls:
        return None
    word, end = rng.choice(calls)
    if text[: word.start].rstrip().endswith((":", "=", "(")):
        return None
    label = rng.choice([*PLAIN, *TRICKY, "p.q", "p.q.r", "list[0]", "list[1]", "c{1}", "p.c{2}"])
    more = f" -> reuse({label})" if rng.random() < 0.3 else ""
    return f"{text[: word.start]}{label}: {text[word.start : end.end]}{more}{text[end.end :]}"


@_mutation
def _name(rng: Random, text: str, found: list[Word]) -> str | None:
    """A name of the program becomes another everywhere."""
    labels = {match[1] for match in re.finditer(r"\b([A-Za-z_]\w*)(?:: | = |\()", text)} - set(REGISTRY)
    labels -= {"reuse", "net", "input", "init", "weight", "bias", "stride", "kernel", "padding", "then", "range"}
    names = [word for word in found if word.text in labels and word.kind == "NAME"]
    if not names:
        return None
    old, new = rng.choice(names).text, rng.choice([*PLAIN, *TRICKY, "__A", "_1", "NOutput", "with_heads"])
    for word in reversed(found):
        if word.text == old and word.kind == "NAME":
            text = _replaced(text, word, new)
    return text


@_mutation
def _prefix(rng: Random, text: str, found: list[Word]) -> str | None:
    """A label gets a prefix, wherever it stands."""
    labels = [each[1] for each in re.finditer(r"(?<![\w.{\[])([a-z]\w*): (?![\[(\d])", text)]
    if not labels:
        return None
    old = rng.choice(labels)
    prefix = rng.choice(["p.", "p.q.", "body.", "p{0}."])
    for word in reversed(found):
        if word.text == old and word.kind == "NAME":
            text = _replaced(text, word, prefix + old)
    return text


TOP = [
    "default conv(bias = false)", "default conv(then = relu())", "default conv(then = batchnorm() -> relu())",
    "default linear(then = tanh())", "default batchnorm(affine = false)", "default linear(bias = false)",
]  # fmt: skip


@_mutation
def _default(rng: Random, text: str, found: list[Word]) -> str | None:
    return f"{rng.choice(TOP)}\n{text}"


@_mutation
def _init(rng: Random, text: str, found: list[Word]) -> str | None:
    match = re.search(r"\n(\s*)input [^\n]*\n", text)
    line = rng.choice(["init conv(weight = normal(0.02), bias = zeros())", "init linear(weight = xavier_uniform())"])
    return match and f"{text[: match.end()]}    {line}\n{text[match.end() :]}"


@_mutation
def _head(rng: Random, text: str, found: list[Word]) -> str | None:
    """An output more, or a head, somewhere in the net."""
    match = re.search(r"\bnet \w+\(", text)
    lines = [line for line in _statements(text) if match and line[0] > match.end()]
    if not lines:
        return None
    _, end = rng.choice(lines)
    line = rng.choice([
        "train output h8 = flatten() -> linear(2) weight 0.3", "output o8 = relu()", "train output h8 = relu()",
        "if true { train output h8 = flatten() -> linear(2) }", "train output h8 = m8: { flatten() -> linear(2) }",
        "train output type = batchnorm()", "output class = tanh()",
    ])  # fmt: skip
    return f"{text[:end]}\n    {line}{text[end:]}"
