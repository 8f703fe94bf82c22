"""The PyTorch backend as the command line asks for it: emits without torch, and imports it to verify."""

from __future__ import annotations

from netdsl.backend import Artifact, FileState, Job, Verification
from netdsl.extension.options import Option
from netdsl.text.characters import harmless


class PyTorch:
    """Writes modules of PyTorch, and proves them equal to their graphs."""

    name = "pytorch"
    suffix = ".py"
    options = (Option("inference", "leave the auxiliary heads out"),)

    def emit(self, job: Job) -> Artifact:
        from netdsl_pytorch.emit import emit, factory_name

        inference = job.options["inference"]
        text = emit(job.graph, spec_name=job.spec_name, spec_text=job.source.text, inference=inference)
        # Whoever shows the file on a terminal is safe from what it was made of.
        text = harmless(text)
        count = text.count("\n")
        return Artifact({f"{factory_name(job.graph)}.py": text.encode()}, f"{job.graph.name}, {count} lines")

    def explain(self, job: Job) -> list[str]:
        from netdsl_pytorch.emit import explain

        return explain(job.graph, inference=job.options["inference"])

    def verify(self, job: Job, artifact: Artifact, *, quick: bool) -> Verification:
        from netdsl_pytorch.verify import verify

        inference = job.options["inference"]
        return verify(job.graph, _text(artifact), inference=inference, compile=not quick, export=not quick)

    def precheck(self, job: Job, artifact: Artifact, *, run: bool) -> Verification:
        from importlib.util import find_spec

        from netdsl_pytorch.emit.program import parsed

        text = _text(artifact)
        report = parsed(job.graph.name, text)
        if not report.passed or not run or find_spec("torch") is None:
            return report
        from netdsl_pytorch.verify import verify

        inference = job.options["inference"]
        return verify(job.graph, text, inference=inference, numbers=False, compile=False, export=False)

    def provenance(self, artifact: Artifact) -> FileState:
        from netdsl_pytorch.emit import state_of

        return state_of(artifact.only.decode(errors="replace"))


def _text(artifact: Artifact) -> str:
    """The file's text, with LF line ends; raises UnicodeDecodeError."""
    return artifact.only.decode().replace("\r\n", "\n").replace("\r", "\n")


BACKEND = PyTorch()
