"""A run folder with one random thing in it changed, as an accident or somebody else would change it."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pytorch.harness.hostile.foreign import resealed

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e300, float("nan"), float("inf")),
    *("", "x", "0", "nan", "\x1b[2J\x1b]0;t\x07", "\u202e", "a\nb", "\ud800", "\0", "x" * 100_000, "../../etc/passwd"),
    *("/etc/passwd", "//host/share", "$(id)", "{0.__class__}", "__class__", "torch.nn.Linear"),
    *([], {}, [[]], [None], {"": 0}, ["a"] * 3, [1e999], {"\x1b[0m": "\x1b[0m"}),
)
"""Values that stand where others are due."""
BYTES = (
    b"\0",
    b"\xff\xfe",
    b"\x1b[2J",
    b"{",
    b"}",
    b"[" * 5000,
    b'"',
    b"\n",
    b"\r",
    b"1" * 5000,
    b"\xed\xa0\x80",
    b"NaN",
)
JSON = ("run.json", "result.json", "metrics.jsonl", "manifest.json")
LONG = 10
"""More epochs than these are no damage: the recipe says how long a run trains."""


def mutate(run: Path, seed: int, outside: Path) -> str:
    """Changes one thing in a run folder, or two; returns what, in words.

    `outside` is a file that links lead to, and `second` beside it one that gets second names.
    """
    generator = random.Random(seed)
    return "; ".join(_mutate(run, generator, outside) for _ in range(generator.choice((1, 1, 1, 2))))


def _mutate(run: Path, generator: random.Random, outside: Path) -> str:
    files = sorted(path for path in run.rglob("*") if not path.is_symlink() and _is_small(path))
    named = [path for path in files if path.name in JSON]
    path = generator.choice(named if named and generator.random() < 0.7 else files)
    ways: list[Callable[[Path, random.Random, Path], object]] = [_cut, _flipped, _spliced, _replaced]
    if path in named:
        ways += [_value] * 8
    way = generator.choice(ways)
    detail = way(path, generator, outside)
    return f"{path.relative_to(run)} {way.__name__.strip('_')} {detail}"[:200]


def _cut(path: Path, generator: random.Random, outside: Path) -> object:
    length = generator.randrange(path.stat().st_size + 1)
    _write(path, path.read_bytes()[:length])
    return length


def _flipped(path: Path, generator: random.Random, outside: Path) -> object:
    content = bytearray(path.read_bytes() or b"\0")
    places = [generator.randrange(len(content)) for _ in range(generator.choice((1, 1, 5, 100)))]
    for place in places:
        content[place] ^= 1 << generator.randrange(8)
    _write(path, bytes(content))
    return places[0]


def _spliced(path: Path, generator: random.Random, outside: Path) -> object:
    content = path.read_bytes()
    start, end = sorted(generator.randrange(len(content) + 1) for _ in range(2))
    end = generator.choice((start, start + 1, end))
    put = generator.choice((*BYTES, content[start:end] * 2))
    _write(path, content[:start] + put + content[end:])
    return start


def _replaced(path: Path, generator: random.Random, outside: Path) -> object:
    """By what is no file, by one of another place, or by a hole of a terabyte."""
    other = generator.choice(sorted(each for each in path.parent.iterdir() if _is_small(each)))
    content = other.read_bytes()
    path.unlink()
    how = generator.choice(("missing", "empty", "folder", "link", "loop", "pipe", "hard link", "hole", "another"))
    if how == "folder":
        path.mkdir()
    elif how in ("link", "loop"):
        path.symlink_to(outside if how == "link" else path)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "hard link":
        # Who reads is known to be allowed to by whoever made it: it is only not to be written.
        path.hardlink_to(outside.with_name("second"))
    elif how != "missing":
        path.write_bytes(content if how == "another" else b"")
        if how == "hole":
            os.truncate(path, 2**40)
    return how


def _value(path: Path, generator: random.Random, outside: Path) -> object:
    """One value anywhere in JSON; a manifest is mostly sealed again, so that the value counts and not the seal."""
    try:
        texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        number = generator.randrange(len(texts))
        values = json.loads(texts[number])
    except (ValueError, RecursionError):
        return "not JSON any more"
    place, key = _anywhere(values, generator)
    if place is None:
        return "nothing in it"
    how = generator.choice(("odd", "odd", "odd", "missing", "more", "negative", "deep"))
    if how == "missing":
        del place[key]
    elif how == "more" and isinstance(place, dict):
        place[generator.choice(("x", "__class__", "spec_root", "format", "\x1b[31m", "sha256"))] = generator.choice(ODD)
    elif how == "negative" and isinstance(place[key], (int, float)):
        place[key] = -place[key] - 1
    else:
        place[key] = generator.choice(ODD)
    text = json.dumps(values)
    if how == "deep":
        text = text.replace(json.dumps(place[key]), "[" * 3000 + "]" * 3000, 1)
    texts[number] = text
    _write(path, ("\n".join(texts) + "\n").encode(errors="surrogatepass"))
    if path.name == "manifest.json" and generator.random() < 0.7:
        try:
            resealed(path.parent)
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
            return f"{key} {how}, unsealed"
    return f"{key} {how} {place[key] if how == 'odd' else ''!r}"


def _is_small(path: Path) -> bool:
    """Whether it is a file that can be read whole: no hole of a terabyte."""
    return path.is_file() and path.stat().st_size < 2**24


def _write(path: Path, content: bytes) -> None:
    """Puts a new file in the place of one, which may have a second name."""
    path.unlink()
    path.write_bytes(content)


def _anywhere(values: Any, generator: random.Random) -> tuple[Any, Any]:
    """A random value in JSON: the list or object that it is in, and its place there."""
    found = []
    waiting = [values]
    while waiting:
        each = waiting.pop()
        inner = (
            list(each.items()) if isinstance(each, dict) else list(enumerate(each)) if isinstance(each, list) else []
        )
        found += [(each, key) for key, _ in inner]
        waiting += [value for _, value in inner]
    return generator.choice(found) if found else (None, None)


def trains_long(run: Path) -> bool:
    """Whether `run.json` asks for more steps than a test has time for."""
    try:
        path = run / "run.json"
        recipe = json.loads(path.read_text())["recipe"] if _is_small(path) else {}
        return not (0 <= recipe["epochs"] <= LONG and recipe["batch"] >= 16)
    except Exception:
        return False


def fresh(made: Path, run: Path) -> Path:
    """A copy of a run, in place of what is there."""
    shutil.rmtree(run, ignore_errors=True)
    return Path(shutil.copytree(made, run))
