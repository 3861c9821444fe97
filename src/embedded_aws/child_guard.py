"""Runs a module in a process that does not outlive the one that started it, however that ends.

The parent holds the other end of standard input. The kernel closes it with the parent, also when that was killed,
and unlike a parent-death signal it works on every Unix and does not depend on the thread that started the process.
"""

import os
import runpy
import signal
import sys
import threading


def _leave_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    # The process leads a group of its own: what it has started ends with it.
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run the module that the first argument names, as `python -m` would."""
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
