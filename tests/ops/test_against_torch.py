"""The law of shape rules: never accept what PyTorch refuses, and refuse more only for a recorded reason.

Random uses of each operator, drawn from its declaration, are given to netdsl and to PyTorch: acceptance is compared
on small real tensors (meta tensors let through what PyTorch refuses), shapes, parameters and multiply-adds on the
meta device, and what is kept for the backward pass by looking at it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from netdsl.graph.types import TensorType
from netdsl.ops import REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import bind
from netdsl.ops.operator import Kept, Operator
from tests.ops.cases import Case, cases
from tests.ops.reference import BATCH, REFERENCE
from tests.ops.refusals import REFUSED_ON_PURPOSE, Refusal

DTYPES = {"float": torch.float32, "int": torch.int64}
LARGE, HUGE = 2**20, 2**40
"""Numbers in a tensor from where it is not made, and not even its shape; netdsl's limits stop such nets elsewhere."""

NIGHTLY = 10 if os.environ.get("NETDSL_NIGHTLY") == "1" else 1
NAMES = sorted(REGISTRY)
EXAMPLES = {name: 100 + 250 * len(REGISTRY[name].arguments) for name in NAMES}
"""Random cases per operator: more for those with more to get wrong."""

pytestmark = pytest.mark.filterwarnings("ignore")
checked = settings(suppress_health_check=list(HealthCheck), deadline=None)


def infer(case: Case) -> tuple[dict[str, Any], TensorType]:
    """What netdsl says of a case; raises Problem."""
    args = bind(case.op, (), case.given, case.inputs)
    return args, case.op.infer(case.inputs, args)


def size(case: Case, args: dict[str, Any], output: TensorType) -> int:
    """Numbers in the largest tensor of a case."""
    weights = [weight.elements for weight in case.op.weights(case.inputs, args)]
    extra = case.op.kept(case.inputs, output, args).extra
    return max([output.elements, extra, *weights, *(x.elements for x in case.inputs)])


def build(case: Case) -> nn.Module:
    """PyTorch's module for a case; raises whatever PyTorch raises."""
    return REFERENCE[case.op.name](case.given, tuple(x.shape for x in case.inputs))


def tensors(inputs: tuple[TensorType, ...], grad: bool = False) -> list[Tensor]:
    return [
        torch.ones(BATCH, *x.shape, dtype=DTYPES[x.dtype], requires_grad=grad and x.dtype == "float") for x in inputs
    ]


def too_large_to_try(case: Case) -> bool:
    """Whether some number given is so large that trying it could fill the memory."""
    numbers = repr(case).replace("x", " ").replace("/", " ")
    return any(len(digits) > 6 for digits in "".join(c if c.isdigit() else " " for c in numbers).split())


def compare(case: Case) -> None:
    """The law, for one case."""
    try:
        args, output = infer(case)
    except Problem as problem:
        refused_for_a_reason(case, problem)
        return
    largest = size(case, args, output)
    if largest <= LARGE:
        result = build(case)(*tensors(case.inputs))
        assert tuple(result.shape) == (BATCH, *output.shape)
        assert result.dtype == DTYPES[output.dtype]
    if largest <= HUGE:
        on_the_meta_device(case, args, output)


def refused_for_a_reason(case: Case, problem: Problem) -> None:
    if any(refusal.covers(case.op, problem.reason) for refusal in REFUSED_ON_PURPOSE) or too_large_to_try(case):
        return
    try:
        result = build(case)(*tensors(case.inputs))
    except Exception:
        return
    pytest.fail(f"{case} is refused ({problem.reason}), but PyTorch gives {tuple(result.shape)}")


def on_the_meta_device(case: Case, args: dict[str, Any], output: TensorType) -> None:
    with torch.device("meta"):
        module = build(case)
        inputs = tensors(case.inputs)
        with FlopCounterMode(display=False) if case.op.counts_macs else torch.no_grad() as counter:
            result = module(*inputs)
    assert tuple(result.shape) == (BATCH, *output.shape)
    weights = case.op.weights(case.inputs, args)
    learned = {name for name, _ in module.named_parameters()}
    ours = [(w.name, w.shape, w.learned, DTYPES[w.dtype]) for w in weights]
    assert ours == [(k, tuple(t.shape), k in learned, t.dtype) for k, t in module.state_dict().items()]
    macs = case.op.macs(case.inputs, output, args)
    assert macs == (counter.get_total_flops() // 2 // BATCH if counter is not None else 0)


@pytest.mark.parametrize("name", NAMES)
def test_same_as_torch(name: str) -> None:
    @settings(checked, max_examples=EXAMPLES[name] * NIGHTLY)
    @given(cases(REGISTRY[name]))
    def law(case: Case) -> None:
        compare(case)

    law()


def test_there_are_enough_cases() -> None:
    assert sum(EXAMPLES.values()) >= 10_000


# --- what is kept for the backward pass


def measure(module: nn.Module, inputs: list[Tensor]) -> tuple[Kept, int]:
    """What a training step keeps, `extra` being bytes of the whole batch; and where the result lies."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = module.train()(*inputs)
    places = [x.untyped_storage().data_ptr() for x in inputs]
    place = result.untyped_storage().data_ptr()
    rest = [kept[at].untyped_storage().nbytes() for at in kept if at not in own and at not in places and at != place]
    return Kept(all(at in kept for at in places), place in kept and place not in places, sum(rest)), place


@pytest.mark.parametrize("name", NAMES)
def test_kept_is_what_torch_keeps(name: str) -> None:
    op = REGISTRY[name]

    @settings(checked, max_examples=40 * NIGHTLY)
    @given(cases(op, sane=True))
    def law(case: Case) -> None:
        try:
            args, output = infer(case)
        except Problem:
            return
        if size(case, args, output) > LARGE:
            return
        inputs = tensors(case.inputs, grad=True)
        measured, place = measure(build(case), inputs)
        said = op.kept(case.inputs, output, args)
        assert said._replace(extra=said.extra * BATCH + said.fixed, fixed=0) == measured
        if op.view:
            assert place == inputs[0].untyped_storage().data_ptr()

    law()


# --- the refusals that are on record


@pytest.mark.parametrize("refusal", REFUSED_ON_PURPOSE, ids=lambda refusal: refusal.title)
def test_a_recorded_refusal_is_real(refusal: Refusal) -> None:
    """netdsl refuses the use that a refusal names, for its reason, and PyTorch does not."""
    case = Case(REGISTRY[refusal.op], refusal.given, refusal.inputs)
    with pytest.raises(Problem) as caught:
        infer(case)
    assert refusal.covers(case.op, caught.value.reason)
    build(case)(*tensors(case.inputs))


def test_refusals_are_documented(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs/decisions/0003-refusals.md").read_text(encoding="utf-8")
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert titles == [refusal.title for refusal in REFUSED_ON_PURPOSE]


@given(st.data())
@settings(checked, max_examples=200)
def test_rules_are_total(data: st.DataObject) -> None:
    """Whatever stands where, an operator returns or raises Problem: arguments and inputs of another operator."""
    one: Operator = data.draw(st.sampled_from(list(REGISTRY.values())))
    other = data.draw(cases(data.draw(st.sampled_from(list(REGISTRY.values())))))
    with suppress(Problem):
        infer(Case(one, other.given, other.inputs))
