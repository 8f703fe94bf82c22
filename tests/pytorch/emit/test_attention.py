"""Attention over more than four axes is folded to four where that changes nothing: all that ONNX's operator takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch.nn.functional as F
from netdsl_pytorch.emit import factory_name
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify
from netdsl_pytorch.verify.subject import Subject
from torch.overrides import TorchFunctionMode

from tests.pytorch.emit.emitting import emitted, traced


class Attentions(TorchFunctionMode):
    """Notes how many axes attention is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.axes: set[int] = set()

    def __torch_function__(
        self, called: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if called is F.scaled_dot_product_attention:
            self.axes |= {each.ndim for each in (*args, (kwargs or {}).get("attn_mask")) if each is not None}
        return called(*args, **(kwargs or {}))


def axes_of(text: str) -> set[int]:
    """How many axes the attention of a net is over, the file of which does what the graph says."""
    graph, source = traced(text), emitted(text)
    report = verify(graph, source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"
    model = getattr(module_of(source), factory_name(graph))().eval()
    found = Attentions()
    with found:
        model(*Subject(graph, model, inference=False, device="cpu").inputs(batch=2))
    return found.axes


def net(shape: str, statements: str, before: str = "") -> str:
    return f"net T() {{\n    input x: {shape}\n    {before}\n    {statements}\n    output y = identity()\n}}"


NO_BIAS = "(q, k, v) = unbind(); q -> attend(k, v)"
BIAS = "(q, k, v) = unbind(); q -> attend(k, v, bias)"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(net("3x5x2x7x4", NO_BIAS), id="no bias"),
        pytest.param(net("3x5x2x7x4", NO_BIAS.replace("attend(k, v)", "attend(k, v, causal = true)")), id="causal"),
        pytest.param(net("3x6x5x2x7x4", NO_BIAS), id="two axes before the heads"),
        pytest.param(net("3x5x2x7x4", BIAS, "param bias: [7, 7]"), id="a bias for all heads"),
        pytest.param(net("3x5x2x7x4", BIAS, "param bias: [2, 7, 7]"), id="a bias for each head"),
        pytest.param(net("3x5x2x7x4", BIAS, "param bias: [1, 2, 7, 7]"), id="with an axis of one"),
        pytest.param(net("3x5x2x7x4", BIAS, "param bias: [5, 2, 7, 7]"), id="a bias for each window"),
        pytest.param(net("3x5x2x7x4", BIAS, "param bias: [1, 5, 2, 7, 7]"), id="and an axis for the batch"),
        pytest.param(net("3x6x5x2x7x4", BIAS, "param bias: [6, 5, 2, 7, 7]"), id="a bias for all axes"),
        pytest.param(
            net("3x5x2x7x7", "(q, k, v) = unbind(); bias = q -> scale(2); q -> attend(k, v, bias)"), id="of the batch"
        ),
        pytest.param(net("3x5x2x7x4", BIAS, "param bias: [5, 1, 7, 7]"), id="a bias for each window and all heads"),
        pytest.param(net("3x6x5x2x7x4", BIAS, "param bias: [5, 2, 7, 7]"), id="a bias for one of two axes"),
        pytest.param(
            net("3x5x2x7x7", "(q, k, v) = unbind(); bias = q -> slice(0, 0, 1); q -> attend(k, v, bias)"),
            id="of the batch, and all windows",
        ),
        pytest.param(
            net("3x5x2x7x7", "(q, k, v) = unbind(); q -> attend(k, v, b)", "param p: [5, 1, 1, 7]\n    b = p -> exp()"),
            id="a computed bias",
        ),
        pytest.param(net("5x2x7x4", "x -> exp() -> attend(x, x)"), id="computed queries"),
        pytest.param(net("5x2x7x4", "k = x -> exp(); x -> sin() -> attend(k, k) -> add(x)"), id="and keys"),
        pytest.param(net("5x2x7x4", "v = x -> slice(-1, 0, 3); x -> attend(x, v)"), id="fewer values"),
        pytest.param(
            net("5x2x7x4", "p -> attend(p, p) -> select(0) -> add(x)", "param p: [3, 5, 2, 7, 4]"), id="no batch"
        ),
    ],
)
def test_more_than_four_axes_become_four(text: str) -> None:
    assert max(axes_of(text)) == 4


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(net("5x2x7x4", "k = x -> slice(0, 0, 1); x -> attend(k, k)"), id="keys shared by the windows"),
    ],
)
def test_what_is_repeated_over_axes_that_would_join_stays_as_it_is(text: str) -> None:
    assert max(axes_of(text)) > 4


def test_four_axes_stay_four() -> None:
    assert "flatten" not in emitted(net("3x2x7x4", NO_BIAS))


def test_a_block_folds_all_of_its_uses_the_same_way() -> None:
    text = """block B(windows) {
    param bias: [windows, 2, 7, 7]
    (q, k, v) = unbind()
    q -> attend(k, v, bias)
}
net T() {
    input a: 3x5x2x7x4
    input b: 3x1x2x7x4
    c = a -> B(5)
    d = b -> B(1)
    output y = c
    output z = d
}"""
    assert axes_of(text) == {4, 3}
    assert emitted(text).count("class B") == 1
