"""A decision log that somebody names: opened, with a word on what of it cannot be read."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream.counts import counted
from fraudstream_tools.cli.support.terminal.output import CommandError, err

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from fraudstream.reporting.log.reader.decision_log import DecisionLog


@contextmanager
def decision_log(
    path: Path, *, until: int | None = None, label_delay_days: float | None = 0
) -> "Generator[DecisionLog]":
    """Open a decision log as `open_log` does, and say on standard error what is left out of it.

    Raises:
        CommandError: there is no log, or it cannot be read.
    """
    from fraudstream.reporting.log.reader.decision_log import open_log
    from fraudstream.reporting.log.reader.files import DecisionLogError

    try:
        with open_log(path, until=until, label_delay_days=label_delay_days) as log:
            _tell(log.damaged)
            if log.early_labels:
                err.print(
                    f"left out, since older than the transaction: {counted(log.early_labels, 'label')}. Times may be "
                    "of another unit; give these labels again with the right times",
                    soft_wrap=True,
                )
            yield log
    except DecisionLogError as error:
        raise CommandError(str(error)) from None


def given_up_of(path: Path) -> tuple[str, ...]:
    """Return the ids of a decision log's transactions that were never decided, or have a label that was not learnt.

    Raises:
        CommandError: there is no log, or it cannot be read.
    """
    from fraudstream.reporting.log.reader.files import DecisionLogError
    from fraudstream.reporting.log.reader.given_up import find_given_up

    try:
        given_up = find_given_up(path)
    except DecisionLogError as error:
        raise CommandError(str(error)) from None
    _tell(given_up.damaged)
    return (*given_up.undecided, *given_up.unlearned)


def _tell(damaged: "Mapping[Path, str]") -> None:
    for path, problem in damaged.items():
        err.print(f"{path}: {problem}", soft_wrap=True)
