"""Lists the runs in a folder: what they train, how far they are, what they reached."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.run.folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunState:
    """A run in a line."""

    path: Path
    damaged: str | None
    """What cannot be read of it, and why; the figures that come from there are then missing, or 0."""
    model: str
    data: str
    finished: bool
    epochs_done: int
    epochs: int
    top1: float | None
    """Of the test images after the last epoch, as a fraction of 1."""
    changed: datetime
    """When it last wrote something."""


def list_runs(folder: Path) -> list[RunState]:
    """The runs in `folder` and below, those that changed last first; `folder` may itself be one.

    A damaged run is told as one. Raises HarnessError if there is no such folder.
    """
    if not folder.is_dir():
        raise HarnessError(f"there is no folder {folder}")
    found = []
    # Not below runs: what lies in them is theirs.
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        run = RunFolder(path)
        try:
            if run.has(run.description):
                found.append(_state(run))
            else:
                entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
                waiting += [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
        except OSError:
            continue
    return sorted(found, key=lambda state: state.changed, reverse=True)


def _state(run: RunFolder) -> RunState:
    faults: list[str] = []
    description, finished = None, False
    lines: list[dict[str, Any]] = []
    try:
        description = run.describe()
        lines, left_out = run.lines_and_damaged()
        if left_out:
            faults.append(f"{left_out:,} lines of {run.metrics} are damaged")
    except HarnessError as error:
        faults.append(error.message)
    try:
        finished = run.finished() is not None
    except HarnessError as error:
        faults.append(error.message)
    epochs = [line for line in lines if line["kind"] == "epoch"]
    return RunState(
        path=run.path,
        damaged="; ".join(faults) or None,
        model=description.model if description is not None else "",
        data=Path(description.data).name if description is not None else "",
        finished=finished,
        epochs_done=epochs[-1]["epoch"] if epochs else 0,
        epochs=description.recipe.epochs if description is not None else 0,
        top1=float(epochs[-1]["top1"]) if epochs else None,
        changed=_changed(run),
    )


def _changed(run: RunFolder) -> datetime:
    times = []
    for path in (run.path, run.description, run.metrics, run.result):
        with suppress(OSError):
            times.append(path.lstat().st_mtime)
    try:
        return datetime.fromtimestamp(max(times[1:] or times)).astimezone()
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0).astimezone()  # A time that no calendar has.
