"""What labels and values are declared as: the place that a target such as `branches[i]` names, and how it is filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netdsl.elaborate.errors import Poisoned, trouble
from netdsl.elaborate.expressions.evaluate import computed_name, evaluate_whole
from netdsl.elaborate.expressions.lookup import duplicate
from netdsl.elaborate.scopes.env import POISON, Binding, Env, Indexed, Prefix
from netdsl.syntax import tree
from netdsl.text.codes import BAD_LABEL, DUPLICATE_NAME

if TYPE_CHECKING:
    from netdsl.text.source import Span


@dataclass(slots=True)
class Slot:
    """A place for a name: the table it goes into, its key there, and the attribute's name."""

    table: dict[Any, Binding]
    key: Any
    name: str
    span: Span


def slot(target: tree.Expr, env: Env) -> Slot:
    """The `Slot` in which a target (`a`, `layer{i}`, `transformer.wte`, `branches[i]`) declares its name."""
    if isinstance(target, tree.Name):
        return Slot(env.home.names, target.id, target.id, target.span)
    if isinstance(target, tree.Computed):
        name = computed_name(target, env)
        return Slot(env.home.names, name, name, target.span)
    if isinstance(target, tree.Attribute):
        base = slot(target.base, env)
        return Slot(_table(base, Prefix).entries, target.name, f"{base.name}.{target.name}", target.span)
    if isinstance(target, tree.Member):
        base, name = slot(target.base, env), computed_name(target.name, env)
        return Slot(_table(base, Prefix).entries, name, f"{base.name}.{name}", target.span)
    if isinstance(target, tree.Index):
        base = slot(target.base, env)
        index = evaluate_whole(target.indices[0], env, "an index")
        if index < 0:
            raise trouble(BAD_LABEL, f"an index of a list of parts counts from 0; this one is {index}", target.span)
        return Slot(_table(base, Indexed).entries, int(index), f"{base.name}.{index}", target.span)
    raise trouble(BAD_LABEL, f"`{target.span.text}` cannot be a name", target.span)


def _table(base: Slot, kind: type[Any]) -> Any:
    """The value of a slot as an Indexed or a Prefix, made if there is none."""
    binding = base.table.get(base.key)
    if binding is None:
        binding = base.table[base.key] = Binding("label", kind(), base.span)
    if binding.value is POISON:
        raise Poisoned
    if not isinstance(binding.value, kind):
        raise duplicate(base.name, base.span, binding)
    return binding.value


def declare(place: Slot, binding: Binding, env: Env) -> None:
    """Fills a slot; a name is declared once in a scope."""
    check_free(place, env)
    place.table[place.key] = binding
    if env.session.traced:
        env.session.declared.append(binding.value)


def check_free(place: Slot, env: Env) -> None:
    """Makes sure that a slot is not filled yet."""
    first = place.table.get(place.key)
    if first is None and place.table is env.home.names and env is not env.home:
        # A `let` or loop variable of braces inside the scope would hide the new name from what follows it.
        inner: Env | None = env
        while inner is not None and inner is not env.home and first is None:
            first = inner.names.get(place.key)
            inner = inner.parent
    if first is not None:
        if first.span == place.span:
            help = f"in a loop, compute it: `{place.name}{{i}}`, or index it: `{place.name}[i]`"
            raise trouble(DUPLICATE_NAME, f"`{place.name}` is declared again in the next turn", place.span, help=help)
        raise duplicate(place.name, place.span, first)


def poison(place: Slot | None, what: Any) -> None:
    """Declares a name whose value is in error, so that its uses say nothing."""
    if place is not None and place.key not in place.table:
        place.table[place.key] = Binding(what, POISON, place.span)
