"""The law that every program obeys: `check` refuses it with a code and a place, or all that is made of it is right."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from netdsl_pytorch.emit import emit, factory_name
from netdsl_pytorch.harness.model.siblings import merged_state
from netdsl_pytorch.interpret import randomise
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify

from netdsl.analysis.diff import Comparison
from netdsl.analysis.figures import Figures
from netdsl.analysis.report import Report
from netdsl.catalogue import Spec, specs_folder
from netdsl.elaborate import model_names
from netdsl.graph.graph import Graph
from netdsl.graph.json import to_json
from netdsl.graph.verify import findings
from netdsl.loading import Loaded, load_model
from netdsl.passes.merge_siblings import MergeSiblings
from netdsl.syntax import tree
from netdsl.syntax.format import format_text
from netdsl.syntax.parser import parse
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import SpecError
from netdsl.text.render import render_plain
from netdsl.text.source import Source

MOST_MACS = 20_000_000
"""A program that computes more is not tried: mutations of real networks may be of any size."""


class Ways(NamedTuple):
    """What is tried besides what is tried of every program."""

    merge_siblings: bool = False
    inference: bool = False
    draw: bool = False


@dataclass
class Verdict:
    """What came of a program."""

    outcome: str
    """`right`, `refused`, `unwritable` (only the emitter refuses it), `large` or `wrong`."""
    step: str = ""
    """For one that is wrong, the part of the law that it breaks."""
    reason: str = ""
    codes: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What failures of one cause have in common."""
        reason = self.reason.strip().split("\n")[-1] if self.step == "crash" else self.reason.split("\n")[0]
        return f"{self.step}: " + re.sub(r"`[^`]*`|'[^']*'|\d[\d.e-]*|\[[^\]]*\]", "…", reason)[:100]


class Broken(Exception):
    """A part of the law does not hold."""

    def __init__(self, step: str, reason: str) -> None:
        self.step, self.reason = step, reason
        super().__init__(f"{step}: {reason}")


NO_MORE = Ways()


def judged(text: str, ways: Ways = NO_MORE) -> Verdict:
    """Whether a program obeys the law."""
    try:
        return _judged(text, ways)
    except Broken as broken:
        return Verdict("wrong", broken.step, broken.reason)
    except Exception:
        return Verdict("wrong", "crash", _short(traceback.format_exc()))


def _short(trace: str) -> str:
    lines = trace.strip().split("\n")
    return "\n".join(lines[-7:])


def _judged(text: str, ways: Ways) -> Verdict:
    source = Source("program.net", text)
    try:
        file = parse(source)
        loaded = [_loaded(source, file, model) for model in model_names(file)]
    except SpecError as error:
        return Verdict("refused", codes=_told(error.diagnostics))
    errors = [each for one in loaded for each in one.errors]
    if errors:
        return Verdict("refused", codes=_told(errors))
    if any(one.figures.macs() > MOST_MACS or one.figures.params() > MOST_MACS for one in loaded):
        return Verdict("large")
    _formatted(source, [one.graph for one in loaded])
    try:
        for one in loaded:
            _compiled(source, file, one, ways)
    except SpecError as error:
        codes = _told(error.diagnostics)
        if set(codes) <= {"E0802"}:
            return Verdict("unwritable", reason=error.diagnostics[0].message, codes=codes)
        raise Broken("what check accepts is refused when compiled", render_plain(error.diagnostics[0])) from None
    return Verdict("right")


def _loaded(source: Source, file: tree.File, model: str, traced: bool = False) -> Loaded:
    return load_model(Spec(source, model, specs_folder()), file, traced=traced)


def _told(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """The codes of findings, each of which has a place in the text and can be shown."""
    found = list(diagnostics)
    if not found:
        raise Broken("refused without a reason", "no diagnostic")
    for each in found:
        if not (0 <= each.span.start <= each.span.end <= len(each.span.source.text)) or not each.message:
            raise Broken("refused without a place", f"{each.code} {each.message}")
    for each in found:
        render_plain(each)
    return [str(each.code) for each in found]


def _formatted(source: Source, graphs: list[Graph]) -> None:
    """The formatter changes nothing but the layout, and nothing the second time."""
    once = format_text(source)
    again = Source(source.name, once)
    if format_text(again) != once:
        raise Broken("formatting is idempotent", "the second time something moves")
    file = parse(again)
    for graph, model in zip(graphs, model_names(file), strict=True):
        if _without_lines(_loaded(again, file, model).graph) != _without_lines(graph):
            raise Broken("formatting keeps the graph", f"{model} differs")


def _without_lines(graph: Graph) -> dict[str, Any]:
    """The graph as plain data, but for the lines of the text that its parts come from."""
    data = to_json(graph)
    for each in (*data["scopes"], *data["nodes"]):
        del each["line"]
    return data


def _compiled(source: Source, file: tree.File, checked: Loaded, ways: Ways) -> None:
    model = checked.spec.model
    assert model is not None
    traced = _loaded(source, file, model, traced=True)
    for finding in findings(traced.graph):
        raise Broken("the graph is sound", finding)
    if to_json(traced.graph) != to_json(checked.graph):
        raise Broken("traced, the graph is the same", model)
    text = _emitted(source, traced.graph)
    if text != _emitted(source, _loaded(source, file, model, traced=True).graph):
        raise Broken("the same spec gives the same bytes", model)
    _verified("verify", traced.graph, text)
    _figures(traced, text)
    if ways.inference:
        _verified("verify --inference", traced.graph, _emitted(source, traced.graph, inference=True), inference=True)
    if ways.merge_siblings:
        _merged(source, load_model(Spec(source, model, specs_folder()), file, passes=[MergeSiblings()]))
    if ways.draw:
        _drawn(checked.graph)


def _emitted(source: Source, graph: Graph, inference: bool = False) -> str:
    text = emit(graph, spec_name=source.name, spec_text=source.text, inference=inference)
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = text.split("\n")[(error.lineno or 1) - 1]
        raise Broken("the file parses", f"{error.msg}\n{line}") from None
    return text


def _verified(step: str, graph: Graph, text: str, inference: bool = False) -> None:
    report = verify(graph, text, inference=inference, compile=False, export=False)
    for check in report.failures:
        raise Broken(f"{step}: {check.name}", check.reason)


def _figures(loaded: Loaded, text: str) -> None:
    """What `stats` and `diff` say."""
    figures = Figures(loaded.graph, train=True)
    told = Report(figures).to_json()["totals"]["params"]
    found = sum(each.numel() for each in _module(loaded.graph, text).parameters())
    if told != found:
        raise Broken("stats", f"{told} parameters; the module has {found}")
    if not Comparison(loaded.graph, loaded.graph).alike:
        raise Broken("diff", "a network differs from itself")


def _module(graph: Graph, text: str) -> torch.nn.Module:
    module = getattr(module_of(text), factory_name(graph))()
    assert isinstance(module, torch.nn.Module)
    return module


def _merged(source: Source, loaded: Loaded) -> None:
    """What `--merge-siblings` writes computes what was written, with the weights that stand for the same."""
    done = loaded.passed
    assert done is not None
    text = _emitted(source, done.graph)
    _verified("verify --merge-siblings", done.graph, text)
    if all(parts == (key,) for key, parts in done.moves.items()):
        return
    plain, fused = _module(done.before, _emitted(source, done.before)), _module(done.graph, text)
    randomise(plain)
    fused.load_state_dict(merged_state(plain.state_dict(), done.moves))
    inputs = [_random(each) for each in done.graph.inputs]
    with torch.no_grad():
        pairs = zip(_tensors(plain.double().eval()(*inputs)), _tensors(fused.double().eval()(*inputs)), strict=True)
        for one, other in pairs:
            if not torch.allclose(one, other, rtol=1e-6, atol=1e-8, equal_nan=True):
                raise Broken("merged siblings compute the same", f"off by {(one - other).abs().max().item():.2g}")


def _random(each: object) -> torch.Tensor:
    type_, bound = each.value.type, each.bound  # type: ignore[attr-defined]
    shape = (2, *map(int, type_.shape))
    if type_.dtype == "int":
        return torch.randint(bound or 2, shape)
    return torch.randn(shape, dtype=torch.float64)


def _tensors(results: object) -> list[torch.Tensor]:
    return [results] if isinstance(results, torch.Tensor) else [each for each in results if each is not None]  # type: ignore[attr-defined]


def _drawn(graph: Graph) -> None:
    """A figure, none of whose parts lie on each other."""
    from netdsl.draw.arrange.view import Opened, View
    from netdsl.draw.write.svg import Look, draw
    from tests.draw.drawings import drawing
    from tests.draw.geometry import faults

    made = drawing(graph)
    view = View(made.figure, Opened({each for each in made.figure.parts if each.kind == "frame"}, set()), True)
    for fault in faults(draw(view, Look(made.figure.title))):
        raise Broken("the figure is sound", str(fault))
