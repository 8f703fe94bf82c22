"""From a spec to a checked graph: read, parse, elaborate, check the budgets. What the API and the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.analysis.budgets import check_budgets
from netdsl.catalogue import Spec, read_spec
from netdsl.elaborate import elaborate, model_names
from netdsl.limits import Limits
from netdsl.syntax.parser import parse
from netdsl.text.diagnostic import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netdsl.graph.graph import Graph
    from netdsl.syntax import tree
    from netdsl.text.diagnostic import Diagnostic


class Loaded(NamedTuple):
    """A graph, the spec that it was made from, and what was found that makes it no less usable.

    `findings` are broken budgets (errors), and contracts and budgets that an override made untrue (notes).
    """

    graph: Graph
    spec: Spec
    findings: tuple[Diagnostic, ...]

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
) -> Loaded:
    """The graph of the model that a name stands for (netdsl.catalogue). Raises SpecError, not for broken budgets."""
    spec = read_spec(name, limits)
    return load_model(spec, parse(spec.source, limits), params=params, inputs=inputs, limits=limits, traced=traced)


def load_models(
    name: str,
    *,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str | None, tuple[int, ...]] | None = None,
    limits: Limits = Limits(),
) -> list[Loaded]:
    """The graphs of all models of a spec, or of the one that the name asks for.

    Raises SpecError with what is wrong in any of them. A file that has blocks only, for others to use, has no model.
    """
    spec = read_spec(name, limits)
    file = parse(spec.source, limits)
    models = [spec.model] if spec.model is not None else model_names(file)
    return [
        load_model(spec._replace(model=model), file, params=params, inputs=inputs, limits=limits) for model in models
    ]


def load_model(
    spec: Spec,
    file: tree.File,
    *,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str | None, tuple[int, ...]] | None = None,
    limits: Limits = Limits(),
    traced: bool = False,
) -> Loaded:
    """The graph of one model of a parsed spec."""
    graph = elaborate(
        file,
        model=spec.model,
        params=params or {},
        inputs=inputs or {},
        limits=limits,
        traced=traced,
        root=spec.root,
    )
    return Loaded(graph, spec, (*graph.notes, *check_budgets(graph)))
