"""Plug-ins as they are installed: a folder of packages with the metadata of their distributions, on the path."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"

_FENCE = re.compile(r"^```\w+ file=(?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def of_the_page() -> dict[str, str]:
    """The files that docs/extending.md shows, by their names."""
    return {match["name"]: match["text"] for match in _FENCE.finditer(PAGE.read_text(encoding="utf-8"))}


def install(folder: Path, files: dict[str, str]) -> None:
    """Puts a package into a folder as pip would: its modules, and what its `pyproject.toml` registers."""
    project = tomllib.loads(files["pyproject.toml"])["project"]
    for name, text in files.items():
        if name.endswith(".py"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if path.parent != folder:
                (path.parent / "__init__.py").touch()
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(about)
    points = ""
    for group, found in project["entry-points"].items():
        points += f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in found.items()) + "\n"
    (metadata / "entry_points.txt").write_text(points)


def package(name: str, text: str, groups: Mapping[str, str]) -> dict[str, str]:
    """The files of a package of one module, with an entry point, as a project writes it, in each group."""
    points = "".join(f'[project.entry-points."{group}"]\n{point}\n' for group, point in groups.items())
    project = f'[project]\nname = "{name}"\nversion = "2.5"\n{points}'
    return {"pyproject.toml": project, f"{name.replace('-', '_')}.py": text}


def netdsl(installed: Path, work: Path, *arguments: str, **environment: str) -> Ran:
    """Runs a command where the packages in a folder are installed."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "backends", installed)))
    ran = subprocess.run(
        [sys.executable, "-m", "netdsl", *arguments],
        cwd=work,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
