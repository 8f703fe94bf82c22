"""Files: definitions, lets and defaults at the top level, and what a file uses of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.defaults import add_default
from netdsl.elaborate.expressions.lookup import duplicate
from netdsl.elaborate.expressions.patterns import names_in
from netdsl.elaborate.findings.naming import check_definition, check_parameter
from netdsl.elaborate.scopes.env import POISON, Binding, Env
from netdsl.elaborate.scopes.values import BlockValue, NetValue
from netdsl.elaborate.session import Session
from netdsl.syntax import tree
from netdsl.text.codes import DUPLICATE_NAME, UNKNOWN_NAME
from netdsl.text.diagnostic import Diagnostic, Label, did_you_mean

if TYPE_CHECKING:
    from netdsl.text.source import Span

Loader = Callable[[tree.Use, Session], "FileValue"]
"""Gives the file that a `use` names, elaborated; raises Trouble."""


@dataclass(slots=True, eq=False)
class FileValue:
    """A file whose top level has been elaborated."""

    file: tree.File
    env: Env
    nets: dict[str, NetValue]
    models: dict[str, tree.ModelDef]
    orders: dict[str, int]
    """The number of the statement that defines each model."""

    def model_names(self) -> list[str]:
        """The models: those of `model` lines, and nets without one whose parameters all have defaults."""
        return model_names(self.file)


def model_names(file: tree.File) -> list[str]:
    """The names of a file's models, in the order of the text."""
    return [name for name, _ in models_of(file)]


_STEPS_OF_A_STATEMENT = 3


class _Contents(NamedTuple):
    """The statements of a file, sorted once for all its models, lest a file of many takes quadratic time."""

    models: list[tuple[str, Span]]
    defined: dict[str, tree.ModelDef]
    orders: dict[str, int]
    others: list[tuple[int, tree.Statement]]
    """What is not a model, with its number."""
    steps: int
    """What looking at the others takes, for each model of the file."""
    misnamed: list[Diagnostic]
    """Models with names that no model may have."""


@lru_cache(maxsize=4)
def _contents(file: tree.File) -> _Contents:
    others = [item for item in file.statements if not isinstance(item, tree.ModelDef)]
    parameters = sum(
        len(statement.parameters) for statement in others if isinstance(statement, tree.BlockDef | tree.NetDef)
    )
    contents = _Contents(_models(file), {}, {}, [], _STEPS_OF_A_STATEMENT * len(others) + parameters, [])
    for order, statement in enumerate(file.statements):
        if isinstance(statement, tree.ModelDef):
            try:
                check_definition(statement.name, statement.name_span)
            except Trouble as error:
                contents.misnamed.append(error.diagnostic)
            # Models have names of their own: a model may be called as a block is.
            contents.defined[statement.name] = statement
            contents.orders[statement.name] = order
        else:
            contents.others.append((order, statement))
    return contents


def models_of(file: tree.File) -> list[tuple[str, Span]]:
    """The models of a file: the name of each, and the `Span` where it stands."""
    return _contents(file).models


def _models(file: tree.File) -> list[tuple[str, Span]]:
    named = {
        statement.call.function.id
        for statement in file.statements
        if isinstance(statement, tree.ModelDef) and isinstance(statement.call.function, tree.Name)
    }
    models = []
    for statement in file.statements:
        if isinstance(statement, tree.ModelDef):
            models.append((statement.name, statement.name_span))
        elif isinstance(statement, tree.NetDef):
            complete = all(parameter.default is not None for parameter in statement.parameters)
            if complete and statement.name not in named:
                models.append((statement.name.lower(), statement.name_span))
    return models


def elaborate_file(file: tree.File, session: Session, load: Loader) -> FileValue:
    """The `FileValue` of a file: its top level, elaborated. What is wrong is reported to the session."""
    env = Env(None, session=session)
    contents = _contents(file)
    value = FileValue(file, env, {}, contents.defined, contents.orders)
    session.work(contents.steps, file.span)
    _check_models(contents.models, session)
    for diagnostic in contents.misnamed:
        session.report(diagnostic)
    # Every definition is known before any is used, so that one below its use is found to be that.
    for order, statement in contents.others:
        try:
            _statement(statement, order, value, session, load)
        except Trouble as error:
            session.report(error.diagnostic)
            if error.final:
                raise
            _poison(statement, env, order)
        except Poisoned:
            _poison(statement, env, order)
    return value


def _check_models(models: list[tuple[str, Span]], session: Session) -> None:
    """Reports models of one name; a net is one by its own name in lower case."""
    first: dict[str, Span] = {}
    if len(models) == len({name for name, _ in models}):
        return
    for name, span in models:
        if name in first:
            place = Label(first[name], "first here")
            session.report(Diagnostic(DUPLICATE_NAME, f"two models are named `{name}`", span, labels=(place,)))
        first.setdefault(name, span)


def _statement(statement: tree.Statement, order: int, value: FileValue, session: Session, load: Loader) -> None:
    env = value.env
    if isinstance(statement, tree.BlockDef):
        block = BlockValue(statement, env, order, env.defaults)
        check_definition(statement.name, statement.name_span)
        _check_parameters(statement.parameters)
        _define(env, statement.name, Binding("block", block, statement.name_span, order))
    elif isinstance(statement, tree.NetDef):
        net = NetValue(statement, env, order, env.defaults)
        check_definition(statement.name, statement.name_span)
        _check_parameters(statement.parameters)
        _define(env, statement.name, Binding("net", net, statement.name_span, order))
        value.nets[statement.name] = net
    elif isinstance(statement, tree.Let):
        from netdsl.elaborate.expressions.patterns import let, names_in

        let(statement, env)
        for pattern in names_in(statement.target):
            if isinstance(pattern.target, tree.Name) and pattern.target.id in env.names:
                env.names[pattern.target.id].order = order
    elif isinstance(statement, tree.Default):
        add_default(statement, env)
    elif isinstance(statement, tree.Use):
        _use(statement, order, env, load(statement, session))


def _define(env: Env, name: str, binding: Binding) -> None:
    if name in env.names:
        raise duplicate(name, binding.span, env.names[name])
    env.names[name] = binding


def _use(statement: tree.Use, order: int, env: Env, used: FileValue) -> None:
    """Declares the names that a `use` asks for: blocks, and numbers and lists that the other file lets."""
    for name in statement.names:
        binding = used.env.names.get(name.id)
        if binding is None or binding.kind not in ("block", "let"):
            known = [key for key, value in used.env.names.items() if value.kind in ("block", "let")]
            if binding is not None and binding.kind == "net":
                help = "its models stand in its own file; what both files need can be a block"
                raise trouble(UNKNOWN_NAME, f"`{name.id}` is a net; blocks can be used", name.span, help=help)
            label = did_you_mean(name.id, known)
            help = "" if label or not known else f"it has {', '.join(f'`{key}`' for key in known[:8])}"
            raise trouble(UNKNOWN_NAME, f"that file has no block `{name.id}`", name.span, label, help=help)
        _define(env, name.id, Binding(binding.kind, binding.value, name.span, order))


def _check_parameters(parameters: tuple[tree.Parameter, ...]) -> None:
    first: dict[str, tree.Parameter] = {}
    for parameter in parameters:
        if parameter.name in first:
            raise duplicate(
                parameter.name, parameter.name_span, Binding("parameter", None, first[parameter.name].name_span)
            )
        first[parameter.name] = parameter
        check_parameter(parameter.name, parameter.name_span)


def _poison(statement: tree.Statement, env: Env, order: int) -> None:
    if isinstance(statement, tree.BlockDef | tree.NetDef):
        env.names.setdefault(statement.name, Binding("block", POISON, statement.name_span, order))
    elif isinstance(statement, tree.Let):
        for pattern in names_in(statement.target):
            if isinstance(pattern.target, tree.Name):
                env.names.setdefault(pattern.target.id, Binding("let", POISON, pattern.span, order))
    elif isinstance(statement, tree.Use):
        for name in statement.names:
            env.names.setdefault(name.id, Binding("block", POISON, name.span, order))
