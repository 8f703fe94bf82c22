"""Operators of packages beside netdsl in PyTorch: what such a package declares, and how it is found when it is needed.

An entry point of `netdsl_pytorch.operators` leads to a module that calls `translate` for each of its operators. The
modules are loaded, all of them, where a network has an operator that netdsl itself has no translation for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from netdsl.extension.installed import PlugInError, load_all
from netdsl.graph.graph import Node
from netdsl.ops.operator import REGISTRY
from netdsl.text.codes import CANNOT_EMIT, PLUG_IN
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError

if TYPE_CHECKING:
    from torch import Tensor

GROUP = "netdsl_pytorch.operators"

Compute: TypeAlias = "Callable[[Node, list[Tensor], Mapping[str, Any], Mapping[str, Tensor]], Any]"
"""A node, its inputs, its arguments as plain numbers, and its weights by name, to what it gives."""

_DEFINITION = re.compile(r"(?:def|class) (?P<name>_[A-Za-z]\w*)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """How PyTorch does an operator.

    `calls` is what emitted files call: a function, on the inputs (`F.silu`), or with `module` a class, whose instance
    is called on them (`nn.PReLU`). Its keyword arguments are `keywords`, each with the argument of the operator that it
    gets; before them a class takes the sizes of the axes `sizes` of the first input.

    `helper` is the text of the function or class where PyTorch has none: it is put into every file that needs it, and
    may use `torch`, `F`, `nn` and `Tensor`. Its name begins with `_`.

    `compute` gives the results themselves, of the node, its inputs, its arguments and its weights by name, tensors all
    of them. Verification compares the two, so it shares nothing with the text.
    """

    calls: str
    compute: Compute
    module: bool = False
    keywords: Mapping[str, str] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()
    helper: str = ""

    @property
    def defined(self) -> str:
        """The name of the helper; empty without one."""
        found = _DEFINITION.match(self.helper)
        return found["name"] if found is not None else ""


_TRANSLATIONS: dict[str, Translation] = {}


def translate(name: str, translation: Translation) -> None:
    """Declares how PyTorch does the operator of that name; raises ValueError for what cannot be."""
    op = REGISTRY.get(name)
    if op is None:
        raise ValueError(f"there is no operator `{name}` to translate")
    if name in _TRANSLATIONS or type(op).__module__.startswith("netdsl."):
        raise ValueError(f"the operator `{name}` has a translation already")
    if translation.helper and not translation.defined:
        raise ValueError(f"the helper of `{name}` is no function or class whose name begins with `_`")
    unknown = set(translation.keywords.values()) - {argument.name for argument in op.arguments}
    if unknown:
        raise ValueError(f"the operator `{name}` has no argument `{sorted(unknown)[0]}`")
    _TRANSLATIONS[name] = translation


def translation_of(node: Node) -> Translation:
    """The translation of a node's operator, which netdsl itself has none for; raises SpecError if there is none."""
    name = node.op.name
    if name not in _TRANSLATIONS:
        failed = _load_all()
        if name not in _TRANSLATIONS and failed:
            raise SpecError([Diagnostic(PLUG_IN, failed[0].message, node.span, help=failed[0].help)]) from failed[0]
    if name not in _TRANSLATIONS:
        message = f"the operator `{name}` has no translation to PyTorch"
        help = f"a package registers one under `{GROUP}`"
        raise SpecError([Diagnostic(CANNOT_EMIT, message, node.span, help=help)])
    return _TRANSLATIONS[name]


@cache
def _load_all() -> list[PlugInError]:
    return load_all(GROUP)
