"""What is wrong with a file is for the person at the keyboard to put right."""

from collections.abc import Generator
from contextlib import contextmanager

from fraudstream_tools.cli.support.output import CommandError


@contextmanager
def file_problems() -> Generator[None]:
    """Turn a file that cannot be read or written into a command's error."""
    from fraudstream_tools.lab.files.transactions import FileProblemError  # noqa: PLC0415  (kept out of `--help`)

    try:
        yield
    except FileProblemError as error:
        raise CommandError(str(error)) from None
