"""Translation validation: whether an emitted file does what its graph says, checked anew for every file.

Nothing here trusts the emitter: the file is run, on the meta device, where tensors have shapes and no numbers, so that
the largest model costs seconds and no memory.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from netdsl.graph.graph import Graph, Input, Node, Scope
from netdsl_pytorch.emit import factory_name
from netdsl_pytorch.emit.loop import safe
from netdsl_pytorch.interpret import interpret, randomise
from netdsl_pytorch.load import module_of

BATCH = 2
"""Samples in a batch of training mode: batch normalisation wants more than one."""
MOST_PARAMETERS, MOST_MACS = 100_000_000, 20_000_000_000
"""The largest network whose numbers are compared; larger ones repeat the same classes."""
TOLERANCE = 1e-3
"""Of the largest number of a result: float32 in another order, through many layers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, and what was found if it does not hold."""

    name: str
    passed: bool
    reason: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """All checks of one file against one graph."""

    model: str
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> list[Check]:
        return [check for check in self.checks if not check.passed]


class Mismatch(Exception):
    """What a check found to be otherwise than the graph has it."""


def verify(graph: Graph, source: str, *, inference: bool = False, compile: bool = True, export: bool = True) -> Report:
    """Checks an emitted file against the graph of its spec; `inference` says that it was emitted without heads.

    `compile` and `export` say whether `torch.compile` and `torch.export` are tried too, which takes most of the time.
    """
    return _Verifier(graph, source, inference).run(compile=compile, export=export)


class _Verifier:
    def __init__(self, graph: Graph, source: str, inference: bool) -> None:
        self.graph = graph
        self.source = source
        self.inference = inference or not graph.heads
        self.report = Report(graph.name)
        self.model: nn.Module = nn.Identity()
        self.trained: Any = None
        """What a pass in training mode gave."""
        self.called: dict[nn.Module, list[tuple[int, ...]]] = {}
        """The shapes that each module gave in it, call by call."""

    def run(self, *, compile: bool, export: bool) -> Report:
        if not self.check("the file runs, and its factory makes a module", self.makes):
            return self.report
        self.check("the keys and shapes of the state_dict", self.state)
        self.check("the number of parameters", self.parameters)
        if not self.check("the results in eval mode", self.eval_results):
            return self.report
        if self.check("the results in training mode", self.train_results):
            self.check("the shape that each part gives", self.shapes)
            self.check("every parameter gets a gradient", self.gradients)
        self.check("the number of multiply-adds", self.macs)
        if self._affordable():
            self.check("the numbers that it computes", self.numbers)
        if not self.inference and "aux" not in self.graph.parameters:
            self.check("`aux=False` leaves the heads out", self.without_heads)
        if compile:
            self.check("torch.compile(fullgraph=True)", self.compiles)
        if export:
            self.check("torch.export", self.exports)
        return self.report

    def check(self, name: str, run: Callable[[], None]) -> bool:
        start = time.perf_counter()
        reason = ""
        try:
            run()
        except Mismatch as found:
            reason = str(found)
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error).strip() or 'no message'}"
        self.report.checks.append(Check(name, not reason, reason, time.perf_counter() - start))
        return not reason

    # --- Checks -----------------------------------------------------------------------------------

    def makes(self) -> None:
        module = module_of(self.source)
        name = factory_name(self.graph)
        factory = getattr(module, name, None)
        if factory is None:
            raise Mismatch(f"the file has no function `{name}`")
        with torch.device("meta"):
            self.model = factory()
        if not isinstance(self.model, nn.Module):
            raise Mismatch(f"`{name}` gives a {type(self.model).__name__}")

    def nodes(self) -> Iterator[Node]:
        return self.graph.nodes(train=not self.inference)

    def state(self) -> None:
        kept = {node.path for node in self.nodes()}
        expected = _in_file_order(
            {
                key: tuple(int(size) for size in weight.shape)
                for key, weight in self.graph.state().items()
                if any(key == path or key.startswith(path + ".") for path in (kept if self.inference else ("",)))
                or not self.inference
            }
        )
        found = {key: tuple(tensor.shape) for key, tensor in self.model.state_dict().items()}
        missing = [key for key in expected if key not in found]
        extra = [key for key in found if key not in expected]
        if missing or extra:
            parts = [f"without {_some(missing)}"] if missing else []
            parts += [f"with {_some(extra)}, which the spec does not have"] if extra else []
            raise Mismatch("the state_dict is " + " and ".join(parts))
        for key, shape in expected.items():
            if found[key] != shape:
                raise Mismatch(f"`{key}` has shape {list(found[key])}; the spec has {list(shape)}")
        for ours, theirs in zip(expected, _in_file_order(found), strict=True):
            if ours != theirs:
                raise Mismatch(f"`{theirs}` stands where the spec has `{ours}`")

    def parameters(self) -> None:
        expected = sum(node.params for node in self.nodes())
        found = sum(parameter.numel() for parameter in self.model.parameters())
        if found != expected:
            raise Mismatch(f"the file has {found:,}; the spec has {expected:,}")

    def inputs(self, batch: int) -> tuple[Tensor, ...]:
        return tuple(_example(each, batch) for each in self.graph.inputs)

    def eval_results(self) -> None:
        self.model.eval()
        with torch.no_grad():
            results = self.model(*self.inputs(BATCH))
        wanted = [output for output in self.graph.outputs if not output.train]
        self._compare(results, wanted, BATCH)

    def train_results(self) -> None:
        """One forward pass in training mode, which the checks of shapes and gradients look at too."""
        self.called = {}

        def record(module: nn.Module, args: Any, result: Any) -> None:
            tensor = result[0] if isinstance(result, tuple) else result
            self.called.setdefault(module, []).append(tuple(tensor.shape))

        hooks = [module.register_forward_hook(record) for module in self.model.modules()]
        try:
            self.model.train()
            self.trained = self.model(*self.inputs(BATCH))
        finally:
            for hook in hooks:
                hook.remove()
        wanted = [output for output in self.graph.outputs if not (output.train and self.inference)]
        self._compare(self.trained, wanted, BATCH)

    def _by_name(self, results: Any, wanted: list[Any]) -> dict[str, Tensor]:
        if isinstance(results, Tensor):
            return {wanted[0].name: results}
        if not (isinstance(results, tuple) and hasattr(results, "_asdict")):
            raise Mismatch(f"the model gives a {type(results).__name__}")
        original = {safe(output.name): output.name for output in wanted}
        return {original.get(name, name): value for name, value in results._asdict().items() if value is not None}

    def _compare(self, results: Any, wanted: list[Any], batch: int) -> None:
        given = self._by_name(results, wanted)
        names = [output.name for output in wanted]
        if sorted(given) != sorted(names):
            raise Mismatch(f"the model gives {_some(list(given))}; the spec has {_some(names)}")
        for output in wanted:
            shape = _shape(output.value, batch)
            if tuple(given[output.name].shape) != shape:
                raise Mismatch(
                    f"`{output.name}` has shape {list(given[output.name].shape)}; the spec has {list(shape)}"
                )

    def shapes(self) -> None:
        """What the modules gave that parts of the graph became, call by call."""
        expected: dict[nn.Module, list[tuple[str, tuple[int, ...]]]] = {}
        for item in self._items():
            first = item.shared or item
            if not first.path:
                continue
            try:
                module = self.model.get_submodule(first.path)
            except AttributeError:
                if isinstance(item, Node) and item.weights and not item.fed and item.op.name not in _TENSORS:
                    raise Mismatch(f"there is no module `{first.path}`") from None
                continue
            if isinstance(item, Node) and (item.op.name in _TENSORS or (item.fed and not _tied(item))):
                continue
            expected.setdefault(module, []).append((item.path, _shape(item.output, BATCH)))
        for module, wanted in expected.items():
            path = wanted[0][0]
            found = self.called.get(module, [])
            if len(found) != len(wanted):
                raise Mismatch(f"`{path}` runs {len(found)} times; the spec uses it {len(wanted)} times")
            if sorted(found) != sorted(shape for _, shape in wanted):
                raise Mismatch(f"`{path}` gives {list(found[0])}; the spec has {list(wanted[0][1])}")

    def _items(self) -> Iterator[Node | Scope]:
        stack: list[Scope] = [self.graph.root]
        while stack:
            scope = stack.pop()
            for item in scope.items:
                if item.train_only and self.inference:
                    continue
                if item.name:
                    yield item
                if isinstance(item, Scope):
                    stack.append(item)

    def macs(self) -> None:
        expected = sum(node.macs for node in self.graph.nodes(train=False))
        self.model.eval()
        # With gradients, attention takes the path whose operations are counted one by one.
        with torch.enable_grad(), FlopCounterMode(display=False) as counter:
            self.model(*self.inputs(1))
        found = counter.get_total_flops() // 2
        if found != expected:
            raise Mismatch(f"the file does {found:,}; the spec has {expected:,}")

    def gradients(self) -> None:
        """The backward pass in training mode reaches every parameter."""
        if not any(True for _ in self.model.parameters()):
            return
        results = self.trained
        tensors = [results] if isinstance(results, Tensor) else [each for each in results if each is not None]
        total = sum((tensor.sum() for tensor in tensors), start=torch.zeros((), device="meta"))
        try:
            total.backward()
            meant = {node.path for node in self.nodes() if node.unused}
            found = [name for name, parameter in self.model.named_parameters() if parameter.grad is None]
            unused = [name for name in found if name not in meant]
        finally:
            self.model.zero_grad(set_to_none=True)
        if unused:
            raise Mismatch(f"no gradient reaches {_some(unused)}")

    def _affordable(self) -> bool:
        """Whether the network can be computed in some seconds and little memory."""
        nodes = list(self.graph.nodes(train=False))
        return sum(node.params for node in nodes) <= MOST_PARAMETERS and sum(node.macs for node in nodes) <= MOST_MACS

    def numbers(self) -> None:
        """The results in eval mode on random inputs, compared with the graph computed operator by operator."""
        try:
            self._compute(torch.float32)
        except Mismatch as mismatch:
            # What doubles agree on differs by rounding alone, which some networks magnify: attention without a scale.
            try:
                self._compute(torch.float64)
            except RuntimeError:  # something in the file knows float32 alone
                raise mismatch from None

    def _compute(self, precision: torch.dtype) -> None:
        model = getattr(module_of(self.source), factory_name(self.graph))().eval()
        randomise(model)
        model.to(precision)
        inputs = [each.to(precision) if each.is_floating_point() else each for each in map(_random, self.graph.inputs)]
        with torch.no_grad():
            results = model(*inputs)
            expected = interpret(self.graph, model.state_dict(), inputs)
        given = self._by_name(results, [output for output in self.graph.outputs if not output.train])
        for name, wanted in expected.items():
            found = given[name]
            scale = wanted.abs().max().clamp(min=1e-6)
            error = ((found - wanted).abs().max() / scale).item()
            if not error <= TOLERANCE:
                raise Mismatch(f"`{name}` is off by {error:.2g} of its largest number")

    def without_heads(self) -> None:
        with torch.device("meta"):
            factory = getattr(module_of(self.source), factory_name(self.graph))
            if "aux" not in inspect.signature(factory).parameters:
                return  # no head has a module
            model = factory(aux=False)
        expected = sum(node.params for node in self.graph.nodes(train=False))
        found = sum(parameter.numel() for parameter in model.parameters())
        if found != expected:
            raise Mismatch(f"without heads the file has {found:,} parameters; the spec has {expected:,}")
        model.train()
        results = model(*self.inputs(BATCH))
        self._compare(results, [output for output in self.graph.outputs if not output.train], BATCH)

    def compiles(self) -> None:
        self.model.eval()
        with _quiet_dynamo():
            compiled = torch.compile(self.model, fullgraph=True, backend="eager")
            with torch.no_grad():
                results = compiled(*self.inputs(BATCH))
        self._compare(results, [output for output in self.graph.outputs if not output.train], BATCH)

    def exports(self) -> None:
        self.model.eval()
        with _quiet_dynamo(), torch.no_grad():
            program = torch.export.export(self.model, self.inputs(BATCH))
            results = program.module()(*self.inputs(BATCH))
        self._compare(results, [output for output in self.graph.outputs if not output.train], BATCH)


_TENSORS = ("param", "constant", "buffer")


def _tied(node: Node) -> bool:
    return all(isinstance(source, tuple) for source in (node.fed or {}).values())


def _example(each: Input, batch: int) -> Tensor:
    shape = (batch, *(int(size) for size in each.value.type.shape))
    if each.value.type.dtype == "int":
        return torch.zeros(shape, dtype=torch.long, device="meta")
    return torch.zeros(shape, device="meta")


def _random(each: Input) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (1, *(int(size) for size in each.value.type.shape))
    if each.value.type.dtype == "int":
        return torch.randint(each.bound or 2, shape, generator=generator)
    return torch.randn(shape, generator=generator)


def _shape(value: Any, batch: int) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in value.type.shape)
    return (batch, *sizes) if value.type.batched else sizes


def _in_file_order(keys: dict[str, Any]) -> dict[str, Any]:
    """The keys grouped as modules group them, where a list of parts counts from 0 however the text filled it."""
    tree: dict[str, Any] = {}
    for key, value in keys.items():
        at = tree
        *path, last = key.split(".")
        for part in path:
            at = at.setdefault(part, {})
        at[last] = (key, value)

    found: dict[str, Any] = {}

    def walk(at: dict[str, Any]) -> None:
        own = [(name, each) for name, each in at.items() if isinstance(each, tuple)]
        below = [(name, each) for name, each in at.items() if not isinstance(each, tuple)]
        if below and all(name.isdigit() for name, _ in below):
            below.sort(key=lambda pair: int(pair[0]))
        # A module's own tensors come before those of its parts, in an order that is PyTorch's.
        for _, (key, value) in sorted(own):
            found[key] = value
        for _, each in below:
            walk(each)

    walk(tree)
    return found


def _some(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


@contextmanager
def _quiet_dynamo() -> Iterator[None]:
    """Begins and ends without what other models left in torch's caches."""
    torch._dynamo.reset()
    try:
        # What recurrent layers compute is fixed; dynamo must be told that it may look into them.
        with torch._dynamo.config.patch(allow_rnn=True):
            yield
    finally:
        torch._dynamo.reset()
