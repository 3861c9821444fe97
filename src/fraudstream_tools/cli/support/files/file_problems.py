"""What is wrong with a file is for the person at the keyboard to put right."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fraudstream.counts import counted, word_for
from fraudstream_tools.cli.support.terminal.output import CommandError, err

if TYPE_CHECKING:
    from fraudstream_tools.lab.files.mapping.file_map import FileMap


def map_of(name: str | None) -> "FileMap | None":
    """Load the map that --map names.

    Raises:
        CommandError: it is not there, or wrong.
    """
    from fraudstream_tools.lab.files.mapping.file_map import load_map

    with file_problems():
        return None if name is None else load_map(name)


@contextmanager
def file_problems() -> Generator[None]:
    """Turn a file that cannot be read or written into a command's error."""
    from fraudstream_tools.lab.files.problems import FileProblemError

    try:
        yield
    except FileProblemError as error:
        raise CommandError(str(error)) from None


def tell_repeated(rows: int) -> None:
    """Print how many rows of a file give an earlier one's transaction again, if there are any."""
    if rows:
        err.print(
            f"{counted(rows, 'row')} {word_for(rows, 'gives', 'give')} a transaction again: it counts once",
        )
