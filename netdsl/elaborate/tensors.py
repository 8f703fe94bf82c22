"""`param`, `constant` and `buffer`: tensors that a spec declares. Formulas are checked here, and evaluated by a
backend."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate import functions
from netdsl.elaborate.env import Binding, Env
from netdsl.elaborate.evaluate import evaluate
from netdsl.elaborate.inits import check_fits, initialiser
from netdsl.elaborate.lookup import unknown
from netdsl.elaborate.parts import Flow, check_label, declare, slot, take_name
from netdsl.elaborate.session import trouble
from netdsl.graph.graph import Node, Origin, Value
from netdsl.graph.types import Dtype, TensorType
from netdsl.ops.arguments import is_number, is_whole
from netdsl.ops.operator import Operator
from netdsl.ops.tensors import BUFFER, CONSTANT, PARAM
from netdsl.ops.values import kind, show
from netdsl.syntax import tree
from netdsl.text.codes import BAD_VALUE, DUPLICATE_NAME, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean


def param(statement: tree.Param, flow: Flow, env: Env) -> None:
    """Declares a learnable tensor."""
    shape = _shape(statement.shape, flow, env)
    init = None if statement.init is None else initialiser(statement.init, env)
    given = {"shape": Origin(statement.shape, env)}
    if statement.init is not None and init is not None:
        check_fits(init, shape, statement.init.span)
        given["init"] = Origin(statement.init, env)
    args = {"shape": shape, "dtype": "float", "init": init}
    _declare(PARAM, args, given, statement, flow, env)


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
    env.session.looked_up = []
    dtype = _check_formula(statement.formula, frozenset(names), env)
    args = {"shape": shape, "dtype": dtype, "init": None}
    op = CONSTANT if statement.kind == "constant" else BUFFER
    node = _declare(op, args, {"shape": Origin(statement.shape, env)}, statement, flow, env)
    node.looked_up = tuple(dict.fromkeys(env.session.looked_up))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _declare(
    op: Operator,
    args: dict[str, Any],
    given: dict[str, Origin],
    statement: tree.Param | tree.Table,
    flow: Flow,
    env: Env,
) -> Node:
    place = slot(statement.name, env)
    check_label(place.name, place.span)
    type_ = TensorType(args["shape"], args["dtype"], batched=False)
    node = Node(op, args, given, (), (), op.weights((), args), 0, flow.part.scope, statement, statement, env)
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
    elements = TensorType(shape).elements
    if elements > flow.session.limits.tensor_elements:
        flow.session.exceeded("tensor_elements", f"a tensor of {elements:,} elements is too large", expr.span)
    return shape


# --- Formulas -----------------------------------------------------------------------------------

FORMULA_FUNCTIONS = frozenset(
    ("abs", "ceil", "cos", "exp", "floor", "log", "log2", "max", "min", "round", "sign", "sin", "sqrt")
)
"""Functions that a formula may apply to its indices."""

_WHOLE = frozenset(("abs", "ceil", "floor", "max", "min", "round", "sign"))
_ROUNDING = frozenset(("ceil", "floor", "round"))


def _check_formula(expr: tree.Expr, indices: frozenset[str], env: Env) -> Dtype:
    """The kind of number that a formula gives; Trouble for what no formula may hold."""
    if isinstance(expr, tree.Name) and expr.id in indices:
        return "int"
    if not _mentions(expr, indices, env):
        value = evaluate(expr, env)
        if isinstance(value, bool):
            return "int"
        if not is_number(value):
            raise trouble(BAD_VALUE, f"a formula computes with numbers, not {show(value)} ({kind(value)})", expr.span)
        return "int" if is_whole(value) else "float"
    if isinstance(expr, tree.Unary):
        return _check_formula(expr.operand, indices, env)
    if isinstance(expr, tree.Binary):
        left, right = _check_formula(expr.left, indices, env), _check_formula(expr.right, indices, env)
        if expr.op in ("in", "not in"):
            raise trouble(
                BAD_VALUE,
                f"`{expr.op}` cannot stand in a formula",
                expr.op_span if hasattr(expr, "op_span") else expr.span,
            )
        if expr.op == "/":
            return "float"
        return "int" if left == right == "int" else "float"
    if isinstance(expr, tree.Conditional):
        _check_formula(expr.test, indices, env)
        then, otherwise = _check_formula(expr.then, indices, env), _check_formula(expr.otherwise, indices, env)
        return "int" if then == otherwise == "int" else "float"
    if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name):
        name = expr.function.id
        if name not in FORMULA_FUNCTIONS:
            label = did_you_mean(name, FORMULA_FUNCTIONS)
            help = "" if name not in functions.FUNCTIONS else "it works on values that are known now, not on indices"
            raise trouble(UNKNOWN_OPERATOR, f"a formula cannot apply `{name}`", expr.function.span, label, help=help)
        _, least, most = functions.FUNCTIONS[name]
        if len(expr.args) < least or (most is not None and len(expr.args) > most):
            raise trouble(BAD_VALUE, f"`{name}` is given {len(expr.args)} arguments", expr.span)
        kinds = [_check_formula(_plain(arg), indices, env) for arg in expr.args]
        if name in _ROUNDING:
            return "int"
        return "int" if name in _WHOLE and all(each == "int" for each in kinds) else "float"
    if isinstance(expr, tree.Index):
        return _check_lookup(expr, indices, env)
    raise trouble(BAD_VALUE, f"`{expr.span.text}` cannot stand in a formula", expr.span)


def _plain(argument: tree.Argument) -> tree.Expr:
    if argument.name is not None or isinstance(argument.value, tree.Pipeline):
        raise trouble(BAD_VALUE, "a function in a formula takes numbers by position", argument.span)
    return argument.value


def _check_lookup(expr: tree.Index, indices: frozenset[str], env: Env) -> Dtype:
    """`u[o, y, x]`: another constant, read by index."""
    value = evaluate(expr.base, env)
    if not isinstance(value, Value) or value.type.batched or value.node is None or value.node.op is PARAM:
        if isinstance(value, tuple):
            raise trouble(BAD_VALUE, "a list cannot be read by an index of a formula", expr.span)
        raise trouble(BAD_VALUE, f"`{expr.base.span.text}` is no constant", expr.base.span)
    env.session.looked_up.append(value)
    if len(expr.indices) != len(value.type.shape):
        message = f"`{expr.base.span.text}` has {len(value.type.shape)} axes, and is given {len(expr.indices)} indices"
        raise trouble(BAD_VALUE, message, expr.span)
    for index in expr.indices:
        if _check_formula(index, indices, env) != "int":
            raise trouble(BAD_VALUE, f"the index `{index.span.text}` is no whole number", index.span)
    return value.type.dtype


def _mentions(expr: Any, indices: frozenset[str], env: Env) -> bool:
    """Whether an expression depends on an index, or reads a constant by index."""
    if isinstance(expr, tree.Name):
        if expr.id in indices:
            return True
        if expr.id == "_":
            raise unknown("_", expr.span, env)
        return False
    if isinstance(expr, tree.Unary):
        return _mentions(expr.operand, indices, env)
    if isinstance(expr, tree.Binary):
        return _mentions(expr.left, indices, env) or _mentions(expr.right, indices, env)
    if isinstance(expr, tree.Conditional):
        return any(_mentions(each, indices, env) for each in (expr.test, expr.then, expr.otherwise))
    if isinstance(expr, tree.Call):
        return any(_mentions(arg.value, indices, env) for arg in expr.args)
    if isinstance(expr, tree.Sequence):
        return any(_mentions(item, indices, env) for item in expr.items)
    if isinstance(expr, tree.Attribute | tree.Slice):
        return _mentions(expr.base, indices, env)
    if isinstance(expr, tree.Index):
        return (
            len(expr.indices) > 1
            or any(_mentions(each, indices, env) for each in expr.indices)
            or _is_tensor(expr.base, env)
        )
    return False


def _is_tensor(expr: tree.Expr, env: Env) -> bool:
    return isinstance(evaluate(expr, env), Value)
