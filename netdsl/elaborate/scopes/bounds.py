"""What a body makes and takes at least: counted on the text, so that what would explode is refused at once."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.scopes.env import Env
from netdsl.elaborate.scopes.values import BlockValue
from netdsl.syntax import tree

_CEILING = 1 << 62


_SHORT = 1_000
"""Characters of a piece of syntax that is not worth counting."""

_CHARACTERS_OF_A_STEP = 16
_NODES_OF_A_STEP = 2


def weight(syntax: Any, env: Env) -> int:
    """The steps that it takes to walk once over a piece of syntax, however its loops turn.

    Of what is short its length tells enough; what is long may be mostly comments, so that its parts are counted.
    """
    span = syntax.span
    length: int = span.end - span.start
    if length <= _SHORT:
        return length // _CHARACTERS_OF_A_STEP
    memo = env.session.cache.setdefault("weights", {})
    known = memo.get(id(syntax))
    if known is None:
        known = memo[id(syntax)] = _parts(syntax) // _NODES_OF_A_STEP
    count: int = known
    return count


def _parts(syntax: Any) -> int:
    count = 0
    stack = [syntax]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple | list) and not hasattr(item, "source"):  # no span
            stack.extend(item)
        elif type(item).__module__ == tree.__name__:
            count += 1
            stack.extend([getattr(item, slot) for slot in type(item).__slots__])
    return count


def least_stages(body: tree.Body | tree.Pipeline, env: Env) -> int:
    """A lower bound of the stages that braces make. Loops count as often as their text alone tells, an `if` as its
    cheapest arm."""
    session = env.session
    memo = session.cache.setdefault("least stages", {})
    known = memo.get(id(body))
    if known is None:
        memo[id(body)] = 0  # what contains itself is refused elsewhere
        stages = body.stages if isinstance(body, tree.Pipeline) else body.statements
        # What stands deeper than it may is not looked at: blocks in a row are as many as a file has room for.
        session.counting += 1
        if session.counting <= session.limits.elaboration_depth:
            known = min(sum(_count(stage, env) for stage in stages), _CEILING)
        session.counting -= 1
        known = memo[id(body)] = known or 0
    count: int = known
    return count


def _count(node: Any, env: Env) -> int:
    if isinstance(node, tree.Flow | tree.Bind | tree.Output):
        return least_stages(node.pipeline, env)
    if isinstance(node, tree.Labelled):
        return _count(node.stage, env)
    if isinstance(node, tree.Call):
        if isinstance(node.function, tree.Name):
            binding = env.callable(node.function.id)
            if binding is not None:
                value = binding.value
                return least_stages(value.definition.body, value.env) if isinstance(value, BlockValue) else 0
        return 1
    if isinstance(node, tree.Combine):
        return 1 + least_stages(node.body, env)
    if isinstance(node, tree.Group):
        return least_stages(node.body, env)
    if isinstance(node, tree.Repeat):
        return _literal(node.count) * least_stages(node.body, env)
    if isinstance(node, tree.For):
        return _turns(node.iterable) * least_stages(node.body, env)
    if isinstance(node, tree.If):
        arms = [least_stages(arm.body, env) for arm in node.arms]
        return min(arms) if node.arms[-1].test is None else 0
    return 0


def _literal(expr: tree.Expr) -> int:
    return expr.value if isinstance(expr, tree.Number) and isinstance(expr.value, int) else 0


def _turns(expr: tree.Expr) -> int:
    if isinstance(expr, tree.Sequence):
        return len(expr.items)
    if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) and len(expr.args) == 1:
        count = expr.args[0].value
        return _literal(count) if expr.function.id == "range" and isinstance(count, tree.Number) else 0
    return 0
