"""Whether the arguments of the factory do what parameters of the spec do.

Each is given other values, one at a time and then all at once; the module must be that of a graph elaborated with these
values. What the spec refuses the file must refuse too, or run into: it may not give a module that works as if the value
were possible.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from netdsl.graph.graph import Graph
from netdsl.text.codes import ARITHMETIC, BAD_INDEX, CANNOT_EMIT, LIMIT
from netdsl.text.errors import SpecError
from netdsl_pytorch.report import Mismatch, described
from netdsl_pytorch.variation import fitting, other_values, texts_of
from netdsl_pytorch.verify import passes, state, values
from netdsl_pytorch.verify.constants import constants
from netdsl_pytorch.verify.subject import BATCH, Subject, inputs_with

Factory = Callable[..., nn.Module]

MOST_VALUES, MOST_OF_LARGE = 4, 2
"""Values that are tried of one parameter, refused ones not counted: of a small network, and of a large one."""
MOST_TRIALS = 60
"""Values that are tried of all parameters of a file."""
MOST_FAILURES = 3
"""Failures that are told."""


@dataclass(slots=True)
class Trials:
    """What is tried of one file, and what came of it."""

    graph: Graph
    factory: Factory
    inference: bool
    numbers: bool
    """Whether numbers are compared too, where the network is small; without, one value of each parameter is tried."""
    done: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self) -> str:
        """Tries other values; tells how many, or raises what does not agree."""
        offered = parameters_of(self.graph, self.factory)
        small = values.is_small(self.graph)
        most = 1 if not self.numbers else MOST_VALUES if small else MOST_OF_LARGE
        possible: dict[str, Any] = {}
        for name, parameter in offered.items():
            accepted = 0
            annotation = inspect.signature(self.factory).parameters[name].annotation
            for value in fitting(other_values(self.graph.parameters[parameter], texts_of(self.graph)), annotation):
                if accepted >= most or self.done >= MOST_TRIALS:
                    break
                if self._trial({name: value}, {parameter: value}, first=not accepted):
                    accepted += 1
                    possible.setdefault(name, value)
        if len(possible) > 1 and self.numbers:
            self._trial(possible, {offered[name]: value for name, value in possible.items()}, first=False)
        if self.failures:
            more = len(self.failures) - MOST_FAILURES
            raise Mismatch("\n".join([*self.failures[:MOST_FAILURES], *([f"and {more} more"] if more > 0 else [])]))
        return f"{_counted(len(offered), 'parameter')}, {_counted(self.done, 'value')}"

    def _trial(self, arguments: Mapping[str, Any], parameters: Mapping[str, Any], *, first: bool) -> bool:
        """Compares the module with these arguments; tells whether the spec allows them."""
        assert self.graph.with_parameters is not None
        shown = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        try:
            graph = self.graph.with_parameters(parameters)
        except SpecError as error:
            if any(each.code in (LIMIT, CANNOT_EMIT) for each in error):
                return False  # it is too large to look at, not wrong
            if self.numbers:
                self._refused(arguments, parameters, shown, error)
            return False
        self.done += 1
        try:
            self._agrees(graph, arguments, first)
        except Exception as error:
            reason = str(error) if isinstance(error, Mismatch) else described(error)
            self.failures.append(f"`{shown}`: {reason}")
        return True

    def _agrees(self, graph: Graph, arguments: Mapping[str, Any], first: bool) -> None:
        small = values.is_small(graph)
        subject = self._subject(graph, arguments, values.device_for(graph))
        for check in (state.keys, state.parameters, passes.eval_results):
            check(subject)
        if small or first:
            for check in (passes.train_results, passes.shapes, passes.gradients):
                check(subject)
        if small and self.numbers:
            passes.macs(subject)
            constants(graph, lambda: self.factory(**arguments), inference=subject.inference)
            values.numbers(graph, lambda: self.factory(**arguments))

    def _subject(self, graph: Graph, arguments: Mapping[str, Any], device: str) -> Subject:
        with torch.device(device):
            return Subject(graph, self.factory(**arguments), self.inference, device)

    def _refused(
        self, arguments: Mapping[str, Any], parameters: Mapping[str, Any], shown: str, error: SpecError
    ) -> None:
        """The file may not give a module that works, where the spec refuses. What it refuses are shapes and kinds: that
        an element of a constant has no value, or an index no row, the file sees when it computes, if ever."""
        if all(each.code in (ARITHMETIC, BAD_INDEX) for each in error):
            return
        # Kernels refuse some of what goes through without numbers.
        device = "cpu" if values.is_small(self.graph) else "meta"
        samples = inputs_with(self.graph, parameters, BATCH, device)
        if samples is None:
            return  # what such a net would be given is not known
        try:
            subject = self._subject(self.graph, arguments, device)
            # What heads alone cannot do shows in training.
            for training in (False,) if subject.inference else (False, True):
                subject.model.train(training)
                subject.model(*samples)
        except Exception:
            return
        found = error.diagnostics[0]
        self.failures.append(f"`{shown}` gives a module, where the spec refuses it: {found.code} {found.message}")


def parameters_of(graph: Graph, factory: Factory) -> dict[str, str]:
    """The arguments of the factory that are parameters of the net, by name the parameter of each.

    An argument that someone added to a file is none of them.
    """
    found: dict[str, str] = {}
    for name, parameter in _candidates(graph, list(inspect.signature(factory).parameters)):
        if name not in found and parameter not in found.values():
            found[name] = parameter
    return found


def _candidates(graph: Graph, names: list[str]) -> Iterator[tuple[str, str]]:
    """Arguments that have a parameter's own name, then those that have it with underscores behind."""
    known = list(graph.parameters)
    for name in names:
        if name in known:
            yield name, name
    for name in names:
        if name not in known and name.rstrip("_") in known:
            yield name, name.rstrip("_")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
