"""A drawing as PNG, by whichever rasteriser is installed: cairosvg, resvg, rsvg-convert or Chromium, in that order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 120

_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')


class NoRasteriser(Exception):
    """None is installed, or the one that is failed; the text says which."""


def png(svg: str, scale: float = 2.0) -> bytes:
    """The picture, `scale` pixels for each of the drawing's units. Raises NoRasteriser."""
    picture = _cairosvg(svg, scale)
    if picture is not None:
        return picture
    for command in ("resvg", "rsvg-convert"):
        program = shutil.which(command)
        if program is not None:
            return _converted(svg, program, scale)
    for command in BROWSERS:
        program = shutil.which(command)
        if program is not None:
            return _photographed(svg, program, scale)
    raise NoRasteriser("none of cairosvg, resvg, rsvg-convert and chromium is installed")


def _cairosvg(svg: str, scale: float) -> bytes | None:
    try:
        import cairosvg
    except (ImportError, OSError):  # OSError: the package is there, and the library that it binds is not
        return None
    picture: bytes = cairosvg.svg2png(bytestring=svg.encode(), scale=scale)
    return picture


def _converted(svg: str, program: str, scale: float) -> bytes:
    with tempfile.TemporaryDirectory(prefix="netdsl-") as folder:
        source, target = os.path.join(folder, "figure.svg"), os.path.join(folder, "figure.png")
        with open(source, "w", encoding="utf-8") as file:
            file.write(svg)
        zoom = ["--zoom", f"{scale:g}"]
        output = [source, target] if os.path.basename(program).startswith("resvg") else ["-o", target, source]
        return _run([program, *zoom, *output], target)


def _photographed(svg: str, program: str, scale: float) -> bytes:
    size = _SIZE.search(svg)
    wide, high = (int(float(number)) + 1 for number in size.groups()) if size else (800, 600)
    with tempfile.TemporaryDirectory(prefix="netdsl-", ignore_cleanup_errors=True) as folder:
        source, target = os.path.join(folder, "figure.html"), os.path.join(folder, "figure.png")
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'<!doctype html><meta charset="utf-8"><style>body{{margin:0}}svg{{display:block}}</style>{svg}')
        command = [
            program,
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={os.path.join(folder, 'profile')}",
            f"--force-device-scale-factor={scale:g}",
            f"--window-size={wide},{high}",
            f"--screenshot={target}",
            f"file://{source}",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium does not run for root otherwise
        return _run(command, target)


def _run(command: list[str], target: str) -> bytes:
    name = os.path.basename(command[0])
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoRasteriser(f"{name} failed: {error}") from None
    if not os.path.isfile(target) or os.path.getsize(target) == 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoRasteriser(f"{name} made no picture{': ' + reason[-1] if reason else ''}")
    with open(target, "rb") as file:
        return file.read()
