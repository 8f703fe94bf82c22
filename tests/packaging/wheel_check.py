"""Build the sdist and the wheel, install the wheel alone, and see that it does all that needs no framework.

Not a test that pytest runs, since it installs packages: `make wheel-check` runs it. The wheel is built from the sdist,
so that the sdist is known to hold all it needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

PACKAGED = {"netdsl": "netdsl", "backends/netdsl_pytorch": "netdsl_pytorch", "specs": "netdsl/specs"}
"""Folders of the tree, and where their files lie in the wheel: code, marks of types, specs, recipes, pages, all."""

INSTALL = "help: pip install 'netdsl[pytorch]'"

WORKS: list[tuple[str, str]] = [
    ("netdsl --version", "netdsl 0."),
    ("netdsl specs", "resnet50"),
    ("netdsl check googlenet", "6,998,552 parameters"),
    ("netdsl stats resnet50", "25,557,032"),
    ("netdsl new Mine", "wrote Mine.net"),
    ("netdsl fmt --check Mine.net", ""),
    ("netdsl check Mine.net", ": ok, "),
    ("netdsl new Small --template inception", "wrote Small.net"),
    ("netdsl check Small.net", ": ok, "),
    ("netdsl explain E0301", "branches of a combine"),
    ("netdsl diff googlenet googlenet_naive", "97,526,008"),
    ("netdsl draw googlenet", "</svg>"),
    ("netdsl compile googlenet -o googlenet.py", "wrote googlenet.py"),
    ("python -m netdsl check vit_b_16", "17,563,828,224 MACs"),
]
"""Commands, and what they print."""

REFUSED = [
    "netdsl verify googlenet",
    "netdsl verify --all --jobs 2",
    "netdsl train mini_googlenet --out run",
    "netdsl eval run",
    "netdsl predict run image.png",
    "netdsl convert weights.pth weights.safetensors",
]
"""Commands that need PyTorch: each says so and how to install it."""

LOADS = """
import sys
import netdsl, netdsl_pytorch
net = netdsl.load("googlenet", num_classes=10)
assert (net.params, net.macs) == (5_983_802, 1_581_658_112), net
assert "site-packages" in netdsl.__file__, netdsl.__file__
assert not {"torch", "numpy"} & {name.partition(".")[0] for name in sys.modules}
"""

TYPED = """
from typing import assert_type

import netdsl
from netdsl_pytorch import build

net = netdsl.load("googlenet", num_classes=10)
assert_type(net, netdsl.Network)
assert_type(net.macs, int)
build(1)  # type: ignore[arg-type]
"""
"""mypy is strict, so that the remark is refused if the argument's type is not known."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="netdsl-wheel-") as name:
        folder = Path(name)
        wheel = built(folder / "dist")
        print(f"{wheel.name}: {wheel.stat().st_size:,} bytes", flush=True)
        holds_all_files(wheel)
        binaries = installed(wheel, folder / "venv")
        work = folder / "work"
        work.mkdir()
        for command, says in WORKS:
            succeeds(command.split(), says, binaries, work)
        for command in REFUSED:
            refuses(command.split(), binaries, work)
        succeeds(["python", "-c", LOADS], "", binaries, work)
        (work / "typed.py").write_text(TYPED, encoding="utf-8")
        python = str(binaries / "python")
        run([sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "typed.py"], work)
    print(f"{len(WORKS)} commands work without a framework, {len(REFUSED)} say what to install; the types are seen")


def built(folder: Path) -> Path:
    """The wheel, built from the sdist."""
    run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    assert sdist.stat().st_size > 0
    (wheel,) = folder.glob("*.whl")
    return wheel


def holds_all_files(wheel: Path) -> None:
    """Whether the packages are there with all of their files, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, place in PACKAGED.items():
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        wanted = {f"{place}/{path.relative_to(ROOT / folder).as_posix()}" for path in files}
        assert wanted <= names, f"not in the wheel: {sorted(wanted - names)}"
    assert {"netdsl/py.typed", "netdsl_pytorch/py.typed"} <= names
    metadata = next(name for name in names if name.endswith("METADATA"))
    assert metadata.replace("METADATA", "licenses/LICENSE") in names
    strangers = {name.partition("/")[0] for name in names} - {"netdsl", "netdsl_pytorch", metadata.partition("/")[0]}
    assert not strangers, f"the wheel has {strangers} at its top"


def installed(wheel: Path, folder: Path) -> Path:
    """The programs of a fresh environment that has the wheel without extras."""
    venv.create(folder)
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    python = str(binaries / "python")
    run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", str(wheel)], folder)
    listed = run([sys.executable, "-m", "pip", "--python", python, "list", "--format", "json"], folder)
    packages = {each["name"] for each in json.loads(listed[listed.index("[") :])}
    assert "netdsl" in packages
    assert not {"torch", "numpy"} & packages, packages
    return binaries


def succeeds(command: Sequence[str], says: str, binaries: Path, work: Path) -> None:
    ran = started([str(binaries / command[0]), *command[1:]], work)
    problem = f"{' '.join(command)} ended with {ran.returncode} and told:\n{ran.stdout}{ran.stderr}"
    assert ran.returncode == 0, problem
    assert says in ran.stdout + ran.stderr, problem


def refuses(command: Sequence[str], binaries: Path, work: Path) -> None:
    ran = started([str(binaries / command[0]), *command[1:]], work)
    problem = f"{' '.join(command)} ended with {ran.returncode} and told:\n{ran.stdout}{ran.stderr}"
    assert ran.returncode == 2, problem
    assert INSTALL in ran.stderr, problem
    assert ran.stderr.startswith("error: "), problem
    assert not ran.stdout, problem


def run(command: Sequence[str], folder: Path) -> str:
    """What a command prints; it must succeed."""
    ran = started(command, folder)
    assert ran.returncode == 0, f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def started(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # The checkout must not be found on the path in place of what is installed.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


if __name__ == "__main__":
    main()
