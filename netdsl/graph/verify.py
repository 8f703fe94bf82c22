"""The graph's own verifier: laws that every graph keeps, whatever spec it was made from.

A broken law is a bug of what made or changed the graph, never of the spec: `verify` raises BrokenGraph with all that
it found. Tests call it on every graph that they make, and passes after they have changed one.
"""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.graph.graph import Graph, Node, Scope, Value
from netdsl.ops.arguments import Problem
from netdsl.values.types import TensorType


class BrokenGraph(AssertionError):
    """A graph breaks a law; the message has a line for each finding."""


def verify(graph: Graph) -> None:
    """Checks every law; raises BrokenGraph."""
    broken = list(findings(graph))
    if broken:
        raise BrokenGraph(f"the graph of `{graph.name}` is broken:\n" + "\n".join(f"  {line}" for line in broken))


def findings(graph: Graph) -> Iterator[str]:
    """What is wrong with a graph, one line each."""
    yield from _order(graph)
    yield from _types(graph)
    yield from _scopes(graph)
    yield from _keys(graph)
    yield from _outputs(graph)


def _order(graph: Graph) -> Iterator[str]:
    """Every operator comes after those that make what it reads, and its values say that it made them."""
    values: set[Value] = {input.value.root for input in graph.inputs}
    seen: set[Node] = set()
    for node in graph.nodes():
        if node in seen:
            yield f"{_where(node)} stands twice in the order"
        for value in node.inputs:
            if value.root not in values:
                yield f"{_where(node)} reads a tensor that nothing before it makes"
        for name, source in (node.fed or {}).items():
            ready = source[0] in seen if isinstance(source, tuple) else source.root in values
            if not ready:
                yield f"{_where(node)} is given `{name}` by what does not stand before it"
        if node.shared is not None and (node.shared not in seen or node.shared.shared is not None):
            yield f"{_where(node)} shares the weights of what is no first use before it"
        for index, value in enumerate(node.outputs):
            if value.node is not node or value.index != index or value.link is not None:
                yield f"result {index} of {_where(node)} does not say that it is"
        seen.add(node)
        values.update(node.outputs)


def _types(graph: Graph) -> Iterator[str]:
    """The types of results, weights and multiply-adds are what the operator's rules give for the inputs."""
    for node in graph.nodes():
        inputs = tuple(_plain(value.type) for value in node.inputs)
        try:
            results = tuple(map(_plain, node.op.results(inputs, node.args)))
            weights, macs = node.op.weights(inputs, node.args), node.op.macs(inputs, results[0], node.args)
        except Problem as problem:
            yield f"{_where(node)} would refuse its inputs: {problem.reason}"
            continue
        if results != tuple(_plain(value.type) for value in node.outputs):
            yield f"{_where(node)} gives {', '.join(map(str, results))} by its rules, and something else in the graph"
        given = node.fed or {}
        owned = [
            (weight.name, tuple(map(int, weight.shape)), weight.learned)
            for weight in weights
            if weight.name not in given
        ]
        if owned != [(weight.name, tuple(map(int, weight.shape)), weight.learned) for weight in node.weights]:
            yield f"{_where(node)} has other weights than its rules give"
        if macs != node.macs:
            yield f"{_where(node)} takes {macs:,} multiply-adds by its rules, and {node.macs:,} in the graph"
        for name in given:
            if name not in [weight.name for weight in weights]:
                yield f"{_where(node)} is given a weight `{name}` that it does not have"
        for value in node.inputs:
            if _plain(value.type)[:1] != _plain(value.root.type)[:1]:
                yield f"{_where(node)} sees another shape than was made"


def _scopes(graph: Graph) -> Iterator[str]:
    """The tree hangs together, names are unique in a scope, and a scope's views are of what flows in and out."""
    if graph.root.parent is not None or graph.root.kind != "net":
        yield "the root is no net of its own"
    for scope in graph.root.scopes():
        names: set[str] = set()
        for item in scope.items:
            if item.parent is not scope:
                yield f"{_where(item)} hangs in another scope than its own"
            # A part that is used again has the name of its first use.
            if item.name and not item.shared:
                if item.name in names:
                    yield f"two items of `{scope.path or graph.name}` are named `{item.name}`"
                names.add(item.name)
        if scope.kind == "block":
            if [formal.link for formal in scope.formals] != list(scope.inputs):
                yield f"the formals of `{scope.path}` are no views of its inputs"
            if any(formal.scope is not scope for formal in scope.formals):
                yield f"a formal of `{scope.path}` belongs to another scope"
        if scope is not graph.root and any(value.link is None or value.scope is not scope for value in scope.outputs):
            yield f"a result of `{scope.path}` is no view of what was made inside"
        if scope.train_only and any(not node.train_only for node in scope.nodes()):
            yield f"`{scope.path}` is of heads only, and something in it is not"


def _keys(graph: Graph) -> Iterator[str]:
    """The keys of the `state_dict` are unique, and no part's own tensor lies at another part's path."""
    keys: set[str] = set()
    tensors: set[str] = set()
    for node in graph.nodes():
        if node.shared is not None:
            continue
        if node.owns_module and not node.name:
            yield f"{_where(node)} has weights and no name"
        for weight in node.weights:
            key = f"{node.path}.{weight.name}" if weight.name else node.path
            if key in keys:
                yield f"two weights have the key `{key}`"
            keys.add(key)
            if not weight.name:
                tensors.add(key)
    for key in keys:
        parts = key.split(".")
        if any(".".join(parts[:length]) in tensors for length in range(1, len(parts))):
            yield f"`{key}` lies below a tensor"


def _outputs(graph: Graph) -> Iterator[str]:
    """Results are made in the graph; heads, and nothing else, need what is marked as theirs."""
    values = {input.value.root for input in graph.inputs} | {value for node in graph.nodes() for value in node.outputs}
    for output in graph.outputs:
        if output.value.root not in values:
            yield f"the output `{output.name}` is made nowhere"
        maker = output.value.root.node
        if maker is not None and maker.train_only and not output.train:
            yield f"the output `{output.name}` is made by what heads alone need"
    for node in graph.nodes(train=False):
        if any(value.root.node is not None and value.root.node.train_only for value in node.inputs):
            yield f"{_where(node)} reads what is there only while training"


def _plain(type_: TensorType) -> TensorType:
    return TensorType(tuple(map(int, type_.shape)), type_.dtype, type_.batched)


def _where(item: Node | Scope) -> str:
    name = f"`{item.path}`" if item.name else f"a {item.title}"
    return f"{name} ({item.span.place})"
