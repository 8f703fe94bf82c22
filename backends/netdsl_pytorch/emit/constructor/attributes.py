"""Attributes of a class: under which name, prefix or index of a list a part is kept."""

from __future__ import annotations

from netdsl.graph.graph import Item, Node
from netdsl.lower.programs.align import (
    Disagree,
    MergedItem,
)
from netdsl.lower.programs.errors import cannot
from netdsl.text.source import Span
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor.callees import callee_differs, name_of
from netdsl_pytorch.emit.constructor.folding import folded
from netdsl_pytorch.emit.constructor.modules import INDENT, Line, Parts, Row
from netdsl_pytorch.emit.constructor.sequences import Sequences
from netdsl_pytorch.python.nodes import Call
from netdsl_pytorch.python.statements import Evaluate, Statement, assigned


class Attributes(Sequences):
    """Writes where parts are kept."""

    def assign(self, step: MergedItem, made: Code, indent: int, type_name: str) -> None:
        """`self.name = …`, or an element of a list of parts."""
        name = self.attribute(step)
        train = self.of_heads(step)
        if self.unit.loops:
            self._assign_in_loop(step, name, made)
            return
        span = step.statement.span if step.statement is not None else step.first.span
        head, _, last = name.rpartition(".")
        if head and (last.isdigit() or in_list(head)):
            parts = self.list_at(head, span)
            parts.elements[last] = made
            if train:
                parts.optional.add(last)
            if indent != INDENT:
                raise Disagree(dict.fromkeys(step.cases, 0), "a list of parts is filled under a condition")
            return
        if name.isdigit() or not name.replace(".", "").isidentifier():
            made = self.if_heads(made) if train else made
            self.entries.append(Line([Evaluate(code.call("self.add_module", [code.literal(name), made]))], span))
            return
        self._holder(name, f"{type_name} | None" if train else type_name, span)
        if train:
            made = self.if_heads(made)
            self.emission.optional_names[name] = None
        self.entries.append(Line([assigned(f"self.{name}", made)], span))

    def of_heads(self, step: MergedItem) -> bool:
        """Whether a part of the net is for training heads alone, and is left out without them."""
        if not self.unit.is_net or not self.emission.heads_optional:
            return False
        kinds = {case: item.train_only for case, item in step.cases.items()}
        if len(set(kinds.values())) > 1:
            raise Disagree(kinds, "some turns of a loop are for heads alone")
        return next(iter(kinds.values()))

    def if_heads(self, made: Code, otherwise: Code | None = None) -> Code:
        """`made if aux else None`."""
        return code.ternary(code.name(self.emission.heads_flag), made, code.NONE if otherwise is None else otherwise)

    def list_at(self, path: str, span: Span | None, type_name: str = "nn.ModuleList") -> Parts:
        """The list of parts under a name, `blocks`, or within another list, `blocks.0`."""
        if path not in self.parts:
            self.parts[path] = Parts()
            head, _, last = path.rpartition(".")
            if in_list(path):
                self.list_at(head, span).elements[last] = self.parts[path]
            else:
                self._holder(path, type_name, span)
                self.entries.append(Line([], span, parts=path))
        return self.parts[path]

    def _holder(self, path: str, type_name: str, span: Span | None = None) -> None:
        """Makes sure that what a name stands under exists: `self.transformer`."""
        prefix, _, last = path.rpartition(".")
        if not prefix:
            return
        if in_list(prefix):
            raise cannot(
                f"parts under an element of a list, `{path}`, cannot be written yet", self.unit.instances[0].span
            )
        if prefix not in self.holders:
            self.holders[prefix] = {}
            class_name = self.emission.holder_class(self.unit, prefix)
            self._holder(prefix, class_name, span)
            made = code.call(class_name, [])
            self.entries.append(Line([assigned(f"self.{prefix}", made)], span, always=True))
        self.holders[prefix].setdefault(last, type_name)
        self.emission.holder_attribute(self.unit, prefix, last, type_name)

    def _type_name(self, made: Code) -> str:
        name = (code.path_of(made.function) if isinstance(made, Call) else "") or "nn.Module"
        return name if name.startswith("nn.") or name[:1].isupper() else "nn.Module"

    def attribute(self, step: MergedItem) -> str:
        """The attribute of a step, the same in all cases; a template's parts are found by `_assign_in_loop`."""
        names = {case: item.name for case, item in step.cases.items() if not _is_free(item)}
        if not names:
            kind = step.first.op.name if isinstance(step.first, Node) else self.emission.snake(step.first)
            return self.unit.attribute_name(step, name_of(step) if callee_differs(step) else kind)
        if len(set(names.values())) > 1 and not self.unit.loops:
            called = " and ".join(f"`{name}`" for name in dict.fromkeys(names.values()))
            raise Disagree({case: names.get(case, "") for case in step.cases}, f"a part is called {called}")
        return next(iter(names.values()))

    def _assign_in_loop(self, step: MergedItem, name: str, made: Code) -> None:
        train = self.of_heads(step)
        names = {case: item.name for case, item in step.cases.items()}
        if len(self.unit.loops) > 1 or not any(names.values()):
            raise Disagree({case: case.number for case in step.cases}, "a part of a loop has no name of its own")
        loop = self.unit.loops[-1]
        optional = next(iter(names.values())).rpartition(".")[0] in self.optional
        if not optional and len(names) != sum(count - loop.start for count in loop.step.counts.values()):
            raise Disagree({case: case.number for case in step.cases}, "some turns of a loop make no such part")
        heads = {item.rpartition(".")[0] for item in names.values()}
        indices = {case: item.rpartition(".")[2] for case, item in names.items()}
        if len(heads) == 1 and all(index == str(case.number) for case, index in indices.items()) and "" not in heads:
            self.found.append((heads.pop(), made, None, train))
            return
        template = self._template(step)
        if template is None or "." in code.text(template):
            raise Disagree(names, "a part has different names")
        self.found.append(("", self.if_heads(made) if train else made, template, train))

    def _list_statement(self, head: str) -> Statement:
        made = self._container(self.parts[head])
        if _is_optional(self.parts[head]):
            made = self.if_heads(made)
            self.emission.optional_names[head] = None
        return assigned(f"self.{head}", made)

    def element(self, head: str, index: str) -> Code:
        """An element of a list of parts: `self.blocks[0]`, or by its name where indices are missing."""
        parts = self.parts.get(head)
        whole = parts is None or parts.whole is not None or numbered(parts)
        return code.subscript(code.name(f"self.{head}"), [code.literal(int(index) if whole else index)])

    def _element(self, parts: Parts, name: str) -> Code:
        """A member of a list. One of heads in a list that has others keeps its place without them."""
        made = self._container(parts.elements[name])
        if _is_optional(parts) or not (name in parts.optional or _is_optional(parts.elements[name])):
            return made
        if parts.parameters:
            span = self.unit.instances[0].span
            raise cannot("a list of tensors some of which are of training heads alone cannot be written yet", span)
        return self.if_heads(made, code.call("nn.Identity", []))

    def _container(self, parts: Code | Parts) -> Code:
        """What makes a list of parts, or a dictionary where indices are missing or are names."""
        if isinstance(parts, Code):
            return parts
        if parts.whole is not None:
            return parts.whole
        if not numbered(parts):
            items = [(code.literal(name), self._element(parts, name)) for name in parts.elements]
            return code.call("nn.ParameterDict" if parts.parameters else "nn.ModuleDict", [code.dict_of(items)])
        elements = [self._element(parts, str(index)) for index in range(len(parts.elements))]
        rows = folded([[Row(made, None, False)] for made in elements])
        class_name = "nn.ParameterList" if parts.parameters else "nn.ModuleList"
        if len(rows) == 1 and rows[0].many:
            return code.call(class_name, [rows[0].code])
        return code.call(class_name, [code.list_of([code.star(r.code) if r.many else r.code for r in rows])])


def _is_optional(parts: Code | Parts) -> bool:
    """Whether a list is of heads alone."""
    if isinstance(parts, Code):
        return False
    names = [name for name, made in parts.elements.items() if name in parts.optional or _is_optional(made)]
    return (parts.whole is not None and parts.whole_optional) or (bool(names) and len(names) == len(parts.elements))


def _is_free(item: Item) -> bool:
    """Whether a part may be called anything: what has no weights needs no number of its own in the `state_dict`."""
    return not item.name or (item.name.isdigit() and not item.owns_module)


def in_list(path: str) -> bool:
    """Whether a path leads through an element of a list of parts."""
    return any(part.isdigit() for part in path.split("."))


def part_at(path: str) -> Code:
    """A part in `forward` by its path, of which no type is known: `getattr(self.stage, "block1-0")`.

    TorchScript takes this, and no `get_submodule`.
    """
    made, known = code.name("self"), True
    for part in path.split("."):
        if part.isidentifier():
            made = code.attribute(made, part)
        else:
            made, known = code.call("getattr", [made, code.literal(part)], nests=0), False
    return code.call("self.get_submodule", [code.literal(path)], nests=0) if known else made


def numbered(parts: Parts) -> bool:
    """Whether the elements are all from 0 on, without one missing."""
    return all(str(index) in parts.elements for index in range(len(parts.elements)))
