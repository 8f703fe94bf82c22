"""The source of the model that is trained: emitted from a checked graph or a Python file that somebody has edited; and
the module that it makes."""

import ast
import hashlib
import importlib.machinery
import importlib.util
import posixpath
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from netdsl.loading import Loaded
from netdsl.text.source import Source
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.machine import system
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
    module = build(path, source, factories[-1]).eval()
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


class _KnownSource(importlib.machinery.SourceFileLoader):
    """Runs the text it was given: not what stands in the file by now, nor what lies compiled beside it."""

    def __init__(self, name: str, path: Path, source: bytes) -> None:
        super().__init__(name, str(path))
        self.source = source

    def get_data(self, path: str | bytes) -> bytes:
        return self.source

    def path_stats(self, path: str | bytes) -> dict[str, float]:
        # Without a time of change, importlib neither reads nor writes `__pycache__`, whose content nobody compared.
        raise OSError


def build(path: Path, source: str, factory: str) -> nn.Module:
    """The module that `factory` of the emitted file makes with its defaults, on the CPU.

    `source` is the text of the file at `path`. Raises HarnessError if it does not run or gives no module.
    """
    # The name may come from a run's description: of all that the module will have, it is one of its own functions.
    if factory not in functions(source):
        raise HarnessError(f"{path} has no function `{factory}`")
    data = source.encode()
    name = f"netdsl_emitted_{hashlib.sha256(data).hexdigest()[:16]}"
    # Safe to run: the caller has just written `source`, or compared it byte by byte with what the compiler emits for
    # the spec (and no text of a spec becomes program text); otherwise the user asked for it with --trust-model.
    loader = _KnownSource(name, path, data)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise HarnessError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
        made = vars(module)[factory]()
    except (torch.OutOfMemoryError, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise HarnessError(f"{path} does not run: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise HarnessError(f"`{factory}` in {path} gives a {type(made).__name__}, not a module")
    return made


def check_room(path: Path, source: str, factory: str) -> None:
    """Raises HarnessError if the weights alone take more memory than is free, before any is taken.

    A system that lends more memory than it has would end the process, or another, while they are filled.
    """
    with torch.device("meta"):
        state = build(path, source, factory).state_dict()
    needed, free = sum(tensor.nbytes for tensor in state.values()), system.free_memory(torch.device("cpu"))
    if needed > free:
        raise HarnessError(f"the weights of {path} take {needed:,} bytes, and {free:,} are free")


def functions(source: str) -> list[str]:
    """The functions that a Python file defines, in their order; none if it is no Python."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [each.name for each in body if isinstance(each, ast.FunctionDef)]
