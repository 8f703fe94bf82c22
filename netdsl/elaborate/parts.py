"""Parts: what has a place in the `state_dict`, how it gets its name, and where labels and values are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netdsl.elaborate.env import POISON, Binding, Env, Indexed, Prefix
from netdsl.elaborate.evaluate import computed_name, duplicate, evaluate_whole
from netdsl.elaborate.naming import check_label
from netdsl.elaborate.session import Session, trouble
from netdsl.elaborate.trouble import Poisoned
from netdsl.graph.graph import Item, Node, Scope, Step
from netdsl.syntax import tree
from netdsl.text.codes import BAD_LABEL, DUPLICATE_NAME, NAME_CLASH, RESERVED_NAME
from netdsl.text.diagnostic import Label
from netdsl.text.reserved import SEQUENTIAL_ATTRIBUTES

if TYPE_CHECKING:
    from netdsl.elaborate.inits import PendingInit
    from netdsl.text.source import Span


@dataclass(slots=True, eq=False)
class Part:
    """A net, the use of a block, or a sequence that is being elaborated: its scope, its names, its numbering."""

    scope: Scope
    env: Env
    numbered: bool
    """Whether it is a sequence, whose stages are numbered."""
    next_number: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """How many parts of each kind (`conv`, `inception`) there are."""
    names: dict[str, Item] = field(default_factory=dict)
    """The attribute names taken."""
    pending: list[PendingInit] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Flow:
    """Where elaboration stands: the current value, and where steps go."""

    session: Session
    part: Part
    steps: list[Step]
    statement: tree.Statement
    current: Any = None
    """A Value, a tuple of them, None (nothing yet) or POISON."""
    in_combine: bool = False
    """Whether braces of a combine stand between this place and the part: nothing is numbered there."""
    appended: bool = False
    """Whether stages of a `then` are being added."""
    after_broken: bool = False
    """Whether the last contract was found broken."""


@dataclass(slots=True)
class Slot:
    """A place for a name: the table it goes into, its key there, and the attribute's name."""

    table: dict[Any, Binding]
    key: Any
    name: str
    span: Span


def slot(target: tree.Expr, env: Env) -> Slot:
    """Where a label or value target (`a`, `layer{i}`, `transformer.wte`, `branches[i]`) declares its name."""
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
    found = base.table.get(base.key)
    if found is None:
        found = base.table[base.key] = Binding("label", kind(), base.span)
    if found.value is POISON:
        raise Poisoned
    if not isinstance(found.value, kind):
        raise duplicate(base.name, base.span, found)
    return found.value


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


def name_item(flow: Flow, item: Node | Scope, kind: str, label: Slot | None, output: str, owns: bool) -> None:
    """Gives a part its name: its label, its number in a sequence, the output's name, or its kind and number."""
    part = flow.part
    item.appended = flow.appended
    counted = 0
    if owns:
        counted = part.counts[kind] = part.counts.get(kind, 0) + 1
    number = -1
    if part.numbered and not flow.in_combine:
        number = part.next_number
        part.next_number += 1
    if label is not None:
        check_label(label.name, label.span)
        if part.numbered and label.name in SEQUENTIAL_ATTRIBUTES:
            message = f"`{label.name}` is an attribute of `nn.Sequential`, and cannot be a label in a sequence"
            raise trouble(RESERVED_NAME, message, label.span)
        item.name, item.labelled = label.name, True
    elif number >= 0:
        item.name = str(number)
    elif not owns:
        return
    elif part.numbered:
        help = f"inside a combine of a sequence nothing is numbered: `name: {item.syntax.span.text.splitlines()[0]}`"
        raise trouble(
            NAME_CLASH, f"`{item.title.partition('(')[0]}` has weights, and needs a label here", item.span, help=help
        )
    else:
        if output:
            statement = flow.statement
            check_label(output, statement.name.span if isinstance(statement, tree.Output) else item.span)
        item.name = output or f"{kind}{counted}"
    take_name(part, item)


def take_name(part: Part, item: Item) -> None:
    """Records the name of a part; two parts of one scope cannot have the same."""
    other = part.names.get(item.name)
    if other is not None:
        place = Label(
            other.span, f"`{item.name}` is this one" if other.labelled else f"this one is named `{item.name}`"
        )
        one = other if item.labelled else item
        which = "this one" if one is item else "the other"
        help = f"give {which} a label: `name: {one.span.text.splitlines()[0]}`"
        raise trouble(NAME_CLASH, f"two parts would be named `{item.name}`", item.span, labels=(place,), help=help)
    part.names[item.name] = item
