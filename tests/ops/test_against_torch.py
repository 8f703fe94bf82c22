"""The law of shape rules: never accept what PyTorch refuses, and refuse more only for a recorded reason.

Random uses of each operator, drawn from its declaration, are given to netdsl and to PyTorch: acceptance is compared
on small real tensors (meta tensors let through what PyTorch refuses), shapes, parameters and multiply-adds on the
meta device, and what is kept for the backward pass by looking at it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from netdsl.graph.graph import Value
from netdsl.ops import REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import bind_values
from netdsl.ops.operator import Operator
from netdsl.values.types import TensorType
from tests.ops.calls import BATCH, Refused
from tests.ops.cases import Case, cases
from tests.ops.reference import REFERENCE
from tests.ops.refusals import REFUSED_ON_PURPOSE, Refusal

DTYPES = {"float": torch.float32, "int": torch.int64}
LARGE, HUGE = 2**20, 2**40
"""Numbers in a tensor from where it is not made, and not even its shape; netdsl's limits stop such nets elsewhere."""

NIGHTLY = 10 if os.environ.get("NETDSL_NIGHTLY") == "1" else 1
NAMES = sorted(REGISTRY)
EXAMPLES = {name: 40 + 62 * len(REGISTRY[name].arguments) for name in NAMES}
"""Random cases per operator: more for those with more to get wrong."""
KEPT = 30

FUSED = ("lstm", "gru")
"""What PyTorch computes in one kernel, with a workspace of its own."""


def plainly(case: Case) -> bool:
    """Whether PyTorch takes the kernel whose needs `kept` describes, and repeats no tensor to broadcast it."""
    types = case.inputs
    match case.op.name:
        case "attention":
            dropout = case.given.get("dropout", 0)  # all of which is a mask of a single zero
            return dropout == 0 or (dropout < 1 and types[0].batched and types[0].shape[0] > 1)
        case "matmul":
            return len({x.shape[:-2] for x in types}) == 1 and len({x.batched for x in types}) == 1
        case "attend":
            q, k, v = types[:3]
            return (
                len(q.shape) == 3
                and q.batched
                and all(x.batched and x.shape[0] == q.shape[0] and x.shape[-1] == q.shape[-1] for x in (k, v))
            )
    return True


pytestmark = pytest.mark.filterwarnings("ignore")
checked = settings(suppress_health_check=list(HealthCheck), deadline=None)


class Said(NamedTuple):
    """What netdsl says of a case."""

    args: dict[str, Any]
    results: tuple[TensorType, ...]

    @property
    def output(self) -> TensorType:
        return self.results[0]


def infer(case: Case) -> Said:
    """What netdsl says of a case; raises Problem."""
    args, values = bind_values(case.op, (), case.given, tuple(map(Value, case.flow)))
    inputs = tuple(value.type for value in values)
    assert inputs == case.inputs
    results = case.op.results(inputs, args)
    assert results[0] == case.op.infer(inputs, args)
    return Said(args, results)


def size(case: Case, said: Said) -> int:
    """Numbers in the largest tensor of a case."""
    weights = [weight.elements for weight in case.op.weights(case.inputs, said.args)]
    extra = case.op.kept(case.inputs, said.output, said.args).extra
    return max([said.output.elements * len(said.results), extra, *weights, *(x.elements for x in case.inputs)])


def build(case: Case) -> nn.Module:
    """PyTorch's module for a case; raises whatever PyTorch raises."""
    if any(argument.required and argument.name not in case.given for argument in case.op.tensors):
        raise Refused("a tensor is missing")
    return REFERENCE[case.op.name](case.settings, case.inputs)


def full(x: TensorType) -> tuple[int, ...]:
    return (BATCH, *x.shape) if x.batched else x.shape


def tensors(inputs: tuple[TensorType, ...], grad: bool = False) -> list[Tensor]:
    # Whole numbers are zeros, so that they are places of any table.
    return [
        torch.zeros(full(x), dtype=torch.int64) if x.dtype == "int" else torch.ones(full(x), requires_grad=grad)
        for x in inputs
    ]


def results_of(module: nn.Module, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    result = module(*inputs)
    return (result,) if isinstance(result, Tensor) else tuple(result)


def too_large_to_try(case: Case) -> bool:
    """Whether some number given is so large that trying it could fill the memory."""
    numbers = repr(case).replace("x", " ").replace("/", " ")
    return any(len(digits) > 6 for digits in "".join(c if c.isdigit() else " " for c in numbers).split())


def compare(case: Case) -> None:
    """The law, for one case."""
    try:
        said = infer(case)
    except Problem as problem:
        refused_for_a_reason(case, problem)
        return
    largest = size(case, said)
    if largest <= LARGE:
        found = results_of(build(case), tensors(case.inputs))
        expected = [(full(x), DTYPES[x.dtype]) for x in said.results]
        assert [(tuple(x.shape), x.dtype) for x in found] == expected
    if largest <= HUGE and said.args.get("layers", 1) < 10:  # a recurrent layer takes as long there as real ones
        on_the_meta_device(case, said)


def refused_for_a_reason(case: Case, problem: Problem) -> None:
    if any(refusal.covers(case.op, problem.reason) for refusal in REFUSED_ON_PURPOSE) or too_large_to_try(case):
        return
    try:
        found = results_of(build(case), tensors(case.inputs))
    except Exception:
        return
    pytest.fail(f"{case} is refused ({problem.reason}), but PyTorch gives {[tuple(x.shape) for x in found]}")


def on_the_meta_device(case: Case, said: Said) -> None:
    with torch.device("meta"):
        module = build(case)
        inputs = tensors(case.inputs)
        with FlopCounterMode(display=False) if case.op.counts_macs else torch.no_grad() as counter:
            found = results_of(module, inputs)
    assert [tuple(x.shape) for x in found] == [full(x) for x in said.results]
    weights = case.op.weights(case.inputs, said.args)
    learned = {name for name, _ in module.named_parameters()}
    ours = [(w.name, w.shape, w.learned, DTYPES[w.dtype]) for w in weights]
    assert ours == [(k, tuple(t.shape), k in learned, t.dtype) for k, t in module.state_dict().items()]
    macs = case.op.macs(case.inputs, said.output, said.args)
    samples = BATCH if said.output.batched else 1
    if case.op.name == "attend" and len({x.batched for x in case.inputs}) > 1:
        return  # one of its products may be made once for all samples
    assert macs == (counter.get_total_flops() // 2 // samples if counter is not None else 0)


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


class Measured(NamedTuple):
    """What a training step keeps: inputs by number, whether a result, and bytes besides for the whole batch."""

    inputs: tuple[int, ...]
    output: bool
    bytes: int


def measure(module: nn.Module, inputs: list[Tensor]) -> tuple[Measured, list[int]]:
    """What is kept, and where the results lie."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        results = results_of(module.train(), inputs)
    places = [x.untyped_storage().data_ptr() for x in inputs]
    made = [x.untyped_storage().data_ptr() for x in results]
    rest = [kept[at].untyped_storage().nbytes() for at in kept if at not in own and at not in (*places, *made)]
    which = tuple(number for number, at in enumerate(places) if at in kept)
    return Measured(which, any(at in kept and at not in places for at in made), sum(rest)), made


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FUSED])
def test_kept_is_what_torch_keeps(name: str) -> None:
    op = REGISTRY[name]

    @settings(checked, max_examples=KEPT * NIGHTLY)
    @given(cases(op, sane=True))
    def law(case: Case) -> None:
        try:
            said = infer(case)
        except Problem:
            return
        if size(case, said) > LARGE or not plainly(case):
            return
        inputs = tensors(case.inputs, grad=True)
        measured, made = measure(build(case), inputs)
        ours = op.kept(case.inputs, said.output, said.args)
        samples = BATCH if said.output.batched else 1
        numbers = ours.of(range(len(inputs)))
        assert Measured(numbers, ours.output, ours.extra * samples + ours.fixed) == measured
        if op.view or op.shares_memory(case.inputs, said.args):
            assert set(made) == {inputs[0].untyped_storage().data_ptr()}

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
        infer(Case(one, other.given, other.flow))
