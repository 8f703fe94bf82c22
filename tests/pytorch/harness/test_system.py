"""What the machine has left."""

from pathlib import Path

import pytest
import torch
from netdsl_pytorch.harness.machine.system import free_in_group, free_memory


def group(path: Path, limit: str, used: int, files: int = 0) -> None:
    """A control group as Linux shows it."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "memory.max").write_text(f"{limit}\n")
    (path / "memory.current").write_text(f"{used}\n")
    (path / "memory.stat").write_text(f"anon 1\ninactive_file {files}\n")


@pytest.mark.parametrize(
    ("outer", "inner", "left"),
    [
        (("max", 500, 0), ("1000", 300, 0), 700),
        (("1000", 600, 0), ("2000", 300, 0), 400),
        (("max", 500, 0), ("1000", 300, 200), 900),
        (("max", 500, 0), ("1000", 1300, 0), 0),
        (("max", 500, 0), ("max", 300, 0), None),
    ],
    ids=["its own limit", "that of a group around it", "files give way", "nothing", "no limit"],
)
def test_a_container_s_limit_counts(
    tmp_path: Path, outer: tuple[str, int, int], inner: tuple[str, int, int], left: int | None
) -> None:
    root = tmp_path / "cgroup"
    group(root / "pod", *outer)
    group(root / "pod" / "one", *inner)
    own = tmp_path / "self"
    own.write_text("1:cpu:/\n0::/pod/one\n")
    assert free_in_group(root, own) == left


def test_where_there_are_no_groups(tmp_path: Path) -> None:
    assert free_in_group(tmp_path, tmp_path / "none") is None
    assert free_memory(torch.device("cpu")) > 0
