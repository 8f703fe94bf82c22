"""The numbers of parts that the compiler named: only the second of a kind needs one."""

from __future__ import annotations

from netdsl.text.reserved import MODULE_ATTRIBUTES
from netdsl_pytorch.emit.common.namer import safe
from netdsl_pytorch.emit.passes.own import attributes, renamed
from netdsl_pytorch.python.statements import Class

KNOWN = {
    "stochasticdepth": "drop_path",
    "adaptiveavgpool": "avgpool",
    "adaptivemaxpool": "maxpool",
    "globalavgpool": "avgpool",
    "globalmaxpool": "maxpool",
}
"""Kinds of parts, and what the field calls them."""


def number_seconds(written: Class) -> Class:
    """`self.maxpool` for `self.maxpool1`, where there is no second; `self.drop_path1` for `self.stochasticdepth1`."""
    taken = attributes(written) | MODULE_ATTRIBUTES
    names: dict[str, str] = {}
    kinds: dict[str, list[str]] = {}
    for each in sorted(written.automatic & taken, key=_natural):
        kinds.setdefault(KNOWN.get(_kind(each), _kind(each)), []).append(each)
    for kind, members in kinds.items():
        wanted = [kind] if len(members) == 1 else [f"{kind}{number + 1}" for number in range(len(members))]
        others = taken - set(members)
        if not any(name in others or safe(name) != name for name in wanted):
            names.update(zip(members, wanted, strict=True))
            taken |= set(wanted)
    return renamed(written, names) if names else written


def _kind(name: str) -> str:
    return name.rstrip("0123456789")


def _natural(name: str) -> tuple[str, int]:
    kind = _kind(name)
    return kind, int(name[len(kind) :] or 0)
