"""Leaving nothing behind: a folder that goes with its block, and signals that end a block instead of the process."""

import contextlib
import fcntl
import shutil
import signal
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import FrameType
from typing import TypeAlias

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_STATE = "state"
_LOCK = ".lock"
_Handler: TypeAlias = Callable[[int, FrameType | None], object] | signal.Handlers


class FolderInUseError(RuntimeError):
    """Another block works in the folder."""


def is_in_use(folder: Path) -> bool:
    """Return whether a block works in a folder, in this process or another; the folder is left as it is."""
    try:
        with (folder / _LOCK).open("rb") as holder:
            fcntl.flock(holder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextlib.contextmanager
def state_folder(folder: Path) -> Generator[Path]:
    """Return a folder of our own within a folder; both go, the outer one as far as it was made here and is empty.

    Raises:
        FolderInUseError: someone else holds it.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / _LOCK
    with lock.open("a") as holder:
        try:
            # The lock goes with the process that holds it: what a killed one left behind does not stand in the way.
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderInUseError(f"another local cloud runs in {folder}: use that one, or stop it first") from None
        state = folder / _STATE
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        try:
            yield state
        finally:
            # The next Ctrl-C would leave the rest undone.
            with _handled(dict.fromkeys((signal.SIGINT, *_ENDING_SIGNALS), signal.SIG_IGN)):
                shutil.rmtree(state, ignore_errors=True)
                lock.unlink(missing_ok=True)
                for each in made:
                    with contextlib.suppress(OSError):
                        each.rmdir()


@contextlib.contextmanager
def ended_by_signals() -> Generator[None]:
    """Make SIGTERM and SIGHUP end the block as Ctrl-C does, through its `finally`s, where nothing else handles them.

    Ctrl-C itself ends it too where the process was started with SIGINT ignored, as some runners and shells start it.
    """
    handlers: dict[int, _Handler] = {
        each: _leave for each in _ENDING_SIGNALS if signal.getsignal(each) is signal.SIG_DFL
    }
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        handlers[signal.SIGINT] = signal.default_int_handler
    with _handled(handlers):
        yield


@contextlib.contextmanager
def _handled(handlers: Mapping[int, _Handler]) -> Generator[None]:
    """Handle signals so during the block. Only the main thread may set handlers: elsewhere they stay as they are."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {each: signal.signal(each, handler) for each, handler in handlers.items()} if is_main else {}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _leave(number: int, _: FrameType | None) -> None:
    # What a shell reports for a process that the signal ended.
    raise SystemExit(128 + number)
