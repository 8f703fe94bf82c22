"""Attributes of a class: under which name, prefix or index of a list a part is kept."""

from __future__ import annotations

import re

from netdsl.graph.graph import Node
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.merge import (
    Disagree,
    MergedItem,
)
from netdsl_pytorch.emit.modules import INDENT, Line, Parts, Row
from netdsl_pytorch.emit.sequences import Sequences, bare_generator, folded
from netdsl_pytorch.emit.trouble import cannot


class Attributes(Sequences):
    """Writes where parts are kept."""

    def assign(self, step: MergedItem, made: Code, indent: int, type_name: str, annotation: str = "") -> None:
        """`self.name = …`, or an element of a list of parts."""
        name = self.attribute(step)
        if self.unit.loops:
            self._assign_in_loop(step, name, made)
            return
        span = step.statement.span if step.statement is not None else step.first.span
        head, _, index = name.rpartition(".")
        if index.isdigit() and head:
            self._holder(head, "nn.ModuleList", span)
            if head not in self.parts:
                self.parts[head] = Parts()
                self.entries.append(Line([], span, parts=head))
            self.parts[head].elements[int(index)] = made
            if indent != INDENT:
                raise Disagree(dict.fromkeys(step.cases, 0), "a list of parts is filled under a condition")
            return
        if name.isdigit() or not name.replace(".", "").isidentifier():
            self.entries.append(
                Line(code.statement("", code.call("self.add_module", [code.literal(name), made]), indent=indent), span)
            )
            return
        self._holder(name, type_name, span)
        train = bool(getattr(step.first, "train_only", False)) and self.unit.is_net
        if train and self.emission.heads_optional:
            made = code.ternary(Code(self.emission.heads_flag), made, Code("None"))
        lines = code.statement(f"self.{name}{annotation} = ", made, indent=indent)
        self.entries.append(Line(lines, span))

    def _holder(self, path: str, type_name: str, span: Span | None = None) -> None:
        """Makes sure that what a name stands under exists: `self.transformer`."""
        prefix, _, last = path.rpartition(".")
        if not prefix:
            return
        if any(part.isdigit() for part in prefix.split(".")):
            raise cannot(
                f"parts under an element of a list, `{path}`, cannot be written yet", self.unit.instances[0].span
            )
        if prefix not in self.holders:
            self.holders[prefix] = {}
            class_name = self.emission.holder_class(self.unit, prefix)
            self._holder(prefix, class_name, span)
            self.entries.append(Line([" " * INDENT + f"self.{prefix} = {class_name}()"], span))
        self.holders[prefix].setdefault(last, type_name)
        self.emission.holder_attribute(self.unit, prefix, last, type_name)

    def _type_name(self, made: Code) -> str:
        head = re.match(r"[A-Za-z_][\w.]*(?=\()", str(made))
        name = head[0] if head else "nn.Module"
        return name if name.startswith("nn.") or name[:1].isupper() else "nn.Module"

    def attribute(self, step: MergedItem) -> str:
        """The attribute of a step, the same in all cases; a template's parts are found by `_assign_in_loop`."""
        names = {case: item.name for case, item in step.cases.items()}
        first = next(iter(names.values()))
        if not first or (first.isdigit() and not step.first.owns_module):
            # What has no weights needs no number of its own in the `state_dict`.
            kind = step.first.op.name if isinstance(step.first, Node) else self.emission.snake(step.first)
            return self.unit.attribute_name(step, kind)
        if len(set(names.values())) > 1 and not self.unit.loops:
            raise Disagree(names, "a part has different names")
        return first

    def _assign_in_loop(self, step: MergedItem, name: str, made: Code) -> None:
        names = {case: item.name for case, item in step.cases.items()}
        if len(self.unit.loops) > 1 or not any(names.values()):
            raise Disagree({case: case.number for case in step.cases}, "a part of a loop has no name of its own")
        heads = {item.rpartition(".")[0] for item in names.values()}
        indices = {case: item.rpartition(".")[2] for case, item in names.items()}
        if len(heads) == 1 and all(index == str(case.number) for case, index in indices.items()) and "" not in heads:
            self.found.append((heads.pop(), made, None))
            return
        template = self._template(step)
        if template is None or "." in str(template):
            raise Disagree(names, "a part has different names")
        self.found.append(("", made, template))

    def _list_lines(self, head: str) -> list[str]:
        parts = self.parts[head]
        if parts.whole is not None:
            return code.statement(f"self.{head} = ", parts.whole, indent=INDENT)
        indices = sorted(parts.elements)
        class_name = "nn.ParameterList" if parts.parameters else "nn.ModuleList"
        if indices != list(range(len(indices))):
            lines = [" " * INDENT + f"self.{head} = {class_name}()"]
            for index, made in parts.elements.items():
                lines += code.statement(
                    "", code.call(f"self.{head}.add_module", [code.literal(str(index)), made]), indent=INDENT
                )
            return lines
        rows = folded([[Row(parts.elements[index], None, False, key=str(parts.elements[index]))] for index in indices])
        if len(rows) == 1 and rows[0].many:
            made = code.call(class_name, [bare_generator(rows[0].code)])
        else:
            made = code.call(class_name, [code.list_of([code.star(r.code) if r.many else r.code for r in rows])])
        return code.statement(f"self.{head} = ", made, indent=INDENT)
