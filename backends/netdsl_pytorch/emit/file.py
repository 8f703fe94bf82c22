"""The emitted file: header, imports, helpers, classes, factory, and the stamp that tells whether it was edited."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import netdsl
from netdsl.graph.graph import Graph
from netdsl.lower.programs.parameters import collapse
from netdsl.symbolic import plain
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.classes import WrittenClass
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.namer import interface
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.emit.common.small_class import MODULE, TENSOR
from netdsl_pytorch.emit.common.unit import Argument, Unit, net_of
from netdsl_pytorch.emit.helpers import CLASSES, HELPERS
from netdsl_pytorch.emit.passes import polished
from netdsl_pytorch.python import writer
from netdsl_pytorch.python.nodes import Name
from netdsl_pytorch.python.statements import Class, Declare, Function, Parameter, Return, Source, Statement, assigned

STAMP = "# As netdsl wrote it, as long as the text above has sha256 {}."
_STAMP = re.compile(
    r"\A(?P<body>.*\n)# As netdsl wrote it, as long as the text above has sha256 (?P<hash>[0-9a-f]{16})\.\n\Z", re.S
)


def short_hash(text: str, length: int = 12) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def stamped(body: str) -> str:
    """The text with a last line that tells its hash."""
    body += "\n\n"
    return body + STAMP.format(short_hash(body, 16)) + "\n"


def state_of(text: str) -> Literal["ours", "edited", "foreign"]:
    """`ours` for a file as netdsl wrote it, `edited` for one that was changed since, `foreign` for any other."""
    found = _STAMP.match(text.replace("\r\n", "\n"))
    if found is not None:
        return "ours" if short_hash(found["body"], 16) == found["hash"] else "edited"
    return "edited" if "compiled by netdsl" in text[:400] else "foreign"


def write_file(emission: Emission, texts: Sequence[WrittenClass], spec_name: str, spec_text: str) -> str:
    """The whole file."""
    graph = emission.graph
    net = next(text for text in texts if text.unit.is_net)
    definitions: list[Statement] = []
    functions = [name for name in HELPERS if name in emission.uses and name not in CLASSES]
    classes = [name for name in HELPERS if name in emission.uses and name in CLASSES]
    definitions += [_helper(name) for name in (*functions, *classes)]
    definitions += [stage.definition() for stage in emission.stages.values()]
    definitions += [polished(text.definition) for text in texts if text is not net]
    # Their annotations name the classes above, and of holders in holders the inner ones.
    holders = list(reversed(emission.holders.items()))
    holders.sort(key=lambda each: -each[0][1].count("."))
    definitions += [_holder(name, attributes) for _, (name, attributes) in holders]
    results = [output for output in graph.outputs if not output.train]
    has_output = bool(emission.heads) or len(results) > 1
    if has_output:
        definitions.append(_output_class(emission, results))
    definitions.append(polished(net.definition))
    definitions.append(_factory(emission, net.unit, spec_name))
    public = [text.unit.name for text in texts] + classes
    public += [stage.name for stage in emission.stages.values()] + [name for name, _ in emission.holders.values()]
    public += [emission.output_class] if has_output else []
    public = [*sorted(set(public), key=_natural), emission.factory]
    return stamped(writer.file(_header(emission, spec_name, spec_text), _sorted(public), definitions))


def _natural(name: str) -> str:
    return name


def _sorted(names: Sequence[str]) -> list[str]:
    """As ruff sorts `__all__`: constants, then classes, then functions, each in natural order."""

    def key(name: str) -> tuple[int, list[tuple[int, Any]]]:
        rank = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
        parts = [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]
        return rank, parts

    return sorted(dict.fromkeys(names), key=key)


@cache
def _helper(name: str) -> Source:
    """A definition that emitted files have alike."""
    text = HELPERS[name]
    names = frozenset(each.id for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Name))
    return Source(text, names)


def _holder(name: str, attributes: dict[str, str]) -> Class:
    parts = [Declare(Name(each), code.annotation(kind)) for each, kind in attributes.items()]
    return Class(name, MODULE, tuple(parts))


def _output_class(emission: Emission, results: Sequence[Any]) -> Class:
    net = net_of(emission)
    when = "gives in training mode" if emission.heads and len(results) == 1 else "gives"
    optional = bool(emission.heads) and len(results) > 1
    fields: list[Statement] = [Declare(Name(interface(each.name)), TENSOR) for each in results]
    for each in emission.heads:
        name = interface(each.name)
        fields.append(assigned(name, code.NONE, "Tensor | None") if optional else Declare(Name(name), TENSOR))
    return Class(emission.output_class, Name("NamedTuple"), tuple(fields), f"What {net.name} {when}.")


# --- The header ---------------------------------------------------------------------------------------


def _header(emission: Emission, spec_name: str, spec_text: str) -> str:
    graph = emission.graph
    version = ".".join(netdsl.__version__.split(".")[:2])
    title = graph.name if graph.model is not None else graph.net.name
    first = f"{title}, compiled by netdsl {version} from {spec_name} (sha256 {short_hash(spec_text)}). Yours to edit."
    if len(first) > 115:
        first = f"{title}, compiled by netdsl {version} from a spec (sha256 {short_hash(spec_text)}). Yours to edit."
    paragraphs = [first]
    if graph.doc.strip():
        paragraphs.append(graph.doc.strip())
    nodes = list(graph.nodes(train=False))
    params, macs = sum(node.params for node in nodes), sum(node.macs for node in nodes)
    trained = sum(node.params for node in graph.nodes())
    if len(graph.inputs) == 1:
        inputs = f"Input {graph.inputs[0].value.type}"
    else:
        inputs = "Inputs " + ", ".join(f"{each.name} {each.value.type}" for each in graph.inputs)
    while_training = f", {trained:,} while training" if emission.heads and trained != params else ""
    paragraphs.append(
        f"{inputs}; {params:,} parameters{while_training}; {macs:,} multiply-adds.\n"
        "Comments give shapes without the batch, for the default arguments."
    )
    return "\n\n".join(paragraphs)


# --- The factory --------------------------------------------------------------------------------------


def offered(emission: Emission) -> list[str]:
    """The parameters of the net that the factory has as arguments."""
    net = net_of(emission)
    return [
        argument.ref.name
        for argument in net.arguments
        if argument.ref is not None and _is_offered(emission.graph, argument)
    ]


def _is_offered(graph: Graph, argument: Argument) -> bool:
    name = argument.ref.name if argument.ref is not None else argument.name
    return name in graph.parameters and argument.default is not None


def _factory(emission: Emission, unit: Unit, spec_name: str) -> Function:
    """`def resnet50(num_classes: int = 1000) -> ResNet`."""
    graph = emission.graph
    parameters: list[Parameter] = []
    passed: list[tuple[str, Code]] = []
    for argument in unit.arguments:
        if _is_offered(graph, argument):
            # The function has no text that a name of the author's could hide something from.
            name = argument.name if argument.ref is None else argument.ref.name
            parameters.append(Parameter(name, code.annotation(argument.type), argument.default))
            passed.append((argument.name, code.name(name)))
        else:
            value = _value_of(graph, unit, argument)
            if argument.default is None or argument.default != value:
                passed.append((argument.name, value))
    if emission.heads_optional:
        flag = emission.heads_flag
        if flag not in [argument.name for argument in unit.arguments]:
            parameters.append(Parameter(flag, Name("bool"), code.literal(True)))
            passed.append((flag, code.name(flag)))
    call = " ".join(graph.model.call.span.text.split()) if graph.model is not None else f"{graph.net.name}()"
    heads = f"; `{emission.heads_flag}=False` leaves the training heads out" if emission.heads_optional else ""
    made = Return(code.call(unit.name, [], passed))
    # What the `model` line leaves open first, then what it sets.
    parameters.sort(key=lambda each: each.name not in graph.open)
    # By name only: `resnet50(10)` would set whatever stands first.
    only = (Parameter("*"), *parameters) if parameters else ()
    return Function(emission.factory, only, Name(unit.name), (made,), f"{call} of {spec_name}{heads}.")


def _value_of(graph: Graph, unit: Unit, argument: Any) -> Code:
    case = unit.cases[0]
    if argument.extra is not None:
        return code.literal(argument.extra.values[case.instance])
    value = unit.lookup(argument.ref, case, case.names)
    value = collapse(plain(value))
    if argument.type == "float" and isinstance(value, int):
        value = float(value)
    return code.literal(value)
