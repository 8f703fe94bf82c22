"""What parameters are given: which values a constructor can take, which are the same, and what type they have."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from netdsl.graph.graph import Scope
from netdsl.graph.kept import Kept
from netdsl.lower.programs.loops import pattern_names
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.values.literals import Window, Word


def owner_of(scope: Scope) -> Scope:
    """The block or net whose names a scope's text sees."""
    while scope.kind == "sequence":
        assert scope.parent is not None
        scope = scope.parent
    return scope


def parameters_of(definition: Any) -> tuple[tree.Parameter, ...]:
    """The parameters of a definition that are no tensors."""
    return tuple(each for each in getattr(definition, "parameters", ()) if not each.tensor)


def home_lets_of(definition: Any) -> list[tree.NamePattern]:
    """The `let`s directly in the body of a definition, in order."""
    body = getattr(definition, "body", None)
    statements = getattr(body, "statements", ())
    return [name for each in statements if isinstance(each, tree.Let) for name in pattern_names(each.target)]


def alike(values: Sequence[Any]) -> bool:
    """Whether all values are the same; `1` and `true` are not."""
    first = values[0]
    for value in values:
        if isinstance(first, Kept) or isinstance(value, Kept):
            if identity(first) != identity(value):
                return False
        elif value != first or isinstance(value, bool) != isinstance(first, bool):
            return False
    return True


def identity(value: Any) -> Hashable:
    """What makes two operators or blocks as arguments the same."""
    return value.identity if isinstance(value, Kept) else ("other", id(value))


def is_argument(value: Any) -> bool:
    """Whether a value can be an argument of a constructor: a number, a text, a list of such; no operator or block."""
    value = plain(value)
    if isinstance(value, tuple):
        return all(map(is_argument, value))
    return value is None or (isinstance(value, bool | int | float | str | Window) and not isinstance(value, Word))


def collapse(value: Any) -> Any:
    """A number per axis as one number, where all are equal."""
    if isinstance(value, tuple) and value and all(each == value[0] for each in value):
        return value[0]
    return tuple(value) if isinstance(value, tuple) else value


def collapsed(value: Any) -> Any:
    """Likewise, of plain numbers, whatever they came from."""
    return collapse(plain(value))


def type_of(values: Sequence[Any]) -> str:
    """The type of an argument with these values: `int | None`, `tuple[int, int]`."""
    kinds: dict[str, None] = {}
    for value in values:
        value = plain(value)
        if value is None:
            kinds["None"] = None
        elif isinstance(value, tuple):
            inner = type_of(list(value)) if value else "int"
            kinds[f"tuple[{', '.join([inner] * len(value))}]" if len(value) < 4 else f"tuple[{inner}, ...]"] = None
        else:
            kinds[type(value).__name__] = None
    lengths = {type_of(list(value)): None for value in map(plain, values) if isinstance(value, tuple) and value}
    if len(lengths) == 1 and sum(kind.startswith("tuple") for kind in kinds) > 1:
        kinds = {kind: None for kind in kinds if not kind.startswith("tuple")}
        kinds[f"tuple[{next(iter(lengths))}, ...]"] = None
    if "float" in kinds and "int" in kinds:
        del kinds["int"]
    order = [kind for kind in kinds if kind != "None"] + (["None"] if "None" in kinds else [])
    return " | ".join(order) or "int"
