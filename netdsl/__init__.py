"""netdsl: a declarative architecture compiler.

>>> import netdsl
>>> net = netdsl.load("googlenet", num_classes=10)
>>> net.params
5983802

What is exported is imported when it is first asked for, so that `netdsl --help` starts in a blink.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` for it would cost a fifth of the start

if TYPE_CHECKING:
    from netdsl.api import Network, load
    from netdsl.limits import Limits
    from netdsl.text.errors import ContractError, SpecError, SpecSemanticError, SpecSyntaxError

__version__ = "0.1.0"

__all__ = [
    "ContractError",
    "Limits",
    "Network",
    "SpecError",
    "SpecSemanticError",
    "SpecSyntaxError",
    "__version__",
    "load",
]

_MODULES = {
    "ContractError": "netdsl.text.errors",
    "Limits": "netdsl.limits",
    "Network": "netdsl.api",
    "SpecError": "netdsl.text.errors",
    "SpecSemanticError": "netdsl.text.errors",
    "SpecSyntaxError": "netdsl.text.errors",
    "load": "netdsl.api",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
