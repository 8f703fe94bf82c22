"""Random programs obey the law: `check` refuses them with a code and a place, or what is made of them is right."""

from __future__ import annotations

from random import Random

import pytest
from netdsl_pytorch.emit import emit

from tests.conftest import NIGHTLY
from tests.programs.batch import Failure, batch
from tests.programs.coverage import ALL_OPERATORS
from tests.programs.draw import of_seed, ways_of
from tests.programs.law import Verdict, Ways, judged
from tests.programs.not_yet import known
from tests.programs.shrink import shrunk

COUNT, PARTS = (10_000, 20) if NIGHTLY else (300, 3)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_programs_obey_the_law(part: int) -> None:
    done = batch(range(part, COUNT, PARTS))
    failures = [each for kind, found in done.failures.items() if not known(kind) for each in found]
    assert not failures, "\n\n".join(str(each) for each in failures[:3])
    assert done.accepted > 0.6


def test_a_seed_gives_the_same_program_always() -> None:
    for seed in range(10):
        assert of_seed(seed).text == of_seed(seed).text


def test_the_programs_use_every_operator() -> None:
    texts = "\n".join(of_seed(seed).text for seed in range(300))
    missing = [name for name in ALL_OPERATORS if f"{name.removeprefix('operator ')}(" not in texts.replace(" {", "(")]
    assert not missing


def test_a_quarter_is_merged_and_a_fifth_without_heads() -> None:
    ways = [ways_of(seed) for seed in range(1000)]
    assert 200 < sum(each.merge_siblings for each in ways) < 300
    assert 150 < sum(each.inference for each in ways) < 250


NET = "net N() {\n    input image: 3x8x8\n    conv(4, 3x3) -> relu()\n    conv(2, 1x1)\n    output y = relu()\n}\n"


def test_the_law_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of it: a compiler that is broken in one place breaks one part of the law."""
    from tests.programs import law

    assert judged(NET, Ways(True, True, True)).outcome == "right"

    def found(change: object) -> Verdict:
        monkeypatch.setattr(law, "emit", lambda *args, **options: change(emit(*args, **options)))  # type: ignore[operator]
        return judged(NET)

    assert found(lambda text: text.replace("relu(", "sigmoid(")).step == "verify: the numbers that it computes"
    assert found(lambda text: text.replace("nn.Conv2d(", "nn.Conv2d((")).step == "the file parses"
    assert found(lambda text: text.replace("conv1", "conv7")).step.startswith("verify: the keys")
    rng = Random(0)
    assert found(lambda text: text + f"# {rng.random()}\n").step == "the same spec gives the same bytes"


def test_a_refusal_and_a_crash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.programs import law

    assert judged("net N() { input x: 3x8x8; conv(4, 9x9); output y = relu() }").codes == ["E0303"]
    monkeypatch.setattr(law, "format_text", lambda source: source.text.split(":")[9])
    verdict = judged(NET)
    assert (verdict.outcome, verdict.step) == ("wrong", "crash")
    assert "IndexError" in verdict.kind


def test_failures_are_made_small() -> None:
    program = of_seed(2).text
    assert "conv" in program
    small = shrunk(program, lambda text: "conv(" in text and judged(text).outcome == "right")
    assert small.count("\n") < min(9, program.count("\n") - 4), small


def test_a_failure_tells_how_to_repeat_it() -> None:
    assert "python -m tests.programs 7" in str(Failure(7, NET, Ways(), Verdict("wrong", "crash", "IndexError")))
