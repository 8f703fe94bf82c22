"""Run folders with random damage, through every command that reads one."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import NIGHTLY
from tests.pytorch.harness.hostile.foreign import SECRET, Netdsl
from tests.pytorch.harness.hostile.mutations import fresh, mutate, trains_long

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")

COUNT, PARTS = (4000, 4) if NIGHTLY else (60, 1)
ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys, or what reorders text."""


@pytest.mark.parametrize("part", range(PARTS))
def test_no_damage_breaks_a_command(part: int, made: Path, tmp_path: Path, secret: Path, netdsl: Netdsl) -> None:
    """A message or a result; nothing outside is read or written, and the run beside it is listed as ever."""
    image = tmp_path / "image.png"
    Image.new("L", (8, 8), 100).save(image)
    fresh(made, tmp_path / "runs" / "good")
    run = tmp_path / "runs" / "damaged"
    second = secret.with_name("second")
    second.write_text("second")
    for seed in range(part * COUNT // PARTS, (part + 1) * COUNT // PARTS):
        what = mutate(fresh(made, run), seed, secret)
        generator = random.Random(seed)
        if generator.random() < 0.5 and (run / "result.json").is_file():
            (run / "result.json").unlink()
        command = generator.choice(["eval", "predict", "resume", "resume"])
        resuming = ("train", "--resume", run, *(["--dry-run"] * trains_long(run)), "--quiet", "--device", "cpu")
        arguments = {"eval": ("eval", run), "predict": ("predict", run, image), "resume": resuming}[command]
        for each in (("runs", run.parent, "--format", "json"), arguments, ("runs", run.parent)):
            code, said = netdsl(*each)
            case = f"seed {seed}: {what}; {' '.join(map(str, each))}\n{said}"
            assert code in (0, 1, 2), case
            assert "Traceback" not in said, case
            assert SECRET not in said, case
            assert not ACTS.search(said), case
            if each[0] == "runs":
                assert code == 0, case
                assert str(run.parent / "good") in said, case
            if "json" in each:
                listed = {Path(found["path"]).name: found for found in json.loads(said)["runs"]}
                assert listed["good"]["damaged"] is None, case
        assert (secret.read_text(), second.read_text()) == (f"{SECRET}\n", "second"), f"seed {seed}: {what}"
