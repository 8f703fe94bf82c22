"""The signature of a class: which arguments its text turned out to need, and the `let`s that it mentions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from netdsl import symbolic
from netdsl.lower.classes.argument_names import argument_name, axis_name, axis_rank
from netdsl.lower.classes.class_program import ClassProgram, binding_of
from netdsl.lower.classes.mentions import Extra
from netdsl.lower.programs.parameters import collapse, home_lets_of, is_argument, type_of
from netdsl.symbolic import Const, Expr, Ref, plain
from netdsl.syntax import tree

UNSET: Any = object()
"""The default of an argument that has none."""


@dataclass(frozen=True, slots=True)
class Formal:
    """An argument of a class: what it is read as, its type, and its default or UNSET."""

    key: Hashable
    name: str
    type: str
    default: Any = UNSET
    ref: Ref | None = None
    extra: Extra | None = None


def lets_of(program: ClassProgram) -> dict[tree.NamePattern, Expr]:
    """The `let`s that the text mentions and those that they mention, in their order, each folded; they are locals of
    the constructor, and no arguments."""
    own = set(home_lets_of(program.definition)) if program.is_group else None
    found: dict[Any, Expr] = {}
    needs = program.state.needs
    while True:
        open_ = [
            ref for key, ref in needs.items() if ref.kind == "let" and key not in found and (own is None or key in own)
        ]
        if not open_:
            break
        key, case = open_[0].declaration, program.cases[0]
        definition = binding_of(open_[0], case.names, case).definition
        assert definition is not None
        known = program.knowledge(program.cases, {each: each.names for each in program.cases})
        found[key] = symbolic.fold(definition, known)
        program.mention_all(found[key])
    for key in found:
        del needs[key]
    return {key: found[key] for key in home_lets_of(program.definition) if key in found}


def axes_of(program: ClassProgram) -> list[Formal]:
    """The arguments that are sizes of what goes in."""
    needs = program.state.needs
    keys = [key for key in needs if isinstance(key, tuple) and key[0] == "axis"]
    keys.sort(key=lambda key: (key[1], axis_rank(axis_name(program, needs[key]))))
    return [Formal(key, argument_name(program, needs[key]), "int", ref=needs[key]) for key in keys]


def arguments_of(program: ClassProgram, parameter: tree.Parameter) -> list[Formal]:
    """The arguments for a parameter: itself, or the kernel and the stride of a window."""
    keys: list[Hashable] = [parameter, ("kernel", parameter), ("stride", parameter)]
    return [_argument(program, key, parameter) for key in keys if key in program.state.needs]


def outer_lets_of(program: ClassProgram) -> list[Formal]:
    """The arguments of a group for `let`s of what it stands in."""
    if not program.is_group:
        return []
    needs = program.state.needs
    refs = [needs[pattern] for pattern in home_lets_of(program.owner.definition) if pattern in needs]
    return [
        Formal(ref.declaration, argument_name(program, ref), type_of(_values(program, ref)), ref=ref) for ref in refs
    ]


def extras_of(program: ClassProgram) -> list[Formal]:
    """The arguments that the spec does not have."""
    found: list[Formal] = []
    for extra in program.state.extras:
        default = extra.default if extra.has_default else UNSET
        values = [*extra.values.values(), *([] if default is UNSET else [default])]
        found.append(Formal(("extra", extra.name), extra.name, type_of(values), default, extra=extra))
    return found


def _argument(program: ClassProgram, key: Hashable, parameter: tree.Parameter) -> Formal:
    ref = program.state.needs[key]
    values = _values(program, ref)
    default = default_of(program, parameter)
    if isinstance(key, tuple):
        values = [collapse(value) for value in values]
        default = UNSET if default is UNSET else collapse(symbolic.compute(key[0], [default]))
        if key[0] == "stride" and default is UNSET:
            default = 1
    elif not program.solution.is_list(key, already=True):
        values = [collapse(value) for value in values]
        default = default if default is UNSET else collapse(default)
    known = [*values, *([] if default is UNSET else [default])]
    kind = type_of(known)
    if key in program.lengths and isinstance(default, tuple):
        kind = f"tuple[{', '.join(type_of([item]) for item in default)}]"
    elif program.solution.is_list(key, already=True) and all(isinstance(value, tuple) for value in known):
        kind = f"Sequence[{type_of([item for value in known for item in value])}]"
    if kind == "float" and isinstance(default, int):
        default = float(default)
    # The class around a group always has a value to pass.
    return Formal(key, argument_name(program, ref), kind, UNSET if program.is_group else default, ref)


def _values(program: ClassProgram, ref: Ref) -> Sequence[Any]:
    return [program.lookup(ref, case, case.names) for case in program.cases]


def default_of(program: ClassProgram, parameter: tree.Parameter) -> Any:
    """The default of a parameter, where it does not depend on the input or on other parameters."""
    graph = program.traces.graph
    if program.owner.kind == "net":
        return plain(graph.parameters[parameter.name])
    if parameter.default is None:
        return UNSET
    expr = program.owner.defaults[parameter.name]
    if not isinstance(expr, Const) or not is_argument(expr.value):
        return UNSET
    return plain(expr.value)
