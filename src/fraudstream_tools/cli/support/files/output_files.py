"""Files that commands write: whether they can be written is known before the work begins that fills them."""

import os
from pathlib import Path

from fraudstream_tools.cli.support.terminal.output import CommandError
from fraudstream_tools.whole_files import write_whole


def refuse_unwritable(file: Path) -> None:
    """Refuse an output that cannot be written; folders that are not there yet are made by whoever writes.

    Raises:
        CommandError: it cannot be written; the message says why.
    """
    if file.is_dir():
        raise CommandError(f"{file}: it is a folder; name a file in it")
    nearest = next((each for each in (file, *file.parents) if each.exists()), Path())
    if nearest != file and not nearest.is_dir():
        raise CommandError(f"{file}: cannot be written, since {nearest} is no folder; choose another place")
    if not os.access(nearest, os.W_OK):
        raise CommandError(f"{file}: cannot be written: you may not write to {nearest}; choose another place")


def write_output(file: Path, content: str | bytes) -> None:
    """Write an output, a text as UTF-8, whole or not at all.

    Raises:
        CommandError: it cannot be written; the message says why.
    """
    try:
        write_whole(file, content)
    except OSError as error:
        raise CommandError(f"{file}: cannot be written: {error.strerror}") from None
