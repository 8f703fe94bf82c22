"""Whether torch.compile and torch.export take the network whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from netdsl_pytorch.verify.subject import BATCH, Subject, compare


def compiles(subject: Subject) -> None:
    """The network as one graph of torch.compile."""
    subject.model.eval()
    with _quiet_dynamo():
        compiled = torch.compile(subject.model, fullgraph=True, backend="eager")
        with torch.no_grad():
            results = compiled(*subject.inputs(BATCH))
    compare(results, subject.results, BATCH)


def exports(subject: Subject) -> None:
    """The network exported, and the exported program run."""
    subject.model.eval()
    with _quiet_dynamo(), torch.no_grad():
        program = torch.export.export(subject.model, subject.inputs(BATCH))
        results = program.module()(*subject.inputs(BATCH))
    compare(results, subject.results, BATCH)


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
