"""Files of transactionIds, one a line: what one command writes, another takes."""

import re
from collections.abc import Iterable
from pathlib import Path

from fraudstream_tools.cli.support.files.output_files import write_output
from fraudstream_tools.cli.support.terminal.output import CommandError


def write_ids(file: Path, ids: Iterable[str]) -> None:
    """Write transactionIds to a file, in order.

    Raises:
        CommandError: it cannot be written.
    """
    write_output(file, "".join(f"{each}\n" for each in sorted(ids)))


def read_ids(file: Path) -> list[str]:
    """Return the transactionIds of a file.

    Raises:
        CommandError: it cannot be read, or a line is no transactionId; what the line holds is not repeated.
    """
    from fraudstream.transactions.transaction import TRANSACTION_ID_PATTERN

    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file}: not a file of transactionIds in UTF-8") from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line]
    wrong = [number for number, line in numbered if not re.match(TRANSACTION_ID_PATTERN, line)]
    if wrong:
        more = f", and {len(wrong) - 1:,} more are not" if len(wrong) > 1 else ""
        raise CommandError(f"{file}: line {wrong[0]:,} is no transactionId{more}; nothing was done")
    return [line for _, line in numbered]
