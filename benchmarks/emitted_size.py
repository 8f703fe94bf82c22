"""How long emitted files are beside torchvision's classes for the same models: lines of code, counted alike for both.

Docstrings, comments and blank lines count for neither. Of netdsl the whole file counts: imports, helpers, the factory.
Of torchvision the classes of the model's modules count, with their bases, the functions that they call and those that
make modules for them (VGG's `make_layers`), as far as torchvision defines them (not its utilities); not its imports,
and not the factory functions with their tables of stages, whose lines are told by themselves.

    python benchmarks/emitted_size.py                writes docs/emitted-size.md from what was measured
    python benchmarks/emitted_size.py torchvision    measures, in an environment that has torchvision
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import sys
import textwrap
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "emitted-size.md"
DATA = ROOT / "tests" / "specs" / "data"
MEASURED = DATA / "torchvision_lines.json"

OTHER_NAMES = {"googlenet_bn": "googlenet", "alexnet_torchvision": "alexnet"}
"""Models that torchvision gives another name, by ours."""
BUILDERS = ("torchvision.models.", "torchvision.ops.")
"""Where torchvision defines networks and their parts."""
LIMIT = 1.2

_LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def lines_of_code(text: str) -> int:
    """Lines that hold anything but docstrings and comments."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            doc = node.body[0]
            found.difference_update(range(doc.lineno, (doc.end_lineno or doc.lineno) + 1))
    return len(found)


# --- torchvision's side


def measure() -> dict[str, dict[str, Any]]:
    """Of each model that is recorded, torchvision's lines and what they are."""
    import torch

    # torchvision registers these in a compiled extension; no model here needs them, but its import does.
    declared = torch.library.Library("torchvision", "DEF")
    declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import models

    found = {}
    for ours in json.loads((DATA / "torchvision.json").read_text(encoding="utf-8")):
        theirs = OTHER_NAMES.get(ours, ours)
        factory = models.get_model_builder(theirs)
        model = _made(factory, {"init_weights": False} if theirs in ("googlenet", "inception_v3") else {})
        classes = {base for module in model.modules() for base in type(module).__mro__}
        made_by = set(reached([inspect.unwrap(factory)]))
        parts = set(reached([*filter(_defined_by_torchvision, classes), *filter(_makes_modules, made_by)]))
        rest = set(filter(_sets_up, made_by)) - parts
        found[ours] = {
            "lines": _total(parts),
            "factories": _total(rest),
            "parts": sorted(each.__qualname__ for each in parts),
        }
    return found


def _made(factory: Any, extra: dict[str, Any]) -> Any:
    import torch

    try:
        with torch.device("meta"):
            return factory(weights=None, **extra)
    except NotImplementedError:  # RegNet's widths are computed with tensors
        return factory(weights=None, **extra)


def reached(roots: Iterable[Any]) -> Iterator[Any]:
    """Classes and functions of torchvision, and those that they name, each once; but for classes of modules, of which
    a model may have none though they are named."""
    from torch import nn

    waiting, seen = list(roots), set()
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        yield each
        for function in _functions(each):
            named = {name for code in _codes(function.__code__) for name in code.co_names}
            others = filter(_defined_by_torchvision, (function.__globals__.get(name) for name in named))
            waiting += [other for other in others if not (isinstance(other, type) and issubclass(other, nn.Module))]


def _defined_by_torchvision(thing: Any) -> bool:
    return isinstance(thing, type | FunctionType) and f"{thing.__module__}.".startswith(BUILDERS)


def _makes_modules(thing: Any) -> bool:
    """Whether it is a function that makes modules for a model, and not the model."""
    result = str(getattr(thing, "__annotations__", {}).get("return", ""))
    return isinstance(thing, FunctionType) and "torch.nn.modules" in result


def _sets_up(thing: Any) -> bool:
    """Whether it is a function that sets a model up, and none for its weights and their names."""
    return isinstance(thing, FunctionType) and not thing.__module__.endswith(("._api", "._utils", "._meta"))


def _functions(thing: Any) -> list[FunctionType]:
    if isinstance(thing, FunctionType):
        return [thing]
    return [each for each in map(inspect.unwrap, vars(thing).values()) if isinstance(each, FunctionType)]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of those defined within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _total(things: Iterable[Any]) -> int:
    return sum(map(_lines, things))


def _lines(thing: Any) -> int:
    try:
        return lines_of_code(textwrap.dedent(inspect.getsource(thing)))
    except OSError:  # a named tuple made by a call, of one line
        return 1


# --- our side, and the page


def emitted(model: str) -> str:
    """What the compiler writes of a model."""
    from netdsl_pytorch.emit import emit

    from netdsl.loading import load_spec

    loaded = load_spec(model, traced=True).sound()
    return emit(loaded.graph, spec_name=loaded.spec.source.name, spec_text=loaded.spec.source.text)


def page() -> str:
    """The text of docs/emitted-size.md."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    rows = []
    for model, theirs in measured.items():
        ours = lines_of_code(emitted(model))
        ratio = ours / theirs["lines"]
        rows.append((ratio, f"| `{model}` | {ours} | {theirs['lines']} | {ratio:.2f} | {theirs['factories']} |\n"))
    rows.sort(key=lambda row: -row[0])
    over = sum(ratio > LIMIT for ratio, _ in rows)
    middle = sorted(ratio for ratio, _ in rows)[len(rows) // 2]
    verdict = "None is" if not over else f"{over} are"
    return f"""\
# How long emitted files are

Generated by `python benchmarks/emitted_size.py`; do not edit.

Lines of code that `netdsl compile` writes for a model, and those of torchvision 0.28 for the same one, docstrings,
comments and blank lines left out of both. Of netdsl the whole file counts: imports, helpers, the factory. Of
torchvision its classes count, with their bases, the functions that they call and those that make modules for them
(VGG's `make_layers`); not its imports, and not the factory functions, which hold its tables of stages and stand in the
last column.

{len(rows)} models; the median is {middle:.2f} times torchvision's lines. {verdict} above {LIMIT} times.

| model | emitted file | torchvision's classes | times | its factories |
| --- | ---: | ---: | ---: | ---: |
{"".join(row for _, row in rows)}"""


def main() -> None:
    if sys.argv[1:] == ["torchvision"]:
        records = ",\n".join(f'"{name}": {json.dumps(record)}' for name, record in sorted(measure().items()))
        MEASURED.write_text("{\n" + records + "\n}\n", encoding="utf-8")
    else:
        PAGE.write_text(page(), encoding="utf-8")
        print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
