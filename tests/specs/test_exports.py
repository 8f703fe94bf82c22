"""What takes the models of the library beside PyTorch: ONNX, whose runtime computes the same, TorchScript, torch.fx."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify.subject import Subject, by_name
from torch import Tensor, nn

from netdsl.catalogue import first_models
from netdsl.graph.graph import Graph
from netdsl.loading import load_spec
from tests.specs.fill import fill
from tests.specs.library import MODELS

if TYPE_CHECKING:
    from torch.onnx import ONNXProgram

BY_DAY = ["convnext_tiny", "gpt_char", "hmax", "swin_v2_t", "unet", "xception"]
"""Those that were refused once; nights try all."""
RUN = ["gpt_char" if name == "gpt2" else name for name in first_models()]
"""A model of each spec that takes seconds."""
TOLERANCE = 1e-4
"""Of the largest number of a result: another order of sums in float32, layer upon layer."""

WITHOUT_ONNX = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
needs_onnx = pytest.mark.skipif(bool(WITHOUT_ONNX), reason=f"not installed: {', '.join(WITHOUT_ONNX)}")


def at_night(models: list[str]) -> list[Any]:
    return [pytest.param(name, marks=() if name in BY_DAY else pytest.mark.nightly) for name in models]


def made(name: str, device: str) -> tuple[Graph, nn.Module]:
    """The graph of a model, and the network that its file makes, in eval mode."""
    loaded = load_spec(name, traced=True).sound()
    source = loaded.spec.source
    module = module_of(emit(loaded.graph, spec_name=source.name, spec_text=source.text))
    with torch.device(device):
        model = getattr(module, factory_name(loaded.graph))()
    assert isinstance(model, nn.Module)
    return loaded.graph, model.eval()


def samples(graph: Graph, batch: int) -> tuple[Tensor, ...]:
    """A batch of random inputs."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for each in graph.inputs:
        shape = (batch, *map(int, each.value.type.shape))
        if each.value.type.dtype == "int":
            found.append(torch.randint(0, each.bound or 2, shape, generator=generator))
        else:
            found.append(torch.randn(shape, generator=generator))
    return tuple(found)


def exported(graph: Graph, model: nn.Module, inputs: tuple[Tensor, ...], **options: Any) -> ONNXProgram:
    """The model as ONNX has it, by the recipe of docs/emission.md."""
    names = [output.name for output in graph.results]
    program = torch.onnx.export(model, inputs, output_names=names, verbose=False, **options)
    assert program is not None
    assert [value.name for value in program.model.graph.inputs] == [each.name for each in graph.inputs]
    assert [value.name for value in program.model.graph.outputs] == names
    return program


@needs_onnx
@pytest.mark.nightly
@pytest.mark.parametrize("name", MODELS)
def test_onnx_takes_every_model(name: str) -> None:
    """Without numbers, so that the largest costs seconds and no memory."""
    graph, model = made(name, "meta")
    exported(graph, model, Subject(graph, model, inference=False).inputs(batch=2), optimize=False)


@needs_onnx
@pytest.mark.nightly
@pytest.mark.parametrize("name", RUN)
def test_onnx_s_runtime_computes_what_the_model_does(name: str, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    graph, model = made(name, "cpu")
    fill(model)
    dynamic = tuple({0: torch.export.Dim("batch")} for _ in graph.inputs)
    program = exported(graph, model, samples(graph, batch=2), dynamic_shapes=dynamic)
    path = tmp_path / "model.onnx"
    program.save(path)
    onnx.checker.check_model(path)

    inputs = samples(graph, batch=3)
    with torch.inference_mode():
        expected = by_name(model(*inputs), graph.results)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {each.name: x.numpy() for each, x in zip(graph.inputs, inputs, strict=True)})
    assert [each.name for each in session.get_outputs()] == list(expected)
    for values, wanted in zip(found, expected.values(), strict=True):
        assert values.shape == wanted.shape
        error = (torch.from_numpy(values) - wanted).abs().max().item()
        assert error <= TOLERANCE * wanted.abs().max().item()


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="TorchScript is not for this version of Python")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", at_night(MODELS))
def test_torchscript_takes_every_model(name: str) -> None:
    graph, model = made(name, "meta")
    inputs = Subject(graph, model, inference=False).inputs(batch=2)
    same_shapes(torch.jit.script(model)(*inputs), model(*inputs), graph)


@pytest.mark.slow
@pytest.mark.parametrize("name", at_night(MODELS))
def test_torch_fx_takes_every_model(name: str) -> None:
    graph, model = made(name, "meta")
    inputs = Subject(graph, model, inference=False).inputs(batch=2)
    same_shapes(torch.fx.symbolic_trace(model)(*inputs), model(*inputs), graph)


def same_shapes(given: Any, wanted: Any, graph: Graph) -> None:
    """Asserts that two models give results of the same names and shapes."""
    ours, theirs = by_name(given, graph.results), by_name(wanted, graph.results)
    assert {name: each.shape for name, each in ours.items()} == {name: each.shape for name, each in theirs.items()}
