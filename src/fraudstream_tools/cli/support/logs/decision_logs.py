"""A decision log that somebody names: opened, with a word on what of it cannot be read."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fraudstream.counts import counted, word_for
from fraudstream_tools.cli.support.terminal.output import CommandError, err

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Mapping, Sequence

    from fraudstream.detection.rules.ruleset import Ruleset
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


def tell_other_tokens(rulesets: "Sequence[Ruleset]", log: "DecisionLog") -> None:
    """Print on standard error which entries of lists.yaml cannot be found in a log, though decisions find them.

    Args:
        rulesets: by which the log is judged.
        log: the log.
    """
    from fraudstream_tools.rules.token_numbers import listed_tokens, token_numbers

    # To find out the log's numbers reads a column of the whole of it.
    if entries := listed_tokens(rulesets):
        tell_other_numbers(entries, token_numbers(log))


def tell_other_numbers(entries: "Iterable[tuple[str, str]]", numbers: "Collection[int]") -> None:
    """Print on standard error how many entries of lists.yaml have a token of another number than a log's.

    Args:
        entries: kind of entity and token of each.
        numbers: those that the log's tokens have.
    """
    from fraudstream_tools.rules.token_numbers import entries_of_other_numbers

    if number := entries_of_other_numbers(entries, numbers):
        err.print(
            f"{counted(number, 'entry', 'entries')} of lists.yaml {word_for(number, 'has a token', 'have tokens')} of "
            "another number than the log: decisions find them whatever their number, and nothing does here. Renew "
            "them, and pull a log again that was rekeyed since",
            soft_wrap=True,
        )


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


def tell_unfinished(folder: Path) -> None:
    """Print on standard error what is wrong with a folder into which copying a log was broken off."""
    from fraudstream.reporting.log.reader.unfinished import unfinished_copies

    _tell(unfinished_copies(folder))


def _tell(damaged: "Mapping[Path, str]") -> None:
    for path, problem in damaged.items():
        err.print(f"{path}: {problem}", soft_wrap=True)
