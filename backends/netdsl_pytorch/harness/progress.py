"""What a person sees while a run goes on: a line that renews itself on a terminal, plain lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Mapping
from typing import TextIO

from netdsl.text.excerpt import visible
from netdsl.text.terminal import RENEW, write


class Progress:
    """Writes to standard error; standard output is for data."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.quiet = quiet
        self.terminal = self.stream.isatty()
        # A terminal is renewed as fast as one can read; a log gets a sign of life.
        self.interval = 0.2 if self.terminal else 15.0
        self.due_at = time.monotonic() + self.interval
        self.drawn = False

    def due(self) -> bool:
        """Whether it is time to show something: asked first, since figures from a GPU make it wait."""
        return not self.quiet and time.monotonic() >= self.due_at

    def update(
        self, epoch: str, share: float, loss: float, accuracy: float, speed: Mapping[str, float], images_left: int
    ) -> None:
        """Shows the state of an epoch: the share of it that is done, mean loss, accuracy, how fast it goes (see
        `Throughput.figures`), and how long the images that are left will take."""
        parts = [f"epoch {epoch}", f"{share:4.0%}", f"loss {loss:.3f}", f"accuracy {accuracy:6.2%}"]
        rate = speed["images_per_second"]
        parts += [f"{rate:,.0f} images/s", f"{clock(images_left / max(rate, 1e-9))} left"]
        parts += [f"{speed['data_wait']:.0%} waiting for data"]
        self.show(*parts, *([f"MFU {speed['mfu']:.0%}"] if "mfu" in speed else []))

    def show(self, *parts: str) -> None:
        """A line that the next one renews."""
        self.due_at = time.monotonic() + self.interval
        if not self.terminal:
            self._write("  ".join(parts) + "\n")
            return
        # What does not fit is left out from the end, and nothing wraps.
        shown, width = list(parts), shutil.get_terminal_size().columns - 1
        while len(shown) > 1 and len("  ".join(shown)) > width:
            shown.pop()
        self._write(RENEW + "  ".join(shown)[:width])
        self.drawn = True

    def say(self, text: str) -> None:
        """A line that stays."""
        if not self.quiet:
            self._line(text)

    def warn(self, text: str) -> None:
        """A line that stays, also if quiet."""
        self._line(f"warning: {text}")

    def close(self) -> None:
        """Leaves the cursor at the start of a line."""
        if self.drawn:
            self._write("\n")
            self.drawn = False

    def _line(self, text: str) -> None:
        self._write((RENEW if self.drawn else "") + visible(text) + "\n")
        self.drawn = False

    def _write(self, text: str) -> None:
        try:
            write(self.stream, text)
            self.stream.flush()
        except (OSError, ValueError):
            # Nobody is looking any more (a closed pipe or terminal): no reason to lose hours of training.
            self.quiet = True


def clock(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
