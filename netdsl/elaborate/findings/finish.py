"""Checks of the whole graph: what reaches an output, and what only heads need."""

from __future__ import annotations

from typing import NamedTuple

from netdsl.elaborate.session import Session
from netdsl.graph.graph import Input, Node, Output, Scope, Value
from netdsl.graph.reach import given_values, makers, reached
from netdsl.syntax import tree
from netdsl.syntax.walk import walk
from netdsl.text.codes import LENT_BY_HEAD, READ_AS_UNUSED, UNUSED_STAGE, WARN_SOFTMAX
from netdsl.text.diagnostic import Diagnostic, Label, Use


def finish(root: Scope, inputs: list[Input], outputs: list[Output], session: Session) -> None:
    """Marks what only heads need, and reports stages, tensors and inputs that reach no output."""
    results = [output.value for output in outputs if not output.train]
    inference = reached(results)
    heads = [output.value for output in outputs if output.train]
    everything = reached(heads, inference) if heads else inference
    nodes = list(root.nodes())
    unused = [node for node in nodes if node not in everything]
    # Of a chain that leads nowhere, its end is told; a name that is not needed (`skip = identity()`) is no such end.
    read: set[Node | None] = set()
    ends = []
    for node in reversed(unused):
        if node in read or node.op.name != "identity":
            ends += [node] if node not in read and not node.unused else []
            read.update(makers(node))
    for node in reversed(ends):
        _report_unused(node, session)
    for node in nodes:
        if node.unused and (node in everything or node in read):
            help = "take `unused` off it"
            message = f"`{node.name}` is declared as unused, and is read"
            session.report(Diagnostic(READ_AS_UNUSED, message, node.span, uses=uses_around(node), help=help))
    _check_inputs(root, inputs, outputs, everything, session)
    _check_logits(outputs, session)
    if heads:
        running = _running(root, results)
        inference = running.nodes
        without_lenders = _running(root, results, weights=False)
        _check_owners(root, without_lenders, session)
        _check_arguments(root, without_lenders, session)
        for node in nodes:
            if node in everything:
                node.train_only = node not in inference
            else:  # a name that nothing reads, for what it names
                node.train_only = any(maker is not None and maker.train_only for maker in makers(node))
        _mark_scopes(root, running.scopes, _running(root, heads).scopes)


class _Running(NamedTuple):
    """What runs for some values."""

    nodes: set[Node]
    scopes: set[Scope]


def _running(root: Scope, values: list[Value], *, weights: bool = True) -> _Running:
    """All that is there where values are needed. Of a part of the net, a block or labelled group, all that is in it,
    and what that reads: a module is there as a whole or not at all. Without `weights`, not what only lends its
    weights."""
    nodes: set[Node] = set()
    scopes: set[Scope] = set()
    stack = list(values)

    def enter(scope: Scope | None) -> None:
        while scope is not None and scope is not root and scope not in scopes:
            whole = scope if scope.parent is root else None
            for part in whole.scopes() if whole is not None else (scope,):
                scopes.add(part)
                if weights:
                    enter(part.shared)
            if whole is not None:
                stack.extend(node.output for node in whole.nodes())
            scope = scope.parent

    while stack:
        value: Value | None = stack.pop()
        while value is not None:
            enter(value.scope)
            node, value = value.node, value.link
            if node is None or node in nodes:
                continue
            nodes.add(node)
            enter(node.scope)
            stack += (*node.inputs, *node.looked_up, *given_values(node))
            if weights:
                lenders = [source[0] for source in (node.fed or {}).values() if isinstance(source, tuple)]
                stack += [lender.output for lender in (*lenders, node.shared) if lender is not None]
    return _Running(nodes, scopes)


def _check_owners(root: Scope, running: _Running, session: Session) -> None:
    """Reports what uses the weights of a part that runs for heads alone. The part would have to be there without its
    heads, and be run for nothing or not at all."""
    told: set[Node | Scope] = set()
    for node in root.nodes():
        if node not in running.nodes:
            continue
        lenders = [source[0] for source in (node.fed or {}).values() if isinstance(source, tuple)]
        if node.shared is not None:
            lenders.append(node.shared)
        for lender in lenders:
            if lender in running.nodes:
                continue
            user, owner = _whole_use(node, lender) if lender is node.shared else (node, lender)
            if user in told:
                continue
            told.add(user)
            # The copy that `reuse` makes has the text of its original: the statement is where it is used.
            statement = user.statement if lender is node.shared else None
            span = user.span if statement is None else statement.span
            message = f"`{owner.path or owner.title}` runs for train outputs alone, and its weights are needed without"
            help = "make the part for the output, and let the train output take it: `… -> reuse(label)`"
            labels = (Label(owner.span, "made here"),)
            session.report(Diagnostic(LENT_BY_HEAD, message, span, labels=labels, uses=uses_around(node), help=help))
    for scope in running.scopes:
        # Of blocks without anything in them, no operator tells.
        if scope.shared is not None and scope.shared not in running.scopes and scope not in told:
            if any(True for _ in scope.nodes()):
                continue
            message = f"`{scope.shared.path or scope.shared.title}` runs for train outputs alone, and is used without"
            help = "make the part for the output, and let the train output take it: `… -> reuse(label)`"
            span = scope.span if scope.statement is None else scope.statement.span
            labels = (Label(scope.shared.span, "made here"),)
            session.report(Diagnostic(LENT_BY_HEAD, message, span, labels=labels, help=help))


def _check_arguments(root: Scope, running: _Running, session: Session) -> None:
    """Reports tensors that run for heads alone, and are arguments of blocks that do not read them, and run without."""
    for scope in root.scopes():
        if scope not in running.scopes:
            continue
        for value in scope.inputs:
            at: Value | None = value
            while at is not None and (at.scope in (None, root) or at.scope in running.scopes):
                if at.node is not None and at.node not in running.nodes:
                    break
                at = at.link
            if at is not None:
                help = "delete the argument, or let the block read it"
                message = f"`{scope.title}` is given, and does not read, what runs for train outputs alone"
                session.report(Diagnostic(LENT_BY_HEAD, message, scope.span, help=help))


def _whole_use(node: Node, lender: Node) -> tuple[Node | Scope, Node | Scope]:
    """The part that is used again, a block or group where the node is in one, and what it was made as."""
    pair: tuple[Node | Scope, Node | Scope] = (node, lender)
    scope: Scope | None = node.scope
    while scope is not None:
        if scope.shared is not None:
            pair = (scope, scope.shared)
        scope = scope.parent
    return pair


def _mark_scopes(scope: Scope, running: set[Scope], of_heads: set[Scope]) -> bool:
    """Marks the scopes that hold nothing but what heads need; gives whether this one does."""
    only = [
        _mark_scopes(item, running, of_heads) if isinstance(item, Scope) else item.train_only for item in scope.items
    ]
    if any(True for _ in scope.nodes()) or scope.parent is None:
        scope.train_only = all(only)
    elif scope in running or scope in of_heads:
        scope.train_only = scope not in running
    else:
        # What does nothing, for nobody, belongs to what gives its input.
        scope.train_only = any(value.root.node is not None and value.root.node.train_only for value in scope.inputs)
    return scope.train_only


def uses_around(node: Node) -> tuple[Use, ...]:
    """The `Use`s of the blocks that a node is in, innermost first."""
    uses = []
    scope: Scope | None = node.scope
    while scope is not None and scope.parent is not None:
        if scope.kind == "block":
            uses.append(Use(scope.title, scope.span, scope.name or None))
        scope = scope.parent
    return tuple(uses)


def _report_unused(node: Node, session: Session) -> None:
    help = _WAYS_OUT.get(node.op.name, _WAY_OUT)
    labels: tuple[Label, ...] = ()
    while node.appended and node.inputs and node.inputs[0].node is not None:
        # Told where it is used: a `then` may be far away.
        labels, node = (Label(node.span, "with this `then`"),), node.inputs[0].node
    session.report(Diagnostic(UNUSED_STAGE, _unread(node), node.span, labels=labels, uses=uses_around(node), help=help))


_WAY_OUT = "delete it, or use its result; `output n = …` makes one of the net's results"
_DECLARED_WAY_OUT = "delete it, or declare it within the braces of the `if` that it is for"
_WAYS_OUT = {
    "param": f"{_DECLARED_WAY_OUT}; for its key alone: `unused param …`",
    "buffer": f"{_DECLARED_WAY_OUT}; for its key alone: `unused buffer …`",
    "constant": _DECLARED_WAY_OUT,
}


def _unread(node: Node) -> str:
    if node.op.name in _WAYS_OUT:
        return f"nothing reads the {node.op.name} `{node.name}`"
    return f"the result of `{node.title}` reaches no output"


def _check_inputs(
    root: Scope, inputs: list[Input], outputs: list[Output], everything: set[Node], session: Session
) -> None:
    """Reports inputs that nothing reads. A size that is asked of one (`image.height`) is a use of it."""
    net = root.definition
    assert isinstance(net, tree.NetDef)
    read = {value.root for node in everything for value in (*node.inputs, *given_values(node))}
    read.update(output.value.root for output in outputs)
    for input in inputs:
        if input.value not in read and not _mentioned(input, net.body):
            help = f"delete it, or begin a line with it: `{input.name} -> …`"
            message = f"nothing reads the input `{input.name}`"
            session.report(Diagnostic(UNUSED_STAGE, message, input.syntax.span, help=help))


def _check_logits(outputs: list[Output], session: Session) -> None:
    """Warns of classes that end in probabilities: cross entropy, which networks are trained with, takes logits."""
    for output in outputs:
        node = output.value.root.node
        while node is not None and node.op.name == "identity":
            node = node.inputs[0].root.node
        if (
            node is None
            or node.op.name not in ("softmax", "sigmoid")
            or len(node.type.shape) != 1
            or node.type.shape[0] < 2
        ):
            continue
        message = f"`{output.name}` ends in `{node.op.name}`, and cross entropy takes logits: it would train badly"
        help = (
            f"leave `{node.op.name}()` out where the network is trained as a classifier; `predict` gives probabilities"
        )
        session.report(Diagnostic(WARN_SOFTMAX, message, node.span, help=help, severity="warning"))


def _mentioned(input: Input, body: tree.Body) -> bool:
    """Whether a net says anything of an input but what to call it: `a = image -> identity()`, `a = image`."""
    names = {input.name}
    others: list[tree.Statement] = list(body.statements)
    while naming := [statement for statement in others if _named_again(statement) & names]:
        given = [statement.target if isinstance(statement, tree.Bind) else _labels(statement) for statement in naming]
        names.update(node.id for node in walk(given) if isinstance(node, tree.Name))
        others = [statement for statement in others if statement not in naming]
    declared = set(walk(input.syntax))
    return any(isinstance(node, tree.Name) and node.id in names and node not in declared for node in walk(others))


def _named_again(statement: tree.Statement) -> set[str]:
    """The name of which a statement says nothing but another name."""
    if not isinstance(statement, tree.Bind | tree.Flow):
        return set()
    first, *more = [stage.stage if isinstance(stage, tree.Labelled) else stage for stage in statement.pipeline.stages]
    return {first.id} if isinstance(first, tree.Name) and all(map(_is_identity, more)) else set()


def _labels(statement: tree.Statement) -> list[tree.Expr]:
    return [node.label for node in walk(statement) if isinstance(node, tree.Labelled)]


def _is_identity(stage: tree.Stage) -> bool:
    return isinstance(stage, tree.Call) and isinstance(stage.function, tree.Name) and stage.function.id == "identity"
