"""The model that the harness trains: emitted from a checked graph, or a Python file that somebody has edited."""

import ast
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from netdsl.loading import Loaded
from netdsl.text.source import Source
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.model import emitted
from netdsl_pytorch.harness.options import TrainableModel, in_utf8
from netdsl_pytorch.verify.passed import check_passed


def trainable(
    loaded: Loaded, params: Sequence[str] = (), inputs: Sequence[str] = (), limits: Sequence[str] = ()
) -> TrainableModel:
    """The model of a graph that was elaborated with `traced = True`.

    `params`, `inputs` and `limits` are what was set, as on the command line. Raises HarnessError for a net that is no
    classifier of images, SpecError for one that cannot be emitted.
    """
    graph, spec, passed = loaded.graph, loaded.spec, loaded.passed
    if len(graph.inputs) != 1:
        names = ", ".join(f"`{each.name}`" for each in graph.inputs)
        raise HarnessError(f"{graph.name} has the inputs {names}: only nets of one image can be trained")
    if graph.inputs[0].value.type.dtype != "float":
        raise HarnessError(f"{graph.name} takes whole numbers: only nets of images can be trained")
    if len(graph.results) > 1:
        names = ", ".join(f"`{each.name}`" for each in graph.results)
        raise HarnessError(f"{graph.name} has the outputs {names}: only classifiers, with one, can be trained")
    if not graph.results or len(graph.results[0].value.type.shape) != 1:
        raise HarnessError(f"{graph.name} gives no logits, one number per class: only classifiers can be trained")
    if passed is not None:
        check_passed(passed)
    spec_name = in_utf8(spec.source.name)
    text = emit(graph, spec_name=spec_name, spec_text=spec.source.text)
    return TrainableModel(
        name=factory_name(graph),
        source=text,
        spec=spec.source.text,
        spec_name=spec_name,
        params=tuple(params),
        inputs=tuple(inputs),
        input_shape=tuple(map(int, graph.inputs[0].value.type.shape)),
        num_classes=int(graph.results[0].value.type.shape[0]),
        spec_model=spec.model,
        files=copies(loaded.used or {}),
        limits=tuple(limits),
        passes=() if passed is None else passed.names,
        moves={} if passed is None else passed.moves,
    )


def copies(used: Mapping[tuple[str, str], tuple[str, Source]]) -> dict[str, str]:
    """The texts of the files that a spec uses, by their paths below its folder as the `use` statements write them.

    Links play no part in them, so that the copies use each other as the files do. Raises HarnessError where that
    cannot be, which takes links that lead to other folders.
    """
    found: dict[str, str] = {}
    waiting = [("", "")]
    while waiting:
        user, folder = waiting.pop()
        for (by, text), (path, source) in used.items():
            if by != user:
                continue
            name = posixpath.normpath(posixpath.join(folder, text))
            if name.startswith("../") or found.get(name, source.text) != source.text:
                raise HarnessError(
                    f"no copy of `{text}` can be kept in the run: links lead the files that the spec uses elsewhere",
                    help="put the files themselves into the spec's folder",
                )
            if name not in found:
                found[name] = source.text
                waiting.append((path, posixpath.dirname(name)))
    return found


def from_file(path: Path, inputs: Sequence[str] = ()) -> TrainableModel:
    """The model of a Python file: one that was emitted, and edited since. The file is run.

    Its factory is the last function in it, its input what `inputs` says or its docstring. Raises HarnessError.
    """
    try:
        source = path.read_bytes().decode()
        tree = ast.parse(source)
    except OSError as error:
        raise HarnessError(f"cannot read {path}: {error.strerror or error}") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise HarnessError(f"{path} is not Python: {error}") from error
    factories = [each.name for each in tree.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")]
    if not factories:
        raise HarnessError(f"{path} has no function that makes the net", help="an emitted file ends with one")
    shape = inputs[0].rpartition("=")[2] if inputs else ""
    told = re.search(r"^Input (\d+x\d+x\d+)[;.]", ast.get_docstring(tree) or "", re.MULTILINE)
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})x(\d{1,6})", shape or (told[1] if told else ""))
    if found is None:
        raise HarnessError(f"the input of {path} is not known", help="--input 3x224x224, or what it is")
    input_shape = (int(found[1]), int(found[2]), int(found[3]))
    module = emitted.build(path, source, factories[-1]).eval()
    with torch.inference_mode():
        logits = module(torch.zeros(1, *input_shape))
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        raise HarnessError(f"`{factories[-1]}` in {path} gives no logits: only classifiers can be trained")
    return TrainableModel(
        name=factories[-1],
        source=source,
        spec="",
        spec_name=in_utf8(path.name),
        params=(),
        inputs=tuple(inputs),
        input_shape=input_shape,
        num_classes=logits.shape[1],
    )
