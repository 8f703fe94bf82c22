"""Binding: from the values that a call gives to the normalised arguments of an operator or an initialiser.

`match` pairs values with arguments by position and name, `convert` checks each and fills in the defaults; `bind` and
`bind_values` do both for an operator and let it resolve what depends on its input. Each raises a Problem that names
the argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from netdsl.ops.arguments import Argument, Operand, Problem
from netdsl.ops.initialisers import Initialiser, Rule
from netdsl.ops.operator import Operator
from netdsl.text.codes import BAD_SHAPE, MISSING_ARGUMENT, REPEATED_ARGUMENT, UNKNOWN_ARGUMENT, Code
from netdsl.text.diagnostic import did_you_mean
from netdsl.values.literals import Size
from netdsl.values.types import TensorType, Typed


class Declared(Protocol):
    """What `match` needs to know of an argument; a block's parameters have it too."""

    @property
    def name(self) -> str: ...

    @property
    def required(self) -> bool: ...


class MatchProblem(Problem):
    """Values that do not pair with arguments; the reason is a whole sentence but for its subject.

    `position` is the number of the value to blame when it was given by position, else `argument` is the name that was
    written, or that is missing.
    """

    def __init__(self, reason: str, help: str, code: Code, argument: str | None, position: int | None = None) -> None:
        super().__init__(reason, help, argument=argument, code=code)
        self.position = position


_Value = TypeVar("_Value")
_Tensor = TypeVar("_Tensor", bound=Typed)


def match(
    arguments: Sequence[Declared], positional: Sequence[_Value], named: Mapping[str, _Value]
) -> dict[str, _Value]:
    """The given values by the name of their argument; raises MatchProblem. The values themselves are not looked at."""
    if len(positional) > len(arguments):
        raise _surplus(arguments, len(positional))
    given = {argument.name: value for argument, value in zip(arguments, positional, strict=False)}
    for name, value in named.items():
        if name in given:
            number = next(number for number, argument in enumerate(arguments) if argument.name == name)
            reason = f"is given twice: by name, and as argument number {number + 1}"
            raise MatchProblem(reason, "leave one of them out", REPEATED_ARGUMENT, name)
        for argument in arguments:
            if argument.name == name:
                break
        else:
            raise _unknown(arguments, name)
        given[name] = value
    if len(given) < len(arguments):
        missing = [argument.name for argument in arguments if argument.name not in given and argument.required]
        if missing:
            raise _missing(arguments, missing)
    return given


def match_operator(op: Operator, positional: Sequence[_Value], named: Mapping[str, _Value]) -> dict[str, Any]:
    """As `match`, for an operator: a variadic argument has a tuple of values, or a dict of them by name."""
    if not op.variadic:
        return match(op.arguments, positional, named)
    given: dict[str, Any] = {}
    plain: list[Argument] = []
    by_position, by_name = list(positional), dict(named)
    for place, argument in enumerate(op.arguments):
        if argument.variadic == "positional":
            if len(positional) > place:
                taken, left = _split(argument, positional[place:], len(op.arguments) - place - 1)
                if taken:
                    given[argument.name] = taken
                by_position[place:] = left
        elif argument.variadic == "named":
            known = {declared.name for declared in op.arguments if declared.variadic != "named"}
            given[argument.name] = {name: by_name.pop(name) for name in named if name not in known}
        else:
            plain.append(argument)
    for argument in op.arguments:
        if argument.variadic == "positional" and argument.name in by_name:
            if argument.name in given:
                reason = "is given twice: by name, and by position"
                raise MatchProblem(reason, "leave one of them out", REPEATED_ARGUMENT, argument.name)
            given[argument.name] = by_name.pop(argument.name)
    given |= match(plain, by_position, by_name)
    missing = [argument.name for argument in op.arguments if argument.required and argument.name not in given]
    if missing:
        raise _missing(op.arguments, missing)
    return given


def _split(argument: Argument, values: Sequence[_Value], more: int) -> tuple[tuple[_Value, ...], list[_Value]]:
    """What a variadic argument takes of the positional values, and what is left for the `more` arguments behind it:
    of tensors, those that are none (`stack(x, 1)`), if they are not too many."""
    left = [value for value in values if not _of_tensors(value)] if argument.tensor else []
    if not left or len(left) > more:
        return tuple(values), []
    return tuple(value for value in values if _of_tensors(value)), left


def _of_tensors(value: Any) -> bool:
    """Whether it is a tensor or a list of them."""
    return isinstance(value, Typed) or (isinstance(value, tuple) and any(map(_of_tensors, value)))


def convert(arguments: Sequence[Argument], given: Mapping[str, Any], rank: int) -> dict[str, Any]:
    """All arguments in normal form for an input with `rank` spatial axes, in the order of their declaration; raises
    Problem, with the argument, for a value that its kind refuses."""
    args = _defaults(arguments, rank).copy()
    if given:
        for argument in arguments:
            if argument.name in given:
                args[argument.name] = _one(argument, given[argument.name], rank)
    return args


def bind(
    op: Operator, positional: Sequence[Any], named: Mapping[str, Any], inputs: tuple[TensorType, ...]
) -> dict[str, Any]:
    """The normalised arguments of one use of an operator that is given no tensors as arguments; raises Problem, its
    `argument` set where one is to blame."""
    return _bind(op, match_operator(op, positional, named), inputs, len(inputs))


def bind_values(
    op: Operator, positional: Sequence[Any], named: Mapping[str, Any], flow: Sequence[_Tensor]
) -> tuple[dict[str, Any], tuple[_Tensor, ...]]:
    """The normalised arguments of one use of an operator, and all of its inputs: `flow`, what comes through the
    pipeline or from the branches, then the tensors among the arguments; raises Problem as `bind` does."""
    given = match_operator(op, positional, named)
    inputs = tuple(flow)
    for argument in op.tensors:
        if argument.name in given:
            value = given[argument.name]
            values = _flat(value) if argument.variadic else (value,)
            tensors: tuple[Any, ...] = tuple(tensor for tensor in values if isinstance(tensor, Typed))
            numbers = iter(range(len(inputs), len(inputs) + len(tensors)))
            values = tuple(Operand(next(numbers)) if isinstance(operand, Typed) else operand for operand in values)
            inputs += tensors
            given[argument.name] = values if argument.variadic else values[0]
    return _bind(op, given, tuple(value.type for value in inputs), len(flow)), inputs


def _bind(op: Operator, given: dict[str, Any], inputs: tuple[TensorType, ...], flow: int) -> dict[str, Any]:
    if flow > 1 and not op.combines:
        raise Problem(f"takes one tensor, and is given {flow}", "name the one that is meant: `values[0] -> …`")
    for number, x in enumerate(inputs[:flow]):
        if x.dtype not in op.takes:
            raise _wrong_numbers(f"input number {number + 1}" if number else "its input", x)
    if op.needs_batch and not inputs[0].batched:
        help = "params, constants and what is computed from them alone have no batch"
        raise Problem(f"{op.needs_batch}; this value has none", help, code=BAD_SHAPE)
    args = convert(op.arguments, given, op.rank(inputs))
    for argument in op.tensors if len(inputs) > flow else ():
        takes = (argument.tensor and argument.tensor.takes) or op.takes
        numbers = args[argument.name] if argument.variadic else (args[argument.name],)
        for number in numbers:
            if number is not None and inputs[number].dtype not in takes:
                problem = _wrong_numbers("this one", inputs[number])
                problem.argument = argument.name
                raise problem
    return op.resolve(inputs, args)


def bind_initialiser(rule: Rule, positional: Sequence[Any], named: Mapping[str, Any]) -> Initialiser:
    """An initialiser with all of its arguments; raises Problem."""
    args = convert(rule.arguments, match(rule.arguments, positional, named), 0)
    rule.check(args)
    return Initialiser(rule, args)


_DEFAULTS: dict[tuple[int, int], tuple[Sequence[Argument], dict[str, Any]]] = {}
"""Converted defaults by the identity of a declaration and the rank. The declaration is kept, so that it stays the one
of that identity: hashing it instead would take longer than all the rest."""


def _defaults(arguments: Sequence[Argument], rank: int) -> dict[str, Any]:
    key = (id(arguments), rank)
    if key not in _DEFAULTS:
        _DEFAULTS[key] = (arguments, {argument.name: _default(argument, rank) for argument in arguments})
    return _DEFAULTS[key][1]


def _default(argument: Argument, rank: int) -> Any:
    # `None` says that nothing was given, and a text is a word in normal form; neither could stand in a spec.
    if argument.required or argument.default is None or isinstance(argument.default, str):
        return argument.default
    return _one(argument, argument.default, rank)


def _one(argument: Argument, value: Any, rank: int) -> Any:
    name = argument.name
    try:
        if argument.variadic == "positional":
            return tuple(argument.kind.convert(item, rank) for item in _spread(value))
        if argument.variadic == "named":
            converted = {}
            for name, item in value.items():
                converted[name] = argument.kind.convert(item, rank)
            return converted
        return argument.kind.convert(value, rank)
    except Problem as problem:
        problem.argument = name
        raise


def _flat(value: Any) -> tuple[Any, ...]:
    """Tensors and lists of tensors as one list."""
    if not isinstance(value, tuple):
        return (value,)
    return tuple(item for part in value for item in (_flat(part) if _of_tensors(part) else (part,)))


def _spread(value: Any) -> tuple[Any, ...]:
    """The values of a variadic argument: `1, 2, 0`, and `[1, 2, 0]` for the same; one that is given by name."""
    if not isinstance(value, tuple) or isinstance(value, Size):
        return (value,)
    if len(value) == 1 and isinstance(value[0], tuple) and not isinstance(value[0], Operand):
        return value[0]
    return value


def _surplus(arguments: Sequence[Declared], count: int) -> MatchProblem:
    if arguments:
        takes = f"{len(arguments)} argument{'s' if len(arguments) > 1 else ''}"
        help = "it takes " + ", ".join(f"`{argument.name}`" for argument in arguments)
    else:
        takes, help = "no arguments", ""
    reason = f"takes {takes} and is given {count}"
    return MatchProblem(reason, help, REPEATED_ARGUMENT, None, len(arguments))


def _unknown(arguments: Sequence[Declared], name: str) -> MatchProblem:
    names = [argument.name for argument in arguments]
    help = did_you_mean(name, names)
    if not help:
        help = f"it takes {', '.join(f'`{known}`' for known in names)}" if names else "it takes no arguments"
    return MatchProblem("is not one that it takes", help, UNKNOWN_ARGUMENT, name)


def _missing(arguments: Sequence[Declared], missing: list[str]) -> MatchProblem:
    listed = " and ".join(f"`{name}`" for name in missing)
    reason = "is missing" if len(missing) == 1 else f"is missing; {listed} are required"
    return MatchProblem(reason, "", MISSING_ARGUMENT, missing[0])


def _wrong_numbers(which: str, x: TensorType) -> Problem:
    holds = "whole numbers" if x.dtype == "int" else "numbers with a fraction"
    return Problem(f"cannot compute on {holds}, and {which} holds them", code=BAD_SHAPE)
