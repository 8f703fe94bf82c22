"""The entry point of the PyTorch backend: emits without torch, and imports it to verify."""

from __future__ import annotations

from netdsl.backend import FileState, Verification
from netdsl.graph.graph import Graph


class PyTorch:
    """Writes modules of PyTorch, and proves them equal to their graphs."""

    name = "pytorch"
    suffix = ".py"

    def emit(self, graph: Graph, *, spec_name: str, spec_text: str, inference: bool = False) -> str:
        from netdsl_pytorch.emit import emit

        return emit(graph, spec_name=spec_name, spec_text=spec_text, inference=inference)

    def verify(self, graph: Graph, text: str, *, inference: bool = False, quick: bool = False) -> Verification:
        from netdsl_pytorch.verify import verify

        return verify(graph, text, inference=inference, compile=not quick, export=not quick)

    def precheck(self, graph: Graph, text: str, *, inference: bool = False, run: bool = True) -> Verification:
        from importlib.util import find_spec

        from netdsl_pytorch.emit.program import parsed

        report = parsed(graph.name, text)
        if not report.passed or not run or find_spec("torch") is None:
            return report
        from netdsl_pytorch.verify import verify

        return verify(graph, text, inference=inference, numbers=False, compile=False, export=False)

    def state_of(self, text: str) -> FileState:
        from netdsl_pytorch.emit import state_of

        return state_of(text)


BACKEND = PyTorch()
