"""Budgets: what a spec expects of its figures, checked.

The names of figures are put into the test as numbers; what is left is an ordinary expression, which the elaborator
evaluates. In a budget the name of a figure always means the figure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.analysis.figures import Figures
from netdsl.elaborate.evaluate import evaluate, truth
from netdsl.elaborate.lookup import find_part
from netdsl.elaborate.trouble import Poisoned, Trouble
from netdsl.graph.graph import Graph, Item, Node, Scope
from netdsl.ops.values import is_number, kind, show
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, BUDGET, NOTE_OVERRIDDEN, UNKNOWN_ATTRIBUTE, UNKNOWN_NAME
from netdsl.text.diagnostic import Diagnostic, Use, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netdsl.graph.graph import Budget

FIGURES: dict[str, str] = {
    "params": "has {} parameters",
    "macs": "takes {} multiply-adds",
    "flops": "takes {} FLOPs",
    "depth": "is {} layers deep",
    "receptive_field": "sees {} pixels of the input",
    "memory": "needs {} bytes of activations",
}
"""What a budget may speak of, and how it is said."""

TRAIN = "train"
_TRAINING = FIGURES | {"memory": "keeps {} bytes for the backward pass"}

_BOUNDS = {"==": "", "<": "below ", "<=": "at most ", ">": "above ", ">=": "at least ", "!=": "any but "}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

MOST_NAMED = 3
"""Parts that are named as the largest."""


class _Figure(NamedTuple):
    """A figure that a budget speaks of."""

    name: str
    item: Item
    train: bool


class _Measured:
    """The figures of a graph, at inference and while training, each computed once."""

    def __init__(self, graph: Graph, inference: Figures | None) -> None:
        self.inference = inference or Figures(graph)
        self.training = Figures(graph, train=True)
        self.values: dict[_Figure, int | None] = {}
        self.largest: dict[_Figure, str] = {}
        """The parts that weigh most, where they were asked for."""

    def __call__(self, figure: _Figure) -> int | None:
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
    """What is wrong with the budgets of a graph: errors, or notes where an override changed the net.

    `inference` are figures of one sample that are known already, or are wanted afterwards. A block's budget that fails
    at several uses is told once, at the first of them. After the last of `most` findings no more are looked for.
    """
    measured = _Measured(graph, inference)
    found: dict[tuple[int, int], Diagnostic] = {}
    again: dict[tuple[int, int], int] = {}
    for budget in graph.budgets:
        if len(found) >= most:
            last = next(reversed(found))
            found[last] = found[last].noted("there may be more below")
            break
        for diagnostic in _broken(budget, graph, measured):
            key = (id(budget.syntax), diagnostic.span.start)
            if key in found:
                again[key] = again.get(key, 0) + 1
            else:
                found[key] = diagnostic
    for key, times in again.items():
        note = f"so it is at {times:,} more use{'s' * (times > 1)}"
        found[key] = replace(found[key], notes=(*found[key].notes, note))
    if not graph.overridden:
        return list(found.values())
    return [
        replace(diagnostic, code=NOTE_OVERRIDDEN, severity="note") if diagnostic.code is BUDGET else diagnostic
        for diagnostic in found.values()
    ]


def named_parts(budget: Budget) -> list[Item]:
    """The parts that a budget speaks of, as often as it does."""
    known: dict[tree.Expr, _Figure] = {}
    try:
        _filled(budget.syntax.test, budget, lambda figure: 0, known)
    except (Trouble, Poisoned):
        return []
    return [figure.item for figure in known.values()]


def _broken(budget: Budget, graph: Graph, measured: _Measured) -> Iterator[Diagnostic]:
    tests = list(_conjuncts(budget.syntax.test))
    for test in tests:
        try:
            diagnostic = _check(test, budget, graph, measured)
        except Trouble as trouble:
            diagnostic = _guessed(trouble.diagnostic)
        except Poisoned:
            continue
        if diagnostic is not None:
            if len(tests) > 1 and diagnostic.span is budget.syntax.span:
                diagnostic = replace(diagnostic, span=test.span)
            yield diagnostic.used_in(_uses(budget.scope))


def _guessed(diagnostic: Diagnostic) -> Diagnostic:
    """What is wrong with a name, with the figure that may have been meant."""
    if diagnostic.code not in (UNKNOWN_NAME, UNKNOWN_ATTRIBUTE):
        return diagnostic
    guess = did_you_mean(diagnostic.span.text, FIGURES) or diagnostic.label
    return replace(diagnostic, label=guess, help=diagnostic.help or f"the figures are {', '.join(FIGURES)}")


def _conjuncts(test: tree.Expr) -> Iterator[tree.Expr]:
    if isinstance(test, tree.Binary) and test.op == "and":
        yield from _conjuncts(test.left)
        yield from _conjuncts(test.right)
    else:
        yield test


def _check(test: tree.Expr, budget: Budget, graph: Graph, measured: _Measured) -> Diagnostic | None:
    """What is wrong with one test; None if it holds."""
    known: dict[tree.Expr, _Figure] = {}
    filled = _filled(test, budget, measured, known)
    if isinstance(test, tree.Binary) and test.op in _BOUNDS:
        assert isinstance(filled, tree.Binary)
        missing = next((expr for expr, figure in known.items() if measured(figure) is None), None)
        if missing is not None:
            return Diagnostic(
                BUDGET,
                f"there is no receptive field to compare: `{missing.span.text}` depends on all of the input, on "
                "no image, or on places that no distance describes",
                budget.syntax.span,
            )
        for one, other, op in (
            (test.left, filled.right, test.op),
            (test.right, filled.left, _MIRRORED.get(test.op, test.op)),
        ):
            if one in known:
                bound = evaluate(other, budget.env)
                if not is_number(bound):
                    message = f"a budget compares with a number, not {show(bound)} ({kind(bound)})"
                    return Diagnostic(BAD_VALUE, message, other.span)
                return _compared(known[one], op, bound, budget, graph, measured)
    if truth(filled, budget.env):
        return None
    values = {expr.span.text: _number(measured(figure)) for expr, figure in known.items()}
    label = ", ".join(f"{name} = {value}" for name, value in values.items())
    return Diagnostic(BUDGET, f"the budget of `{_name(budget.scope, graph)}` does not hold", budget.syntax.span, label)


def _compared(
    figure: _Figure, op: str, bound: int | float, budget: Budget, graph: Graph, measured: _Measured
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
    phrase = (_TRAINING if figure.train else FIGURES)[figure.name].format(_number(value))
    while_training = " while training" if figure.train and figure.name != "memory" else ""
    message = f"`{_name(figure.item, graph)}` {phrase}{while_training}; the budget is {_BOUNDS[op]}{_number(bound)}"
    difference = value - bound
    label = f"{_number(abs(difference))} {'over' if difference > 0 else 'under'}" if difference else ""
    largest = measured.largest.get(figure)
    if largest is None:
        largest = measured.largest[figure] = _largest(figure, measured)
    return Diagnostic(BUDGET, message, budget.syntax.span, label, notes=(largest,) if largest else ())


def _largest(figure: _Figure, measured: _Measured) -> str:
    """The parts that weigh most: `largest: i5b 1,444,080 · i5a 1,043,456`. Paths have none."""
    if not isinstance(figure.item, Scope) or figure.name not in ("params", "macs", "flops", "memory"):
        return ""
    sizes = [
        (measured(figure._replace(item=item)) or 0, item)
        for item in figure.item.items
        if figure.train or figure.item.train_only or not item.train_only
    ]
    largest = sorted(sizes, key=lambda pair: -pair[0])[:MOST_NAMED]
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


# --- figures in a test


def _filled(
    expr: tree.Expr, budget: Budget, measured: Callable[[_Figure], int | None], known: dict[tree.Expr, _Figure]
) -> tree.Expr:
    """The test with numbers for its figures, which are told in `known`."""
    figure = _figure(expr, budget)
    if figure is not None:
        known[expr] = figure
        value = measured(figure)
        return tree.Constant(expr.span, None) if value is None else tree.Number(expr.span, value)

    def fill(part: Any) -> Any:
        return _filled(part, budget, measured, known)

    match expr:
        case tree.Binary():
            return tree.Binary(expr.span, expr.op, fill(expr.left), fill(expr.right))
        case tree.Unary():
            return tree.Unary(expr.span, expr.op, fill(expr.operand))
        case tree.Conditional():
            return tree.Conditional(expr.span, fill(expr.test), fill(expr.then), fill(expr.otherwise))
        case tree.Sequence():
            return tree.Sequence(expr.span, tuple(map(fill, expr.items)))
        case tree.Call():
            arguments = tuple(
                each
                if isinstance(each.value, tree.Pipeline)
                else tree.Argument(each.span, each.name, each.name_span, fill(each.value))
                for each in expr.args
            )
            return tree.Call(expr.span, expr.function, arguments, expr.args_span)
        case _:
            return expr


def _figure(expr: tree.Expr, budget: Budget) -> _Figure | None:
    """The figure that an expression names: `params`, `train.params`, `i3a.params`, `i3a.train.memory`."""
    if isinstance(expr, tree.Name):
        return _Figure(expr.id, budget.scope, False) if expr.id in FIGURES else None
    if not isinstance(expr, tree.Attribute):
        return None
    base = expr.base
    in_training = isinstance(base, tree.Name) and base.id == TRAIN and find_part(base, budget.env) is None
    if expr.name not in FIGURES:
        if in_training:
            raise Trouble(Diagnostic(UNKNOWN_ATTRIBUTE, f"there is no figure `{expr.name}`", expr.name_span))
        return None
    if in_training:
        return _Figure(expr.name, budget.scope, True)
    train = isinstance(base, tree.Attribute) and base.name == TRAIN
    if train:
        assert isinstance(base, tree.Attribute)
        base = base.base
    part = find_part(base, budget.env)
    if part is None and isinstance(base, tree.Name):
        # A part that got its name from its operator, or from the output that it gives.
        part = next((item for item in budget.scope.items if item.name == base.id), None)
    return None if part is None else _Figure(expr.name, part, train)
