"""What the harness raises: trouble that a user can understand and mend, never a traceback."""

USAGE = 2
"""Exit code of wrong options, missing data, damaged files."""
LOST = 1
"""Exit code of a process that ends because another one of its run did."""
STOPPED = 75
"""Exit code of a run that was told to stop and can be resumed (EX_TEMPFAIL of sysexits.h)."""


class HarnessError(Exception):
    """A foreseeable trouble: `message` says what and why, `help` the way out, `exit_code` how the process is to end."""

    def __init__(self, message: str, help: str | None = None, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.exit_code = exit_code
        self.follows = False
        """Another process of the run has the cause, and says it."""
        self.silent = False
        """Another process has said why all end: this one says nothing."""


class BrokenImage(Exception):
    """Bytes that are no image that is decoded; the text says why."""
