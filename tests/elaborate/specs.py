"""What the tests of elaboration share: small specs, and short forms of what comes out of them."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate import elaborate
from netdsl.graph.graph import Graph, Scope
from netdsl.syntax.parser import parse
from netdsl.text import Diagnostic, Source, SpecError


def graph_of(text: str, **options: Any) -> Graph:
    """The graph of a spec's only model, or of the one that `model` names."""
    return elaborate(parse(Source("test.net", text)), **options)


def in_net(body: str, input: str | None = "3x32x32", above: str = "", parameters: str = "") -> str:
    """A spec of one net with this body, whose current value at the end is its result.

    `input` is the shape of its input `image`, None where the body declares its own.
    """
    head = f"input image: {input}\n" if input else ""
    return f"{above}\nnet N({parameters}) {{\n{head}{body}\noutput result = identity()\n}}\n"


def net(body: str, input: str | None = "3x32x32", above: str = "", parameters: str = "", **options: Any) -> Graph:
    """The graph of `in_net`."""
    return graph_of(in_net(body, input, above, parameters), **options)


def keys(graph: Graph) -> list[str]:
    """The keys of the `state_dict`."""
    return list(graph.state())


def modules(graph: Graph) -> list[str]:
    """The paths of the operators that own weights, in the order of the text."""
    return [node.path for node in graph.nodes() if node.owns_module]


def shape(graph: Graph) -> str:
    """The shape of the first result."""
    return str(graph.outputs[0].value.type)


def operators(graph: Graph) -> list[str]:
    """The names of the operators, in the order of the text; of the end that `in_net` adds, nothing."""
    names = [node.op.name for node in graph.nodes()]
    return names[:-1] if names and names[-1] == "identity" else names


def value(expression: str, above: str = "") -> Any:
    """What an expression gives."""
    graph = net(f"let found = {expression}", above=above)
    return binding(graph.root, "found")


def binding(scope: Scope, name: str) -> Any:
    """The value of a name in a scope."""
    return scope.names.names[name].value


def findings(text: str, **options: Any) -> list[Diagnostic]:
    """What is wrong with a spec; fails if nothing is."""
    try:
        graph_of(text, **options)
    except SpecError as error:
        return list(error.diagnostics)
    raise AssertionError("nothing was found")


def told(text: str, **options: Any) -> list[str]:
    """What is wrong with a spec: code, the text that is marked, and the message."""
    return [
        f"{found.code} at `{' '.join(found.span.text.split())}`: {found.message}" for found in findings(text, **options)
    ]


def codes(text: str, **options: Any) -> list[str]:
    """The codes of what is wrong with a spec."""
    return [str(found.code) for found in findings(text, **options)]
