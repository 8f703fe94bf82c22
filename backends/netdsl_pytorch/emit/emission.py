"""The emission of one model: finds what becomes a class, and writes each until nothing new is pinned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from netdsl.elaborate.env import CALLABLE
from netdsl.elaborate.parts import snake_case
from netdsl.elaborate.symbols import symbol
from netdsl.graph.graph import Choice, Graph, Loop, Naming, Node, Output, Scope, Step, Value
from netdsl.graph.symbolic import expr_of, plain
from netdsl.graph.types import TensorType
from netdsl.ops.values import Word
from netdsl.syntax import tree
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.classes import ClassText, StageClass
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.constructor import Constructor
from netdsl_pytorch.emit.forward import Forward
from netdsl_pytorch.emit.merge import Case, Disagree, MergedItem, MergedTurns, Program, merge, without_heads
from netdsl_pytorch.emit.operators import ATTRIBUTES, EXPRESSIONS, MODULES
from netdsl_pytorch.emit.trouble import cannot
from netdsl_pytorch.emit.unit import RESERVED, Unit, every_step, identity, owner_of
from netdsl_pytorch.emit.uses import Use
from netdsl_pytorch.emit.values import canonical

_MOST_ROUNDS = 50


class Again(Exception):
    """Something was found that makes what is written so far wrong."""


class Emission:
    """What all units of a model share."""

    def __init__(self, graph: Graph, inference: bool) -> None:
        self.graph = graph
        self.inference = inference
        self.uses: set[str] = set()
        self.pins: set[tuple[int, Hashable]] = set()
        self.new_pins: set[tuple[int, Hashable]] = set()
        self.unrolled: set[int] = set()
        self.whole_loops: dict[int, str] = {}
        self.stages: dict[Hashable, StageClass] = {}
        self.holders: dict[tuple[int, str], tuple[str, dict[str, str]]] = {}
        self.taken: set[str] = set()
        self.heads = [] if inference else graph.heads
        self._free: dict[Scope, tuple[Value, ...]] = {}
        self._chains: dict[Scope, bool] = {}
        self.outer_names: dict[Value, str] = {}
        self._programs: dict[int, Program] = {}
        self.class_groups: set[int] = set()
        self._find_groups()
        self.unit_by_scope: dict[Scope, Unit] = {}
        self.units: list[Unit] = []
        self._reads = self._count_reads()
        self.optional_modules = self._optional_modules()
        self.heads_optional = bool(self.optional_modules)

    # --- What becomes a class -------------------------------------------------------------------------

    def steps(self, scope: Scope) -> list[Step]:
        return self._kept(scope.steps)

    def _kept(self, steps: list[Step]) -> list[Step]:
        return without_heads(steps) if self.inference else steps

    def items(self, scope: Scope) -> list[Any]:
        return [item for item in scope.items if not (self.inference and item.train_only)]

    def scopes(self) -> list[Scope]:
        """Every scope that is written, outer before inner."""
        found: list[Scope] = []
        stack = [self.graph.root]
        while stack:
            scope = stack.pop()
            found.append(scope)
            stack.extend(reversed([item for item in self.items(scope) if isinstance(item, Scope)]))
        return found

    def _find_groups(self) -> None:
        """Groups that no `nn.Sequential` can be, by their definition."""
        for scope in reversed(self.scopes()):
            if scope.kind == "sequence" and not self.chains(scope):
                self.class_groups.add(id(scope.definition))
        for scope in self.scopes():
            for step in scope.steps:
                if isinstance(step, Naming):
                    self._name(step.value, step.name)
            for item in scope.items:
                if item.name:
                    self._name(item.outputs[0] if len(item.outputs) == 1 else tuple(item.outputs), item.name)
        for each in self.graph.inputs:
            self.outer_names[each.value] = each.name

    def _name(self, value: Any, name: str) -> None:
        if isinstance(value, Value):
            self.outer_names.setdefault(canonical(value), name)
        elif isinstance(value, tuple):
            for number, item in enumerate(value):
                self._name(item, f"{name}_{number}")

    def chains(self, scope: Scope) -> bool:
        """Whether a scope is a chain of stages, each of one input and one result."""
        if scope not in self._chains:
            start = canonical(scope.inputs[0]) if len(scope.inputs) == 1 else None
            if scope.kind == "block":
                start = scope.formals[0] if len(scope.formals) == 1 else None
            end = self._chain(self.steps(scope), start) if start is not None else None
            results = [canonical(output.link) for output in scope.outputs if output.link is not None]
            self._chains[scope] = end is not None and results == [end]
        return self._chains[scope]

    def _chain(self, steps: Sequence[Step], current: Value | None) -> Value | None:
        for step in steps:
            if current is None:
                return None
            if isinstance(step, Node):
                if step.fed or step.shared or step.op.name in ("param", "constant", "buffer", "attention", "attend"):
                    return None
                if step.op.name not in MODULES and step.op.name not in EXPRESSIONS:
                    return None
                if [canonical(value) for value in step.inputs] != [current] or len(step.outputs) != 1:
                    return None
                if not step.inputs[0].type.batched:
                    return None
                current = step.outputs[0]
            elif isinstance(step, Scope):
                if step.shared or [canonical(value) for value in step.inputs] != [current] or len(step.outputs) != 1:
                    return None
                if step.kind == "sequence" and not self.chains(step) and list(self.free_values(step)) != [current]:
                    return None
                current = step.outputs[0]
            elif isinstance(step, Loop):
                for turn in step.turns:
                    current = self._chain(self._kept(turn.steps), current)
            elif isinstance(step, Choice):
                if step.taken is not None:
                    current = self._chain(self._kept(step.taken.steps), current)
            else:
                return None
        return current

    def free_values(self, scope: Scope) -> tuple[Value, ...]:
        """What a group reads from around it: the current value first."""
        if scope not in self._free:
            made: set[Value] = set()
            read: dict[Value, None] = {}
            for item in self.items(scope):
                inputs = self._inputs(item)
                read.update((value, None) for value in inputs if value not in made)
                made.update(item.outputs)
            for output in scope.outputs:
                if output.link is not None:
                    value = canonical(output.link)
                    if value not in made:
                        read[value] = None
            inside = [value for value in read if not self._declared_inside(value, scope)]
            first = [canonical(value) for value in scope.inputs]
            self._free[scope] = (*[v for v in first if v in inside], *[v for v in inside if v not in first])
        return self._free[scope]

    def _declared_inside(self, value: Value, scope: Scope) -> bool:
        return value.node is not None and value.node.scope is scope

    def _inputs(self, item: Any) -> list[Value]:
        if isinstance(item, Node):
            values = [canonical(value) for value in item.inputs]
            values += [canonical(value) for value in (item.fed or {}).values() if isinstance(value, Value)]
            return values
        if item.kind == "sequence":
            return list(self.free_values(item))
        return [canonical(value) for value in item.inputs]

    def _count_reads(self) -> Counter[Value]:
        """How often each value is read, by what its class does."""
        reads: Counter[Value] = Counter()
        for scope in self.scopes():
            if scope.kind == "sequence" and id(scope.definition) not in self.class_groups:
                continue
            for item in self.items(scope):
                reads.update(self._inputs(item))
            if scope.kind != "net":
                reads.update(canonical(output.link) for output in scope.outputs if output.link is not None)
        reads.update(canonical(output.value) for output in self.graph.outputs if not (self.inference and output.train))
        return reads

    def uses_of(self, value: Value) -> int:
        return self._reads[value]

    def _optional_modules(self) -> set[str]:
        if not self.heads:
            return set()
        items = [item for item in self.graph.root.items if item.train_only]
        blocks = {item.name for item in items if isinstance(item, Scope)}
        nodes = [item for item in items if isinstance(item, Node)]
        return blocks | {node.name or node.op.name for node in nodes if node.owns_module or node.op.name in ATTRIBUTES}

    # --- Units --------------------------------------------------------------------------------------------

    def unit_of(self, scope: Scope) -> Unit | None:
        return self.unit_by_scope.get(scope)

    def make_units(self) -> None:
        """A unit for each definition, inner ones first."""
        by_definition: dict[int, list[Scope]] = {}
        inner: dict[int, dict[int, None]] = {}
        for scope in self.scopes():
            if scope.kind == "sequence" and id(scope.definition) not in self.class_groups:
                continue
            by_definition.setdefault(id(scope.definition), []).append(scope)
            below = inner.setdefault(id(scope.definition), {})
            stack = [item for item in self.items(scope) if isinstance(item, Scope)]
            while stack:
                item = stack.pop(0)
                if item.kind == "sequence" and id(item.definition) not in self.class_groups:
                    stack += [each for each in self.items(item) if isinstance(each, Scope)]
                else:
                    below[id(item.definition)] = None
        order: list[int] = []

        def visit(key: int) -> None:
            if key in order:
                return
            for each in inner[key]:
                visit(each)
            order.append(key)

        visit(id(self.graph.root.definition))
        for key in order:
            scopes = by_definition[key]
            self._add_unit(scopes)

    def _add_unit(self, scopes: Sequence[Scope]) -> list[Unit]:
        """The unit of these scopes; several where they are not of one text."""
        try:
            unit = Unit(self, scopes[0].definition, scopes, "")
        except Disagree as error:
            return [made for group in _grouped(scopes, error) for made in self._add_unit(group)]
        unit.name = self.class_name(scopes[0])
        self.units.append(unit)
        for scope in scopes:
            self.unit_by_scope[scope] = unit
        self._pin_at_first(unit)
        return [unit]

    def class_name(self, scope: Scope) -> str:
        if scope.kind == "sequence":
            words = list("".join(c if c.isalnum() else " " for c in scope.name).split())
            base = "".join(word[:1].upper() + word[1:] for word in words).rstrip("0123456789")
            base = base if base and not base[0].isdigit() else "Group"
        else:
            base = scope.definition.name  # type: ignore[union-attr]
        if scope.kind == "net" and base == self.factory:
            base += "Net"
        return self.free_name(base)

    @property
    def factory(self) -> str:
        from netdsl_pytorch.emit.unit import safe

        return safe(self.graph.name)

    def free_name(self, base: str) -> str:
        """A name for a class that no other has."""
        reserved = {"ChannelNorm", "Permute", "StochasticDepth", "OrderedDict", "Callable", self.factory, *RESERVED}
        number, name = 1, base
        while name in self.taken or name in reserved:
            number += 1
            name = f"{base}{number}"
        self.taken.add(name)
        return name

    def _pin_at_first(self, unit: Unit) -> None:
        """Lists, texts, operators and blocks as arguments fold to their values, where all uses agree."""
        if unit.is_group:
            return
        for parameter in unit.parameters:
            values = [instance.arguments.get(parameter.name) for instance in unit.instances]
            special = [v for v in values if isinstance(v, (CALLABLE, str | Word | tuple)) or v is None]
            if not special:
                continue
            first = identity(values[0]) if isinstance(values[0], CALLABLE) else plain(values[0])
            if all((identity(v) if isinstance(v, CALLABLE) else plain(v)) == first for v in values):
                self.pins.add((id(unit.definition), parameter))

    def pinned(self, definition: Any, key: Hashable) -> bool:
        return (id(definition), key) in self.pins

    def pin(self, definition: Any, key: Hashable) -> None:
        entry = (id(definition), key)
        if entry not in self.pins:
            self.new_pins.add(entry)

    def pins_of(self, definition: Any) -> list[Hashable]:
        return [key for owner, key in self.pins if owner == id(definition)]

    # --- Writing --------------------------------------------------------------------------------------

    def write(self) -> list[ClassText]:
        self.make_units()
        for _ in range(_MOST_ROUNDS):
            self.new_pins = set()
            self.uses = set()
            self.stages = {}
            self.holders = {}
            self.taken = set()
            for unit in self.units:
                unit.name = self.class_name(unit.instances[0])
            self.whole_loops = {}
            texts: list[ClassText] = []
            try:
                for unit in self.units:
                    texts.append(self._unit(unit))
            except Again:
                continue
            if not self.new_pins:
                return texts
            self.pins |= self.new_pins
        raise cannot("the arguments of the classes cannot be found", self.graph.root.span)

    def _unit(self, unit: Unit) -> ClassText:
        unit.reset()
        try:
            return ClassText.of(unit)
        except Disagree as error:
            groups = _grouped(unit.instances, error)
            if len(groups) < 2:
                raise cannot(f"`{unit.name}` cannot be written yet: {error}", unit.instances[0].span) from error
            at = self.units.index(unit)
            made: list[Unit] = []
            for number, group in enumerate(groups):
                new = Unit(self, unit.definition, group, unit.name if number == 0 else self.free_name(unit.name))
                made.append(new)
                for scope in group:
                    self.unit_by_scope[scope] = new
            self.units[at : at + 1] = made
            raise Again from error

    def unroll(self, step: MergedTurns) -> None:
        """A loop that `forward` cannot keep is written out in the constructor too."""
        self.unrolled.add(id(step.first.syntax))
        raise Again

    def is_unrolled(self, step: MergedTurns) -> bool:
        return id(step.first.syntax) in self.unrolled

    def program(self, scopes: Mapping[Case, Scope], step: MergedItem) -> Program:
        """The merged program of a group that is written in place."""
        if id(step) not in self._programs:
            steps: dict[Case, list[Step]] = {}
            for case, scope in scopes.items():
                inner = Case(case.instance, case, None, case.number)
                inner.env = scope.env
                steps[inner] = self.steps(scope)
            self._programs[id(step)] = merge(steps)
            self._kept_steps = getattr(self, "_kept_steps", [])
            self._kept_steps.append(step)  # so that no other step gets its id
        return self._programs[id(step)]

    # --- Names --------------------------------------------------------------------------------------------

    def snake(self, scope: Scope) -> str:
        if scope.kind == "block":
            return snake_case(scope.definition.name)  # type: ignore[union-attr]
        return scope.name.split(".")[0] if scope.name and not scope.name.isdigit() else "group"

    def holder_class(self, unit: Unit, prefix: str) -> str:
        key = (id(unit), prefix)
        if key not in self.holders:
            word = prefix.rpartition(".")[2]
            name = self.free_name("".join(part[:1].upper() + part[1:] for part in word.split("_")) or "Holder")
            self.holders[key] = (name, {})
        return self.holders[key][0]

    def holder_attribute(self, unit: Unit, prefix: str, name: str, type_name: str) -> None:
        self.holders[(id(unit), prefix)][1].setdefault(name, type_name)

    def stage_class(self, unit: Unit, step: MergedItem) -> Code:
        """A small class for an operator that PyTorch has no module for, as a member of a sequence."""
        node = step.first
        if node.op.name == "permute":
            self.uses.add("Permute")
            use = Use(unit, step.nodes)
            axes = [0, *(use.dim(axis) for axis in use.same("axes"))]
            return code.call("Permute", [code.literal(axis) for axis in axes])
        before = unit.state.attributes
        unit.state.attributes = {}
        lines: list[tuple[str, Code]] = []

        def spill(made: Code) -> Code:
            lines.append(("y" * (len(lines) + 1), made))
            return Code(lines[-1][0], typed=True)

        try:
            use = Use(unit, step.nodes, in_forward=True)
            use.spill = spill
            made = EXPRESSIONS[node.op.name](use, [Code("x", typed=True)])
            attributes = unit.state.attributes
        finally:
            unit.state.attributes = before
        key = (node.op.name, str(made), tuple(attributes))
        if key not in self.stages:
            name = self.free_name("".join(word[:1].upper() + word[1:] for word in node.op.name.split("_")))
            doc = str(node.args["pattern"]) if node.op.name == "rearrange" else node.op.doc.rstrip(".")
            self.stages[key] = StageClass(name, doc, made, tuple(attributes), tuple(lines))
        return code.call(self.stages[key].name, list(attributes.values()))

    def same_everywhere(self, unit: Unit, values: Mapping[Case, Value]) -> bool:
        return len({case.instance for case in values}) == len(unit.instances)

    @property
    def optional_names(self) -> list[str]:
        """The attributes that are None without heads."""
        net = next(unit for unit in self.units if unit.is_net)
        names = []
        for step in every_step(net):
            if isinstance(step, MergedItem) and step.first.train_only:
                item = step.first
                if not item.name and id(step) in net.attribute_names:
                    names.append(net.attribute_names[id(step)])
                elif item.name and (isinstance(item, Scope) or item.owns_module or item.op.name in ATTRIBUTES):
                    names.append(item.name)
        return names

    def pin_outer(self, outer: Unit, unit: Unit, scopes: Mapping[Case, Scope], envs: Mapping[Case, Any]) -> None:
        """What a class has in literals, its uses must not offer as arguments."""
        for key in self.pins_of(unit.owner.definition):
            for case, scope in scopes.items():
                if isinstance(key, tuple) and key[0] == "axis":
                    _, number, axis, _ = key
                    if number < len(scope.inputs) and axis < len(scope.inputs[number].type.shape):
                        outer.pin([expr_of(scope.inputs[number].type.shape[axis])], {case: envs[case]})
                elif isinstance(key, tree.Parameter) and key.name in scope.given:
                    origin = scope.given[key.name]
                    outer.pin([symbol(origin.expr, origin.env)], {case: envs[case]})

    @property
    def output_class(self) -> str:
        net = next(unit for unit in self.units if unit.is_net)
        return f"{net.name}Output"


def _grouped(scopes: Sequence[Scope], error: Disagree) -> list[list[Scope]]:
    """The scopes by what they disagree on."""
    keys: dict[Scope, list[Hashable]] = {}
    for case, key in error.groups.items():
        keys.setdefault(case.instance, []).append(key)
    groups: dict[Hashable, list[Scope]] = {}
    for scope in scopes:
        groups.setdefault(tuple(map(repr, keys.get(scope, []))), []).append(scope)
    return list(groups.values())


__all__ = ["Again", "Constructor", "Emission", "Forward", "Output", "TensorType", "owner_of"]
