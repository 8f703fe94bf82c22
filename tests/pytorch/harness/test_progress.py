"""What a person sees: plain lines in a pipe, one renewed line on a terminal, nothing if quiet."""

import io

import pytest
from netdsl_pytorch.harness.progress import Progress, clock

SPEED = {"images_per_second": 1430.4, "data_wait": 0.031}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def show(progress: Progress) -> None:
    progress.update("2/3", 0.61, 0.4123, 0.873, SPEED, 30_000)
    progress.say("epoch 2/3 done")
    progress.warn("careful")
    progress.close()


def test_plain_lines_in_a_pipe() -> None:
    stream = io.StringIO()
    show(Progress(stream=stream))
    assert stream.getvalue() == (
        "epoch 2/3   61%  loss 0.412  accuracy 87.30%  1,430 images/s  0:21 left  3% waiting for data\n"
        "epoch 2/3 done\nwarning: careful\n"
    )


def test_a_terminal_line_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    show(Progress(stream=stream))
    line = "epoch 2/3   61%  loss 0.412  accuracy 87.30%  1,430 images/s  0:21 left  3% waiting for data"
    assert stream.getvalue() == f"\r\x1b[K{line}\r\x1b[Kepoch 2/3 done\nwarning: careful\n"


def test_a_narrow_terminal_does_not_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    Progress(stream=stream).update("2/3", 0.61, 0.4123, 0.873, SPEED, 30_000)
    assert stream.getvalue() == "\r\x1b[Kepoch 2/3   61%  loss 0.412"


def test_quiet_leaves_warnings() -> None:
    stream = io.StringIO()
    progress = Progress(quiet=True, stream=stream)
    assert not progress.due()
    progress.say("nothing")
    progress.warn("careful")
    assert stream.getvalue() == "warning: careful\n"


def test_a_closed_stream_does_not_end_the_run() -> None:
    stream = io.StringIO()
    progress = Progress(stream=stream)
    stream.close()
    progress.say("nobody hears")
    assert not progress.due()


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0:00"), (7.4, "0:07"), (754, "12:34"), (3723, "1:02:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
