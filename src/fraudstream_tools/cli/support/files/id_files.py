"""Files of transactionIds, one a line: what one command writes, another takes."""

from collections.abc import Iterable
from pathlib import Path

from fraudstream_tools.cli.support.terminal.output import CommandError


def write_ids(file: Path, ids: Iterable[str]) -> None:
    """Write transactionIds to a file, in order.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        file.write_text("".join(f"{each}\n" for each in sorted(ids)), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None


def read_ids(file: Path) -> list[str]:
    """Return the transactionIds of a file.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").split()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: not a file of transactionIds in UTF-8") from None
