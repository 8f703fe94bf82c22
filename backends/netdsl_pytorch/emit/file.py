"""The emitted file: header, imports, helpers, classes, factory, and the stamp that tells whether it was edited."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Literal

import netdsl
from netdsl.graph.graph import Graph
from netdsl.symbolic import plain
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.classes import ClassText, Doc, docstring
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.emission import Emission
from netdsl_pytorch.emit.helpers import CLASSES, HELPERS
from netdsl_pytorch.emit.loop import interface
from netdsl_pytorch.emit.unit import Argument, Unit

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


def write_file(emission: Emission, texts: Sequence[ClassText], spec_name: str, spec_text: str) -> str:
    """The whole file."""
    graph = emission.graph
    net = next(text for text in texts if text.unit.is_net)
    sections: list[list[str]] = []
    functions = [name for name in HELPERS if name in emission.uses and name not in CLASSES]
    classes = [name for name in HELPERS if name in emission.uses and name in CLASSES]
    sections += [_helper(name) for name in (*functions, *classes)]
    sections += [stage.lines() for stage in emission.stages.values()]
    sections += [text.lines for text in texts if text is not net]
    # Their annotations name the classes above, and of holders in holders the inner ones.
    holders = list(reversed(emission.holders.items()))
    holders.sort(key=lambda each: -each[0][1].count("."))
    sections += [_holder(name, attributes) for _, (name, attributes) in holders]
    results = [output for output in graph.outputs if not output.train]
    has_output = bool(emission.heads) or len(results) > 1
    if has_output:
        sections.append(_output_class(emission, results))
    sections.append(net.lines)
    sections.append(_factory(emission, net.unit, spec_name))
    public = [text.unit.name for text in texts] + classes
    public += [stage.name for stage in emission.stages.values()] + [name for name, _ in emission.holders.values()]
    public += [emission.output_class] if has_output else []
    public = [*sorted(set(public), key=_natural), emission.factory]
    body = [line for section in sections for line in ["", "", *section]]
    # A constant stands between the imports and the classes.
    exported = code.statement("__all__ = ", code.list_of([code.literal(name) for name in _sorted(public)]))
    header = _header(emission, spec_name, spec_text)
    lines = [*header, "", *_imports(body), "", *exported, *body]
    return stamped("\n".join(lines) + "\n")


def _natural(name: str) -> str:
    return name


def _sorted(names: Sequence[str]) -> list[str]:
    """As ruff sorts `__all__`: constants, then classes, then functions, each in natural order."""

    def key(name: str) -> tuple[int, list[tuple[int, Any]]]:
        rank = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
        parts = [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]
        return rank, parts

    return sorted(dict.fromkeys(names), key=key)


def _helper(name: str) -> list[str]:
    lines = HELPERS[name].rstrip("\n").split("\n")
    return [Doc(line) if '"""' in line else line for line in lines]


def _holder(name: str, attributes: dict[str, str]) -> list[str]:
    shown = [f"    {each}: {kind}" for each, kind in attributes.items()]
    return [f"class {name}(nn.Module):", *docstring("Holds parts under one name.", 4), "", *shown]


def _output_class(emission: Emission, results: Sequence[Any]) -> list[str]:
    net = next(unit for unit in emission.units if unit.is_net)
    when = "gives in training mode" if emission.heads and len(results) == 1 else "gives"
    optional = bool(emission.heads) and len(results) > 1
    lines = [f"class {emission.output_class}(NamedTuple):", *docstring(f"What {net.name} {when}.", 4), ""]
    lines += [f"    {interface(output.name)}: Tensor" for output in results]
    lines += [
        f"    {interface(output.name)}: Tensor{' | None = None' if optional else ''}" for output in emission.heads
    ]
    return lines


# --- Header and imports -------------------------------------------------------------------------------


def _header(emission: Emission, spec_name: str, spec_text: str) -> list[str]:
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
    return docstring("\n\n".join(paragraphs), 0)


def _imports(body: Sequence[str]) -> list[str]:
    """What the code of the file needs, in the order that ruff wants."""
    text = "\n".join(line for line in body if not isinstance(line, Doc))
    text = re.sub(r'"[^"\n]*"', '""', text)

    def uses(name: str) -> bool:
        return re.search(rf"(?<![\w.]){name}\b", text) is not None

    standard = ["import math"] if re.search(r"(?<![\w.])math\.", text) else []
    standard += ["from collections import OrderedDict"] if uses("OrderedDict") else []
    standard += ["from collections.abc import Callable"] if uses("Callable") else []
    standard += ["from functools import partial"] if uses("partial") else []
    typing = [name for name in ("ClassVar", "NamedTuple") if uses(name)]
    standard += [f"from typing import {', '.join(typing)}"] if typing else []
    torch = ["import torch"] if re.search(r"(?<![\w.])torch\.", text) else []
    torch += ["import torch.nn.functional as F"] if re.search(r"(?<![\w.])F\.", text) else []
    names = [name for name in ("Tensor", "nn") if uses(name)]
    torch += [f"from torch import {', '.join(names)}"]
    return [*standard, *([""] if standard else []), *torch]


# --- The factory --------------------------------------------------------------------------------------


def offered(emission: Emission) -> list[str]:
    """The parameters of the net that the factory has as arguments."""
    net = next(unit for unit in emission.units if unit.is_net)
    return [
        argument.ref.name
        for argument in net.arguments
        if argument.ref is not None and _is_offered(emission.graph, argument)
    ]


def _is_offered(graph: Graph, argument: Argument) -> bool:
    name = argument.ref.name if argument.ref is not None else argument.name
    return name in graph.open and argument.default is not None


def _factory(emission: Emission, unit: Unit, spec_name: str) -> list[str]:
    """`def resnet50(num_classes: int = 1000) -> ResNet`."""
    graph = emission.graph
    parameters: list[str] = []
    passed: list[tuple[str, Code]] = []
    for argument in unit.arguments:
        if _is_offered(graph, argument):
            # The function has no text that a name of the author's could hide something from.
            name = argument.name if argument.ref is None else argument.ref.name
            assert argument.default is not None
            parameters.append(f"{name}: {argument.type} = {code.text(argument.default)}")
            passed.append((argument.name, code.name(name)))
        else:
            value = _value_of(graph, unit, argument)
            if argument.default is None or argument.default != value:
                passed.append((argument.name, value))
    if emission.heads_optional:
        flag = emission.heads_flag
        if flag not in [argument.name for argument in unit.arguments]:
            parameters.append(f"{flag}: bool = True")
            passed.append((flag, code.name(flag)))
    call = " ".join(graph.model.call.span.text.split()) if graph.model is not None else f"{graph.net.name}()"
    heads = f"; `{emission.heads_flag}=False` leaves the training heads out" if emission.heads_optional else ""
    doc = docstring(f"{call} of {spec_name}{heads}.", 4)
    head = code.definition(emission.factory, parameters, unit.name)
    return [*head, *doc, *code.statement("return ", code.call(unit.name, [], passed), indent=4)]


def _value_of(graph: Graph, unit: Unit, argument: Any) -> Code:
    case = unit.cases[0]
    if argument.extra is not None:
        return code.literal(argument.extra.values[case.instance])
    value = unit.lookup(argument.ref, case, case.env)
    from netdsl_pytorch.emit.names import collapse

    value = collapse(plain(value))
    if argument.type == "float" and isinstance(value, int):
        value = float(value)
    return code.literal(value)
