"""Traced elaboration: the same graph, and every expression gives the number that remembers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from netdsl.elaborate import elaborate, model_names
from netdsl.graph.graph import Branch, Choice, Graph, Join, Loop, Node, Scope, Step
from netdsl.graph.json import to_json
from netdsl.graph.verify import verify
from netdsl.symbolic import MAX_READ, Apply, Ref, TracedFloat, TracedInt, evaluate, plain, refs
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text import Source, read_source
from netdsl.values.literals import Window
from tests.elaborate.specs import net

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "tests" / "syntax" / "data" / "examples").glob("*.net"))


@cache
def parsed(path: Path) -> tree.File:
    return parse(read_source(str(path)))


def check(graph: Graph) -> int:
    """Evaluates every number that remembers an expression, under the names that are in scope where it stands; gives
    how many there were."""
    return sum(_steps(graph.root.steps, graph.root.names, graph.root))


def _steps(steps: list[Step], env: Any, scope: Scope) -> Iterator[int]:
    last = env
    for step in steps:
        if isinstance(step, Node):
            # A stage that `then` appends stands where the operator before it does.
            last = last if step.appended else step.names
            shapes = [value.type.shape for value in (*step.inputs, *step.outputs)]
            yield _values([step.args, shapes], [last, env], scope, step)
        elif isinstance(step, Scope):
            assert step.parent is not None
            # What a call gives is said in terms of the names around it, a default in terms of those inside.
            given = {name: value for name, value in step.arguments.items() if name in step.given}
            shapes = [each.type.shape for each in step.outputs]
            yield _values([given, shapes], [step.outer, last, env], step.parent, step)
            defaults = {name: value for name, value in step.arguments.items() if name not in step.given}
            yield _values(defaults, [step.names], step, step)
            yield from _steps(step.steps, step.names, step)
        elif isinstance(step, Loop):
            for turn in step.turns:
                yield from _steps(turn.steps, turn.names, scope)
        elif isinstance(step, Choice) and step.taken is not None:
            yield from _steps(step.taken.steps, step.taken.names, scope)
        elif isinstance(step, Join):
            yield from _steps(step.steps, env, scope)
            yield from _steps([step.node] if step.node else [], env, scope)
        elif isinstance(step, Branch):
            yield from _steps(step.steps, env, scope)


def _values(values: Any, envs: list[Any], scope: Scope, where: Node | Scope) -> int:
    count = 0
    for number in _numbers(values):
        found = evaluate(number.expr, _names(envs, scope))
        assert (type(found), found) == (type(plain(number)), plain(number)), f"{where.span.place}: {number.expr}"
        count += 1
    return count


def _numbers(value: Any) -> Iterator[TracedInt | TracedFloat]:
    if isinstance(value, TracedInt | TracedFloat):
        yield value
    elif isinstance(value, dict):
        yield from _numbers(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, Window):
        yield from _numbers([value.kernel, value.stride])


def _names(envs: list[Any], scope: Scope) -> Callable[[Ref], Any]:
    """What a name stands for in a use of a block: fails for a name that is not in scope there."""

    def value_of(ref: Ref) -> Any:
        if ref.kind == "axis":
            block = scope
            while block.kind == "sequence":
                assert block.parent is not None
                block = block.parent
            _, number, axis, axes = ref.declaration
            shape = block.formals[number].type.shape
            assert len(shape) == axes
            return shape[axis]
        for env in envs:
            while env is not None:
                for binding in env.names.values():
                    if binding.declaration is ref.declaration:
                        return binding.value
                env = env.parent
        raise AssertionError(f"`{ref.name}` is not in scope")

    return value_of


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_the_graphs_of_the_examples(path: Path) -> None:
    model = model_names(parsed(path))[0]
    plain_graph, traced = (
        elaborate(parsed(path), model=model, root=path.parent, traced=traced) for traced in (False, True)
    )
    verify(plain_graph)
    verify(traced)
    assert to_json(plain_graph) == to_json(traced)
    check(traced)


SMALL = {
    "a parameter": ("block B(c) { conv(2 * c, 1x1) -> relu() }", "B(4)"),
    "a default": ("block B(c = 2 * in.channels, d = c + 1) { conv(c + d, 1x1) }", "B() -> B(5)"),
    "a let": ("block B(c) { let d = c // 2\nconv(d, 1x1) -> conv(d * in.channels, 1x1) }", "B(4)"),
    "a let in braces": ("block B() { { let d = 2 * in.channels\nconv(d, 1x1) }\nconv(4, 1x1) }", "B() -> B()"),
    "a let in a combine": ("block B() { concat { let d = 2 * in.height\nconv(d, 1x1); identity() } }", "B() -> B()"),
    "a let in an arm": (
        "block B(c) { if c > 1 { let d = c + 1\nz = conv(d, 1x1) } else { z = relu() }\nz }",
        "B(1) -> B(3)",
    ),
    "an arm of a combine": (
        "block B(c) { concat { if c > 1 { let d = c + 1\nconv(d, 1x1) }\nidentity(); relu() } }",
        "B(4)",
    ),
    "a loop": (
        (
            "block B(n) { for i in range(n) { conv(in.channels + i, 1x1)\nlast[i] = relu() }\n"
            "concat { for i in range(n) { last[i] } } }"
        ),
        "B(3)",
    ),
    "a loop of a combine": (
        "block B(xs) { concat { for x in xs { conv(x, 1x1) } } -> conv(sum(xs), 1x1) }",
        "B([2, 3])",
    ),
    "the same block twice": (
        "block A(c) { conv(c, 3x3) }\nblock B(c) { A(c) -> A(2 * c) -> A(in.height) }",
        "B(2) -> B(4)",
    ),
    "a window": ("block B(k) { conv(4, k, padding = 1) }\nblock C(s) { B(3x3/s) }", "C(2) -> C(1)"),
    "a kept call": ("block B(op) { op() -> conv(in.channels, 1x1) }\nblock C(c) { B(conv(2 * c, 1x1)) }", "C(3)"),
    "a kept chain": ("block B(op) { op() }\nblock C(c) { B(conv(c, 1x1) -> conv(2 * c, 3x3)) -> relu() }", "C(3)"),
    "a kept block": ("block A(c, d) { conv(c + d, 1x1) }\nblock B(op) { op(d = 5) }\nblock C(c) { B(A(c)) }", "C(3)"),
    "then": ("block B(c) { default conv(then = conv(2 * c, 1x1))\nlet d = c + 1\nconv(d, 1x1) -> relu() }", "B(4)"),
    "a tensor": ("block B(x: tensor) { conv(x.channels + in.channels, 1x1) -> concat(x) }", "a: conv(5, 1x1)\nB(a)"),
    "a list": (
        "block B() { concat { for x in in { x -> conv(x.channels, 1x1) } } }",
        "a: conv(5, 1x1)\n[a, image] -> B()",
    ),
    "reuse": ("block B(c) { t: conv(in.channels, 1x1) -> reuse(t) -> conv(c, 1x1) }", "b: B(3) -> reuse(b)"),
    "conditions": (
        "block B(c, wide) { let d = c if wide else 2 * c\nconv(max(d, in.channels), 1x1) }",
        "B(2, true) -> B(2, false)",
    ),
    "powers and fractions": ("block B(c) { conv(round(c ** 1.5), 1x1) -> dropout(c / 10) }", "B(4)"),
    "a label with an index": (
        "block B(n) { for i in range(n) { c[i]: conv(4 + i, 1x1) }\nconv(c[0].channels, 1x1) }",
        "B(2)",
    ),
    "flattening": ("block B() { maxpool(2x2/2) -> flatten() -> linear(in.channels) }", "B()"),
    "shadowing": ("block B(c) { for i in range(2) { let c = c + i\nconv(c, 1x1) } }", "B(3)"),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_specs(name: str) -> None:
    above, body = SMALL[name]
    graph = net(body, above=above, traced=True)
    verify(graph)
    assert to_json(graph) == to_json(net(body, above=above))
    assert check(graph) > 0


def _expr(graph: Graph, path: str) -> Any:
    return graph.find(path).args["out"].expr  # type: ignore[union-attr]


def test_an_argument_remembers_its_expression() -> None:
    graph = net("b: B(4, 2)", above="block B(growth, factor) { c: conv(factor * growth, 1x1) }", traced=True)
    expr = _expr(graph, "b.c")
    assert isinstance(expr, Apply)
    assert expr.op == "*"
    assert sorted(ref.name for ref in refs(expr)) == ["factor", "growth"]


def test_a_name_is_the_same_object_in_all_uses() -> None:
    graph = net("a: B(4)\nb: B(8)", above="block B(c) { x: conv(c + 1, 1x1) }", traced=True)
    assert _expr(graph, "a.x") == _expr(graph, "b.x")


def test_literals_are_plain() -> None:
    graph = net("c: conv(4, 3x3)", traced=True)
    assert not list(_numbers([node.args for node in graph.nodes()]))


def test_expressions_do_not_grow_with_the_depth_of_a_network() -> None:
    text = "net N(size = 512) {\ninput x: [3, size, size]\nrepeat 200 { conv(3, 3x3) }\noutput y = identity()\n}"
    graph = elaborate(parse(Source("deep.net", text)), traced=True)
    sizes = [number.expr for node in graph.nodes() for number in _numbers([value.type.shape for value in node.outputs])]
    assert sizes
    assert max(expr.size for expr in sizes if isinstance(expr, Apply)) <= MAX_READ
    check(graph)
