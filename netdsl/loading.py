"""From a spec to a checked graph: read, parse, elaborate, check the budgets. What the API and the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.analysis.budgets import check_budgets
from netdsl.analysis.figures import Figures
from netdsl.catalogue import Spec, read_spec
from netdsl.collecting import collector_paused
from netdsl.elaborate import elaborate, model_names, models_of
from netdsl.limits import Limits
from netdsl.syntax import tree
from netdsl.syntax.parser import parse
from netdsl.text.codes import LIMIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.errors import ContractError, SpecSemanticError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netdsl.elaborate.files.imports import Used
    from netdsl.elaborate.session import Spent
    from netdsl.graph.graph import Graph
    from netdsl.passes.interface import Pass
    from netdsl.passes.run import Passed


class Loaded(NamedTuple):
    """A graph, the spec that it was made from, and what was found that makes it no less usable.

    `figures` are those of one sample at inference. `findings` are broken budgets (errors), and contracts and budgets
    that an override made untrue (notes). `passed` tells what passes did, where some were asked for.
    """

    graph: Graph
    spec: Spec
    findings: tuple[Diagnostic, ...]
    figures: Figures
    passed: Passed | None = None
    used: Used | None = None
    """The files below the spec's root that it uses."""

    @property
    def errors(self) -> list[Diagnostic]:
        return [finding for finding in self.findings if finding.severity == "error"]

    def sound(self) -> Loaded:
        """Itself; raises ContractError if a budget is broken."""
        if self.errors:
            raise ContractError(self.errors)
        return self


def load_spec(
    name: str,
    *,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str | None, tuple[int, ...]] | None = None,
    limits: Limits = Limits(),
    traced: bool = False,
    passes: Sequence[Pass] = (),
) -> Loaded:
    """The model that a name stands for (netdsl.catalogue), `Loaded`. Raises SpecError, not for broken budgets."""
    spec = read_spec(name, limits)
    return load_model(
        spec,
        parse(spec.source, limits),
        params=params,
        inputs=inputs,
        limits=limits,
        traced=traced,
        passes=passes,
    )


def read_models(name: str, limits: Limits = Limits()) -> tuple[tree.File, list[Spec]]:
    """A parsed spec and what of it can be loaded: all its models, or the one that the name asks for.

    None can be in a file of blocks that others use.
    """
    spec = read_spec(name, limits)
    file = parse(spec.source, limits)
    if spec.model is None:
        names = model_names(file)
        if len(names) > limits.models:
            raise SpecSemanticError([_too_many_models(file, limits)])
        models = [spec._replace(model=model) for model in names]
        if models or any(isinstance(statement, tree.BlockDef) for statement in file.statements):
            return file, models
    return file, [spec]


def _too_many_models(file: tree.File, limits: Limits) -> Diagnostic:
    models = models_of(file)
    message, span = f"the file has {len(models):,} models", models[limits.models][1]
    return Diagnostic(LIMIT, message, span, limits.rule("models"), help=limits.way_out("models"))


def load_model(
    spec: Spec,
    file: tree.File,
    *,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str | None, tuple[int, ...]] | None = None,
    limits: Limits = Limits(),
    traced: bool = False,
    passes: Sequence[Pass] = (),
    spent: Spent | None = None,
) -> Loaded:
    """One model of a parsed spec, `Loaded`, after `passes`, which make it traced.

    What the models of one file take together is added up in `spent`, and has a limit."""

    used: Used = {}

    def made() -> Graph:
        return elaborate(
            file,
            model=spec.model,
            params=params or {},
            inputs=inputs or {},
            limits=limits,
            traced=traced or bool(passes),
            root=spec.root,
            used=used,
            spent=spent,
        )

    with collector_paused():
        passed = None
        if passes:
            from netdsl.passes.run import run_passes

            passed = run_passes(passes, made)
        graph = passed.graph if passed is not None else made()
        figures = Figures(graph)
        notes = passed.notes if passed is not None else ()
        budgets = check_budgets(graph, figures, limits.errors)
        return Loaded(graph, spec, (*graph.notes, *budgets, *notes), figures, passed, used)
