"""Files that are written whole, or not at all: a full disk or Ctrl-C leaves what was there before."""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_UNFINISHED: Final = ".fraudstream-"


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """Yield where to write a file, which stands at its own path, in place of an earlier one, once the block has ended.

    A block that an error ends leaves nothing. Folders that are not there yet are made. A link stays one, and a pipe or
    a device is written as it is.

    Raises:
        OSError: the file cannot be written; it names `path`, where it names any file of this block.
    """
    try:
        if _is_written_in_place(path):
            yield path
            return
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=target.parent) as folder:
            new = Path(folder) / target.name
            yield new
            if target.exists():
                shutil.copymode(target, new)
            new.replace(target)
    except OSError as error:
        if error.filename is None or _UNFINISHED in str(error.filename):
            error.filename, error.filename2 = str(path), None
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, a text as UTF-8, whole or not at all.

    Raises:
        OSError: it cannot be written; it names `path`.
    """
    with whole_file(path) as new:
        new.write_bytes(content.encode() if isinstance(content, str) else content)


def _is_written_in_place(path: Path) -> bool:
    if not path.exists():
        return False
    # `/dev/stdout` may be a file that a shell has opened, and appends to.
    return not path.is_file() or path.is_relative_to("/dev") or not os.access(path.resolve().parent, os.W_OK)
