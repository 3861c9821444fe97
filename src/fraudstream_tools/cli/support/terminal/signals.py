"""Signals that end a command as Ctrl-C does: what it has begun is brought to an end, and it says what stays."""

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS: Final = 0.05
"""Longer than a finalizer takes."""


@contextmanager
def ended_like_ctrl_c() -> Generator[list[signal.Signals]]:
    """Have SIGTERM and SIGHUP end the block as Ctrl-C does, where nothing else handles them, and lose none of them.

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
    unraisable = sys.unraisablehook

    def again(lost: "sys.UnraisableHookArgs") -> None:
        # Python drops what is raised in finalizers and in callbacks of weak references, where signals may come too.
        if lost.exc_type is KeyboardInterrupt:
            number = came[-1] if came else signal.SIGINT
            threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()
        else:
            unraisable(lost)

    sys.unraisablehook = again
    try:
        yield came
    finally:
        sys.unraisablehook = unraisable
        for each in handled:
            signal.signal(each, signal.SIG_DFL)
