"""Where names lead: bindings, parts at a path of labels, weights, and the axes of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import computed_name, evaluate
from netdsl.elaborate.scopes.env import POISON, Binding, Env, Indexed, Prefix
from netdsl.elaborate.scopes.values import WeightRef
from netdsl.elaborate.session import ITEMS_IN_A_STEP
from netdsl.graph.graph import Node, Scope, Value
from netdsl.graph.kept import Kept
from netdsl.ops import REGISTRY, WORDS
from netdsl.ops.operator import Operator
from netdsl.syntax import tree
from netdsl.text.codes import DUPLICATE_NAME, PLUG_IN, RECURSIVE_BLOCK, UNKNOWN_ATTRIBUTE, UNKNOWN_NAME
from netdsl.text.diagnostic import Label, did_you_mean
from netdsl.text.source import Span
from netdsl.values.literals import is_whole


def unknown(name: str, span: Any, env: Env) -> Exception:
    """The exception (`Trouble`) about a name that is not in scope."""
    if name == "in":
        return trouble(
            UNKNOWN_NAME, "there is no `in` here", span, help="a net's inputs are called by name, a block has `in`"
        )
    below = env.hidden(name)
    if below is not None:
        place = Label(below.span, f"`{name}` is declared here, below its use")
        return trouble(RECURSIVE_BLOCK, f"`{name}` is used above its declaration", span, labels=(place,))
    known = [known for known, _ in env.visible()]
    return trouble(
        UNKNOWN_NAME, f"there is no `{name}` in scope", span, did_you_mean(name, [*known, *REGISTRY, *WORDS])
    )


def duplicate(name: str, span: Any, first: Binding) -> Exception:
    """The exception (`Trouble`) about a name declared twice."""
    place = Label(first.span, "first declared here")
    help = ""
    if first.kind in ("parameter", "input", "let"):
        what = {"parameter": "a parameter", "input": "an input", "let": "a `let`"}[first.kind]
        help = f"`{name}` is {what} already, and all names of a scope are different: call one of them something else"
    return trouble(DUPLICATE_NAME, f"`{name}` is declared twice", span, "declared again", labels=(place,), help=help)


def operator(name: str, span: Span, env: Env) -> Operator | None:
    """The operator of a name that is not bound to what can be called; packages are asked where netdsl has none."""
    known = REGISTRY.get(name)
    if known is not None:
        return known
    from netdsl.extension.installed import PlugInError
    from netdsl.ops.installed import find_operator

    try:
        return find_operator(name)
    except PlugInError as error:
        if env.lookup(name) is not None or env.hidden(name) is not None:
            return None
        message = f"there is no operator `{name}`, and a package that may have it fails: {error.message}"
        raise trouble(PLUG_IN, message, span, did_you_mean(name, REGISTRY), help=error.help) from error


def whole_list(indexed: Indexed, expr: tree.Expr) -> tuple[Any, ...]:
    """All entries of an indexed name, if no index from 0 is missing."""
    entries = indexed.entries
    if indexed.open:
        raise Poisoned
    for index in range(len(entries)):
        if index not in entries:
            raise trouble(UNKNOWN_NAME, f"`{expr.span.text}` has no entry {index}, so it is no list yet", expr.span)
        if entries[index].value is POISON:
            raise Poisoned
    return tuple(entries[index].value for index in range(len(entries)))


def find_binding(expr: tree.Expr, env: Env) -> Binding | None:
    """The binding that a name, computed name, prefixed name or indexed name stands for, if there is one."""
    if isinstance(expr, tree.Name):
        return env.lookup(expr.id)
    if isinstance(expr, tree.Computed):
        return env.lookup(computed_name(expr, env))
    if isinstance(expr, tree.Attribute):
        base = find_binding(expr.base, env)
        if base is not None and isinstance(base.value, Prefix):
            return _entry(base.value, expr.name, expr)
    if isinstance(expr, tree.Member):
        base = find_binding(expr.base, env)
        if base is not None and isinstance(base.value, Prefix):
            return _entry(base.value, computed_name(expr.name, env), expr)
    if isinstance(expr, tree.Index) and len(expr.indices) == 1:
        base = find_binding(expr.base, env)
        if base is not None and isinstance(base.value, Indexed):
            position = evaluate(expr.indices[0], env)
            return _entry(base.value, position, expr) if is_whole(position) else None
    return None


def _entry(table: Indexed | Prefix, key: Any, expr: tree.Expr) -> Binding | None:
    """What is under a key, if anything; unknown where an error kept it from being filled."""
    missing = Binding("label", POISON, expr.span) if table.open else None
    return table.entries.get(key, missing)


def weight_of(part: Any, name: str) -> WeightRef | Value | None:
    """A weight of an operator's part as a `WeightRef`; if the part was given it, what it was given (a `Value` too)."""
    if isinstance(part, Node):
        for weight in part.weights:
            if weight.name == name:
                return WeightRef(part, name)
        given = (part.fed or {}).get(name)
        return WeightRef(*given) if isinstance(given, tuple) else given
    return None


def find_part(expr: tree.Expr, env: Env) -> Node | Scope | None:
    """The part (`Node` or `Scope`) that a path of labels leads to (`transformer.wte`, `fc`, `conv1.conv`), if any."""
    return _led(expr, env)[1]


def _led(expr: tree.Expr, env: Env) -> tuple[Binding | None, Node | Scope | None, Node | Scope | None]:
    """The binding and the part that a path leads to, and the part that what stands before the last dot does: all from
    one walk along the path, which may have as many dots as expressions have levels."""
    if not isinstance(expr, tree.Attribute | tree.Member | tree.Index):
        binding = find_binding(expr, env)
        return binding, binding.item if binding is not None else None, None
    base, part, owner = _led(expr.base, env)
    if isinstance(expr, tree.Index):
        if len(expr.indices) != 1:
            return None, None, None
        if base is not None and isinstance(base.value, Indexed):
            position = evaluate(expr.indices[0], env)
            binding = _entry(base.value, position, expr) if is_whole(position) else None
            if binding is not None:
                return binding, binding.item, None
        if isinstance(owner, Scope) and isinstance(expr.base, tree.Attribute):
            return None, _item(owner, f"{expr.base.name}.{evaluate(expr.indices[0], env)}", expr, env), None
        return None, None, None
    prefix = base.value if base is not None and isinstance(base.value, Prefix) else None
    if prefix is None and not isinstance(part, Scope):
        return None, None, part
    name = expr.name if isinstance(expr.name, str) else computed_name(expr.name, env)
    binding = _entry(prefix, name, expr) if prefix is not None else None
    if binding is not None:
        return binding, binding.item, part
    return None, _item(part, name, expr, env) if isinstance(part, Scope) else None, part


def _item(scope: Scope, name: str, expr: tree.Expr, env: Env) -> Node | Scope | None:
    """The part of a scope with a name."""
    env.session.work(len(scope.steps) // ITEMS_IN_A_STEP, expr.span)
    return next((item for item in scope.items if item.name == name), None)


_SPATIAL = {
    1: (),
    2: ("length",),
    3: ("height", "width"),
    4: ("depth", "height", "width"),
}


_ALL_AXES = frozenset(name for names in _SPATIAL.values() for name in names)


def axis_of(value: Value, expr: tree.Attribute) -> Any:
    """An axis of a tensor by name, or its whole shape."""
    shape, name = value.type.shape, expr.name
    if name == "shape":
        return tuple(shape)
    if shape:
        if name == "channels":
            return shape[0]
        if name == "features":
            return shape[-1]
        names = _SPATIAL.get(len(shape), ())
        if name in names:
            return shape[1 + names.index(name)]
    known = ["channels", "features", *_SPATIAL.get(len(shape), ()), "shape"]
    has = f"it has {', '.join(f'`{axis}`' for axis in known)}"
    label = has if name in _ALL_AXES else did_you_mean(name, known) or has
    raise trouble(UNKNOWN_ATTRIBUTE, f"a tensor of shape {value.type} has no `{name}`", expr.name_span, label)


def visible_callables(env: Env) -> Iterator[str]:
    """The names of blocks and kept operators in scope, for suggestions."""
    for name, binding in env.visible():
        if isinstance(binding.value, Kept):
            yield name
