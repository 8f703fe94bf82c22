"""`init`: how weights begin, by operator for all of a scope, or for one weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdsl.elaborate.errors import Poisoned, Trouble, trouble
from netdsl.elaborate.expressions.evaluate import computed_name, evaluate
from netdsl.elaborate.expressions.given import give_initialiser
from netdsl.elaborate.expressions.lookup import operator
from netdsl.elaborate.scopes.env import POISON, Env
from netdsl.elaborate.scopes.flow import PendingInit
from netdsl.elaborate.session import Session
from netdsl.elaborate.walk.dispatch import runs_statement
from netdsl.graph.graph import Given, InitRule, Node, Scope, WeightInit
from netdsl.ops import INITIALISERS, REGISTRY
from netdsl.ops.arguments import Problem
from netdsl.ops.bind import bind_initialiser
from netdsl.ops.initialisers import Initialiser, check_weight
from netdsl.ops.operator import Operator
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, UNKNOWN_ARGUMENT, UNKNOWN_NAME, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import Diagnostic, did_you_mean

if TYPE_CHECKING:
    from netdsl.elaborate.scopes.flow import Flow, Part
    from netdsl.text.source import Span


def initialiser(expr: tree.Expr, env: Env) -> Initialiser:
    """The initialiser that `normal(0.02)` is."""
    if not (isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name)):
        known = ", ".join(f"`{name}`" for name in INITIALISERS)
        raise trouble(BAD_ARGUMENT, f"`{expr.span.text}` is no initialiser", expr.span, help=f"known are {known}")
    name = expr.function.id
    rule = INITIALISERS.get(name)
    if rule is None:
        label = did_you_mean(name, INITIALISERS)
        raise trouble(UNKNOWN_OPERATOR, f"there is no initialiser `{name}`", expr.function.span, label)
    positional, named = [], {}
    for argument in expr.args:
        value = evaluate(argument.value, env)
        if argument.name is None:
            positional.append(value)
        else:
            named[argument.name] = value
    try:
        return bind_initialiser(rule, positional, named)
    except Problem as problem:
        which = f": argument `{problem.argument}`" if problem.argument else ""
        message = f"`{name}`{which} {problem.reason}"
        raise trouble(problem.code or BAD_ARGUMENT, message, expr.span, help=problem.help) from problem


@runs_statement(tree.Init)
def init(statement: tree.Init, flow: Flow, env: Env) -> None:
    """Records an `init` in the scope that says it."""
    if statement.value is not None:
        flow.part.pending.append(PendingInit(statement, initialiser(statement.value, env), env))
        return
    call = statement.target
    assert isinstance(call, tree.Call)
    assert isinstance(call.function, tree.Name)
    name = call.function.id
    op = operator(name, call.function.span, env)
    if op is None:
        message, help = f"there is no operator `{name}` to initialise", ""
        if env.callable(name) is not None:
            help = "`init` is by operator, and reaches into the blocks used; for one weight: `init fc.weight = …`"
        raise trouble(UNKNOWN_OPERATOR, message, call.function.span, did_you_mean(name, REGISTRY), help=help)
    weights: dict[str, Initialiser] = {}
    given: dict[str, Given] = {}
    for argument in call.args:
        if argument.name is None or isinstance(argument.value, tree.Pipeline):
            help = f"name the weight: `init {name}(weight = …)`"
            raise trouble(BAD_ARGUMENT, "`init` says which weight begins how", argument.span, help=help)
        weights[argument.name] = initialiser(argument.value, env)
        given[argument.name] = give_initialiser(weights[argument.name], argument.value, env)
    flow.part.scope.inits.append(InitRule(op, weights, statement, given))


def check_fits(initialiser: Initialiser, shape: tuple[int, ...], span: Span) -> None:
    """Raises Trouble for an initialiser that cannot fill such a weight."""
    try:
        check_weight(initialiser.rule, shape)
    except Problem as problem:
        message = f"`{initialiser.rule.name}` {problem.reason}"
        raise trouble(BAD_ARGUMENT, message, span, help=problem.help) from problem


def finish_inits(part: Part, session: Session) -> None:
    """Finds the weights that the scope's `init`s by weight speak of."""
    for pending in part.pending:
        try:
            part.scope.inits.append(_resolve(pending, part.scope))
        except Trouble as error:
            session.report(error.diagnostic)
        except Poisoned:
            pass
    for rule in part.scope.inits:
        if isinstance(rule, InitRule):
            _check_weights(rule, part.scope, session)
    # In the order of the text: by operator and by weight alike.
    part.scope.inits.sort(key=lambda statement: statement.syntax.span.start)


_USUAL = ("weight", "bias")


def _check_weights(rule: InitRule, scope: Scope, session: Session) -> None:
    """Reports names that no weight of such an operator has. Which it has depends on its uses: without any, and for
    the usual names (a convolution may have no bias), nothing is said."""
    op = rule.op
    owns_none = type(op).weights is Operator.weights
    nodes = [node for node in scope.nodes() if node.op is op]
    known = dict.fromkeys(weight.name for node in nodes for weight in node.weights if weight.learned)
    known.update((name, None) for node in nodes for name in node.fed or ())
    call = rule.syntax.target
    assert isinstance(call, tree.Call)
    for argument in call.args:
        name = argument.name
        if name in known:
            shapes = {weight.shape for node in nodes for weight in node.weights if weight.name == name}
            for shape in sorted(shapes, key=len)[:1]:
                try:
                    check_fits(rule.weights[name], shape, argument.value.span)
                except Trouble as error:
                    session.report(error.diagnostic)
        may_be_left_out = name in _USUAL and (not known or "weight" in known)
        if name is None or name in known or not (owns_none or (nodes and not may_be_left_out)):
            continue
        has = f"it has {', '.join(f'`{weight}`' for weight in known)}" if known else ""
        message, place = f"`{op.name}` has no weight `{name}`", argument.name_span or argument.span
        session.report(Diagnostic(UNKNOWN_ARGUMENT, message, place, help=did_you_mean(name, known) or has))


def _resolve(pending: PendingInit, scope: Scope) -> WeightInit:
    target = pending.statement.target
    base = target
    while isinstance(base, tree.Attribute | tree.Member | tree.Index):
        base = base.base
    binding = pending.env.lookup(base.id) if isinstance(base, tree.Name) else None
    if binding is not None and binding.value is POISON:
        raise Poisoned
    path = path_of(target, pending.env)
    item, rest = _walk(scope, path)
    if isinstance(item, Node):
        for weight in item.weights:
            if weight.name == rest:
                assert pending.statement.value is not None
                check_fits(pending.initialiser, weight.shape, pending.statement.value.span)
                origin = give_initialiser(pending.initialiser, pending.statement.value, pending.env)
                return WeightInit(item, weight.name, pending.initialiser, pending.statement, origin)
        known = [weight.name for weight in item.weights if weight.learned and weight.name]
        help = f"`{item.name}` has {', '.join(f'`{weight}`' for weight in known)}" if known else ""
        raise trouble(UNKNOWN_NAME, f"there is no weight `{path}`", target.span, did_you_mean(rest, known), help=help)
    names = [child.name for child in item.items if child.name] if isinstance(item, Scope) else []
    first = rest.partition(".")[0]
    raise trouble(UNKNOWN_NAME, f"there is no weight `{path}` in this scope", target.span, did_you_mean(first, names))


def path_of(expr: tree.Expr, env: Env) -> str:
    """A path of labels as text: `layers.0.conv.weight`."""
    if isinstance(expr, tree.Name):
        return expr.id
    if isinstance(expr, tree.Computed):
        return computed_name(expr, env)
    if isinstance(expr, tree.Attribute):
        return f"{path_of(expr.base, env)}.{expr.name}"
    if isinstance(expr, tree.Member):
        return f"{path_of(expr.base, env)}.{computed_name(expr.name, env)}"
    if isinstance(expr, tree.Index):
        return f"{path_of(expr.base, env)}.{plain(evaluate(expr.indices[0], env))}"
    raise trouble(UNKNOWN_NAME, f"`{expr.span.text}` is no path of labels", expr.span)


def _walk(scope: Scope, path: str) -> tuple[Any, str]:
    """The deepest part that a path leads to, and what is left of the path."""
    item: Any = scope
    rest = path
    while rest and isinstance(item, Scope):
        fitting = [
            child for child in item.items if child.name and (rest == child.name or rest.startswith(child.name + "."))
        ]
        if not fitting:
            break
        item = max(fitting, key=lambda child: len(child.name))
        rest = rest[len(item.name) + 1 :]
    return item, rest
