"""Long texts cost what their length asks for: no value of a long `forward` sends its writer back to the start."""

from __future__ import annotations

import pytest
from netdsl_pytorch.emit.forward.forward import PATIENCE, Forward
from netdsl_pytorch.emit.forward.lines import Line

from tests.pytorch.emit.emitting import emitted

SCAN = """
net Scan(length = {length}) {{
    input x: [length, 8]
    steps = linear(8) -> unbind()
    steps[0]
    for t in range(length) {{
        if t > 0 {{ scale(0.9) -> add(steps[t]) }}
        h[t] = identity()
    }}
    output y = stack {{ for v in h {{ v }} }} -> linear(4)
}}
"""


@pytest.mark.parametrize("length", [40, 160])
def test_a_scan_is_written_in_a_few_attempts(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []
    attempt = Forward._attempt

    def counted(self: Forward) -> list[Line]:
        attempts.append(1)
        return attempt(self)

    monkeypatch.setattr(Forward, "_attempt", counted)
    text = emitted(SCAN.format(length=length))
    assert f"h{length - 2} = h{length - 3} * 0.9 + steps_{length - 2}" in text
    # Twice, as the file is written again for another value of an argument.
    assert len(attempts) <= 3 * (PATIENCE + 2)
