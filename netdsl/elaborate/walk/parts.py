"""Parts: how what has a place in the `state_dict` gets its name."""

from __future__ import annotations

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.targets import Slot
from netdsl.elaborate.findings.naming import check_label
from netdsl.elaborate.scopes.flow import Flow, Part
from netdsl.graph.graph import Item, Node, Scope
from netdsl.syntax import tree
from netdsl.text.codes import NAME_CLASH, RESERVED_NAME
from netdsl.text.diagnostic import Label
from netdsl.text.reserved import SEQUENTIAL_ATTRIBUTES


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
