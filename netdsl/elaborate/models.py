"""The entry of elaboration: finds the model asked for, and gives its graph, or every reason why there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from netdsl.collecting import collector_paused
from netdsl.elaborate import fractions
from netdsl.elaborate.errors import Enough, Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.files.definitions import FileValue, Loader, elaborate_file
from netdsl.elaborate.findings import indices
from netdsl.elaborate.findings.explain import in_order
from netdsl.elaborate.findings.finish import finish
from netdsl.elaborate.overrides import set_inputs
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.elaborate.scopes.values import NetValue
from netdsl.elaborate.session import Instead, Session, Spent
from netdsl.elaborate.walk.nets import elaborate_net, graph_of
from netdsl.graph.graph import Graph
from netdsl.limits import Limits
from netdsl.syntax import tree
from netdsl.text.codes import CONTRACT, MODEL_NOT_NAMED, NO_MODEL, UNKNOWN_MODEL, UNKNOWN_OPERATOR, UNKNOWN_PARAMETER
from netdsl.text.diagnostic import did_you_mean
from netdsl.text.errors import ContractError, SpecSemanticError
from netdsl.values.literals import show

if TYPE_CHECKING:
    from os import PathLike

    from netdsl.elaborate.files.imports import Imports, Reader, Used
    from netdsl.text.source import Span

_FRAMES = 20_000
"""Python calls that the deepest elaboration within the limits needs, and room."""


def elaborate(
    file: tree.File,
    *,
    model: str | None = None,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str | None, tuple[int, ...]] | None = None,
    limits: Limits | None = None,
    traced: bool = False,
    root: str | PathLike[str] | Reader | None = None,
    used: Used | None = None,
    spent: Spent | None = None,
) -> Graph:
    """The graph of a model of a file, the only one unless it is named.

    `params` are the net's parameters by name, values or expressions of the language; `inputs` the shapes of inputs by
    name, None for the only one, all axes or the last ones. `root` is the folder below which other files may be used,
    or what gives them (elaborate/files/imports.py); `used` is told of each that was.
    With `traced`, numbers remember where they came from (netdsl/symbolic). What it takes is added to `spent`.

    Raises SpecSemanticError with everything that was found, ContractError where only contracts are broken.
    """

    def made(instead: Instead, changed: Mapping[str, Any]) -> Graph:
        session = Session(limits or Limits(), traced=traced, instead=instead, spent=spent)
        # Which files are used is told once; with other parameters it may be others of them.
        load = _loader(root, used if not changed else None)
        graph = _checked(session, file, model, dict(params or {}), dict(inputs or {}), changed, load)
        graph.with_parameters = partial(made, instead)
        if not instead:
            graph.with_combines = partial(made, changed=changed)
        return graph

    return made({}, {})


def _checked(
    session: Session,
    file: tree.File,
    model: str | None,
    params: dict[str, Any],
    inputs: dict[str | None, tuple[int, ...]],
    changed: Mapping[str, Any],
    load: Loader,
) -> Graph:
    graph = None
    with _room(), collector_paused():
        try:
            graph = _elaborate(session, file, model, params, inputs, changed, load)
        except Trouble as error:
            session.report(error.diagnostic)
        except (Poisoned, Enough):
            pass
        finally:
            if session.spent is not None:
                session.spent.add(session)
    if session.errors:
        only_contracts = all(diagnostic.code is CONTRACT for diagnostic in session.errors)
        raise (ContractError if only_contracts else SpecSemanticError)(in_order(session.errors))
    assert graph is not None
    return graph


def _elaborate(
    session: Session,
    file: tree.File,
    model: str | None,
    params: dict[str, Any],
    inputs: dict[str | None, tuple[int, ...]],
    changed: Mapping[str, Any],
    load: Loader,
) -> Graph | None:
    spent, limits = session.spent, session.limits
    if spent is not None and spent.nodes > limits.file_nodes:
        message = "the models of the file are too many, or too large, to be checked together"
        session.exceeded("file_nodes", message, _head(file))
    value = elaborate_file(file, session, load)
    name, net, definition = _find(value, model)
    call_env = Env(value.env, limit=value.orders.get(name))
    values = _params(params | dict(changed), net, value.env)
    session.overridden = bool(params or inputs or changed)
    overrides = set_inputs(net.definition, inputs, values, changed)
    call = definition.call if definition is not None else None
    flow, parameters, opened = elaborate_net(session, net, call, call_env, values, overrides)
    if session.errors:
        return None
    finish(flow.part.scope, flow.inputs, flow.outputs, session)
    indices.check(flow.part.scope, flow.inputs, session)
    fractions.settle(flow.part.scope, flow.outputs)
    return graph_of(name, flow, session, file.doc, definition, call_env, parameters, opened)


def _loader(root: str | PathLike[str] | Reader | None, used: Used | None) -> Loader:
    """Finds the files that a spec uses. Most use none, and what is needed to find files takes long to import."""
    loaded: list[Imports] = []

    def load(use: tree.Use, session: Session) -> FileValue:
        if not loaded:
            from pathlib import Path

            from netdsl.elaborate.files.imports import Imports

            loaded.append(Imports(root if root is None or callable(root) else Path(root), used))
        return loaded[0].load(use, session)

    return load


def _find(value: FileValue, model: str | None) -> tuple[str, NetValue, tree.ModelDef | None]:
    """The model asked for: its name, its net, and the line that defines it, if one does."""
    names = value.model_names()
    file = value.file
    head = _head(file)
    if model is None:
        if not names:
            nets = list(value.nets)
            help = f"give `{nets[0]}` its arguments: `model small = {nets[0]}(…)`" if nets else "write a `net`"
            raise trouble(NO_MODEL, "the file has no model", head, help=help)
        if len(names) > 1:
            listed = ", ".join(f"`{name}`" for name in names)
            help = f"name one: `{file.span.source.name}:{names[0]}`; it has {listed}"
            raise trouble(MODEL_NOT_NAMED, f"the file has {len(names)} models", head, help=help)
        model = names[0]
    if model not in names:
        matching = [name for name in value.nets if model in (name, name.lower())]
        help = f"it has {', '.join(f'`{name}`' for name in names)}" if names else "it has none"
        if matching and not names:
            help = f"`{matching[0]}` has parameters without defaults: `model {model} = {matching[0]}(…)`"
        raise trouble(UNKNOWN_MODEL, f"the file has no model `{model}`", head, did_you_mean(model, names), help=help)
    if model in value.models:
        definition = value.models[model]
        assert isinstance(definition.call.function, tree.Name)
        net_name = definition.call.function.id
        if net_name not in value.nets:
            other = value.env.names.get(net_name)
            if other is not None and other.value is POISON:
                raise Poisoned
            if other is not None and other.kind == "block":
                message = f"`{net_name}` is a block, and a model is a net"
                help = f"write a net around it: `net Whole() {{ input image: 3x224x224; output y = {net_name}(…) }}`"
                raise trouble(UNKNOWN_OPERATOR, message, definition.call.function.span, help=help)
            label = did_you_mean(net_name, value.nets)
            message = f"there is no net `{net_name}`"
            raise trouble(UNKNOWN_OPERATOR, message, definition.call.function.span, label)
        return model, value.nets[net_name], definition
    net = next((net for name, net in value.nets.items() if name.lower() == model), None)
    if net is None:
        raise Poisoned  # its declaration is in error: two of a name
    return model, net, None


def _head(file: tree.File) -> Span:
    """The first line of a file."""
    text = file.span.source.text
    end = text.find("\n")
    return file.span._replace(end=min(file.span.end, len(text) if end < 0 else end))


def _params(params: dict[str, Any], net: NetValue, env: Env) -> dict[str, Any]:
    """The values of the parameters that were set; raises Trouble for a name that the net does not declare."""
    known = [parameter.name for parameter in net.definition.parameters]
    values = {}
    for name, value in params.items():
        if name not in known:
            label = did_you_mean(name, known)
            help = f"it has {', '.join(f'`{parameter}`' for parameter in known)}" if known else "it has none"
            message = f"`{net.definition.name}` has no parameter `{name}`"
            raise trouble(UNKNOWN_PARAMETER, message, net.definition.head_span, label, help=help)
        values[name] = evaluate(value, env) if hasattr(value, "span") else _plain_value(name, value)
    return values


def _plain_value(name: str, value: Any) -> Any:
    """A value from Python as the language has it: lists are tuples."""
    if isinstance(value, list | tuple):
        return tuple(_plain_value(name, item) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"parameter `{name}`: {show(str(type(value).__name__))} is no value of the language")


@contextmanager
def _room() -> Iterator[None]:
    """Room for the deepest nesting that the limits allow."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
