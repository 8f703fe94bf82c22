"""How many stages a body makes at least: counted on the text, so that what would explode is refused at once."""

from __future__ import annotations

from typing import Any

from netdsl.elaborate.env import BlockValue, Env
from netdsl.syntax import tree

_CEILING = 1 << 62


def least_stages(body: tree.Body | tree.Pipeline, env: Env) -> int:
    """A lower bound of the stages that braces make. Loops count as often as their text alone tells, an `if` as its
    cheapest arm."""
    memo = env.session.cache.setdefault("least stages", {})
    known = memo.get(id(body))
    if known is None:
        memo[id(body)] = 0  # what contains itself is refused elsewhere
        stages = body.stages if isinstance(body, tree.Pipeline) else body.statements
        known = memo[id(body)] = min(sum(_count(each, env) for each in stages), _CEILING)
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
