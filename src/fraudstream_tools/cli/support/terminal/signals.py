"""Signals that end a command as Ctrl-C does: what it has begun is brought to an end, and it says what stays."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_like_ctrl_c() -> Generator[list[signal.Signals]]:
    """Have SIGTERM and SIGHUP end the block as Ctrl-C does, where nothing else handles them.

    Yields:
        Those that came, the first one first.
    """
    came: list[signal.Signals] = []

    def end(number: int, _: FrameType | None) -> NoReturn:
        came.append(signal.Signals(number))
        raise KeyboardInterrupt

    # Only the main thread may set handlers; what is ignored, as under nohup, stays so.
    is_main = threading.current_thread() is threading.main_thread()
    handled = [each for each in _ENDING if is_main and signal.getsignal(each) is signal.SIG_DFL]
    for each in handled:
        signal.signal(each, end)
    try:
        yield came
    finally:
        for each in handled:
            signal.signal(each, signal.SIG_DFL)
