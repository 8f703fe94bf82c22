"""The text of a class: its head, docstring, constructor and `forward`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from netdsl.ops.axes import in_words
from netdsl.syntax import tree
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.small_class import INIT, MODULE, SUPER, TENSOR
from netdsl_pytorch.emit.common.unit import Unit
from netdsl_pytorch.emit.constructor.constructor import Constructor
from netdsl_pytorch.emit.constructor.modules import INDENT
from netdsl_pytorch.emit.constructor.modules import Line as Entry
from netdsl_pytorch.emit.constructor.rules import init_statements
from netdsl_pytorch.emit.docs import documented
from netdsl_pytorch.emit.forward.forward import Forward
from netdsl_pytorch.emit.forward.lines import Line, nested
from netdsl_pytorch.python.nodes import Name
from netdsl_pytorch.python.statements import (
    Class,
    Declare,
    Evaluate,
    Function,
    Parameter,
    Statement,
    assigned,
)


class WrittenClass(NamedTuple):
    """A unit and its class."""

    unit: Unit
    definition: Class

    @staticmethod
    def of(unit: Unit) -> WrittenClass:
        """The class of a unit; raises Disagree where its uses do not fit one."""
        return WrittenClass(unit, _Writer(unit).write())


class _Writer:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.emission = unit.emission

    @property
    def sequential(self) -> bool:
        """Whether it is a block that is a sequence: its class is an `nn.Sequential`."""
        definition = self.unit.definition
        return (
            isinstance(definition, tree.BlockDef)
            and isinstance(definition.body, tree.Pipeline)
            and all(self.emission.traces.chains(scope) for scope in self.unit.instances)
        )

    def write(self) -> Class:
        if self.sequential:
            return self._sequence()
        constructor = Constructor(self.unit)
        entries = constructor.write()
        forward = Forward(self.unit, constructor)
        statements = forward.write()
        inits = init_statements(self.unit)
        return self._class(constructor, entries, forward, statements, inits)

    # --- Parts of a class ---------------------------------------------------------------------------

    def _doc(self) -> str:
        """The author's comment; for a net what goes in and comes out, too. Empty where there is nothing to say."""
        unit = self.unit
        parameters = {each.name for each in getattr(unit.definition, "parameters", ())}
        here = {argument.ref.name if argument.ref is not None else argument.name for argument in unit.arguments}
        here |= {self.emission.heads_flag} if unit.is_net and self.emission.heads_optional else set()
        doc = documented(getattr(unit.definition, "doc", ""), parameters - here)
        return "\n\n".join(filter(None, (doc, net_sentence(unit) if unit.is_net else "")))

    def _constructor(self, body: Sequence[Statement]) -> Function:
        parameters = [Parameter("self")]
        for each in self.unit.arguments:
            parameters.append(Parameter(each.name, code.annotation(each.type), each.default))
        flag = self.emission.heads_flag
        own = [argument.name for argument in self.unit.arguments]
        if self.unit.is_net and self.emission.heads_optional and flag not in own:
            parameters.append(Parameter(flag, Name("bool"), code.literal(True)))
        return Function("__init__", tuple(parameters), code.NONE, tuple(body))

    def _sequence(self) -> Class:
        unit = self.unit
        constructor = Constructor(unit)
        rows = constructor.members(unit.program)
        made = Evaluate(constructor.sequential(INIT, rows))
        inits, methods = init_statements(unit)
        lets = unit.finish_arguments()
        kept = [assigned(f"self.{name}", value) for name, value in unit.state.attributes.items()]
        body = [self._constructor([*lets, made, *kept, *inits]), *methods]
        return Class(unit.name, code.name("nn.Sequential"), tuple(body), self._doc())

    def _class(
        self,
        constructor: Constructor,
        entries: list[Entry],
        forward: Forward,
        lines: list[Line],
        inits: tuple[list[Statement], list[Statement]],
    ) -> Class:
        unit = self.unit
        members: list[Statement] = []
        if unit.is_net and self.emission.heads:
            pairs = [(code.literal(head.name), code.literal(float(head.weight))) for head in self.emission.heads]
            members.append(assigned("loss_weights", code.dict_of(pairs), "ClassVar[dict[str, float]]"))
        for number, name in enumerate(constructor.buffers):
            members.append(Declare(Name(name), TENSOR, apart=number == 0))
        lets = unit.finish_arguments()
        body: list[Statement] = [*lets]
        body += [assigned(f"self.{name}", value) for name, value in unit.state.attributes.items()]
        body += spaced(entries)
        own, methods = inits
        if own:
            body += [replace(own[0], apart=bool(body)), *own[1:]]
        if body or unit.arguments:
            members += [self._constructor([SUPER, *body]), *methods]
        parameters = [Parameter("self"), *(Parameter(name, TENSOR) for name in forward.parameters())]
        parameters += [Parameter(name, MODULE) for name in forward.part_names().values()]
        members.append(Function("forward", tuple(parameters), self._result(), tuple(nested(_apart(lines)))))
        automatic = frozenset(unit.attribute_names.values())
        return Class(unit.name, MODULE, tuple(members), self._doc(), automatic)

    def _result(self) -> Code:
        if self.unit.is_net:
            results = [output for output in self.emission.graph.outputs if not output.train]
            output = self.emission.output_class
            if len(results) > 1:
                return Name(output)
            return code.annotation(f"Tensor | {output}") if self.emission.heads else TENSOR
        count = len(self.unit.instances[0].outputs)
        return TENSOR if count == 1 else code.annotation(f"tuple[{', '.join(['Tensor'] * count)}]")


def _apart(lines: list[Line]) -> list[Line]:
    """Lines of a `forward`, apart where the author left a blank line."""
    previous: Span | None = None
    for number, line in enumerate(lines):
        if line.span is not None:
            line.apart = bool(number) and previous is not None and line.indent == INDENT and _gap(previous, line.span)
            previous = line.span
    return lines


def spaced(entries: list[Entry]) -> list[Statement]:
    """Statements of a constructor, apart where the author left a blank line."""
    result: list[Statement] = []
    previous: Span | None = None
    for entry in entries:
        if not entry.statements:
            continue
        first, *others = entry.statements
        if entry.span is not None:
            gap = previous is not None and bool(result) and _gap(previous, entry.span)
            first, previous = replace(first, apart=gap), entry.span
        result += [first, *others]
    return result


def _gap(before: Span, after: Span) -> bool:
    """Whether the author left a blank line between two statements."""
    if before.source is not after.source or after.start < before.end:
        return False
    return re.search(r"\n[ \t]*\n", before.source.text[before.end : after.start]) is not None


def net_sentence(unit: Unit) -> str:
    """`Image [N, 3, 224, 224] to logits [N, num_classes]`."""
    emission = unit.emission
    graph = emission.graph
    inputs = in_words([f"{each.name} {_dims(unit, each.value)}" for each in graph.inputs])
    results = ", ".join(f"{o.name} {_dims(unit, o.value)}" for o in graph.outputs if not o.train)
    inputs = inputs[:1].upper() + inputs[1:]
    heads = "; in training mode with those of the heads" if emission.heads else ""
    return f"{inputs} to {results}{heads}."


def _dims(unit: Unit, value: Any) -> str:
    from netdsl.symbolic import Ref, expr_of, plain

    sizes = []
    for size in value.type.shape:
        expr = expr_of(size)
        named = isinstance(expr, Ref) and any(argument.key is expr.declaration for argument in unit.arguments)
        known = unit.state.needs if not unit.arguments else {}
        if named or (isinstance(expr, Ref) and expr.declaration in known):
            sizes.append(expr.name)  # type: ignore[union-attr]
        else:
            sizes.append(str(plain(size)))
    return f"[{', '.join(['N', *sizes] if value.type.batched else sizes)}]"
