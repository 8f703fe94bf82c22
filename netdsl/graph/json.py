"""The graph as plain data: what a program that is not Python reads.

`to_json(graph)` gives dictionaries, lists, texts, whole numbers, true, false and null, with no number but those of
shapes, counts and arguments as the spec has them:

    schema      1; it changes when a key changes its meaning or goes
    name, doc   the model's name, the comment at the head of its file
    parameters  the net's arguments by name
    inputs      name, value, and for whole numbers the bound (or null)
    outputs     name, value, train (whether it is a head), weight (of its loss)
    scopes      the net first, outer before inner: path, kind (net, block, sequence), title (the call with its
                values), parent (the number of a scope, or null), file, line, train_only, shared (the number of the
                scope whose weights it uses again, or null)
    nodes       operators in the order in which they run: path, op, args, inputs and outputs (numbers of values),
                weights, fed, scope, file, line, macs, params, train_only, shared
    values      tensors, one for each result of an operator and each input: shape (without the batch), dtype (float,
                int), batched, node (the number of the operator that makes it, or null for an input), index

A node's `weights` are those that it owns: key (in the `state_dict`), name, shape, dtype, learned. Its `fed` are those
that it is given instead: by name `{"value": number}`, or `{"node": number, "name": name}` for a tied one.

Arguments that are no number, text or list are objects with one key: `{"size": [3, 3]}`, `{"window": [[3, 3], 2]}`,
`{"word": "same"}`, `{"callable": "relu"}`, `{"initialiser": "normal", "args": {"std": 0.02, "mean": 0}}`.
"""

from __future__ import annotations

from typing import Any

from netdsl.graph.graph import Graph, Node, Scope, Value
from netdsl.ops.initialisers import Initialiser
from netdsl.values.literals import Size, Window, Word
from netdsl.values.types import TensorType, Weight

SCHEMA = 1


def to_json(graph: Graph) -> dict[str, Any]:
    """The graph as plain data, in the form that this module describes."""
    scopes = {scope: number for number, scope in enumerate(graph.root.scopes())}
    nodes = {node: number for number, node in enumerate(graph.nodes())}
    values = [input.value for input in graph.inputs]
    values += [value for node in nodes for value in node.outputs]
    numbers = {value: number for number, value in enumerate(values)}

    def number_of(value: Value) -> int:
        return numbers[value.root]

    return {
        "schema": SCHEMA,
        "name": graph.name,
        "doc": graph.doc,
        "parameters": {name: plain_data(value) for name, value in graph.parameters.items()},
        "inputs": [
            {
                "name": input.name,
                "value": number_of(input.value),
                "bound": None if input.bound is None else int(input.bound),
            }
            for input in graph.inputs
        ],
        "outputs": [
            {"name": output.name, "value": number_of(output.value), "train": output.train, "weight": output.weight}
            for output in graph.outputs
        ],
        "scopes": [_scope(scope, scopes) for scope in scopes],
        "nodes": [
            {
                **_node(node),
                "inputs": [number_of(value) for value in node.inputs],
                "outputs": [numbers[value] for value in node.outputs],
                "fed": {
                    name: {"node": nodes[source[0]], "name": source[1]}
                    if isinstance(source, tuple)
                    else {"value": number_of(source)}
                    for name, source in (node.fed or {}).items()
                },
                "scope": scopes[node.scope],
                "shared": None if node.shared is None else nodes[node.shared],
            }
            for node in nodes
        ],
        "values": [
            {**_type(value.type), "node": None if value.node is None else nodes[value.node], "index": value.index}
            for value in values
        ],
    }


def _scope(scope: Scope, numbers: dict[Scope, int]) -> dict[str, Any]:
    return {
        "path": scope.path,
        "kind": scope.kind,
        "title": scope.title,
        "parent": None if scope.parent is None else numbers[scope.parent],
        "file": scope.span.source.name,
        "line": scope.span.line,
        "train_only": scope.train_only,
        "shared": None if scope.shared is None else numbers[scope.shared],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "path": node.path,
        "op": node.op.name,
        "args": {name: plain_data(value) for name, value in node.args.items()},
        "weights": [] if node.shared else [_weight(weight, node) for weight in node.weights],
        "file": node.span.source.name,
        "line": node.span.line,
        "macs": int(node.macs),
        "params": int(node.params),
        "train_only": node.train_only,
    }


def _weight(weight: Weight, node: Node) -> dict[str, Any]:
    key = f"{node.path}.{weight.name}" if weight.name else node.path
    shape = [int(size) for size in weight.shape]
    return {"key": key, "name": weight.name, "shape": shape, "dtype": weight.dtype, "learned": weight.learned}


def _type(type_: TensorType) -> dict[str, Any]:
    return {"shape": [int(size) for size in type_.shape], "dtype": type_.dtype, "batched": type_.batched}


def plain_data(value: Any) -> Any:
    """A value of the language as JSON has it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Size):
        return {"size": [int(size) for size in value]}
    if isinstance(value, Window):
        return {"window": [_sizes(value.kernel), _sizes(value.stride)]}
    if isinstance(value, Word):
        return {"word": value.text}
    if isinstance(value, Initialiser):
        args = {name: plain_data(argument) for name, argument in value.args.items()}
        return {"initialiser": value.rule.name, "args": args}
    if isinstance(value, tuple | list):
        return [plain_data(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain_data(item) for name, item in value.items()}
    return {"callable": str(value)}


def _sizes(value: Any) -> Any:
    return [int(size) for size in value] if isinstance(value, tuple) else int(value)
