"""The checks of one file, one after the other."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from netdsl.graph.graph import Graph
from netdsl_pytorch.emit import factory_name
from netdsl_pytorch.load import module_of
from netdsl_pytorch.report import Mismatch, Report
from netdsl_pytorch.verify import compiling, constants, passes, state, values
from netdsl_pytorch.verify.arguments import Trials, parameters_of
from netdsl_pytorch.verify.subject import Subject


def verify(
    graph: Graph,
    source: str,
    *,
    inference: bool = False,
    numbers: bool = True,
    compile: bool = True,
    export: bool = True,
) -> Report:
    """Checks an emitted file against the graph of its spec; `inference` says that it was emitted without heads.

    `compile` and `export` say whether `torch.compile` and `torch.export` are tried too, which takes most of the time;
    without `numbers` nothing is computed but shapes, and one other value of each argument is tried.
    """
    return _Verifier(graph, source, inference).run(numbers=numbers, compile=compile, export=export)


class _Verifier:
    def __init__(self, graph: Graph, source: str, inference: bool) -> None:
        self.graph = graph
        self.source = source
        self.report = Report(graph.name)
        self.subject = Subject(graph, nn.Identity(), inference)
        self.computed: Subject | None = None

    def run(self, *, numbers: bool, compile: bool, export: bool) -> Report:
        if not self.report.check("the file runs, and its factory makes a module", self.makes):
            return self.report
        self.check("the keys and shapes of the state_dict", state.keys)
        self.check("the number of parameters", state.parameters)
        if not self.check("the results in eval mode", passes.eval_results):
            return self.report
        if self.check("the results in training mode", passes.train_results):
            self.check("the shape that each part gives", passes.shapes)
            self.report.check("every parameter gets a gradient", lambda: passes.gradients(self.quick()))
        self.report.check("the number of multiply-adds", lambda: passes.macs(self.quick()))
        if numbers:
            self.report.check("the constants, by their formulas", self.constants)
        if numbers and values.affordable(self.graph):
            self.report.check("the numbers that it computes", lambda: values.numbers(self.graph, self.factory()))
        if not self.subject.inference and self.heads_flag:
            self.report.check(f"`{self.heads_flag}=False` leaves the heads out", self.without_heads)
        if self.report.passed and self.graph.with_parameters is not None:  # else it would be told again
            self.report.check("other arguments", lambda: self.other_arguments(numbers))
        if compile:
            self.check("torch.compile(fullgraph=True)", compiling.compiles)
        if export:
            self.check("torch.export", compiling.exports)
        return self.report

    def check(self, name: str, check: Callable[[Subject], None]) -> bool:
        return self.report.check(name, lambda: check(self.subject))

    def quick(self) -> Subject:
        """The module where passes take the least time. What it makes on the way it has made without numbers before:
        what forgets the device of its input is seen there alone."""
        device = values.device_for(self.graph)
        if device == self.subject.device:
            return self.subject
        if self.computed is None:
            with torch.device(device):
                self.computed = Subject(self.graph, self.factory()(), self.subject.inference, device)
        return self.computed

    def factory(self) -> Any:
        module = module_of(self.source)
        name = factory_name(self.graph)
        factory = getattr(module, name, None)
        if factory is None:
            raise Mismatch(f"the file has no function `{name}`")
        return factory

    def makes(self) -> None:
        with torch.device("meta"):
            model = self.factory()()
        if not isinstance(model, nn.Module):
            raise Mismatch(f"`{factory_name(self.graph)}` gives a {type(model).__name__}")
        self.subject.model = model

    @property
    def heads_flag(self) -> str:
        """The argument of the factory that leaves the heads out, where it has one."""
        own = parameters_of(self.graph, self.factory()).keys()
        offered = inspect.signature(self.factory()).parameters
        return next((name for name in ("aux", "with_heads") if name in offered and name not in own), "")

    def constants(self) -> str | None:
        return constants.constants(self.graph, self.factory(), inference=self.subject.inference)

    def without_heads(self) -> None:
        """The module without heads is that of the graph without them."""
        device = values.device_for(self.graph)
        with torch.device(device):
            subject = Subject(self.graph, self.factory()(**{self.heads_flag: False}), True, device)
        for check in (state.keys, state.parameters, passes.eval_results, passes.train_results, passes.shapes):
            check(subject)

    def other_arguments(self, numbers: bool) -> str:
        return Trials(self.graph, self.factory(), self.subject.inference, numbers).run()
