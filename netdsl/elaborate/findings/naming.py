"""Which names a spec may not give, and why: what Python, `nn.Module` or a named tuple has, or an emitted file needs.

The names that an author writes are the names that he gets: in the keys of the weights, and as arguments and results of
the module and of the function that makes it. So a name that cannot stand there is refused. What nobody sees from
outside, such as a variable of `forward`, a backend may call otherwise.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from netdsl.elaborate.errors import trouble
from netdsl.text.codes import RESERVED_NAME
from netdsl.text.reserved import DICT_ATTRIBUTES, FILE_NAMES, MODULE_ATTRIBUTES, TUPLE_ATTRIBUTES

if TYPE_CHECKING:
    from netdsl.elaborate.errors import Trouble
    from netdsl.text.source import Span


def check_label(name: str, span: Span) -> None:
    """Refuses what cannot be an attribute of a module."""
    before: list[str] = []
    for part in name.split("."):
        if keyword.iskeyword(part):
            raise _refused(part, "is a keyword of Python, and cannot be a label", span)
        if part.startswith("__"):
            raise _refused(part, "is a name that Python keeps for itself, and cannot be a label", span)
        if part in MODULE_ATTRIBUTES:
            raise _refused(part, "is an attribute of `nn.Module`, and cannot be a label", span)
        if part in DICT_ATTRIBUTES and before and before[-1].isdigit():
            raise _refused(part, "is an attribute of `nn.ModuleDict`, and cannot be a label in an element", span)
        before.append(part)


def check_table(name: str, span: Span) -> None:
    """Refuses what cannot be the label of a constant or buffer, whose type is told in the class."""
    if name == "Tensor":
        raise _refused(name, "is the type that the text of a module names, and cannot be a constant or buffer", span)


def check_definition(name: str, span: Span) -> None:
    """Refuses what cannot be the name of a class or function: a block, net or model."""
    if name.startswith("__"):
        raise _refused(name, "is a name that Python keeps for itself, and cannot be a block, net or model", span)


def check_parameter(name: str, span: Span) -> None:
    """Refuses what cannot be a parameter of a block or net."""
    if keyword.iskeyword(name) or name == "self" or name.startswith("__"):
        raise _refused(name, "is a name that Python keeps for itself, and cannot be a parameter", span)


def check_input(name: str, span: Span) -> None:
    """Refuses what cannot be an argument of `forward`: an input of a net."""
    if keyword.iskeyword(name) or name == "self" or name.startswith("__"):
        raise _refused(name, "is a name that Python keeps for itself, and cannot be an input", span)
    if name in FILE_NAMES:
        raise _refused(name, "is a name that the text of a module needs, and cannot be an input", span)


def check_result(name: str, span: Span, *, several: bool) -> None:
    """Refuses what cannot be a result of a net: the field of a named tuple, if there are several."""
    if keyword.iskeyword(name):
        raise _refused(name, "is a keyword of Python, and cannot be a result", span)
    if not several:
        return
    if name.startswith("_"):
        raise _refused(name, "cannot be one of several results: no field of a named tuple begins with `_`", span)
    if name in TUPLE_ATTRIBUTES:
        raise _refused(name, "cannot be one of several results: it is an attribute of named tuples", span)


def _refused(name: str, why: str, span: Span) -> Trouble:
    return trouble(RESERVED_NAME, f"`{name}` {why}", span, help=f"call it otherwise: `{_other(name)}`")


def _other(name: str) -> str:
    """A name much like one that is refused, and free everywhere."""
    bare = name.strip("_")
    if bare != name and bare[:1].isalpha() and not _taken(bare):
        return bare
    return f"{bare}_" if bare[:1].isalpha() else f"part_{bare}".rstrip("_")


def _taken(name: str) -> bool:
    sets = (FILE_NAMES, MODULE_ATTRIBUTES, TUPLE_ATTRIBUTES, DICT_ATTRIBUTES)
    return keyword.iskeyword(name) or name == "self" or any(name in names for names in sets)
