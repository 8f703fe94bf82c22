"""Emitted source as a module of Python: `build` for those who want the module and no file."""

from __future__ import annotations

import hashlib
import linecache
import sys
from collections.abc import Sequence
from os import PathLike
from types import ModuleType
from typing import Any

from torch import nn

from netdsl.loading import load_spec
from netdsl.passes.registry import parse_pass
from netdsl_pytorch.emit import emit, factory_name


def module_of(source: str) -> ModuleType:
    """The emitted source, run as a module of its own. The same text gives the same module.

    Only text that the compiler wrote, or that the user vouches for, belongs here: it is run.
    """
    name = f"netdsl_emitted_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    filename = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = filename
    # So that tracebacks and torch.compile find the lines.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[name] = module
    try:
        # Without this module's own `from __future__`, which the compiler would pass on.
        exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def build(
    spec: str | PathLike[str], /, *, inference: bool = False, passes: Sequence[str] = (), **params: Any
) -> nn.Module:
    """The `nn.Module` of a spec: a path, `PATH:MODEL`, or the name of a built-in model; `params` set its parameters.

    It is what `netdsl compile` writes, imported; with `passes` (`["merge-siblings"]`), what it writes with these.
    Raises SpecError as `netdsl.load` does.

    >>> build("googlenet", num_classes=10)(torch.zeros(1, 3, 224, 224)).logits.shape
    torch.Size([1, 10])
    """
    asked = list(map(parse_pass, passes))
    loaded = load_spec(str(spec), params=params, traced=True, passes=asked).sound()
    source = loaded.spec.source
    text = emit(loaded.graph, spec_name=source.name, spec_text=source.text, inference=inference)
    made = getattr(module_of(text), factory_name(loaded.graph))()
    assert isinstance(made, nn.Module)
    return made
