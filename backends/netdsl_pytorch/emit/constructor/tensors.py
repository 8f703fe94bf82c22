"""Tensors in a constructor: parameters, constants, and weights that are given or tied."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial, reduce
from typing import Any

from netdsl.graph.graph import Node, Scope
from netdsl.lower.classes.generalise import Slot
from netdsl.lower.programs.align import Case, Disagree, MergedItem
from netdsl.lower.programs.values import relative_path, within
from netdsl.symbolic import expr_of, plain
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.common.unit import unit_of
from netdsl_pytorch.emit.common.uses import Use
from netdsl_pytorch.emit.constructor.attributes import Attributes, in_list
from netdsl_pytorch.emit.constructor.modules import INDENT, Line
from netdsl_pytorch.emit.operators import record_of
from netdsl_pytorch.emit.tables.initialisers import parameter
from netdsl_pytorch.emit.tables.tables import table
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
            tied = {weight: source for weight, source in tied.items() if within(source[0], self.unit.instances[0])}
            if not tied:
                return
            tests: list[Code] = []
            if self.of_heads(step):
                owners = [relative_path(owner, self.unit.instances[0], node) for owner, _ in tied.values()]
                tests = self._are_there([name, *owners])
            ties: list[Statement] = []
            for weight, (owner, tied_name) in tied.items():
                path = relative_path(owner, self.unit.instances[0], node)
                source = self._tied_source(path, tied_name, owner)
                target = code.attribute(self.reference(name) if in_list(name) else code.name(f"self.{name}"), weight)
                ties.append(Assign((target,), source))
            self._tie(ties, tests)
            return
        # The operator is a function of `forward`; what weights it still owns are held under its name.
        if self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "weights are given in a loop")
        for weight in node.weights:
            self.own_weight(step, weight, indent)
        for weight_name, (owner, tied_name) in tied.items():
            self._held_tie(step, f"{self.attribute(step)}.{weight_name}", owner, tied_name, indent)

    def _held_tie(self, step: MergedItem, name: str, owner: Node, tied: str, indent: int) -> None:
        """A tied weight of an operator that is a function of `forward`."""
        if within(owner, self.unit.instances[0]):
            path = relative_path(owner, self.unit.instances[0], step.first)
            self._hold_weight(step, name, self._tied_source(path, tied, owner), indent)
        else:
            self._hold_weight(step, name, None, indent)  # a class around it has the other part

    def _hold_weight(self, step: MergedItem, name: str, made: Code | None, indent: int) -> None:
        """A weight of an operator that is a function of `forward`, under the operator's name."""
        head, _, last = name.rpartition(".")
        train, span = self.of_heads(step), step.first.span
        if made is not None and train:
            made = self.if_heads(made)
        if named(name):
            self._holder(name, "nn.Parameter | None" if train else "nn.Parameter")
            if made is not None:
                self.entries.append(Line([assigned(f"self.{name}", made)], span))
                if train:
                    self.emission.optional_names[name] = None
            return
        if in_list(head) and not head.isdigit():
            if indent != INDENT:
                raise Disagree(dict.fromkeys(step.cases, 0), "a list of parts is filled under a condition")
            self.list_at(head, span)
        elif head not in self.holders:
            self.holders[head] = {}
            call = code.call("self.add_module", [code.literal(head), code.call("nn.Module", [])])
            self.entries.append(Line([Evaluate(call)], span))
        if made is not None:
            call = code.call(code.attribute(self.reference(head), "register_parameter"), [code.literal(last), made])
            self.entries.append(Line([Evaluate(call)], span))

    def held_weight(self, step: MergedItem, weight: str) -> Code:
        """Such a weight in `forward`."""
        name = f"{self.attribute(step)}.{weight}"
        if named(name):
            return code.name(f"self.{name}", typed=True)
        return code.call("self.get_parameter", [code.literal(name)], typed=True, nests=0)

    def tie_inside(self, step: MergedItem, indent: int) -> None:
        """The weights within a group that are those of parts around it."""
        found: dict[Case, tuple[tuple[str, str, str, str], ...]] = {}
        for case, scope in step.scopes.items():
            inside = case.instance
            ties = [tie for tie in self.emission.traces.outer_ties(scope) if within(tie.owner, inside)]
            if inside.shared is None:
                found[case] = tuple(
                    (relative_path(node, inside, node), weight, relative_path(owner, inside, node), tied)
                    for node, weight, owner, tied in ties
                )
        if not any(found.values()):
            return
        if self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "weights are tied in a loop")
        if len(set(found.values())) > 1:
            raise Disagree(found, "the uses tie different weights")
        lines = next(iter(found.values()))
        tests: list[Code] = []
        if self.of_heads(step):
            parts = [self.attribute(step), *(owner for _, _, owner, _ in lines)]
            tests = self._are_there(parts)
        made: list[Statement] = []
        for path, weight, owner, tied in lines:
            direct = path.count(".") == 1 and named(path)
            direct = (
                direct and unit_of(self.emission, step.first) is not None and path.startswith(f"{step.first.name}.")
            )
            target = code.name(f"self.{path}") if direct else self.reference(path)
            made.append(Assign((code.attribute(target, weight),), self._tied_source(owner, tied)))
        self._tie(made, tests)

    def _are_there(self, parts: Iterable[str]) -> list[Code]:
        """The tests whether parts of heads alone are there."""
        known = [part for part in dict.fromkeys(parts) if part in self.emission.optional_names]
        tests = [code.binary("is not", code.name(f"self.{part}"), code.NONE) for part in known]
        return tests or [code.name(self.emission.heads_flag)]

    def _tie(self, ties: list[Statement], tests: list[Code]) -> None:
        if tests:
            ties = [If(reduce(partial(code.binary, "and"), tests), tuple(ties))]
        self.entries.append(Line(ties, None))

    def _tied_source(self, path: str, weight: str, owner: Node | None = None) -> Code:
        whole = ".".join(filter(None, ("self", path, weight)))
        if path == "" or path.isidentifier() or (owner is not None and self._is_typed(path, owner)):
            return code.name(whole)
        known = any(path == f"{prefix}.{last}" for prefix, names in self.holders.items() for last in names)
        if known:
            return code.name(whole)
        return code.call("self.get_parameter", [code.literal(f"{path}.{weight}" if weight else path)])

    def _is_typed(self, path: str, owner: Node) -> bool:
        """Whether a part is an attribute of another part that has a class of its own, which type checkers know."""
        scope = owner.parent
        if not named(path) or path.count(".") != 1 or scope is None or scope.parent is not self.unit.instances[0]:
            return False
        own = unit_of(self.emission, scope) is not None and not self.emission.traces.chains(scope)
        return own and not scope.train_only and not owner.train_only

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
            sizes.append(self.unit.number(Slot(values, exprs, use.envs, given=False, role=f"{weight.name}_size")))
        if record_of(node).ones:
            made = code.call(f"torch.{'ones' if weight.name == 'weight' else 'zeros'}", sizes)
            self._hold_weight(step, name, code.call("nn.Parameter", [made]), indent)
            return
        fan = 1
        if record_of(node).fan_in:
            source = node.fed.get("weight") if node.fed else None
            shape = source.type.shape if source is not None and not isinstance(source, tuple) else ()
            for size in shape[1:]:
                fan *= plain(size)
        bound = fan**-0.5
        empty = code.call("torch.empty", sizes)
        made = code.call(
            "nn.Parameter", [code.call("nn.init.uniform_", [empty, code.literal(-bound), code.literal(bound)])]
        )
        self._hold_weight(step, name, made, indent)


def named(path: str) -> bool:
    """Whether a path is one of attributes that have names."""
    return path.replace(".", "").isidentifier() and not in_list(path)
