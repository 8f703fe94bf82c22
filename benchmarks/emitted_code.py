"""What can be measured of how emitted files read and what takes them: eighteen models, a row each.

    python benchmarks/emitted_code.py              all of them
    python benchmarks/emitted_code.py unet gpt2    some, printed and not kept

Nothing that one model lacks ends the run: what fails is a cell that says so. Of the twin, torchvision's lines and
classes are read from what `emitted_size.py` recorded; torchvision itself is not needed.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import logging
import pickle
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import torch
from _bench import machine, publish, table
from emitted_size import MEASURED, lines_of_code
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify.subject import Subject
from torch import nn

from netdsl.graph.graph import Graph
from netdsl.loading import load_spec

MODELS = (
    "googlenet",
    "googlenet_bn",
    "siamese",
    "inception_v3",
    "unet",
    "resnet50",
    "shufflenet_v2_x1_0",
    "convnext_tiny",
    "vit_b_16",
    "densenet121",
    "gpt2",
    "vgg16",
    "swin_t",
    "efficientnet_b0",
    "regnet_y_400mf",
    "mobilenet_v3_large",
    "maxvit_t",
    "wavenet",
)
DIGITS = 6
"""More of them in a literal are no person's."""
TO_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript"))
EXPORT = "`torch.onnx.export`" if TO_ONNX else "`torch.export.export` (onnx is not installed)"


class Row(NamedTuple):
    lines: str = "-"
    classes: str = "-"
    numbered: str = "-"
    fx: str = "-"
    script: str = "-"
    exported: str = "-"
    pickled: str = "-"
    names: str = "-"
    literals: str = "-"
    factory: str = "-"


HEADS = ("model", "lines (twin)", "classes (twin)", "second classes", "`fx`", "`jit.script`")
HEADS += ("`onnx`" if TO_ONNX else "`export`", "pickle", "names without argument", "long floats", "factory")


# --- what takes it


def makes(module: Any, graph: Graph) -> nn.Module:
    """The network without numbers, in eval mode."""
    with torch.device("meta"):
        model = getattr(module, factory_name(graph))()
    assert isinstance(model, nn.Module)
    return model.eval()


def fx(model: nn.Module, graph: Graph) -> None:
    torch.fx.symbolic_trace(model)


def script(model: nn.Module, graph: Graph) -> None:
    torch.jit.script(model)


def exported(model: nn.Module, graph: Graph) -> None:
    inputs = Subject(graph, model, inference=False).inputs(batch=2)
    if not TO_ONNX:
        torch.export.export(model, inputs)
        return
    names = [output.name for output in graph.results]
    # What would be folded has no numbers here.
    made = torch.onnx.export(model, inputs, dynamo=True, output_names=names, verbose=False, optimize=False)
    assert made is not None
    assert [each.name for each in made.model.graph.outputs] == names


def pickled(model: nn.Module, graph: Graph) -> None:
    restored = pickle.loads(pickle.dumps(model))
    assert list(restored.state_dict()) == list(model.state_dict())


def outcome(attempt: Callable[[nn.Module, Graph], None], model: nn.Module, graph: Graph) -> str:
    try:
        attempt(model, graph)
    except Exception as reason:
        said = next((line.strip() for line in str(reason).splitlines() if line.strip()), "")
        print(f"  {attempt.__name__}: {type(reason).__name__}: {said[:200]}", file=sys.stderr)
        return f"no: {type(reason).__name__}"
    return "yes"


# --- how it reads


def names_without_argument(module: Any, tree: ast.Module) -> Iterator[str]:
    """Names between backticks in the docstrings of classes and functions that their signatures lack."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        known = set(inspect.signature(getattr(module, node.name)).parameters)
        for quoted in re.findall(r"`([^`]+)`", ast.get_docstring(node) or ""):
            name = re.match(r"[A-Za-z_]\w*(?=\s*=|$)", quoted)
            if name and name[0] not in known:
                yield f"`{name[0]}`"


def long_floats(tree: ast.Module) -> Iterator[str]:
    """Floats with more digits than a person writes, zeros at either end left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            digits = Decimal(repr(node.value)).as_tuple().digits
            if len("".join(map(str, digits)).strip("0")) > DIGITS:
                yield repr(node.value)


def factory_arguments(function: Callable[..., Any]) -> str:
    return ", ".join(f"`{each.name}`" for each in inspect.signature(function).parameters.values()) or "none"


def counted(found: Iterator[str]) -> str:
    each = list(found)
    return f"{len(each)}: {', '.join(dict.fromkeys(each))}" if each else "0"


# --- the page


def row(name: str, twins: dict[str, Any]) -> Row:
    loaded = load_spec(name, traced=True).sound()
    source = loaded.spec.source
    text = emit(loaded.graph, spec_name=source.name, spec_text=source.text)
    tree, graph = ast.parse(text), loaded.graph
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    twin = twins.get(name)
    # Of what was recorded, functions begin with a small letter.
    parts = [part for part in twin["parts"] if part.lstrip("_")[:1].isupper()] if twin else []
    read = Row(
        lines=f"{lines_of_code(text)} ({twin['lines'] if twin else '-'})",
        classes=f"{len(classes)} ({len(parts) if twin else '-'})",
        numbered=", ".join(f"`{each}`" for each in classes if _second(each, classes)) or "0",
        literals=counted(long_floats(tree)),
    )
    module = module_of(text)
    read = read._replace(
        names=counted(names_without_argument(module, tree)),
        factory=factory_arguments(getattr(module, factory_name(graph))),
    )
    model = makes(module, graph)
    taken = {each.__name__: outcome(each, model, graph) for each in (fx, script, exported, pickled)}
    return read._replace(**taken)


def _second(name: str, classes: list[str]) -> bool:
    """Whether a class has the name of another and a number."""
    stem = name.rstrip("0123456789")
    return stem != name and stem in classes


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    on, start = machine(), time.process_time()
    twins = json.loads(MEASURED.read_text(encoding="utf-8"))
    rows = []
    for name in sys.argv[1:] or MODELS:
        print(name, file=sys.stderr)
        try:
            rows.append((name, row(name, twins)))
        except Exception as reason:
            print(f"  {type(reason).__name__}: {reason}", file=sys.stderr)
            rows.append((name, Row(lines=f"no: {type(reason).__name__}")))
    lines = [f"{on}; torch {torch.__version__}; {time.process_time() - start:.0f} s of processor time.", ""]
    lines += table(HEADS, [(f"`{name}`", *each) for name, each in rows])
    taken = zip(HEADS[4:8], Row._fields[3:7], strict=True)
    told = [f"{head} {sum(getattr(each, field) == 'yes' for _, each in rows)}" for head, field in taken]
    lines += ["", f"Of {len(rows)} are taken: {', '.join(told)}."]
    if sys.argv[1:]:
        print("\n".join(lines))
        return
    publish("emitted_code", "Emitted code: how it reads, and what takes it", DESCRIPTION, lines)


DESCRIPTION = f"""\
`python benchmarks/emitted_code.py`: eighteen models as they are emitted. Lines of code and classes beside those of
torchvision 0.28, as [emitted-size.md](../../docs/emitted-size.md) counts them; classes that are there because one text
does not fit all uses of a block (`Block2`); whether `torch.fx.symbolic_trace`, `torch.jit.script`,
{EXPORT} and pickle take the network, in eval mode, on the meta device; names between backticks in docstrings
that are no argument of the class; floats of more than {DIGITS} digits; what the factory can be told."""


if __name__ == "__main__":
    main()
