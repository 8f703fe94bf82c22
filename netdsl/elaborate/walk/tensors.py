"""`param`, `constant` and `buffer`: tensors that a spec declares. Formulas are checked (expressions/formulas.py), and
evaluated by a backend."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.evaluate import evaluate
from netdsl.elaborate.expressions.given import as_given, give_initialiser
from netdsl.elaborate.expressions.targets import declare, slot
from netdsl.elaborate.findings.naming import check_label, check_table
from netdsl.elaborate.scopes.env import Binding, Env
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.walk.dispatch import runs_statement
from netdsl.elaborate.walk.inits import check_fits, initialiser
from netdsl.elaborate.walk.parts import take_name
from netdsl.graph.graph import Given, Node, Value
from netdsl.ops.numbers import MAX_AXES
from netdsl.ops.operator import Operator
from netdsl.ops.tensors import BUFFER, CONSTANT, PARAM
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, DUPLICATE_NAME
from netdsl.values.literals import counted, is_whole, kind, show
from netdsl.values.types import TensorType


@runs_statement(tree.Param)
def param(statement: tree.Param, flow: Flow, env: Env) -> None:
    """Declares a learnable tensor."""
    shape = _shape(statement.shape, flow, env)
    init = None if statement.init is None else initialiser(statement.init, env)
    given = {"shape": as_given(shape, statement.shape, env)}
    if statement.init is not None and init is not None:
        check_fits(init, shape, statement.init.span)
        given["init"] = give_initialiser(init, statement.init, env)
    args = {"shape": shape, "dtype": "float", "init": init}
    _declare(PARAM, args, given, statement, flow, env)


@runs_statement(tree.Table)
def table(statement: tree.Table, flow: Flow, env: Env) -> None:
    """Declares a fixed tensor, by a formula over its indices."""
    if statement.unused and statement.kind == "constant":
        help = "delete it, or make it a `buffer`, which is saved"
        raise trouble(BAD_VALUE, "an unused constant has neither a key nor a use", statement.span, help=help)
    shape = _shape(statement.shape, flow, env)
    names = [index.id for index in statement.indices]
    if len(names) != len(shape):
        indices, axes = _count(len(names), "index", "indices"), _count(len(shape), "axis", "axes")
        message = f"`{statement.name.span.text}` has {indices}, and its shape {axes}"
        raise trouble(BAD_VALUE, message, statement.name.span, help="an index for each axis: `mask[i, j]: [n, n] = …`")
    for number, index in enumerate(statement.indices):
        if index.id in names[:number]:
            raise trouble(DUPLICATE_NAME, f"`{index.id}` is declared twice", index.span)
    # Few models have one, and what is known of formulas takes long to import.
    from netdsl.elaborate.expressions import formulas

    known, parts = formulas.table(statement, shape, env, flow.session.tables)
    args = {"shape": shape, "dtype": known.dtype, "init": None}
    op = CONSTANT if statement.kind == "constant" else BUFFER
    node = _declare(op, args, {"shape": as_given(shape, statement.shape, env)}, statement, flow, env)
    flow.session.tables[id(node)] = known
    node.parts = parts
    node.looked_up = tuple(dict.fromkeys(known.formula.looked_up))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _declare(
    op: Operator,
    args: dict[str, Any],
    given: dict[str, Given],
    statement: tree.Param | tree.Table,
    flow: Flow,
    env: Env,
) -> Node:
    place = slot(statement.name, env)
    check_label(place.name, place.span)
    if isinstance(statement, tree.Table):
        check_table(place.name, place.span)
    type_ = TensorType(args["shape"], args["dtype"], batched=False)
    node = Node(op, args, given, (), (), op.weights((), args), 0, flow.part.scope, statement, statement, env.numbers)
    value = Value(type_, node)
    node.outputs = (value,)
    node.name, node.labelled = place.name, True
    declare(place, Binding("value", value, statement.name.span, item=node), env)
    take_name(flow.part, node)
    flow.session.count(1, statement.span)
    flow.session.nodes += 1
    flow.steps.append(node)
    return node


def _shape(expr: tree.Expr, flow: Flow, env: Env) -> tuple[int, ...]:
    value = evaluate(expr, env)
    if is_whole(value):
        value = (value,)
    if not isinstance(value, tuple) or not all(is_whole(size) and size > 0 for size in value):
        message = f"a shape is a list of whole numbers from 1, not {show(value)} ({kind(value)})"
        raise trouble(BAD_VALUE, message, expr.span)
    shape = tuple(value)
    if len(shape) + 1 > MAX_AXES:
        # Beside a tensor of the flow, it is stretched over the batch too.
        message = f"a tensor of {len(shape):,} axes; tensors have at most {MAX_AXES}, the batch counted"
        raise trouble(BAD_VALUE, message, expr.span, help=f"declare at most {MAX_AXES - 1} axes")
    elements = TensorType(shape).elements
    if elements > flow.session.limits.tensor_elements:
        flow.session.exceeded("tensor_elements", f"a tensor of {counted(elements)} elements is too large", expr.span)
    return shape
