"""Standard input, output and error of a process that was started without one of them (`>&-`)."""

import os
import sys
from contextlib import suppress


def reopen() -> None:
    """Puts a stream in the place of each that is closed: one that cannot be read, one that cannot be written, and for
    standard error one that nobody sees.

    Without it the next file that is opened would have the number of the stream, and get what is written to that.
    """
    for name, access, mode in (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w")):
        if getattr(sys, name) is None:
            # The lowest free number, which is that of the stream; reading what is open to write fails, and vice versa.
            descriptor = os.open(os.devnull, access)
            os.set_inheritable(descriptor, True)
            stream = open(descriptor, mode, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
            setattr(sys, name, stream)


def silence_output() -> None:
    """Leaves nothing for Python to flush at exit into a pipe or a file that takes no more."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
