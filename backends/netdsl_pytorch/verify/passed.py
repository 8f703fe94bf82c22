"""Whether a network computes what it did before passes changed it: both are computed, operator by operator."""

from __future__ import annotations

import torch

from netdsl.passes.registry import FLAG
from netdsl.passes.run import Passed
from netdsl.text.codes import PASS_UNPROVED
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError
from netdsl.text.source import Source, Span
from netdsl_pytorch.interpret import interpret, random_state
from netdsl_pytorch.report import Mismatch, Report
from netdsl_pytorch.verify.values import affordable, compare, random_input

SCALES = (1, 16)
"""Sizes of the inputs: what saturates (`clamp`, `relu6`) shows its other side where they are large."""


TOO_LARGE = "the network is too large to be computed here"


def same_numbers(passed: Passed) -> None:
    """Raises Mismatch for a network that gives other results than the one that it was made from, or that is too large
    to tell."""
    if not affordable(passed.before) or not affordable(passed.graph):
        raise Mismatch(TOO_LARGE)
    try:
        _compute(passed, torch.float32)
    except Mismatch:
        # What doubles agree on differs by rounding alone.
        _compute(passed, torch.float64)


def _compute(passed: Passed, precision: torch.dtype) -> None:
    state = {
        key: tensor.to(precision) if tensor.is_floating_point() else tensor
        for key, tensor in random_state(passed.before).items()
    }
    moved = {}
    for key, parts in passed.moves.items():
        tensors = [state[part] for part in parts]
        # What has no axes (how many batches were seen) is the same in all of them.
        moved[key] = torch.cat(tensors) if tensors[0].dim() and len(tensors) > 1 else tensors[0]
    given = [random_input(each) for each in passed.before.inputs]
    for scale in SCALES:
        inputs = [scale * each.to(precision) if each.is_floating_point() else each for each in given]
        with torch.no_grad():
            compare(interpret(passed.graph, moved, inputs), interpret(passed.before, state, inputs))


def proof(passed: Passed) -> Report:
    """The comparison as a check."""
    report = Report(passed.graph.name)
    report.check(f"the numbers before {' '.join(passed.names)}", lambda: same_numbers(passed))
    return report


def check_passed(passed: Passed) -> None:
    """Raises SpecError where passes have made another network, which they did not prove themselves not to have."""
    if passed.proved:
        return
    try:
        same_numbers(passed)
    except Mismatch as found:
        text = " ".join(passed.names)
        span = Span(Source(FLAG, text), 0, len(text))
        message = f"the network is another one after {FLAG}: {found}"
        help = "this is a fault of the pass, not of the spec: leave it out"
        if str(found) == TOO_LARGE:
            message = f"the network is too large to be computed here, so it is not known to be the same after {FLAG}"
            help = "try the pass on a smaller one of its kind; `compile --no-verify` writes this one unproved"
        raise SpecError([Diagnostic(PASS_UNPROVED, message, span, help=help)]) from None
