"""Copies of a log that were broken off: what is missing looks like what never happened."""

import shlex
from pathlib import Path
from typing import Final

UNFINISHED: Final = ".unfinished"
"""A file in the folder of a copy while the log is copied there."""


def unfinished_copies(place: Path) -> dict[Path, str]:
    """Return the folders in, at and above a place into which copying a log was broken off, with what to do.

    Args:
        place: a log's folder, any folder in it or above it, or one file.
    """
    marks = [*(place.rglob(UNFINISHED) if place.is_dir() else ()), *(each / UNFINISHED for each in place.parents)]
    return {
        mark.parent: "a copy of the log was broken off here, and something may be missing: "
        f"`fraudstream log pull {shlex.quote(str(mark.parent))}` goes on"
        for mark in marks
        if mark.is_file()
    }
