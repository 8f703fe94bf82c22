"""Names of files and folders that are not UTF-8: kept as text, or refused before a run begins."""

import json
import sys
from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness import HarnessError, Options, convert, list_runs, train, trainable
from PIL import Image

from netdsl.loading import load_spec
from tests.pytorch.harness.models import TINY, tiny

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")

ODD = "odd\udcff"


def images(folder: Path, *classes: str) -> str:
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(10):
            Image.new("L", (8, 8), 20 * number + index).save(folder / name / f"{index}.png")
    return str(folder)


def test_a_spec_of_such_a_name_can_be_trained_and_the_run_read(tmp_path: Path) -> None:
    path = tmp_path / f"{ODD}.net"
    path.write_text("net A() {\n    input image: 1x8x8\n    output o = globalavgpool() -> linear(10)\n}\n")
    train(
        trainable(load_spec(str(path), traced=True)), Options(out=tmp_path / "run", epochs=1, device="cpu", quiet=True)
    )
    assert json.loads((tmp_path / "run" / "run.json").read_text())["spec_name"].endswith(r"odd\udcff.net")
    assert list_runs(tmp_path)[0].damaged is None


@pytest.mark.parametrize(
    ("folder", "names", "out"), [("data", ("a", ODD), "run"), (ODD, ("a", "b"), "run"), ("data", ("a", "b"), ODD)]
)
def test_folders_of_such_names_are_refused_before_a_run_begins(
    tmp_path: Path, folder: str, names: tuple[str, ...], out: str
) -> None:
    data = images(tmp_path / folder, *names)
    options = Options(out=tmp_path / out, data=data, epochs=1, batch=4, device="cpu", quiet=True)
    text = TINY.replace("num_classes: int = 10", "num_classes: int = 2")
    with pytest.raises(HarnessError, match="has no name in UTF-8"):
        train(tiny(num_classes=2, source=text), options)
    assert not (tmp_path / out).exists()


def test_weights_of_such_a_name_are_not_written(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "in.pth")
    with pytest.raises(HarnessError, match="takes names in UTF-8 only"):
        convert(tmp_path / "in.pth", tmp_path / f"{ODD}.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["in.pth"]
