"""`init`: the lines at the end of a constructor that give weights their first values.

By operator it is a loop over all modules; what inner blocks say for themselves they say again after it, since inner
beats outer; by weight it comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from netdsl.graph.graph import Given, InitRule, Node, Scope, WeightInit
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Case, Disagree
from netdsl.lower.programs.values import relative_path
from netdsl.ops.initialisers import Initialiser
from netdsl.symbolic import plain
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.unit import Unit, unit_of
from netdsl_pytorch.emit.operators import module_type, record_of
from netdsl_pytorch.emit.tables.initialisers import argument_expr, fill
from netdsl_pytorch.python.nodes import Name
from netdsl_pytorch.python.rewrite import rewritten
from netdsl_pytorch.python.statements import Evaluate, For, Function, If, Parameter, Statement, choice

_OPTIONAL_BIAS = ("nn.Conv", "nn.ConvTranspose")


def init_statements(unit: Unit) -> tuple[list[Statement], list[Statement]]:
    """What a class says of first values: at the end of its constructor, and as methods; empty where it says nothing."""
    first = unit.instances[0]
    signature = {case: _signature(case.instance) for case in unit.cases}
    if len(set(signature.values())) > 1:
        raise Disagree(signature, "initialisers differ")
    lines: list[Statement] = []
    scopes = {case: [(case.instance, ""), *_groups(unit, case.instance, "")] for case in unit.cases}
    for number, (scope, place) in enumerate([(first, ""), *_groups(unit, first, "")]):
        lines += _scope_lines(unit, scope, place, {case: each[number][0] for case, each in scopes.items()})
    if not lines:
        return [], []
    again = _inner_classes(unit, first) if any(isinstance(each, InitRule) for each in first.inits) else []
    if again:
        at = next((number for number, line in enumerate(lines) if not isinstance(line, For)), len(lines))
        reset = Evaluate(code.call("module.reset_parameters", []))
        lines.insert(at, For("module", code.call("self.modules", []), (If(_is_instance(again), (reset,)),)))
    if has_reset(unit):
        call = Evaluate(code.call("self.reset_parameters", []))
        doc = "Gives the weights their first values."
        method = Function("reset_parameters", (Parameter("self"),), code.NONE, tuple(lines), doc)
        return [call], [method]
    return lines, []


def has_reset(unit: Unit) -> bool:
    """Whether the rules stand in a method, since a loop of an outer class would overwrite what they did."""
    if unit.has_reset is None:
        unit.has_reset = _has_reset(unit)
    return unit.has_reset


def _has_reset(unit: Unit) -> bool:
    if unit.is_net or not any(_own_inits(unit, scope) for scope in unit.instances):
        return False
    for scope in unit.instances:
        at = scope.parent
        while at is not None:
            if any(isinstance(each, InitRule) for each in at.inits):
                return True
            at = at.parent
    return False


def _own_inits(unit: Unit, scope: Scope) -> bool:
    """Whether a scope says of any weight of its own how it begins."""
    return any(_says_something(each) for each in (scope, *(inner for inner, _ in _groups(unit, scope, ""))))


def _says_something(scope: Scope) -> bool:
    operators = {each.op.name for each in scope.inits if isinstance(each, InitRule)}
    meant = any(node.op.name in operators and node.shared is None and not _is_function(node) for node in scope.nodes())
    return meant or any(isinstance(each, WeightInit) for each in scope.inits)


def _groups(unit: Unit, scope: Scope, path: str) -> list[tuple[Scope, str]]:
    """The groups that are written in place, and their paths from the class."""
    found: list[tuple[Scope, str]] = []
    for item in unit.emission.traces.items(scope):
        if isinstance(item, Scope) and item.kind == "sequence" and unit_of(unit.emission, item) is None:
            inner = f"{path}.{item.name}" if path else item.name
            if item.inits:
                found.append((item, inner))
            found += _groups(unit, item, inner)
    return found


def _inner_classes(unit: Unit, scope: Scope) -> list[str]:
    """Classes in a scope with rules of their own."""
    found: dict[str, None] = {}
    for inner in scope.scopes():
        other = unit_of(unit.emission, inner)
        if inner is not scope and other is not None and has_reset(other):
            found[other.name] = None
    return sorted(found)


def _signature(scope: Scope) -> str:
    parts = []
    for each in scope.inits:
        if isinstance(each, InitRule):
            parts.append(f"{each.op.name}:{[(name, _shown(rule)) for name, rule in each.weights.items()]}")
        else:
            parts.append(f"{each.node.name}.{each.weight}:{_shown(each.initialiser)}")
    return repr(parts)


def _shown(rule: Initialiser) -> str:
    return f"{rule.rule.name}{[(key, repr(value)) for key, value in rule.args.items()]}"


def _scope_lines(unit: Unit, scope: Scope, path: str, alike: dict[Case, Scope]) -> list[Statement]:
    """What is said of a scope; `alike` are those of other uses that have its place."""
    by_operator: dict[str, dict[str, Rule]] = {}
    for at, each in enumerate(scope.inits):
        if isinstance(each, InitRule):
            rules = by_operator.setdefault(each.op.name, {})
            for name, initialiser in each.weights.items():
                origins = {case: _origin(other, at, name) for case, other in alike.items()}
                rules[name] = Rule(initialiser, _numbers(unit, initialiser, origins, alike))
    lines: list[Statement] = []
    tests: list[tuple[Test, list[Statement]]] = []
    nodes = [node for node in scope.nodes() if not (unit.emission.inference and node.train_only)]
    contained = {name for node in nodes for name in record_of(node).contains}
    for name, weights in by_operator.items():
        mine = [node for node in nodes if node.op.name == name and node.shared is None and not _is_function(node)]
        if not mine or not record_of(mine[0]).classes:
            continue
        body = _fills(mine, weights)
        if body:
            tests.append((_test(mine, name in contained), body))
    branches = _joined(tests)
    if branches:
        place = code.name("self")
        if path:
            place = code.name(f"self.{path}") if "." not in path else _submodule(path)
        modules = code.call(code.attribute(place, "modules"), [])
        loop: Statement = For("module", modules, (choice(branches),))
        test = _if_heads(unit, scope, path)
        lines.append(loop if test is None else If(test, (loop,)))
    for at, each in enumerate(scope.inits):
        if isinstance(each, WeightInit) and not (unit.emission.inference and each.node.train_only):
            origins = {case: _origin(other, at, "") for case, other in alike.items()}
            lines += _weight_lines(unit, scope, each, _numbers(unit, each.initialiser, origins, alike))
    return lines


class Test(NamedTuple):
    """Which modules a rule is for: those of some types; with `exact`, of one type and of none that is a kind of it."""

    types: list[str]
    exact: bool = False

    @property
    def code(self) -> Code:
        """The test as it is written."""
        if self.exact:
            return code.binary("is", code.call("type", [code.name("module")]), code.name(self.types[0]))
        return _is_instance(self.types)


class Rule(NamedTuple):
    """How weights begin, and its numbers as they are written."""

    initialiser: Initialiser
    numbers: dict[str, Code]


def _origin(scope: Scope, at: int, weight: str) -> Given | None:
    """The call that an `init` of a scope gives a weight."""
    rule = scope.inits[at]
    return rule.given.get(weight) if isinstance(rule, InitRule) else rule.given


def _numbers(
    unit: Unit, rule: Initialiser, origins: dict[Case, Given | None], alike: dict[Case, Scope]
) -> dict[str, Code]:
    """The numbers of an initialiser, by name, that depend on arguments of the class, as expressions of them, and those
    of many digits, as the arithmetic that they came from."""
    calls = {case: each for case, each in origins.items() if each is not None and isinstance(each.syntax, tree.Call)}
    if len(calls) < len(origins):
        return {}
    made: dict[str, Code] = {}
    envs = {case: alike[case].names for case in calls}
    for name, value in rule.args.items():
        exprs = {case: argument_expr(origin, rule, name) for case, origin in calls.items()}
        if any(True for _ in unit.roots(exprs.values(), envs)) and not isinstance(value, str):
            number = unit.number(Slot(dict.fromkeys(exprs, value), exprs, envs, given=True, role=name))
            made[name] = _kept(unit, number) if has_reset(unit) else number
            continue
        case = next(iter(exprs))
        arithmetic = unit.arithmetic(exprs.values(), plain(value), case, envs)
        if arithmetic is not None:
            made[name] = arithmetic
    return made


def _kept(unit: Unit, made: Code) -> Code:
    """A number of the constructor as a method has it, which reads what it needs from attributes."""
    names = {unit.python_name(ref) for ref in unit.state.needs.values()}

    def change(expr: Code) -> Code:
        return unit.attribute(expr.id, expr) if isinstance(expr, Name) and expr.id in names else expr

    return rewritten(made, change)


def _if_heads(unit: Unit, scope: Scope, path: str) -> Code | None:
    """The test around what is said of a group that training heads alone need."""
    if not (unit.is_net and scope.train_only and unit.emission.heads_optional):
        return None
    if path in unit.emission.optional_names:
        return code.binary("is not", code.name(f"self.{path}"), code.NONE)
    return code.name(unit.emission.heads_flag)


def _joined(branches: list[tuple[Test, list[Statement]]]) -> list[tuple[Code, list[Statement]]]:
    """The tests as they are written, neighbouring ones with the same body as one."""
    result: list[tuple[Test, list[Statement]]] = []
    for test, body in branches:
        if result and result[-1][1] == body and not test.exact and not result[-1][0].exact:
            result[-1] = (Test([*result[-1][0].types, *test.types]), body)
        else:
            result.append((test, body))
    return [(test.code, body) for test, body in result]


def _is_function(node: Node) -> bool:
    return bool(node.fed) and not all(isinstance(source, tuple) for source in (node.fed or {}).values())


def _test(nodes: list[Node], exact: bool) -> Test:
    types = sorted({module_type(node) for node in nodes})
    if exact and len(types) == 1:
        # As the projection within nn.MultiheadAttention is a kind of nn.Linear, which `init linear` does not mean.
        return Test(types, exact=True)
    return Test(types)


def _is_instance(types: Sequence[str]) -> Code:
    """`isinstance(module, …)`."""
    names = [code.name(each) for each in types]
    return code.call("isinstance", [code.name("module"), names[0] if len(names) == 1 else code.tuple_of(names)])


def _fills(nodes: list[Node], weights: dict[str, Rule]) -> list[Statement]:
    lines: list[Statement] = []
    for name, rule in weights.items():
        having = [node for node in nodes if any(weight.name == name for weight in node.weights)]
        if not having:
            continue
        target = code.name(f"module.{name}")
        lacking = [n for n in nodes if n not in having and name not in (n.fed or {})]
        optional = bool(lacking) or (name == "bias" and module_type(nodes[0]).startswith(_OPTIONAL_BIAS))
        if "." in name or not name.isidentifier():
            continue
        made: Statement = Evaluate(fill(rule.initialiser, target, rule.numbers))
        lines.append(If(code.binary("is not", target, code.NONE), (made,)) if optional else made)
    return lines


def _weight_lines(unit: Unit, scope: Scope, each: WeightInit, numbers: dict[str, Code]) -> list[Statement]:
    path = relative_path(each.node, unit.instances[0], each.node)
    if not each.weight:
        target = code.name(f"self.{path}") if path.isidentifier() else _parameter(path)
    elif path.isidentifier() and each.weight == "weight":
        target = code.name(f"self.{path}.weight")
    else:
        target = _parameter(f"{path}.{each.weight}")
    if unit.is_net and each.node.train_only and unit.emission.heads_optional:
        made = Evaluate(fill(each.initialiser, _parameter(f"{path}.{each.weight}"), numbers))
        return [If(code.name(unit.emission.heads_flag), (made,))]
    return [Evaluate(fill(each.initialiser, target, numbers))]


def _submodule(path: str) -> Code:
    """A part by its path, where no attribute leads to it."""
    return code.call("self.get_submodule", [code.literal(path)])


def _parameter(path: str) -> Code:
    """A parameter by its key, where no attribute leads to it."""
    return code.call("self.get_parameter", [code.literal(path)])


__all__: list[Any] = ["has_reset", "init_statements"]
