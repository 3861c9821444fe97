"""The first code of a function's process. It runs isolated and on its own: nothing of this package can be imported."""

import ctypes
import os
import runpy
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def _die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the function runtime is gone")


def main() -> None:
    """Add the function's package to the path and hand over to the runtime client."""
    package, libraries, parent = sys.argv[1:]
    _die_with_parent(int(parent))
    sys.path.insert(0, package)
    sys.path.append(libraries)
    if (Path(libraries) / "awslambdaric").exists():
        sys.argv = ["awslambdaric", os.environ["_HANDLER"]]
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(str(Path(__file__).with_name("loop.py")), run_name="__main__")


if __name__ == "__main__":
    main()
