"""`classes.txt`: the names of classes that the data themselves only number, a line each."""

from pathlib import Path

from netdsl_pytorch.harness.data.limits import LIMITS
from netdsl_pytorch.harness.errors import HarnessError

CLASSES = "classes.txt"
_BYTES = 16 * 2**20


def read_classes(folder: Path) -> tuple[str, ...] | None:
    """The names in the folder's `classes.txt`; None without one. Raises HarnessError."""
    path = folder / CLASSES
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _BYTES:
            raise HarnessError(f"{path} has {path.stat().st_size:,} bytes, and {_BYTES:,} are read")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"cannot read {path}: {error}") from error
    # Lines as every editor counts them, not at each of the dozen characters that Python takes for their ends.
    names = [line.strip() for line in text.replace("\r\n", "\n").rstrip().split("\n")]
    if names == [""]:
        raise HarnessError(f"{path} is empty", help="a line for each class, in the order of their numbers")
    if len(names) > LIMITS.classes:
        raise HarnessError(f"{path} names {len(names):,} classes: {LIMITS.rule('classes')}")
    lines: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        # Left out, it would give each class below it the name of another.
        if not name:
            raise HarnessError(f"line {number} of {path} is empty, and {len(names):,} lines name a class each")
        if name in lines:
            raise HarnessError(
                f"lines {lines[name]} and {number} of {path} are both `{name}`: classes have names of their own"
            )
        lines[name] = number
    return tuple(names)


def of_numbers(folder: Path, most: int) -> tuple[str, ...]:
    """The names of the classes 0 to `most`: those of `classes.txt`, else their numbers. Raises HarnessError."""
    if most >= LIMITS.classes:
        raise HarnessError(f"{folder} has labels up to {most:,}: {LIMITS.rule('classes')}")
    return read_classes(folder) or tuple(map(str, range(most + 1)))
