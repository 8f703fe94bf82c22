"""The constructor of a class: a line for each part that the text makes, in its order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netdsl.elaborate.env import Made, OperatorValue
from netdsl.elaborate.symbols import symbol
from netdsl.graph.graph import Node, Scope
from netdsl.graph.symbolic import Apply, Const, Expr, Ref, expr_of, plain
from netdsl.syntax import tree
from netdsl.text.source import Span
from netdsl_pytorch.emit import code, expressions
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.emit.expressions import Unknown
from netdsl_pytorch.emit.initialisers import parameter
from netdsl_pytorch.emit.merge import (
    Case,
    Disagree,
    MergedBranch,
    MergedChoice,
    MergedItem,
    MergedJoin,
    MergedTurns,
    Program,
)
from netdsl_pytorch.emit.operators import ATTRIBUTES, MODULES, module_type
from netdsl_pytorch.emit.tables import table
from netdsl_pytorch.emit.trouble import cannot
from netdsl_pytorch.emit.unit import Loop, Unit, identity, safe
from netdsl_pytorch.emit.uses import Use

DECLARED = ("param", "constant", "buffer")
INDENT = 8


@dataclass(slots=True)
class Line:
    """Lines of a constructor, and the text that they come from; `parts` is a list of parts still being collected."""

    lines: list[str]
    span: Span | None = None
    parts: str = ""


@dataclass(slots=True)
class Row:
    """A member of a sequence. `name` is its key; `many` says that it is a generator of members (with a star)."""

    code: Code
    name: str | None
    labelled: bool
    shape: str = ""
    many: bool = False
    template: Code | None = None
    key: str = ""


class Parts:
    """An `nn.ModuleList` (or `ParameterList`): its elements by index."""

    def __init__(self) -> None:
        self.elements: dict[int, Code] = {}
        self.whole: Code | None = None
        self.parameters = False


class Constructor:
    """Writes the body of `__init__`."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.emission = unit.emission
        self.entries: list[Line] = []
        self.parts: dict[str, Parts] = {}
        self.holders: dict[str, dict[str, str]] = {}
        """Attributes under a prefix, with their types, by the prefix."""
        self.buffers: dict[str, None] = {}
        self.optional_heads: set[str] = set()

    def write(self) -> list[Line]:
        self.program(self.unit.program, INDENT)
        for entry in self.entries:
            if entry.parts:
                entry.lines = self._list_lines(entry.parts)
        return self.entries

    # --- Steps --------------------------------------------------------------------------------------

    def program(self, program: Program, indent: int) -> None:
        for step in program:
            if isinstance(step, MergedItem):
                self.item(step, indent)
            elif isinstance(step, MergedTurns):
                self.turns(step, indent)
            elif isinstance(step, MergedChoice):
                self.choice(step, indent)
            elif isinstance(step, MergedJoin):
                self.program(step.program, indent)
                self.item(step.node, indent)
            elif isinstance(step, MergedBranch):
                self.program(step.program, indent)

    def item(self, step: MergedItem, indent: int) -> None:
        first = step.first
        if all(item.shared is not None for item in step.cases.values()):
            return
        if not self.makes_attribute(step):
            return
        if isinstance(first, Node) and first.op.name in DECLARED:
            self.tensor(step, indent)
        elif isinstance(first, Node) and first.fed:
            self.fed(step, indent)
        elif isinstance(first, Scope) and self._labelled_if(step) is not None:
            self.labelled_choice(step, indent)
        else:
            made = self.module(step)
            self.assign(step, made, indent, self._type_name(made))

    def makes_attribute(self, step: MergedItem) -> bool:
        """Whether the class has an attribute for a step."""
        first = step.first
        if isinstance(first, Scope):
            return True
        if first.op.name in DECLARED or first.owns_module:
            return True
        if first.op.name == "upsample" and not callee_differs(step):
            from netdsl_pytorch.emit.values import sized_by

            return sized_by(first) is None
        return first.op.name in ATTRIBUTES or callee_differs(step)

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
            made = code.ternary(Code("aux"), made, Code("None"))
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
        if not first:
            kind = step.first.op.name if isinstance(step.first, Node) else self.emission.snake(step.first)
            return self.unit.attribute_name(step, kind)
        if len(set(names.values())) > 1 and not self.unit.loops:
            raise Disagree(names, "a part has different names")
        return first

    # --- Modules ------------------------------------------------------------------------------------

    def module(self, step: MergedItem) -> Code:
        """The expression that makes a module."""
        if callee_differs(step):
            return self.callee(step)
        if step.is_node:
            return self.operator(step)
        scopes = step.scopes
        if len(scopes) != len(step.cases):
            raise Disagree({case: type(item).__name__ for case, item in step.cases.items()}, "operators and blocks")
        kinds = {case: self.emission.unit_of(scope) for case, scope in scopes.items()}
        units = list(dict.fromkeys(kinds.values()))
        if len(units) > 1:
            raise Disagree({case: id(unit) for case, unit in kinds.items()}, "the uses are of different classes")
        if units[0] is not None:
            return self.use_of(units[0], scopes)
        return self.sequence(step)

    def operator(self, step: MergedItem) -> Code:
        node = step.first
        if node.op.name in MODULES:
            return MODULES[node.op.name](Use(self.unit, step.nodes))
        return self.emission.stage_class(self.unit, step)

    def callee(self, step: MergedItem) -> Code:
        """`act()`, where the uses have different operators or blocks as an argument."""
        syntax = step.first.syntax
        owners = self.unit.parameters
        name = syntax.function.id if isinstance(syntax, tree.Call) and isinstance(syntax.function, tree.Name) else ""
        found = [each for each in owners if each.name == name]
        groups = {case: callee_of(item) for case, item in step.cases.items()}
        if (
            not found
            or syntax.args
            or any(not isinstance(item, Node) or item.owns_module for item in step.cases.values())
        ):
            raise Disagree(groups, "the uses are of different operators")
        by_scope: dict[Scope, Code] = {}
        for case, item in step.cases.items():
            assert isinstance(item, Node)
            before = self.unit.state.copy()
            made = MODULES[item.op.name](Use(self.unit, {case: item})) if item.op.name in MODULES else None
            changed = set(before.needs) != set(self.unit.state.needs)
            self.unit.state = before
            if made is None or changed:
                raise Disagree(groups, "the uses are of different operators")
            text = str(made)
            class_name, _, inside = text.partition("(")
            if inside == ")":
                value = Code(class_name)
            else:
                self.emission.uses.add("partial")
                value = Code(f"partial({class_name}, {inside}")
            by_scope[case.instance] = value
        self.unit.state.callables[found[0]] = by_scope
        self.emission.uses.add("Callable")
        return code.call(safe(name), [])

    def use_of(self, unit: Unit, scopes: Mapping[Case, Scope]) -> Code:
        """`Inception(192, 64, 96, …)`: the arguments of another class."""
        positional: list[Code] = []
        keywords: list[tuple[str, Code]] = []
        if not unit.is_group:
            envs = {case: self._outer_env(scope) for case, scope in scopes.items()}
            self.emission.pin_outer(self.unit, unit, scopes, envs)
        for argument in unit.arguments:
            made = self._argument(unit, argument, scopes)
            if argument.default is None:
                positional.append(made)
            elif str(made) != str(argument.default):
                keywords.append((argument.name, made))
        return code.call(unit.name, positional, keywords)

    def _argument(self, unit: Unit, argument: Any, scopes: Mapping[Case, Scope]) -> Code:
        key = argument.key
        outer = {case: self._outer_env(scope) for case, scope in scopes.items()}
        if argument.extra is not None:
            values = {case: argument.extra.values[scope] for case, scope in scopes.items()}
            consts: dict[Case, Expr] = {case: Const(None) for case in scopes}
            return self.unit.number(
                values,
                consts,
                outer,
                given=False,
                role=argument.name,
                default=argument.extra.default,
                has_default=argument.extra.has_default,
            )
        if isinstance(key, tuple) and key[0] == "callable":
            codes = {case: unit.state.callables[key[1]][scope] for case, scope in scopes.items()}
            if len({str(made) for made in codes.values()}) > 1:
                raise Disagree({case: str(made) for case, made in codes.items()}, "different operators are passed on")
            return next(iter(codes.values()))
        if isinstance(key, tuple) and key[0] == "axis":
            _, number, axis, _ = key
            first = next(iter(scopes.values()))
            if first.kind == "sequence":
                return self._free(argument, scopes)
            sizes = {case: scope.inputs[number].type.shape[axis] for case, scope in scopes.items()}
            exprs = {case: expr_of(size) for case, size in sizes.items()}
            return self.unit.number(sizes, exprs, outer, given=False, role=argument.name)
        if next(iter(scopes.values())).kind == "sequence":
            return self._free(argument, scopes)
        return self._parameter(argument, scopes, outer)

    def _free(self, argument: Any, scopes: Mapping[Case, Scope]) -> Code:
        """A name that a group reads from around it."""
        ref = argument.ref
        envs = {case: scope.env for case, scope in scopes.items()}
        values = {case: self.unit.lookup(ref, case, envs[case]) for case in scopes}
        exprs: dict[Case, Expr] = dict.fromkeys(scopes, ref)
        normal = _collapsed
        return self.unit.number(values, exprs, envs, given=True, role=argument.name, normal=normal, shown=_shown)

    def _parameter(self, argument: Any, scopes: Mapping[Case, Scope], outer: Mapping[Case, Any]) -> Code:
        key = argument.key
        part, parameter = (key[0], key[1]) if isinstance(key, tuple) else ("", key)
        name = parameter.name
        values: dict[Case, Any] = {}
        exprs: dict[Case, Expr] = {}
        for case, scope in scopes.items():
            value = plain(scope.arguments[name])
            origin = scope.given.get(name)
            expr: Expr = Const(value) if origin is None else symbol(origin.expr, origin.env)
            if part:
                value = expressions.compute(part, [value])
                expr = _component(part, expr, self.unit, case, outer[case])
            values[case] = value
            exprs[case] = expr
        return self.unit.number(
            values,
            exprs,
            outer,
            given=True,
            role=argument.name,
            normal=_collapsed,
            shown=_shown,
            default=_literal_value(argument.default),
            has_default=argument.default is not None,
        )

    def _outer_env(self, scope: Scope) -> Any:
        return scope.outer

    # --- Sequences ----------------------------------------------------------------------------------

    def sequence(self, step: MergedItem) -> Code:
        """`nn.Sequential(…)` of a group."""
        scopes = step.scopes
        program = self.emission.program(dict(scopes.items()), step)
        rows = self.rows(program)
        if len(rows) == 1 and isinstance(step.first.definition, tree.If) and not rows[0].many:
            only = str(rows[0].code)
            if only == "nn.Identity()":
                return rows[0].code
        return self.sequential("nn.Sequential", rows)

    def sequential(self, name: str, rows: Sequence[Row]) -> Code:
        comments = self.unit.is_net and len(rows) > 2
        shapes = [row.shape if comments else "" for row in rows]
        if not any(row.labelled for row in rows):
            made = [
                code.row(code.star(r.code) if r.many else r.code, shape) for r, shape in zip(rows, shapes, strict=True)
            ]
            return code.call(name, made, rows=True)
        self.emission.uses.add("OrderedDict")
        pairs = []
        for each, shape in zip(rows, shapes, strict=True):
            if each.many:
                pairs.append(code.star(each.code))
            else:
                key = each.template if each.template is not None else code.literal(each.name)
                pairs.append(code.row(code.tuple_of([key, each.code]), shape))
        if len(rows) == 1 and rows[0].many:
            bare = rows[0].code
            inner = code.call("OrderedDict", [_bare(bare)])
        elif len(rows) == 1 and rows[0].name is not None and rows[0].name.isidentifier():
            inner = code.call("OrderedDict", [], [(rows[0].name, rows[0].code)])
        else:
            inner = code.call("OrderedDict", [code.list_of(pairs)])
        return code.call(name, [inner])

    def rows(self, program: Program) -> list[Row]:
        """The members of a sequence."""
        rows: list[Row] = []
        for step in program:
            if isinstance(step, MergedItem):
                rows.append(self._row(step))
            elif isinstance(step, MergedTurns):
                rows += self._loop_rows(step)
            elif isinstance(step, MergedChoice):
                rows += self._choice_rows(step)
        return rows

    def _row(self, step: MergedItem) -> Row:
        first = step.first
        made = self.module(step)
        if made.calls == 0:
            made = Code(made.doc, made.level, made.typed, 1)
        shape = ""
        if self.unit.is_net:
            before = first.inputs[0].type.shape if first.inputs else ()
            after = first.outputs[0].type
            shape = str(after) if tuple(after.shape) != tuple(before) else ""
        names = {case: item.name for case, item in step.cases.items()}
        if len(set(names.values())) == 1:
            return Row(made, first.name, first.labelled, shape, key=str(made))
        if not first.labelled:
            return Row(made, None, False, shape, key=str(made))
        template = self._template(step)
        if template is None:
            raise Disagree(names, "a part has different names")
        return Row(made, None, True, shape, template=template, key=str(made))

    def _loop_rows(self, step: MergedTurns) -> list[Row]:
        counts = step.counts
        longest = max(counts.values(), default=0)
        if longest == 0:
            self._pin_loop(step)
            return []
        if longest > 1:
            whole = self._generated(step, 0)
            if whole is not None:
                return [whole]
        if len(set(counts.values())) > 1:
            rest = self._generated(step, 1) if min(counts.values()) >= 1 else None
            if rest is None:
                raise Disagree(counts, "the uses make a loop turn differently often")
            return [*self.rows(step.turn(0)), rest]
        if longest > 2:
            rest = self._generated(step, 1)
            if rest is not None:
                return [*self.rows(step.turn(0)), rest]
        self._pin_loop(step)
        rows = [self.rows(step.turn(number)) for number in range(longest)]
        return _folded(rows)

    def _generated(self, step: MergedTurns, start: int) -> Row | None:
        """A loop as a generator of members, if one text fits all of its turns."""
        unit, state = self.unit, self.unit.state.copy()
        loop = Loop(step, start, unit)
        unit.loops.append(loop)
        pins = set(self.emission.new_pins)
        try:
            body = step.body(start)
            rows = self.rows(body)
            if len(rows) != 1 or rows[0].many:
                raise Disagree(dict.fromkeys(step.cases, 0), "a turn makes several members")
            row = rows[0]
            if re.search(rf"\bif {loop.index_name}\b", str(row.code)) if loop.index_name else False:
                raise Disagree(dict.fromkeys(step.cases, 0), "the first turn is another one")
            element = row.code
            labelled = row.labelled
            if labelled:
                key = row.template if row.template is not None else code.literal(row.name)
                element = code.tuple_of([key, element])
            unit.loops.pop()
            target, iterable = self.loop_head(loop)
            return Row(code.generator(element, target, iterable), None, labelled, many=True)
        except (Disagree, Unknown):
            if unit.loops and unit.loops[-1] is loop:
                unit.loops.pop()
            unit.state = state
            self.emission.new_pins.clear()
            self.emission.new_pins.update(pins)
            return None

    def loop_head(self, loop: Loop) -> tuple[str, Code]:
        """`i` and `range(layers)`: the head of a loop, written last, when it is known which variables it needs."""
        step, unit = loop.step, self.unit
        counted = loop._index is not None
        used = [each for each in loop.names if each in loop.used]
        only_index = all(each is loop.index_declaration for each in used)
        envs = {case: case.env for case in step.cases}
        if only_index:
            target = loop.index if counted or used else "_"
            counts = {case: count - loop.start for case, count in step.counts.items()}
            exprs = {case: self._count_expr(step, case, loop.start) for case in step.cases}
            if loop.start and target != "_":
                counts = dict(step.counts)
                exprs = {case: self._count_expr(step, case, 0) for case in step.cases}
            stop = unit.number(counts, exprs, envs, given=True, role="turns")
            arguments = [code.literal(loop.start), stop] if loop.start and target != "_" else [stop]
            return target, code.call("range", arguments, nests=0)
        syntax = step.first.syntax
        assert isinstance(syntax, tree.For)
        lists = {
            case: tuple(_item_of(syntax.pattern, turn) for turn in each.turns) for case, each in step.cases.items()
        }
        exprs = {case: symbol(syntax.iterable, case.env) for case in step.cases}
        normal = _collapsed_list
        iterable = unit.number(lists, exprs, envs, given=True, role="turns", normal=normal)
        if loop.start:
            iterable = code.subscript(iterable, [code.slice_of(code.literal(loop.start), None)])
        target = _pattern(syntax.pattern, loop)
        if counted:
            iterable = code.call("enumerate", [iterable], nests=0)
            target = f"{loop.index}, {target if '(' in target or ',' not in target else f'({target})'}"
        return target, iterable

    def _count_expr(self, step: MergedTurns, case: Case, start: int) -> Expr:
        syntax = step.cases[case].syntax
        if isinstance(syntax, tree.Repeat):
            expr = symbol(syntax.count, case.env)
        else:
            iterable = symbol(syntax.iterable, case.env)
            if isinstance(iterable, Apply) and iterable.op in ("reversed", "enumerate"):
                iterable = iterable.operands[0]
            if isinstance(iterable, Apply) and iterable.op == "range" and len(iterable.operands) == 1:
                expr = iterable.operands[0]
            else:
                expr = expressions.simplify("len", [iterable])
        return expressions.simplify("-", [expr, Const(start)])

    def _pin_loop(self, step: MergedTurns) -> None:
        """A loop that is written out depends on what its list depends on."""
        for case, loop in step.cases.items():
            syntax = loop.syntax
            expr = syntax.count if isinstance(syntax, tree.Repeat) else syntax.iterable
            self.unit.pin([symbol(expr, case.env)], {case: case.env})

    def _choice_rows(self, step: MergedChoice) -> list[Row]:
        self.pin_choice(step)
        if step.agreed:
            return [row for arm in step.arms.values() for row in self.rows(arm)]
        tests = self.tests(step)
        made = code.list_of([])
        for number in reversed(range(len(step.first.syntax.arms))):
            rows = self.rows(step.arms[number]) if number in step.arms else []
            if any(row.labelled for row in rows):
                raise Disagree({case: each.arm for case, each in step.cases.items()}, "a labelled part is optional")
            items = code.list_of([code.star(row.code) if row.many else row.code for row in rows])
            made = items if tests[number] is None else code.ternary(tests[number], items, made)  # type: ignore[arg-type]
        return [Row(made, None, False, many=True, key=str(made))]

    # --- if -----------------------------------------------------------------------------------------

    def pin_choice(self, step: MergedChoice) -> None:
        """An `if` whose other arms are left out depends on what its tests depend on."""
        if not step.agreed:
            return
        for case, choice in step.cases.items():
            env = choice.taken.env if choice.taken is not None else case.env
            for arm in choice.syntax.arms[: choice.arm + 1 if choice.arm >= 0 else None]:
                if arm.test is not None:
                    self.unit.pin([symbol(arm.test, env)], {case: env})

    def tests(self, step: MergedChoice) -> list[Code | None]:
        """The tests of an `if`, as the constructor has them; None for `else`. Disagree if they cannot be written."""
        arms = step.first.syntax.arms
        groups = {case: choice.arm for case, choice in step.cases.items()}
        envs = {case: c.taken.env if c.taken is not None else case.env for case, c in step.cases.items()}
        result: list[Code | None] = []
        open_cases = list(step.cases)
        for number, arm in enumerate(arms):
            if arm.test is None:
                result.append(None)
                continue
            values = {case: groups[case] == number for case in open_cases}
            exprs = {case: symbol(arm.test, envs[case]) for case in open_cases}
            if not values:
                result.append(Code("False"))
                continue
            inner = {case: envs[case] for case in open_cases}
            try:
                made = self.unit.number(values, exprs, inner, given=True, role="")
            except Disagree as error:
                raise Disagree(groups, "the test of an `if` cannot be written") from error
            result.append(made)
            open_cases = [case for case in open_cases if groups[case] != number]
        return result

    def choice(self, step: MergedChoice, indent: int) -> None:
        self.pin_choice(step)
        if step.agreed:
            for arm in step.arms.values():
                self.program(arm, indent)
            return
        tests = self.tests(step)
        word = "if"
        for number, test in enumerate(tests):
            if number not in step.arms:
                arm_lines: list[Line] = []
            else:
                before, self.entries = self.entries, []
                self.program(step.arms[number], indent + 4)
                arm_lines, self.entries = self.entries, before
            later = any(arm > number for arm in step.arms)
            if not arm_lines and not later:
                continue
            if test is None:
                head = [" " * indent + "else:"] if word != "if" else []
            else:
                head = code.statement(f"{word} ", test, tail=":", indent=indent)
                word = "elif"
            lines = [line for entry in arm_lines for line in entry.lines]
            if test is None and not lines:
                continue
            self.entries.append(Line([*head, *(lines or [" " * (indent + 4) + "pass"])], step.first.syntax.span))
        self._drop_empty_choice()

    def _drop_empty_choice(self) -> None:
        """An `if` whose arms own nothing is no matter of the constructor."""
        at = len(self.entries)
        while at and self.entries[at - 1].lines and self.entries[at - 1].lines[-1].strip() == "pass":
            at -= 1
        tail = self.entries[at:]
        if tail and all(entry.lines[-1].strip() == "pass" for entry in tail):
            del self.entries[at:]

    def _labelled_if(self, step: MergedItem) -> MergedChoice | None:
        """A labelled `if` on which the cases do not agree."""
        scope = step.first
        if not isinstance(scope.definition, tree.If) or self.emission.unit_of(scope) is not None or self.unit.loops:
            return None
        program = self.emission.program(step.scopes, step)
        if len(program) == 1 and isinstance(program[0], MergedChoice) and not program[0].agreed:
            return program[0]
        return None

    def labelled_choice(self, step: MergedItem, indent: int) -> None:
        """`downsample: if … { … } else { … }`: an attribute with a module for each arm."""
        choice = self._labelled_if(step)
        assert choice is not None
        tests = self.tests(choice)
        name = self.attribute(step)
        lines: list[str] = []
        annotation, word = ": nn.Module", "if"
        for number, test in enumerate([*tests, *([] if tests[-1] is None else [None])]):
            rows = self.rows(choice.arms[number]) if number in choice.arms else []
            made = self.sequential("nn.Sequential", rows)
            if not rows or (len(rows) == 1 and str(rows[0].code) == "nn.Identity()"):
                made = code.call("nn.Identity", [])
            lines += (
                [" " * indent + "else:"] if test is None else code.statement(f"{word} ", test, tail=":", indent=indent)
            )
            lines += code.statement(f"self.{name}{annotation} = ", made, indent=indent + 4)
            annotation, word = "", "elif"
        self.entries.append(Line(lines, step.first.span))

    # --- Loops --------------------------------------------------------------------------------------

    def turns(self, step: MergedTurns, indent: int) -> None:
        counts = step.counts
        longest = max(counts.values(), default=0)
        if longest > 1 and not self.emission.is_unrolled(step) and self._whole_loop(step, indent):
            return
        count = step.count
        self._pin_loop(step)
        for number in range(count):
            self.program(step.turn(number), indent)

    def _whole_loop(self, step: MergedTurns, indent: int) -> bool:
        """A loop whose parts are elements of lists, or have computed names, as one statement each."""
        unit, state, entries = self.unit, self.unit.state.copy(), list(self.entries)
        parts = dict(self.parts)
        pins = set(self.emission.new_pins)
        attributes = dict(unit.attribute_names), dict(unit.counters)
        loop = Loop(step, 0, unit)
        unit.loops.append(loop)
        self.found: list[tuple[str, Code, Code | None, Any]] = []
        before = self.found
        try:
            body = step.body()
            self.program(body, indent)
            unit.loops.pop()
            if not self.found:
                self.entries = entries
                return bool(not any(isinstance(each, MergedItem) and each.first.owns_module for each in body))
            span = step.statement.span if step.statement is not None else step.first.syntax.span
            target, iterable = self.loop_head(loop)
            named = [each for each in self.found if each[2] is not None]
            self.entries = entries
            for head, made, template, _ in self.found:
                if template is None:
                    self._holder(head, "nn.ModuleList")
                    if head in self.parts:
                        raise Disagree(dict.fromkeys(step.cases, 0), "two loops fill one list")
                    self.parts[head] = Parts()
                    self.parts[head].whole = code.call(
                        "nn.ModuleList", [code.generator(made, target, iterable, bare=True)]
                    )
                    self.entries.append(Line([], span, parts=head))
            if named:
                lines = [" " * indent + f"for {target} in {iterable}:"]
                for _, made, template, _ in named:
                    assert template is not None
                    lines += code.statement("", code.call("self.add_module", [template, made]), indent=indent + 4)
                self.entries.append(Line(lines, span))
            self.emission.whole_loops[id(step.first.syntax)] = "names" if named else "lists"
            return True
        except (Disagree, Unknown):
            if loop in unit.loops:
                unit.loops.remove(loop)
            unit.state, self.entries, self.parts = state, entries, parts
            unit.attribute_names, unit.counters = attributes
            self.emission.new_pins.clear()
            self.emission.new_pins.update(pins)
            return False
        finally:
            self.found = before

    def _assign_in_loop(self, step: MergedItem, name: str, made: Code) -> None:
        names = {case: item.name for case, item in step.cases.items()}
        if len(self.unit.loops) > 1 or not any(names.values()):
            raise Disagree({case: case.number for case in step.cases}, "a part of a loop has no name of its own")
        heads = {item.rpartition(".")[0] for item in names.values()}
        indices = {case: item.rpartition(".")[2] for case, item in names.items()}
        if len(heads) == 1 and all(index == str(case.number) for case, index in indices.items()) and "" not in heads:
            self.found.append((heads.pop(), made, None, step))
            return
        template = self._template(step)
        if template is None or "." in str(template):
            raise Disagree(names, "a part has different names")
        self.found.append(("", made, template, step))

    def _template(self, step: MergedItem) -> Code | None:
        """`f"denselayer{i + 1}"`: a name that counts with the turns of the innermost loop."""
        if not self.unit.loops:
            return None
        loop = self.unit.loops[-1]
        by_turn: dict[int, set[str]] = {}
        for case, item in step.cases.items():
            turn = next((each for each in case.around() if each.parent in loop.step.cases), None)
            if turn is None:
                return None
            by_turn.setdefault(turn.number, set()).add(item.name)
        if any(len(names) != 1 for names in by_turn.values()):
            return None
        names = {turn: next(iter(found)) for turn, found in by_turn.items()}
        first, second = names[loop.start], names.get(loop.start + 1)
        for match in re.finditer(r"\d+", first):
            offset = int(match[0]) - loop.start
            before, after = first[: match.start()], first[match.end() :]
            if second is not None and all(name == f"{before}{turn + offset}{after}" for turn, name in names.items()):
                index = code.binary("+", Code(loop.index), code.literal(offset)) if offset else Code(loop.index)
                return Code(f'f"{before}{{{index}}}{after}"')
        return None

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
        rows = _folded([[Row(parts.elements[index], None, False, key=str(parts.elements[index]))] for index in indices])
        if len(rows) == 1 and rows[0].many:
            made = code.call(class_name, [_bare(rows[0].code)])
        else:
            made = code.call(class_name, [code.list_of([code.star(r.code) if r.many else r.code for r in rows])])
        return code.statement(f"self.{head} = ", made, indent=INDENT)

    # --- Tensors ------------------------------------------------------------------------------------

    def tensor(self, step: MergedItem, indent: int) -> None:
        """A `param`, `constant` or `buffer`."""
        node = step.first
        use = Use(self.unit, step.nodes)
        name = self.attribute(step)
        span = node.statement.span
        if self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "a tensor is declared in a loop")
        if node.op.name == "param":
            made = parameter(use)
            head, _, index = name.rpartition(".")
            if index.isdigit() and head:
                self._holder(head, "nn.ParameterList")
                if head not in self.parts:
                    self.parts[head] = Parts()
                    self.parts[head].parameters = True
                    self.entries.append(Line([], span, parts=head))
                self.parts[head].elements[int(index)] = made
                return
            self._holder(name, "nn.Parameter")
            self.entries.append(Line(code.statement(f"self.{name} = ", made, indent=indent), span))
            return
        if "." in name:
            raise cannot(f"a {node.op.name} under a prefix, `{name}`, cannot be written yet", node.span)
        lines, made = table(self, use, node)
        arguments = [code.literal(name), made]
        keywords = [] if node.op.name == "buffer" else [("persistent", Code("False"))]
        call = code.call("self.register_buffer", arguments, keywords)
        self.buffers[name] = None
        self.entries.append(Line([*lines, *code.statement("", call, indent=indent)], span))

    def fed(self, step: MergedItem, indent: int) -> None:
        """An operator some of whose weights are given: tied to those of another part, or computed."""
        node = step.first
        tied = {name: source for name, source in node.fed.items() if isinstance(source, tuple)}
        if len(tied) == len(node.fed) and not self.unit.loops:
            made = self.module(step)
            self.assign(step, made, indent, self._type_name(made))
            name = self.attribute(step)
            for weight, (owner, tied_name) in tied.items():
                path = relative_path(owner, self.unit.instances[0], node)
                source = f"self.{path}.{tied_name}" if path.isidentifier() else f"{self.reference(path)}.{tied_name}"
                if not path.replace(".", "").isidentifier() or "." in path:
                    source = self._tied_source(path, tied_name)
                self.entries.append(Line([" " * indent + f"{self._target(name, weight)} = {source}"], None))
            return
        # The operator is a function of `forward`; what weights it still owns are held under its name.
        if self.unit.loops:
            raise Disagree({case: case.number for case in step.cases}, "weights are given in a loop")
        for weight in node.weights:
            self.own_weight(step, weight, indent)

    def _target(self, name: str, weight: str) -> str:
        return f"self.{name}.{weight}"

    def _tied_source(self, path: str, weight: str) -> str:
        if path == "":
            return f"self.{weight}" if weight else "self"
        head = path.partition(".")[0]
        if path == head and head.isidentifier():
            return f"self.{head}.{weight}" if weight else f"self.{head}"
        known = any(path == f"{prefix}.{last}" for prefix, names in self.holders.items() for last in names)
        if known:
            return f"self.{path}.{weight}" if weight else f"self.{path}"
        return f"self.get_parameter({code.quote(f'{path}.{weight}' if weight else path)})"

    def reference(self, path: str) -> str:
        return f"self.get_submodule({code.quote(path)})"

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
        self._holder(name, "nn.Parameter")
        self.entries.append(Line(code.statement(f"self.{name} = ", made, indent=indent), node.span))


# --- Helpers --------------------------------------------------------------------------------------


def callee_of(item: Any) -> Any:
    """What a step calls: its operator, or the definition of its block."""
    return item.op.name if isinstance(item, Node) else ("scope", id(item.definition))


def callee_differs(step: MergedItem) -> bool:
    return len({callee_of(item) for item in step.cases.values()}) > 1


def relative_path(item: Any, scope: Scope, node: Node) -> str:
    """The label path of a part from a scope that it lies in, or from the one that corresponds to it."""
    names: list[str] = []
    at = item
    while at is not None and at is not scope:
        if at.name:
            names.append(at.name)
        at = at.parent
    if at is None:
        raise cannot("a weight of another block cannot be tied yet", node.span)
    return ".".join(reversed(names))


def _component(part: str, expr: Expr, unit: Unit, case: Case, env: Any) -> Expr:
    if isinstance(expr, Apply) and expr.op == "window":
        return expr.operands[0 if part == "kernel" else 1]
    if isinstance(expr, Const):
        return Const(expressions.compute(part, [expr.value]))
    if isinstance(expr, Ref):
        try:
            from netdsl.ops.values import Window

            if isinstance(unit.lookup(expr, case, env), Window):
                return Apply(part, (expr,))
        except Unknown:
            return expr
    return expr if part == "kernel" else Const(1)


def _collapsed(value: Any) -> Any:
    from netdsl_pytorch.emit.unit import collapse

    return collapse(plain(value))


def _collapsed_list(value: Any) -> Any:
    return tuple(plain(item) if not isinstance(item, tuple) else plain(tuple(item)) for item in value)


def _shown(value: Any) -> Code:
    return code.literal(_collapsed(value))


def _literal_value(made: Code | None) -> Any:
    if made is None:
        return None
    import ast

    try:
        return ast.literal_eval(str(made))
    except ValueError:
        return None


def _item_of(pattern: tree.Pattern, turn: Any) -> Any:
    """The item of a list that a turn was given, put together again from its names."""
    if isinstance(pattern, tree.NamePattern):
        assert isinstance(pattern.target, tree.Name)
        binding = turn.env.names.get(pattern.target.id)
        return None if binding is None else plain(binding.value)
    return tuple(_item_of(item, turn) for item in pattern.items)


def _pattern(pattern: tree.Pattern, loop: Loop) -> str:
    if isinstance(pattern, tree.NamePattern):
        return loop.names[pattern] if pattern in loop.used else "_"
    parts = [_pattern(item, loop) for item in pattern.items]
    return ", ".join(
        f"({part})" if isinstance(item, tree.TuplePattern) else part
        for part, item in zip(parts, pattern.items, strict=True)
    )


def _bare(generated: Code) -> Code:
    """A generator as the only argument of a call, which needs no parentheses of its own."""
    group = generated.doc
    inner = group.doc[1].doc[1]  # type: ignore[union-attr,index]
    return Code(code._Generator((inner,)), code.TERNARY)


def _folded(turns: list[list[Row]]) -> list[Row]:
    """Members turn by turn, runs of equal text as a generator."""
    rows: list[Row] = []
    at = 0
    while at < len(turns):
        length = 1
        if len(turns[at]) == 1 and not turns[at][0].labelled and not turns[at][0].many:
            while at + length < len(turns) and _same_row(turns[at], turns[at + length]):
                length += 1
        if length > 1:
            count = code.call("range", [code.literal(length)], nests=0)
            rows.append(Row(code.generator(turns[at][0].code, "_", count), None, False, many=True))
        else:
            rows += turns[at]
        at += length
    return rows


def _same_row(first: list[Row], other: list[Row]) -> bool:
    return len(other) == 1 and not other[0].labelled and not other[0].many and str(other[0].code) == str(first[0].code)


__all__ = ["Constructor", "Line", "Made", "OperatorValue", "field", "identity", "module_type"]
