"""Expressions: from the tree to values. Everything is decided here, before a tensor exists.

Whole numbers are exact and bounded, floats are IEEE doubles, lists are tuples. What has no result is reported at the
place of the operator. Numbers remember where they came from when the session is traced (netdsl/symbolic).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from netdsl.elaborate import lookup, symbols
from netdsl.elaborate.arithmetic import arithmetic, compare, window
from netdsl.elaborate.bounds import weight
from netdsl.elaborate.env import (
    POISON,
    Binding,
    Chain,
    Env,
    Indexed,
    Made,
    OperatorValue,
)
from netdsl.elaborate.session import ITEMS_IN_A_STEP, trouble
from netdsl.elaborate.trouble import Poisoned
from netdsl.graph.graph import Value
from netdsl.graph.kept import Kept
from netdsl.ops import REGISTRY, WORDS
from netdsl.ops.values import Size, Word, is_number, is_whole, kind, show
from netdsl.symbolic import Ref, expr_of, functions, traced
from netdsl.symbolic.operations import COMPARISONS, NoResult
from netdsl.syntax import tree
from netdsl.text.codes import (
    ARITHMETIC,
    BAD_PATTERN,
    BAD_VALUE,
    DUPLICATE_NAME,
    UNKNOWN_ATTRIBUTE,
    UNKNOWN_NAME,
    UNKNOWN_OPERATOR,
)
from netdsl.text.diagnostic import Label, did_you_mean


def evaluate(expr: tree.Expr | tree.Pipeline, env: Env) -> Any:
    """The value of an expression; raises Trouble, or Poisoned where the reason is already told."""
    return _BY_TYPE[type(expr)](expr, env)


def evaluate_whole(expr: tree.Expr, env: Env, what: str) -> int:
    """A whole number, or Trouble that says what it was meant for."""
    value = evaluate(expr, env)
    if not is_whole(value):
        help = "`//` divides whole numbers" if isinstance(value, float) else ""
        raise trouble(
            BAD_VALUE, f"{what} must be a whole number, not {show(value)} ({kind(value)})", expr.span, help=help
        )
    number: int = value
    return number


# --- Names --------------------------------------------------------------------------------------


def _name(expr: tree.Name, env: Env) -> Any:
    binding = env.lookup(expr.id)
    if binding is not None:
        return read(binding, expr)
    return _free_name(expr, env)


def read(binding: Binding, expr: tree.Expr) -> Any:
    """The value that a binding has now."""
    value = binding.value
    if value is POISON:
        raise Poisoned
    if isinstance(value, Indexed):
        return lookup.whole_list(value, expr)
    return value


def _free_name(expr: tree.Name, env: Env) -> Any:
    name = expr.id
    if name in functions.CONSTANTS:
        return functions.CONSTANTS[name]
    if name in REGISTRY:
        return OperatorValue(REGISTRY[name])
    if name in WORDS:
        return Word(name)
    installed = lookup.operator(name, expr.span, env)
    if installed is not None:
        return OperatorValue(installed)
    if name in WORDS:  # of a package that was asked for the operator
        return Word(name)
    raise lookup.unknown(name, expr.span, env)


_IN_A_NAME = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def computed_name(expr: tree.Computed, env: Env) -> str:
    """The name that `layer{i + 1}` gives."""
    text = ""
    for part in expr.parts:
        if isinstance(part, str):
            text += part
            continue
        value = evaluate(part, env)
        if not (_IN_A_NAME.fullmatch(value) if isinstance(value, str) else is_whole(value) and value >= 0):
            message = f"a computed name is made of whole numbers from 0 and words, not {show(value)} ({kind(value)})"
            help = "a word has letters, digits, `_` and `-`" if isinstance(value, str) else ""
            raise trouble(BAD_VALUE, message, part.span, help=help)
        text += str(int(value)) if is_whole(value) else value
    if len(text) > env.session.limits.name_length:
        env.session.exceeded("name_length", "a computed name is too long", expr.span)
    return text


def _computed(expr: tree.Computed, env: Env) -> Any:
    name = computed_name(expr, env)
    binding = env.lookup(name)
    if binding is None:
        raise lookup.unknown(name, expr.span, env)
    return read(binding, expr)


# --- Literals and lists -------------------------------------------------------------------------


def _literal(expr: Any, env: Env) -> Any:
    return expr.value


def _size(expr: tree.Size, env: Env) -> Any:
    return Size(expr.values)


def _sequence(expr: tree.Sequence, env: Env) -> Any:
    return env.session.sized(tuple([evaluate(item, env) for item in expr.items]), expr.span)


def _comprehension(expr: tree.Comprehension, env: Env) -> Any:
    items = []
    found = iterate(expr.iterable, env)
    env.session.work(len(found) * weight(expr, env), expr.span)
    for item in found:
        inner = Env(env)
        bind_pattern(expr.pattern, item, inner, "loop variable", env)
        if expr.condition is None or truth(expr.condition, inner):
            items.append(evaluate(expr.element, inner))
    return env.session.sized(tuple(items), expr.span)


def iterate(expr: tree.Expr, env: Env) -> tuple[Any, ...]:
    """The items of a list to loop over."""
    value = evaluate(expr, env)
    if not isinstance(value, tuple):
        help = f"`range({expr.span.text})` counts" if is_whole(value) else ""
        raise trouble(BAD_VALUE, f"a loop goes over a list, not {show(value)} ({kind(value)})", expr.span, help=help)
    limits = env.session.limits
    if len(value) > limits.loop_count:
        env.session.exceeded("loop_count", f"a loop of {len(value):,} turns is too long", expr.span)
    env.session.work(len(value), expr.span)
    return value


def bind_pattern(
    pattern: tree.Pattern, value: Any, env: Env, what: Any, outer: Env, expr: tree.Expr | None = None
) -> None:
    """Declares the names of a pattern. `outer` is where `expr`, which gave the value, was evaluated."""
    if isinstance(pattern, tree.NamePattern):
        assert isinstance(pattern.target, tree.Name)
        name = pattern.target.id
        if name == "_":
            return
        if name in env.names:
            raise duplicate(name, pattern.span, env.names[name])
        definition = None
        if env.session.traced and env.owner is not None:
            definition = symbols.symbol(expr, outer) if expr is not None else expr_of(value)
            value = traced(value, Ref(name, what, pattern))
        binding = Binding(what, value, pattern.span, declaration=pattern, definition=definition)
        env.declare_number(what, name, binding)
        return
    if not isinstance(value, tuple) or len(value) != len(pattern.items):
        has = f"a list of {len(value)}" if isinstance(value, tuple) else f"{show(value)} ({kind(value)})"
        raise trouble(BAD_PATTERN, f"the pattern takes {len(pattern.items)} values, and is given {has}", pattern.span)
    for item, part in zip(pattern.items, value, strict=True):
        bind_pattern(item, part, env, what, outer)


def duplicate(name: str, span: Any, first: Binding) -> Exception:
    """Trouble about a name declared twice."""
    place = Label(first.span, "first declared here")
    help = ""
    if first.kind in ("parameter", "input", "let"):
        what = {"parameter": "a parameter", "input": "an input", "let": "a `let`"}[first.kind]
        help = f"`{name}` is {what} already, and all names of a scope are different: call one of them something else"
    return trouble(DUPLICATE_NAME, f"`{name}` is declared twice", span, "declared again", labels=(place,), help=help)


def _index(expr: tree.Index, env: Env) -> Any:
    base = _indexed_base(expr.base, env)
    if len(expr.indices) != 1:
        raise trouble(BAD_VALUE, "one index to a bracket: `a[i][j]`", expr.span)
    position = evaluate(expr.indices[0], env)
    if not is_whole(position):
        raise trouble(
            BAD_VALUE, f"an index must be a whole number, not {show(position)} ({kind(position)})", expr.indices[0].span
        )
    if isinstance(base, Indexed):
        found = base.entries.get(position)
        if found is None:
            if base.open:
                raise Poisoned
            have = ", ".join(str(index) for index in sorted(base.entries)[:8])
            raise trouble(UNKNOWN_NAME, f"`{expr.base.span.text}` has no entry {position}", expr.span, f"it has {have}")
        if found.value is POISON:
            raise Poisoned
        return found.value
    if not isinstance(base, tuple):
        raise trouble(BAD_VALUE, f"only lists have indices, not {show(base)} ({kind(base)})", expr.base.span)
    if not -len(base) <= position < len(base):
        raise trouble(BAD_VALUE, f"the list has {len(base)} items, and no item {position}", expr.span)
    return _trace(base[position], expr, env)


def _indexed_base(expr: tree.Expr, env: Env) -> Any:
    """The value before a bracket: a name that is still being filled may be read by index."""
    binding = lookup.find_binding(expr, env)
    if binding is not None:
        if binding.value is POISON:
            raise Poisoned
        return binding.value
    return evaluate(expr, env)


def _slice(expr: tree.Slice, env: Env) -> Any:
    base = evaluate(expr.base, env)
    if not isinstance(base, tuple):
        raise trouble(BAD_VALUE, f"only lists have slices, not {show(base)} ({kind(base)})", expr.base.span)
    start = None if expr.start is None else evaluate_whole(expr.start, env, "a slice's start")
    stop = None if expr.stop is None else evaluate_whole(expr.stop, env, "a slice's end")
    return env.session.sized(base[start:stop], expr.span)


# --- Attributes ---------------------------------------------------------------------------------


def _attribute(expr: tree.Attribute, env: Env) -> Any:
    binding = lookup.find_binding(expr, env)
    if binding is not None:
        return read(binding, expr)
    part = lookup.find_part(expr.base, env)
    if part is not None:
        weight = lookup.weight_of(part, expr.name)
        if weight is not None:
            return weight
    base = evaluate(expr.base, env)
    if isinstance(base, Value):
        return lookup.axis_of(base, expr)
    if isinstance(base, tuple) and expr.name in ("channels", "features", "height", "width", "depth", "length", "shape"):
        help = f"it is a list; name one of its values: `{expr.base.span.text}[0].{expr.name}`"
        raise trouble(UNKNOWN_ATTRIBUTE, f"a list has no `{expr.name}`", expr.name_span, help=help)
    raise trouble(UNKNOWN_ATTRIBUTE, f"{show(base)} ({kind(base)}) has no `{expr.name}`", expr.name_span)


def _member(expr: tree.Member, env: Env) -> Any:
    binding = lookup.find_binding(expr, env)
    if binding is None:
        raise trouble(UNKNOWN_NAME, f"there is no `{expr.span.text}` in scope", expr.span)
    return read(binding, expr)


# --- Operators ----------------------------------------------------------------------------------


def truth(expr: tree.Expr, env: Env) -> bool:
    """A condition: true or false, nothing else."""
    value = evaluate(expr, env)
    if not isinstance(value, bool):
        help = f"`{expr.span.text} != 0` asks whether it is 0" if is_number(value) else ""
        raise trouble(
            BAD_VALUE, f"a condition must be true or false, not {show(value)} ({kind(value)})", expr.span, help=help
        )
    return value


def _conditional(expr: tree.Conditional, env: Env) -> Any:
    chosen = expr.then if truth(expr.test, env) else expr.otherwise
    return _trace(evaluate(chosen, env), expr, env)


def _unary(expr: tree.Unary, env: Env) -> Any:
    if expr.op == "not":
        return not truth(expr.operand, env)
    value = evaluate(expr.operand, env)
    if not is_number(value):
        raise trouble(BAD_VALUE, f"`{expr.op}` works on numbers, not {show(value)} ({kind(value)})", expr.operand.span)
    return -value if expr.op == "-" else value


def _binary(expr: tree.Binary, env: Env) -> Any:
    op = expr.op
    if op == "and":
        return truth(expr.left, env) and truth(expr.right, env)
    if op == "or":
        return truth(expr.left, env) or truth(expr.right, env)
    left, right = evaluate(expr.left, env), evaluate(expr.right, env)
    if isinstance(left, tuple) or isinstance(right, tuple):
        env.session.work(
            env.session.size(left) // ITEMS_IN_A_STEP + env.session.size(right) // ITEMS_IN_A_STEP, expr.span
        )
    if op in COMPARISONS:
        return compare(expr, left, right)
    if op in ("in", "not in"):
        if not isinstance(right, tuple):
            raise trouble(
                BAD_VALUE, f"`{op}` looks into a list, not into {show(right)} ({kind(right)})", expr.right.span
            )
        return (left in right) == (op == "in")
    if op == "/" and isinstance(left, tuple):
        return window(expr, left, right)
    if op == "+" and type(left) is tuple and type(right) is tuple:
        return env.session.sized(left + right, expr.span)
    if op == "*" and type(left) is tuple and is_whole(right):
        if len(left) * max(right, 0) > env.session.limits.list_length:
            env.session.exceeded("list_length", f"a list of {len(left) * right:,} items is too long", expr.span)
        return env.session.sized(left * right, expr.span)
    for side, value in ((expr.left, left), (expr.right, right)):
        if not is_number(value):
            raise trouble(BAD_VALUE, f"`{op}` works on numbers, not {show(value)} ({kind(value)})", side.span)
    result = arithmetic(expr, left, right)
    # Sums and the like trace themselves; a power is no method of a number that could.
    return _trace(result, expr, env) if op == "**" else result


# --- Calls --------------------------------------------------------------------------------------


def _call(expr: tree.Call, env: Env) -> Any:
    if isinstance(expr.function, tree.Name):
        name = expr.function.id
        binding = env.callable(name)
        if binding is None and name in functions.FUNCTIONS and (expr.args or name not in REGISTRY):
            return _function(name, expr, env)
        callee: Any = None
        if binding is not None:
            callee = binding.value
        elif (op := lookup.operator(name, expr.function.span, env)) is not None:
            callee = OperatorValue(op)
        if callee is None:
            found = env.lookup(name)
            if found is not None and found.value is POISON:
                raise Poisoned
            known = [*functions.FUNCTIONS, *REGISTRY, *[k for k, b in env.visible() if isinstance(b.value, Kept)]]
            label = did_you_mean(name, known)
            raise trouble(
                UNKNOWN_OPERATOR, f"there is no function, operator or block `{name}`", expr.function.span, label
            )
        if isinstance(callee, Chain):
            return callee
        return Made(callee, expr, env)
    raise trouble(BAD_VALUE, f"`{expr.function.span.text}` cannot be called", expr.function.span)


def _function(name: str, expr: tree.Call, env: Env) -> Any:
    values = []
    for argument in expr.args:
        if argument.name is not None:
            raise trouble(BAD_VALUE, f"`{name}` takes its arguments by position", argument.span)
        if isinstance(argument.value, tree.Pipeline):
            raise trouble(BAD_VALUE, f"`{name}` takes values, not stages", argument.span)
        values.append(evaluate(argument.value, env))
    session = env.session
    session.work(sum(session.size(value) for value in values) // ITEMS_IN_A_STEP, expr.span)
    try:
        result = functions.call(name, values, session.limits)
    except NoResult as none:
        code = ARITHMETIC if none.arithmetic else BAD_VALUE
        raise trouble(code, f"`{name}` {none.reason}", expr.span) from none
    if isinstance(result, tuple):
        return session.sized(result, expr.span)
    return _trace(result, expr, env)


def _pipeline(expr: tree.Pipeline, env: Env) -> Any:
    return Chain(expr, env)


def _trace(value: Any, expr: tree.Expr, env: Env) -> Any:
    """The value with the expression that gave it, where numbers are traced."""
    if env.session.traced and env.owner is not None and is_number(value):
        return traced(value, symbols.symbol(expr, env))
    return value


_BY_TYPE: dict[type, Callable[[Any, Env], Any]] = {
    tree.Number: _literal,
    tree.Text: _literal,
    tree.Constant: _literal,
    tree.Size: _size,
    tree.Name: _name,
    tree.Computed: _computed,
    tree.Sequence: _sequence,
    tree.Comprehension: _comprehension,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Conditional: _conditional,
    tree.Attribute: _attribute,
    tree.Member: _member,
    tree.Index: _index,
    tree.Slice: _slice,
    tree.Call: _call,
    tree.Pipeline: _pipeline,
}
