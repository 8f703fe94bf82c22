"""Why a file is as it is: for each block that became several classes, and each parameter that the factory lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netdsl.graph.graph import Scope
from netdsl.lower.programs.parameters import is_argument
from netdsl.lower.programs.reasons import Misfit
from netdsl_pytorch.emit.common.shared import Emission
from netdsl_pytorch.emit.common.unit import Unit, net_of
from netdsl_pytorch.emit.file import offered

MAX_SHOWN = 6
"""Uses of a class that are told by name."""


def explanation(emission: Emission) -> list[str]:
    """Lines that say why, once all classes are written."""
    return [*_several_classes(emission), *_missing_parameters(emission)]


def _several_classes(emission: Emission) -> Iterator[str]:
    units: dict[int, list[Unit]] = {}
    for unit in emission.classes:
        assert isinstance(unit, Unit)
        units.setdefault(id(unit.definition), []).append(unit)
    for group in units.values():
        if len(group) < 2:
            continue
        title = "the net" if group[0].is_net else _title(group[0].instances[0])
        yield f"{title} is {len(group)} classes:"
        for unit in group:
            yield f"  {unit.name} for {_uses(unit.instances)}"
        scopes = frozenset(scope for unit in group for scope in unit.instances)
        reasons = [misfit for misfit in emission.traces.misfits if misfit.scopes <= scopes]
        for misfit in reasons:
            yield f"  since {_told(misfit, group)}"
        if not reasons:
            yield "  since it is used within itself, as an argument: a class for each level"


def _told(misfit: Misfit, group: Sequence[Unit]) -> str:
    names = {scope: unit.name for unit in group for scope in unit.instances}
    classes = [list(dict.fromkeys(names[scope] for scope in each)) for each in misfit.groups]
    apart = " | ".join(", ".join(each) for each in classes)
    return f"{misfit.reason}: {apart}"


def _title(scope: Scope) -> str:
    if scope.kind == "block":
        return f"block `{scope.definition.name}`"  # type: ignore[union-attr]
    return f"the group `{scope.name or scope.title}`"


def _uses(scopes: Sequence[Scope]) -> str:
    paths = [f"`{scope.path or scope.title}`" for scope in scopes]
    more = len(paths) - MAX_SHOWN
    return ", ".join(paths[:MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _missing_parameters(emission: Emission) -> Iterator[str]:
    known = set(offered(emission))
    if emission.heads_optional:
        known.add(emission.heads_flag)
    for name in emission.graph.parameters:
        if name not in known:
            yield f"the factory has no `{name}`: {_why_missing(emission, name)}"


def _why_missing(emission: Emission, name: str) -> str:
    net = net_of(emission)
    parameter = next((each for each in net.parameters if each.name == name), None)
    if parameter is None:
        return "it is no number, text or truth value"
    specialised = emission.solution.specialised(net.definition)
    if name in emission.closed:
        return emission.closed[name]
    if parameter in specialised:
        return str(emission.solution.reason(net.definition, parameter))
    if not is_argument(emission.graph.parameters[name]):
        return "its value is an operator or a block"
    return "nothing in the file reads it"
