"""Tensors in a constructor: parameters, constants, and weights that are given or tied."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from netdsl.graph.graph import Scope
from netdsl.symbolic import expr_of, plain
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.attributes import Attributes, in_list
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.initialisers import parameter
from netdsl_pytorch.emit.merge import (
    Disagree,
    MergedItem,
)
from netdsl_pytorch.emit.modules import INDENT, Line
from netdsl_pytorch.emit.tables import table
from netdsl_pytorch.emit.uses import Use
from netdsl_pytorch.emit.values import relative_path
from netdsl_pytorch.python.statements import Assign, Evaluate, If, Statement, assigned


class Tensors(Attributes):
    """Writes tensors that a class holds itself."""

    def tensor(self, step: MergedItem, indent: int) -> None:
        """A `param`, `constant` or `buffer`."""
        node = step.first
        use = Use(self.unit, step.nodes)
        name = self.attribute(step)
        span = node.statement.span
        train = self.of_heads(step)
        if self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "a tensor is declared in a loop")
        if node.op.name == "param":
            made = parameter(use)
            head, _, index = name.rpartition(".")
            if in_list(head) or (index.isdigit() and self.mixed(head)):
                self._register(step, name, "parameter", [self.if_heads(made) if train else made], [], indent)
                return
            if index.isdigit() and head:
                parts = self.list_at(head, span, "nn.ParameterList")
                parts.parameters = True
                parts.elements[index] = made
                if train:
                    parts.optional.add(index)
                return
            if train:
                made = self.if_heads(made)
                self.emission.optional_names[name] = None
            self._holder(name, "nn.Parameter | None" if train else "nn.Parameter")
            self.entries.append(Line([assigned(f"self.{name}", made)], span))
            return
        before, made = table(use, node, indent, self.indices)
        keywords = [] if node.op.name == "buffer" else [("persistent", code.literal(False))]
        if "." in name:
            self.entries.append(Line(before, span))
            self._register(step, name, "buffer", [self.if_heads(made) if train else made], keywords, indent)
            return
        arguments = [code.literal(name), self.if_heads(made) if train else made]
        call = code.call("self.register_buffer", arguments, keywords)
        self.buffers[name] = None
        self.entries.append(Line([*before, Evaluate(call)], span))

    def mixed(self, path: str) -> bool:
        """Whether a list holds parts beside tensors."""
        inside = [each for each in self.unit.instances[0].items if each.name.startswith(f"{path}.")]
        return any(
            isinstance(each, Scope) or each.op.name != "param" or in_list(each.name.rpartition(".")[0])
            for each in inside
        )

    def _register(
        self, step: MergedItem, name: str, kind: str, made: list[Code], keywords: list[tuple[str, Code]], indent: int
    ) -> None:
        """`self.prefix.register_buffer("table", …)`: a tensor that a prefix, a list or an element of one holds."""
        head, _, last = name.rpartition(".")
        if in_list(name):
            if indent != INDENT:
                raise Disagree(dict.fromkeys(step.cases, 0), "a list of parts is filled under a condition")
            self.list_at(head, step.first.statement.span)
        else:
            self._holder(name, "Tensor")
        holder = code.name(f"self.{head}") if not in_list(head) else self.reference(head)
        call = code.call(code.attribute(holder, f"register_{kind}"), [code.literal(last), *made], keywords)
        self.entries.append(Line([Evaluate(call)], step.first.statement.span))

    def fed(self, step: MergedItem, indent: int) -> None:
        """An operator some of whose weights are given: tied to those of another part, or computed."""
        node = step.first
        tied = {name: source for name, source in node.fed.items() if isinstance(source, tuple)}
        if len(tied) == len(node.fed) and not self.unit.loops:
            made = self.module(step)
            self.assign(step, made, indent, self._type_name(made))
            name = self.attribute(step)
            tests: list[Code] = []
            if self.of_heads(step):
                owners = [relative_path(owner, self.unit.instances[0], node) for owner, _ in tied.values()]
                parts = [part for part in dict.fromkeys((name, *owners)) if part in self.emission.optional_names]
                tests = [code.binary("is not", code.name(f"self.{part}"), code.NONE) for part in parts]
                tests = tests or [code.name(self.emission.heads_flag)]
            ties: list[Statement] = []
            for weight, (owner, tied_name) in tied.items():
                path = relative_path(owner, self.unit.instances[0], node)
                source = self._tied_source(path, tied_name)
                target = code.attribute(self.reference(name) if in_list(name) else code.name(f"self.{name}"), weight)
                ties.append(Assign((target,), source))
            if tests:
                ties = [If(reduce(partial(code.binary, "and"), tests), tuple(ties))]
            self.entries.append(Line(ties, None))
            return
        # The operator is a function of `forward`; what weights it still owns are held under its name.
        if self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "weights are given in a loop")
        for weight in node.weights:
            self.own_weight(step, weight, indent)

    def _tied_source(self, path: str, weight: str) -> Code:
        whole = ".".join(filter(None, ("self", path, weight)))
        if path == "" or path.isidentifier():
            return code.name(whole)
        known = any(path == f"{prefix}.{last}" for prefix, names in self.holders.items() for last in names)
        if known:
            return code.name(whole)
        return code.call("self.get_parameter", [code.literal(f"{path}.{weight}" if weight else path)])

    def reference(self, path: str) -> Code:
        return code.call("self.get_submodule", [code.literal(path)], nests=0)

    def own_weight(self, step: MergedItem, weight: Any, indent: int) -> None:
        node = step.first
        name = f"{self.attribute(step)}.{weight.name}"
        use = Use(self.unit, step.nodes)
        place = next(index for index, each in enumerate(node.weights) if each.name == weight.name)
        sizes = []
        for axis in range(len(weight.shape)):
            values = {case: item.weights[place].shape[axis] for case, item in step.nodes.items()}
            exprs = {case: expr_of(value) for case, value in values.items()}
            sizes.append(self.unit.number(values, exprs, use.envs, given=False, role=f"{weight.name}_size"))
        fan = 1
        if node.op.name in ("conv", "convtranspose", "linear"):
            source = node.fed.get("weight") if node.fed else None
            shape = source.type.shape if source is not None and not isinstance(source, tuple) else ()
            for size in shape[1:]:
                fan *= plain(size)
        bound = fan**-0.5
        empty = code.call("torch.empty", sizes)
        made = code.call(
            "nn.Parameter", [code.call("nn.init.uniform_", [empty, code.literal(-bound), code.literal(bound)])]
        )
        train = self.of_heads(step)
        if train:
            made = self.if_heads(made)
            self.emission.optional_names[name] = None
        self._holder(name, "nn.Parameter | None" if train else "nn.Parameter")
        self.entries.append(Line([assigned(f"self.{name}", made)], node.span))
