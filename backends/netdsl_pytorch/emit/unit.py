"""A unit: what becomes one class, and the arguments of its constructor."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netdsl import symbolic
from netdsl.lower.align import walk
from netdsl.symbolic import Const, Ref, plain
from netdsl.syntax import tree
from netdsl.text.reserved import MODULE_ATTRIBUTES
from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code

if TYPE_CHECKING:
    pass
from netdsl_pytorch.emit.namer import safe
from netdsl_pytorch.emit.names import Extra, binding_of, collapse, home_lets_of, is_printable
from netdsl_pytorch.emit.numbers import Numbers
from netdsl_pytorch.python.statements import Statement, assigned

_AXIS_ORDER = ("channels", "features", "depth", "height", "width", "length")
_UNSET: Any = object()


@dataclass(slots=True)
class Argument:
    """An argument of a constructor: `value(scope)` gives what a use passes, `expr` where the use says so."""

    key: Hashable
    name: str
    type: str
    default: Code | None
    ref: Ref | None = None
    extra: Extra | None = None


class Unit(Numbers):
    """A net, a block, or a group that is a class of its own; with all its uses."""

    def finish_arguments(self) -> list[Statement]:
        """Fixes the arguments that the text turned out to need; gives the `let`s that it mentions."""
        lets: dict[Any, Statement] = {}
        if not self.is_group:
            self._let_lines(lets)
        else:
            own = set(home_lets_of(self.definition))
            self._let_lines(lets, own)
        order: list[Argument] = []
        keys = list(self.state.needs)
        axes = [key for key in keys if isinstance(key, tuple) and key[0] == "axis"]
        axes.sort(key=lambda key: (key[1], _axis_rank(self._axis_name(self.state.needs[key]))))
        for key in axes:
            ref = self.state.needs[key]
            order.append(Argument(key, self.python_name(ref), "int", None, ref))
        for parameter in self.parameters:
            order += [
                self._parameter(each, parameter)
                for each in (parameter, ("kernel", parameter), ("stride", parameter))
                if each in self.state.needs
            ]
            if parameter in self.state.callables:
                order.append(self._callable(parameter))
        if self.is_group:
            for pattern in home_lets_of(self.owner.definition):
                if pattern in self.state.needs:
                    ref = self.state.needs[pattern]
                    values = [self.lookup(ref, case, case.names) for case in self.cases]
                    order.append(Argument(pattern, self.python_name(ref), type_of(values), None, ref))
        for extra in self.state.extras:
            default = code.literal(extra.default) if extra.has_default else None
            values = [*extra.values.values(), *([extra.default] if extra.has_default else [])]
            order.append(Argument(("extra", extra.name), extra.name, type_of(values), default, extra=extra))
        required = [argument for argument in order if argument.default is None]
        self.arguments = required + [argument for argument in order if argument.default is not None]
        if self.is_net:
            # A net's arguments are given by name, so those without a default need not come first in the text; but
            # Python wants it so.
            pass
        return [lets[key] for key in home_lets_of(self.definition) if key in lets]

    def _let_lines(self, lets: dict[Any, Statement], only: set[Any] | None = None) -> None:
        """The `let`s that are mentioned, and those that they mention."""
        done: set[Any] = set()
        while True:
            open_ = [
                ref
                for key, ref in self.state.needs.items()
                if ref.kind == "let" and key not in done and (only is None or key in only)
            ]
            if not open_:
                break
            ref = open_[0]
            case = self.cases[0]
            definition = binding_of(ref, case.names, case).definition
            assert definition is not None
            folded = symbolic.fold(definition, self.knowledge(self.cases, {each: each.names for each in self.cases}))
            lets[ref.declaration] = assigned(self.python_name(ref), self.printed(folded))
            done.add(ref.declaration)
        for key in done:
            del self.state.needs[key]

    def _parameter(self, key: Hashable, parameter: tree.Parameter) -> Argument:
        ref = self.state.needs[key]
        values = [self.lookup(ref, case, case.names) for case in self.cases]
        default = self.default_of(parameter)
        if isinstance(key, tuple):
            values = [collapse(value) for value in values]
            default = _UNSET if default is _UNSET else collapse(symbolic.compute(key[0], [default]))
            if key[0] == "stride" and default is _UNSET:
                default = 1
        elif key not in self.emission.lists:
            values = [collapse(value) for value in values]
            default = default if default is _UNSET else collapse(default)
        annotated = type_of([*values, *([] if default is _UNSET else [default])])
        shown = None
        if default is not _UNSET and not self.is_group:  # the class around a group always has a value to pass
            if annotated == "float" and isinstance(default, int):
                default = float(default)
            shown = code.literal(default)
        return Argument(key, self.python_name(ref), annotated, shown, ref)

    def default_of(self, parameter: tree.Parameter) -> Any:
        """The default of a parameter, where it does not depend on the input or on other parameters."""
        if self.owner.kind == "net" and parameter.name in self.emission.graph.open:
            return plain(self.emission.graph.parameters[parameter.name])
        if parameter.default is None:
            return _UNSET
        expr = self.owner.defaults[parameter.name]
        if not isinstance(expr, Const) or not is_printable(expr.value):
            return _UNSET
        return plain(expr.value)

    def _callable(self, parameter: tree.Parameter) -> Argument:
        codes = self.state.callables[parameter]
        default = next((made for scope, made in codes.items() if parameter.name not in scope.given), None)
        return Argument(("callable", parameter), self.local(parameter.name), "Callable[..., nn.Module]", default)

    def attribute(self, name: str, value: Code) -> Code:
        """A number that `forward` needs, kept by the constructor: `self.heads`."""
        for known, made in self.state.attributes.items():
            if made == value:
                return code.name(f"self.{known}")
        name = safe(name)
        # `self.to = …` would hide the method.
        taken = {*self.labels, *MODULE_ATTRIBUTES, *self.attribute_names.values()}
        while name in taken or self.state.attributes.get(name, value) != value:
            name += "_"
        self.state.attributes[name] = value
        return code.name(f"self.{name}")


def _axis_rank(name: str) -> int:
    return _AXIS_ORDER.index(name) if name in _AXIS_ORDER else len(_AXIS_ORDER)


def type_of(values: Sequence[Any]) -> str:
    """The annotation of an argument with these values."""
    kinds: dict[str, None] = {}
    for value in values:
        value = plain(value)
        if value is None:
            kinds["None"] = None
        elif isinstance(value, tuple):
            inner = type_of(list(value)) if value else "int"
            kinds[f"tuple[{', '.join([inner] * len(value))}]" if len(value) < 4 else f"tuple[{inner}, ...]"] = None
        else:
            kinds[type(value).__name__] = None
    if "float" in kinds and "int" in kinds:
        del kinds["int"]
    order = [kind for kind in kinds if kind != "None"] + (["None"] if "None" in kinds else [])
    return " | ".join(order) or "int"


def every_step(unit: Unit) -> Any:
    """Every merged step of a unit, loops turn by turn."""
    return walk(unit.program)
