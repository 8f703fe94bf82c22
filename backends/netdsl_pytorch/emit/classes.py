"""The text of a class: its head, docstring, constructor and `forward`."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

from netdsl.graph.graph import Scope
from netdsl.ops.axes import in_words
from netdsl.syntax import tree
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor import Constructor
from netdsl_pytorch.emit.forward import Forward
from netdsl_pytorch.emit.layout import WIDTH
from netdsl_pytorch.emit.modules import Line
from netdsl_pytorch.emit.rules import init_lines
from netdsl_pytorch.emit.statements import Statement
from netdsl_pytorch.emit.unit import Unit

DOC_WIDTH = 110


class Doc(str):
    """A line of a docstring: text of the author, in which no name of the file is used."""


@dataclass(frozen=True, slots=True)
class StageClass:
    """A module for an operator that PyTorch has none for."""

    name: str
    doc: str
    made: Code
    attributes: tuple[str, ...] = ()
    before: tuple[tuple[str, Code], ...] = ()
    """Lines that stand before the result: names and what they hold."""

    def lines(self) -> list[str]:
        lines = [f"class {self.name}(nn.Module):", *docstring(self.doc + ".", 4)]
        if self.attributes:
            lines += [
                "",
                *code.definition("__init__", ["self", *[f"{name}: int" for name in self.attributes]], "None", 4),
            ]
            lines += ["        super().__init__()", *[f"        self.{name} = {name}" for name in self.attributes]]
        lines += ["", "    def forward(self, x: Tensor) -> Tensor:"]
        for name, made in self.before:
            lines += code.statement(f"{name} = ", made, indent=8)
        lines += code.statement("return ", self.made, indent=8)
        return lines


@dataclass(slots=True)
class ClassText:
    """A class, or several lines that belong together."""

    unit: Unit
    lines: list[str] = field(default_factory=list)

    @staticmethod
    def of(unit: Unit) -> ClassText:
        """The class of a unit; raises Disagree where its uses do not fit one."""
        return _Writer(unit).write()


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
            and all(self.emission.chains(scope) for scope in self.unit.instances)
        )

    def write(self) -> ClassText:
        if self.sequential:
            return ClassText(self.unit, self._sequence())
        constructor = Constructor(self.unit)
        entries = constructor.write()
        forward = Forward(self.unit, constructor)
        statements = forward.write()
        inits = init_lines(self.unit)
        return ClassText(self.unit, self._class(constructor, entries, forward, statements, inits))

    # --- Parts of a class ---------------------------------------------------------------------------

    def _head(self, base: str) -> list[str]:
        return [f"class {self.unit.name}({base}):", *docstring(self._doc(), 4)]

    def _doc(self) -> str:
        unit, definition = self.unit, self.unit.definition
        doc = getattr(definition, "doc", "")
        if unit.is_net:
            what = net_sentence(unit)
            return f"{doc}\n\n{what}" if doc else what
        if doc:
            return doc
        if isinstance(definition, tree.BlockDef):
            return f"The block {definition.name}."
        owner = unit.owner.definition
        return f"The part `{unit.instances[0].name}` of {owner.name}."  # type: ignore[union-attr]

    def _signature(self) -> list[str]:
        parameters = ["self"]
        for argument in self.unit.arguments:
            shown = f"{argument.name}: {argument.type}"
            parameters.append(shown if argument.default is None else f"{shown} = {argument.default}")
        flag = self.emission.heads_flag
        own = [argument.name for argument in self.unit.arguments]
        if self.unit.is_net and self.emission.heads_optional and flag not in own:
            parameters.append(f"{flag}: bool = True")
        return code.definition("__init__", parameters, "None", 4)

    def _sequence(self) -> list[str]:
        unit = self.unit
        constructor = Constructor(unit)
        rows = constructor.members(unit.program)
        made = constructor.sequential("super().__init__", rows)
        inits = init_lines(unit)
        lets = unit.finish_arguments()
        lines = [*self._head("nn.Sequential"), "", *self._signature()]
        for let in lets:
            lines += let
        lines += code.statement("", made, indent=8)
        lines += inits
        return lines

    def _class(
        self,
        constructor: Constructor,
        entries: list[Line],
        forward: Forward,
        statements: list[Statement],
        inits: list[str],
    ) -> list[str]:
        unit = self.unit
        attributes = [f"    {name}: Tensor" for name in constructor.buffers]
        members: list[str] = []
        if unit.is_net and self.emission.heads:
            pairs = [(code.literal(head.name), code.literal(float(head.weight))) for head in self.emission.heads]
            members += [
                "",
                *code.statement("loss_weights: ClassVar[dict[str, float]] = ", code.dict_of(pairs), indent=4),
            ]
        if attributes:
            members += ["", *attributes]
        lets = unit.finish_arguments()
        lines = [*self._head("nn.Module"), *members]
        body: list[str] = [line for let in lets for line in let]
        for name, value in unit.state.attributes.items():
            body += code.statement(f"self.{name} = ", value, indent=8)
        body += spaced(entries)
        if inits:
            body += ["", *inits] if body else inits
        if body or unit.arguments:
            lines += ["", *self._signature(), "        super().__init__()", *body]
        parameters = ["self", *[f"{name}: Tensor" for name in forward.parameters()]]
        parameters += [f"{name}: nn.Module" for name in forward.part_names().values()]
        lines += ["", *code.definition("forward", parameters, self._result(forward), 4)]
        lines += self._statements(statements)
        return lines

    def _result(self, forward: Forward) -> str:
        if self.unit.is_net:
            results = [output for output in self.emission.graph.outputs if not output.train]
            output = self.emission.output_class
            if len(results) > 1:
                return output
            return f"Tensor | {output}" if self.emission.heads else "Tensor"
        count = len(self.unit.instances[0].outputs)
        return "Tensor" if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]"

    def _statements(self, statements: list[Statement]) -> list[str]:
        lines: list[str] = []
        previous: Span | None = None
        for statement in statements:
            span = statement.span
            if span is not None and previous is not None and statement.indent == 8 and _gap(previous, span) and lines:
                lines.append("")
            if span is not None:
                previous = span
            lines += statement.lines()
        return lines


def spaced(entries: list[Line]) -> list[str]:
    """Lines of a constructor, with the author's blank lines between them."""
    lines: list[str] = []
    previous: Span | None = None
    for entry in entries:
        if not entry.lines:
            continue
        if entry.span is not None and previous is not None and lines and _gap(previous, entry.span):
            lines.append("")
        if entry.span is not None:
            previous = entry.span
        lines += entry.lines
    return lines


def _gap(before: Span, after: Span) -> bool:
    """Whether the author left a blank line between two statements."""
    if before.source is not after.source or after.start < before.end:
        return False
    return re.search(r"\n[ \t]*\n", before.source.text[before.end : after.start]) is not None


def docstring(text: str, indent: int) -> list[str]:
    """A docstring that holds a text of the author, whatever is in it."""
    lines: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.strip()):
        own = [line.expandtabs(4).rstrip() for line in paragraph.splitlines()]
        if any(len(line) + indent > WIDTH - 8 for line in own):
            own = textwrap.wrap(" ".join(own), DOC_WIDTH - indent, break_on_hyphens=False)
        lines += ["", *own] if lines else own
    shown = [_escape(line) for line in lines] or ["A module."]
    # A quote that no backslash escapes: an even number of them are backslashes of the text.
    shown[-1] = re.sub(r'(?<!\\)((?:\\\\)*)"$', r'\1\\"', shown[-1])
    pad = " " * indent
    if len(shown) == 1:
        return [Doc(f'{pad}"""{shown[0].lstrip()}"""')]
    rest = [Doc((pad + line).rstrip()) for line in shown[1:]]
    return [Doc(f'{pad}"""{shown[0].lstrip()}'), *rest, Doc(f'{pad}"""')]


def _escape(line: str) -> str:
    """A line for a docstring: it cannot end it, and has nothing invisible in it."""
    line = line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


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
    from netdsl.graph.symbolic import Ref, expr_of, plain

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


__all__ = ["ClassText", "Doc", "Scope", "StageClass", "docstring", "spaced"]
