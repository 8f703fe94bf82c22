"""Writing Python: how statements, functions, classes and files become lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from netdsl_pytorch.python import build, printer
from netdsl_pytorch.python.layout import INDENT, WIDTH
from netdsl_pytorch.python.nodes import Name
from netdsl_pytorch.python.statements import (
    Assign,
    Class,
    Declare,
    Evaluate,
    For,
    Function,
    If,
    Parameter,
    Pass,
    Return,
    Source,
    Statement,
    expressions,
    inside,
)

DOC_WIDTH = 110
"""Columns to which a docstring is filled."""


def file(doc: str, exported: Sequence[str], definitions: Sequence[Statement]) -> str:
    """A file of definitions: its docstring, what it imports, `__all__`, two blank lines before each definition."""
    names = build.list_of([build.literal(each) for each in exported])
    constant = lines(Assign((Name("__all__"),), names))
    body = [line for each in definitions for line in ["", "", *lines(each)]]
    return "\n".join([*docstring(doc, 0), "", *imports(definitions), "", *constant, *body]) + "\n"


_STANDARD = {
    "math": "import math",
    "OrderedDict": "from collections import OrderedDict",
    "partial": "from functools import partial",
}
_ABSTRACT = ("Callable", "Sequence")
_TYPING = ("ClassVar", "NamedTuple")
_TORCH = {"torch": "import torch", "F": "import torch.nn.functional as F"}
_MEMBERS = ("Tensor", "nn")

IMPORTED = frozenset((*_STANDARD, *_ABSTRACT, *_TYPING, *_TORCH, *_MEMBERS))
"""The names that an emitted file may import."""


def imports(definitions: Iterable[Statement]) -> list[str]:
    """What definitions need, as lines in the order that ruff wants."""
    names: set[str] = set()
    for each in definitions:
        names |= mentioned(each)
    standard = [line for name, line in _STANDARD.items() if name in names]
    abstract = [name for name in _ABSTRACT if name in names]
    if abstract:
        place = sum(line.startswith(("import ", "from collections import")) for line in standard)
        standard.insert(place, f"from collections.abc import {', '.join(abstract)}")
    typing = [name for name in _TYPING if name in names]
    standard += [f"from typing import {', '.join(typing)}"] if typing else []
    torch = [line for name, line in _TORCH.items() if name in names]
    members = [name for name in _MEMBERS if name in names]
    torch += [f"from torch import {', '.join(members)}"] if members else []
    return [*standard, *([""] if standard and torch else []), *torch]


def mentioned(statement: Statement) -> set[str]:
    """The names that a statement mentions, at any depth."""
    found = {each.id for each in expressions(statement) if isinstance(each, Name)}
    stack = [statement]
    while stack:
        top = stack.pop()
        if isinstance(top, Source):
            found |= top.names
        stack += inside(top)
    return found


def lines(statement: Statement, indent: int = 0) -> list[str]:
    """A statement as lines, without the blank line before it."""
    pad = " " * indent
    if isinstance(statement, Assign):
        head = ", ".join(map(printer.text, statement.targets))
        if statement.annotation is not None:
            head += f": {printer.text(statement.annotation)}"
        return printer.statement(
            f"{head} {statement.operator} ", statement.value, comment=statement.comment, indent=indent
        )
    if isinstance(statement, Declare):
        return [f"{pad}{printer.text(statement.target)}: {printer.text(statement.annotation)}"]
    if isinstance(statement, Evaluate):
        return printer.statement("", statement.value, comment=statement.comment, indent=indent)
    if isinstance(statement, Return):
        return printer.statement("return ", statement.value, comment=statement.comment, indent=indent)
    if isinstance(statement, If):
        return _choice(statement, indent)
    if isinstance(statement, For):
        opening = printer.statement(f"for {statement.target} in ", statement.iterable, tail=":", indent=indent)
        return [*opening, *block(statement.body, indent + INDENT)]
    if isinstance(statement, Function):
        parameters = list(map(_parameter, statement.parameters))
        opening = printer.definition(statement.name, parameters, printer.text(statement.result), indent)
        doc = docstring(statement.doc, indent + INDENT) if statement.doc else []
        return [*opening, *doc, *block(statement.body, indent + INDENT)]
    if isinstance(statement, Class):
        doc = docstring(statement.doc, indent + INDENT) if statement.doc else []
        head = f"{pad}class {statement.name}({printer.text(statement.base)}):"
        gap = [""] if doc and statement.body else []
        return [head, *doc, *gap, *block(statement.body, indent + INDENT)]
    if isinstance(statement, Source):
        return statement.text.rstrip("\n").split("\n")
    assert isinstance(statement, Pass)
    return [f"{pad}pass"]


def block(statements: Sequence[Statement], indent: int) -> list[str]:
    """Statements in a body, with the blank lines between them."""
    result: list[str] = []
    for each in statements:
        if result and (each.apart or isinstance(each, Function | Class)):
            result.append("")
        result += lines(each, indent)
    return result


def _choice(statement: If, indent: int) -> list[str]:
    result: list[str] = []
    word = "if"
    while True:
        result += printer.statement(f"{word} ", statement.test, tail=":", indent=indent)
        result += block(statement.then, indent + INDENT)
        rest = statement.otherwise
        if len(rest) != 1 or not isinstance(rest[0], If):
            break
        word, statement = "elif", rest[0]
    if rest:
        result += [" " * indent + "else:", *block(rest, indent + INDENT)]
    return result


def _parameter(parameter: Parameter) -> str:
    shown = parameter.name
    if parameter.annotation is not None:
        shown += f": {printer.text(parameter.annotation)}"
    return shown if parameter.default is None else f"{shown} = {printer.text(parameter.default)}"


def docstring(text: str, indent: int) -> list[str]:
    """A docstring that holds a text of the author, whatever is in it."""
    written: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.strip()):
        own = [line.expandtabs(4).rstrip() for line in paragraph.splitlines()]
        if any(len(line) + indent > WIDTH - 8 for line in own):
            own = textwrap.wrap(" ".join(own), DOC_WIDTH - indent, break_on_hyphens=False)
        written += ["", *own] if written else own
    shown = [_escape(line) for line in written] or ["A module."]
    # A quote that no backslash escapes: an even number of them are backslashes of the text.
    shown[-1] = re.sub(r'(?<!\\)((?:\\\\)*)"$', r'\1\\"', shown[-1])
    pad = " " * indent
    if len(shown) == 1:
        return [f'{pad}"""{shown[0].lstrip()}"""']
    return [f'{pad}"""{shown[0].lstrip()}', *[(pad + line).rstrip() for line in shown[1:]], f'{pad}"""']


def _escape(line: str) -> str:
    """A line for a docstring: it cannot end it, and has nothing invisible in it."""
    line = line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
