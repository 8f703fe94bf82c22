"""Budgets: what a spec expects of its figures, checked.

Elaboration has found the parts that they speak of; what is left is an expression over figures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netdsl.analysis.figures import Figures
from netdsl.graph.graph import FIGURES, Figure, Graph, Item, Node, Scope
from netdsl.symbolic import Apply, Expr, Ref, Unknown, evaluate
from netdsl.syntax import tree
from netdsl.text.codes import ARITHMETIC, BUDGET, NOTE_OVERRIDDEN, UNKNOWN_ATTRIBUTE, UNKNOWN_NAME
from netdsl.text.diagnostic import Diagnostic, Use, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netdsl.graph.graph import Budget, Test

_SAID: dict[str, str] = {
    "params": "has {} parameters",
    "macs": "takes {} multiply-adds",
    "flops": "takes {} FLOPs",
    "depth": "is {} layers deep",
    "receptive_field": "sees {} pixels of the input",
    "memory": "needs {} bytes of activations",
}
"""By figure, how it is said."""

_TRAINING = _SAID | {"memory": "keeps {} bytes for the backward pass"}

_BOUNDS = {"==": "", "<": "below ", "<=": "at most ", ">": "above ", ">=": "at least ", "!=": "any but "}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

MAX_NAMED = 3
"""Parts that are named as the largest."""


class _Measured:
    """The figures of a graph, at inference and while training, each computed once."""

    def __init__(self, graph: Graph, inference: Figures | None) -> None:
        self.inference = inference or Figures(graph)
        self.training = Figures(graph, train=True)
        self.values: dict[Figure, int | None] = {}
        self.largest: dict[Figure, str] = {}
        """The parts that weigh most, where they were asked for."""

    def __call__(self, figure: Figure) -> int | None:
        if figure not in self.values:
            # What is part of a head only has no figures at inference, so those while training are meant.
            figures = self.training if figure.train or figure.item.train_only else self.inference
            item = figure.item.shared or figure.item
            measure = {
                "params": figures.params,
                "macs": figures.macs,
                "flops": figures.flops,
                "depth": figures.depth,
                "receptive_field": figures.receptive_field,
                "memory": figures.memory,
            }[figure.name]
            self.values[figure] = measure(item)
        return self.values[figure]


def check_budgets(graph: Graph, inference: Figures | None = None, most: int = 100) -> list[Diagnostic]:
    """The diagnostics of the budgets of a graph: errors, or notes where an override changed the net.

    `inference` are figures of one sample that are known already, or are wanted afterwards. A block's budget that fails
    at several uses is told once, at the first of them. After the last of `most` findings no more are looked for.
    """
    measured = _Measured(graph, inference)
    failures: dict[tuple[int, int], Diagnostic] = {}
    again: dict[tuple[int, int], int] = {}
    for budget in graph.budgets:
        if len(failures) >= most:
            last = next(reversed(failures))
            failures[last] = failures[last].noted("there may be more below")
            break
        for diagnostic in _broken(budget, graph, measured):
            key = (id(budget.syntax), diagnostic.span.start)
            if key in failures:
                again[key] = again.get(key, 0) + 1
            else:
                failures[key] = diagnostic
    for key, times in again.items():
        note = f"so it is at {times:,} more use{'s' * (times > 1)}"
        failures[key] = replace(failures[key], notes=(*failures[key].notes, note))
    if not graph.overridden:
        return list(failures.values())
    return [
        replace(diagnostic, code=NOTE_OVERRIDDEN, severity="note") if diagnostic.code is BUDGET else diagnostic
        for diagnostic in failures.values()
    ]


def named_parts(budget: Budget) -> list[Item]:
    """The items that a budget speaks of, as often as it does."""
    if any(test.fault is not None for test in budget.tests):
        return []
    return [figure.item for test in budget.tests for figure in test.figures.values()]


def _broken(budget: Budget, graph: Graph, measured: _Measured) -> Iterator[Diagnostic]:
    for test in budget.tests:
        diagnostic = _check(test, budget, graph, measured) if test.fault is None else _guessed(test.fault)
        if diagnostic is not None:
            if len(budget.tests) > 1 and diagnostic.span is budget.syntax.span:
                diagnostic = replace(diagnostic, span=test.syntax.span)
            yield diagnostic.used_in(_uses(budget.scope))


def _guessed(diagnostic: Diagnostic) -> Diagnostic:
    """What is wrong with a name, with the figure that may have been meant."""
    if diagnostic.code not in (UNKNOWN_NAME, UNKNOWN_ATTRIBUTE):
        return diagnostic
    guess = did_you_mean(diagnostic.span.text, FIGURES) or diagnostic.label
    return replace(diagnostic, label=guess, help=diagnostic.help or f"the figures are {', '.join(FIGURES)}")


def _check(test: Test, budget: Budget, graph: Graph, measured: _Measured) -> Diagnostic | None:
    """What is wrong with one test; None if it holds."""
    syntax, figures = test.syntax, test.figures
    compares = isinstance(syntax, tree.Binary) and syntax.op in _BOUNDS
    if compares:
        missing = next((expr for expr, figure in figures.items() if measured(figure) is None), None)
        if missing is not None:
            return Diagnostic(
                BUDGET,
                f"there is no receptive field to compare: `{missing.span.text}` depends on all of the input, on "
                "no image, or on places that no distance describes",
                budget.syntax.span,
            )
    try:
        if compares and isinstance(test.expr, Apply):
            left, right = test.expr.operands
            mirrored = _MIRRORED.get(test.expr.op, test.expr.op)
            for one, other, op in ((left, right, test.expr.op), (right, left, mirrored)):
                if isinstance(one, Ref):
                    return _compared(one.declaration, op, _value(other, measured), budget, graph, measured)
        holds = _value(test.expr, measured)
    except Unknown:
        message = f"`{syntax.span.text}` has no value"
        return Diagnostic(ARITHMETIC, message, syntax.span, _known(test, measured))
    if holds:
        return None
    message = f"the budget of `{_name(budget.scope, graph)}` does not hold"
    return Diagnostic(BUDGET, message, budget.syntax.span, _known(test, measured))


def _value(expr: Expr, measured: _Measured) -> Any:
    """What a part of a test is worth; raises Unknown."""
    return evaluate(expr, lambda ref: measured(ref.declaration))


def _known(test: Test, measured: _Measured) -> str:
    """The figures that a test speaks of: `params = 310, depth = 3`."""
    values = {expr.span.text: _number(measured(figure)) for expr, figure in test.figures.items()}
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _compared(
    figure: Figure, op: str, bound: int | float, budget: Budget, graph: Graph, measured: _Measured
) -> Diagnostic | None:
    value = measured(figure)
    assert value is not None
    holds = {
        "==": value == bound,
        "!=": value != bound,
        "<": value < bound,
        "<=": value <= bound,
        ">": value > bound,
        ">=": value >= bound,
    }[op]
    if holds:
        return None
    phrase = (_TRAINING if figure.train else _SAID)[figure.name].format(_number(value))
    while_training = " while training" if figure.train and figure.name != "memory" else ""
    message = f"`{_name(figure.item, graph)}` {phrase}{while_training}; the budget is {_BOUNDS[op]}{_number(bound)}"
    difference = value - bound
    label = f"{_number(abs(difference))} {'over' if difference > 0 else 'under'}" if difference else ""
    largest = measured.largest.get(figure)
    if largest is None:
        largest = measured.largest[figure] = _largest(figure, measured)
    return Diagnostic(BUDGET, message, budget.syntax.span, label, notes=(largest,) if largest else ())


def _largest(figure: Figure, measured: _Measured) -> str:
    """The parts that weigh most: `largest: i5b 1,444,080 · i5a 1,043,456`. Paths have none."""
    if not isinstance(figure.item, Scope) or figure.name not in ("params", "macs", "flops", "memory"):
        return ""
    sizes = [
        (measured(figure._replace(item=item)) or 0, item)
        for item in figure.item.items
        if figure.train or figure.item.train_only or not item.train_only
    ]
    largest = sorted(sizes, key=lambda pair: -pair[0])[:MAX_NAMED]
    named = [f"{item.name or _operator(item)} {_number(size)}" for size, item in largest if size]
    return f"largest: {' · '.join(named)}" if len(named) > 1 else ""


def _operator(item: Item) -> str:
    return item.op.name if isinstance(item, Node) else item.title or item.kind


def _number(value: int | float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,}"


def _name(item: Item, graph: Graph) -> str:
    """How messages call an item: the model or net, a label's path, or else the block as it is called."""
    if item is graph.root:
        return graph.name if graph.model is not None else graph.net.name
    return item.path or _operator(item)


def _uses(scope: Scope) -> list[Use]:
    """The chain of blocks around a budget, innermost first."""
    uses: list[Use] = []
    at: Scope | None = scope
    while at is not None:
        if at.kind != "net" and at.title:
            uses.append(Use(at.title, at.span, at.name if at.labelled else None))
        at = at.parent
    return uses
