"""What runs each kind of statement, stage and callee: they stand inside each other, and run each other from here.

The modules beside this one register what they run, so that none of them has to know who else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from netdsl.elaborate.errors import Poisoned, Trouble
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.findings.recovery import give_up
from netdsl.elaborate.scopes.env import Env
from netdsl.elaborate.scopes.flow import Flow
from netdsl.elaborate.scopes.values import Call
from netdsl.graph.graph import Node, Scope
from netdsl.syntax import tree
from netdsl.text.codes import LIMIT

StatementRunner: TypeAlias = Callable[[Any, Flow, Env], None]
StageRunner: TypeAlias = Callable[[Any, Flow, Env, "Slot | None", str], "Node | Scope | None"]
"""Is given a stage, the label that it gets, and the output that it is the last stage of, if it is."""
CallRunner: TypeAlias = Callable[[Call, Flow, "Slot | None", str], "Node | Scope | None"]
R = TypeVar("R", bound=Callable[..., Any])

_STATEMENTS: dict[type, StatementRunner] = {}
_STAGES: dict[type, StageRunner] = {}
_CALLEES: dict[type, CallRunner] = {}


def runs_statement(*kinds: type) -> Callable[[R], R]:
    """A decorator that registers a `StatementRunner` for statements of some kinds."""
    return _registers(_STATEMENTS, kinds)


def runs_stage(*kinds: type) -> Callable[[R], R]:
    """A decorator that registers a `StageRunner` for stages of some kinds."""
    return _registers(_STAGES, kinds)


def runs_call(*kinds: type) -> Callable[[R], R]:
    """A decorator that registers a `CallRunner` for calls of some kinds of values."""
    return _registers(_CALLEES, kinds)


def _registers(table: dict[type, Any], kinds: tuple[type, ...]) -> Callable[[R], R]:
    def register(runner: R) -> R:
        table.update(dict.fromkeys(kinds, runner))
        return runner

    return register


def run(statements: tuple[tree.Statement, ...], flow: Flow, env: Env) -> None:
    """Elaborates statements one after the other; what is wrong with one is kept, and the next is tried."""
    before = flow.statement
    for statement in statements:
        flow.statement = statement
        try:
            _STATEMENTS[type(statement)](statement, flow, env)
        except Trouble as error:
            flow.session.report(error.diagnostic)
            if error.final or error.diagnostic.code is LIMIT:
                error.final = True
                raise
            give_up(statement, flow, env)
        except Poisoned:
            give_up(statement, flow, env)
    flow.statement = before


def run_stage(expr: Any, flow: Flow, env: Env, label: Slot | None = None, output: str = "") -> Node | Scope | None:
    """The part (`Node` or `Scope`) that a stage makes, if it makes one."""
    return _STAGES[type(expr)](expr, flow, env, label, output)


def run_call(call: Call, flow: Flow, label: Slot | None = None, output: str = "") -> Node | Scope | None:
    """The part (`Node` or `Scope`) that a call whose arguments are evaluated makes, if it makes one."""
    return _CALLEES[type(call.callee)](call, flow, label, output)
