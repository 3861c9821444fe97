"""What a process that was ended has left on the disk."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_TASK_ROOT: Final = "/var/task"
"""Where the function's code is on Lambda, and nowhere else."""


def remove_leftovers() -> None:
    """Remove the temporary folders of an earlier process, to be called when one begins.

    Lambda ends a process whose time or memory is used up, starts the next one in the same environment, and clears
    nothing of its disk (its guide, on the life cycle of an environment). Elsewhere the folder for temporary files is
    not the function's own, and nothing is removed.
    """
    if os.environ.get("LAMBDA_TASK_ROOT") != _TASK_ROOT:
        return
    # Not `gettempdir`, which finds no folder to be usable while the disk is full.
    folder = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108  (Lambda names it so)
    for left in folder.glob(f"{tempfile.gettempprefix()}*"):
        shutil.rmtree(left, ignore_errors=True)
