"""Lists the runs in a folder: what they train, how far they are, what they reached."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from netdsl_pytorch.harness.errors import HarnessError
from netdsl_pytorch.harness.run import RunFolder


@dataclass(frozen=True, slots=True)
class RunState:
    """A run in a line."""

    path: Path
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

    A folder that looks like a run and cannot be read is left out. Raises HarnessError if there is no such folder.
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
            if run.description.is_file():
                found.append(_state(run))
            else:
                entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
                waiting += [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
        except (OSError, HarnessError):
            continue
    return sorted(found, key=lambda state: state.changed, reverse=True)


def _state(run: RunFolder) -> RunState:
    description = run.describe()
    epochs = [line for line in run.lines() if line["kind"] == "epoch"]
    newest = max(path.stat().st_mtime for path in (run.description, run.metrics, run.result) if path.exists())
    return RunState(
        path=run.path,
        model=description.model,
        data=Path(description.data).name,
        finished=run.finished() is not None,
        epochs_done=int(epochs[-1]["epoch"]) if epochs else 0,
        epochs=description.recipe.epochs,
        top1=float(epochs[-1]["top1"]) if epochs else None,
        changed=datetime.fromtimestamp(newest).astimezone(),
    )
