"""Merged siblings compute what they did apart: results, losses, gradients and running statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from netdsl_pytorch import build
from netdsl_pytorch.emit import emit
from netdsl_pytorch.harness.model.siblings import merged_state, split_state
from netdsl_pytorch.interpret import randomise
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify
from torch import Tensor, nn

from netdsl.graph.graph import Graph
from netdsl.loading import load_spec
from netdsl.passes.merge_siblings import Merged
from tests.elaborate.specs import in_net
from tests.passes.merging import MERGED, merged, merged_net, merged_of
from tests.pytorch.emit.emitting import without_hashes
from tests.pytorch.emit.test_golden import GOLDEN

Pair = tuple[nn.Module, nn.Module]


def loaded(name: str, **params: Any) -> Merged:
    return merged_of(load_spec(name, params=params, traced=True).graph)


def module(graph: Graph) -> nn.Module:
    made = getattr(module_of(emit(graph, spec_name="test.net", spec_text="")), graph.name)()
    assert isinstance(made, nn.Module)
    return made


def pair(done: Merged) -> Pair:
    """The network as written, with random weights, and the merged one with the same."""
    torch.manual_seed(0)
    plain, fused = module(done.before), module(done.graph)
    randomise(plain)
    fused.load_state_dict(merged_state(plain.state_dict(), done.moves))
    return plain.double(), fused.double()


def results(net: nn.Module, image: Tensor) -> list[Tensor]:
    made = net(image)
    return [made] if isinstance(made, Tensor) else list(made)


def assert_same_steps(done: Merged, nets: Pair, image: Tensor) -> None:
    """Results in eval mode; results, gradients and statistics of a step in training mode."""
    plain, fused = nets
    with torch.no_grad():
        for one, other in zip(results(plain.eval(), image), results(fused.eval(), image), strict=True):
            torch.testing.assert_close(one, other)
    for net in nets:
        net.train()
        for each in net.modules():
            if isinstance(each, nn.Dropout):
                each.eval()  # what it drops depends on what was drawn before
    pairs = list(zip(results(plain, image), results(fused, image), strict=True))
    for one, other in pairs:
        torch.testing.assert_close(one, other)
    for place, net in enumerate(nets if list(plain.parameters()) else ()):
        torch.stack([each[place].square().mean() for each in pairs]).sum().backward()
        assert all(parameter.grad is not None for parameter in net.parameters())
    gradients = [{key: each.grad for key, each in net.named_parameters()} for net in nets]
    learned = {key: parts for key, parts in done.moves.items() if key in gradients[1]}
    torch.testing.assert_close(merged_state(gradients[0], learned), gradients[1])  # type: ignore[arg-type]
    torch.testing.assert_close(merged_state(plain.state_dict(), done.moves), fused.state_dict())


@pytest.mark.parametrize(
    ("name", "batch", "size"),
    [
        ("mini_googlenet", 2, 28),
        pytest.param("googlenet_bn", 2, 64, marks=pytest.mark.slow),
        pytest.param("googlenet", 1, 224, marks=pytest.mark.slow),
        pytest.param("inception_v3_noaux", 2, 107, marks=pytest.mark.slow),
    ],
)
def test_a_model_computes_the_same(name: str, batch: int, size: int) -> None:
    done = loaded(name, num_classes=10)
    channels = done.graph.inputs[0].value.type.shape[0]
    assert done.into
    assert_same_steps(done, pair(done), torch.randn(batch, int(channels), size, size, dtype=torch.float64))


@pytest.mark.parametrize("body", [body for body, _ in MERGED])
def test_whatever_stands_around_them(body: str) -> None:
    done = merged_net(body)
    assert_same_steps(done, pair(done), torch.randn(2, 8, 6, 6, dtype=torch.float64))


def test_weights_go_there_and_back() -> None:
    done = loaded("mini_googlenet")
    plain, fused = pair(done)
    shapes = {key: weight.shape for key, weight in done.before.state().items()}
    again = split_state(fused.state_dict(), done.moves, shapes)
    assert again.keys() == plain.state_dict().keys()
    assert all(torch.equal(again[key], value) for key, value in plain.state_dict().items())


def test_what_is_emitted_agrees_with_its_graph() -> None:
    graph = loaded("mini_googlenet").graph
    text = emit(graph, spec_name="mini_googlenet.net", spec_text="")
    report = verify(graph, text, compile=False, export=False)
    assert report.passed, report.failures


@pytest.mark.parametrize("model", ["googlenet_bn", "googlenet"])
def test_the_emitted_file_is_the_one_that_was_read(model: str, golden: Callable[[Path, str], None]) -> None:
    text = emit(loaded(model).graph, spec_name=f"{model}.net", spec_text="")
    golden(GOLDEN / "merged" / f"{model}.py", without_hashes(text))


def test_build_takes_the_option() -> None:
    keys = build("mini_googlenet", passes=["merge-siblings"]).state_dict().keys()
    assert "i3a.siblings.conv1.weight" in keys
    assert "i3a.siblings.conv1.weight" not in build("mini_googlenet").state_dict()


def test_a_net_without_siblings_is_emitted_as_it_is() -> None:
    done = loaded("squeezenet1_0")
    assert done.into == 0
    text = load_spec("squeezenet1_0", traced=True)
    assert emit(done.graph, spec_name="a", spec_text="") == emit(text.graph, spec_name="a", spec_text="")


ABOVE = """
default conv(padding = same)
block ConvNorm(out, kernel, act = relu) {
    c: conv(out, kernel, bias = false) -> batchnorm() -> act()
}
block Gated(out) {
    mul { conv(out, 1x1) -> sigmoid(); conv(out, 1x1) }
}
"""

SIZES = st.integers(1, 4)
FIRST = st.sampled_from(
    [
        "conv({n}, 1x1)",
        "conv({n}, 1x1, bias = false)",
        "conv({n}, 3x3)",
        "conv({n}, 1x1, then = relu())",
        "conv({n}, 1x1, then = batchnorm() -> tanh())",
        "ConvNorm({n}, 1x1)",
        "ConvNorm({n}, 1x1, act = silu)",
        "ConvNorm({n}, 3x3)",
        "Gated({n})",
        "maxpool(3x3/1, padding = same)",
        "conv({n}, 1x1, then = lrn(3))",
    ]
)
AFTER = st.sampled_from(
    ["", " -> relu()", " -> conv(3, 3x3)", " -> ConvNorm(2, 3x3)", " -> maxpool(3x3/1, padding = 1)"]
)


@st.composite
def branches(draw: st.DrawFn) -> str:
    first = draw(FIRST).format(n=draw(SIZES))
    rest = draw(AFTER)
    form = draw(st.sampled_from(["{0}{1}", "{0}{1}", "{{ {0}{1} }}", "{label}: {{ {0}{1} }}", "{label}: {0}"]))
    return form.format(first, rest, label="{label}")


@st.composite
def modules(draw: st.DrawFn) -> str:
    """Statements of a module of branches, some of which begin alike."""
    lines = [
        line.replace("{label}", f"b{at}") for at, line in enumerate(draw(st.lists(branches(), min_size=2, max_size=5)))
    ]
    before = draw(st.sampled_from(["", "conv(4, 1x1) -> ", "x: conv(5, 3x3) -> relu() -> "]))
    after = draw(st.sampled_from(["", " -> conv(3, 1x1)", " -> batchnorm()"]))
    return f"{before}concat {{\n" + "\n".join(lines) + f"\n}}{after}"


@given(st.lists(modules(), min_size=1, max_size=2))
def test_random_modules_compute_the_same(texts: list[str]) -> None:
    blocks = [f"block M{at}() {{\n{text}\n}}\n" for at, text in enumerate(texts)]
    body = "\n".join(f"M{at}() -> M{at}()" if at else f"M{at}()" for at in range(len(texts)))
    done = merged(in_net(body, "3x5x5", ABOVE + "".join(blocks)))
    assert_same_steps(done, pair(done), torch.randn(2, 3, 5, 5, dtype=torch.float64))


def test_random_modules_may_be_merged() -> None:
    """Else the property above would say little."""
    lines = ["ConvNorm(2, 1x1)", "b: { ConvNorm(3, 1x1) -> relu() }", *["conv(2, 1x1, then = relu())"] * 2]
    assert merged(in_net("concat {\n" + "\n".join(lines) + "\n}", "3x5x5", ABOVE)).into == 2
