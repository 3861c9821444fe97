"""What `fraudstream replay --check` says of a file: what of it an API would take."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fraudstream.clock import epoch_milliseconds
from fraudstream.counts import counted, word_for
from fraudstream_tools.cli.support.files.file_problems import file_problems
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.lab.files.checking import FileCheck
    from fraudstream_tools.lab.files.mapping.file_map import FileMap


def check_only(file: Path, file_map: "FileMap | None", limit: int | None, *, shift_to_now: bool, as_json: bool) -> None:
    """Read a whole file, and report what it holds and what is wrong with it.

    Raises:
        CommandError: the file cannot be read.
        Exit: with 1, if some of its rows cannot be posted.
    """
    from fraudstream_tools.lab.files.checking import check_file

    with file_problems():
        result = check_file(file, file_map, limit, now=epoch_milliseconds(), shift_to_now=shift_to_now)
    if not result.rows:
        raise CommandError(f"{file}: there is no row in it")
    for notice in result.notices:
        err.print(notice, soft_wrap=True)
    for line in result.wrong.lines():
        err.print(line, soft_wrap=True)
    if as_json:
        print_json(
            {
                "rows": result.rows,
                "good": result.rows - result.wrong.count,
                "wrong": result.wrong.count,
                "skipped": result.skipped,
                "repeated": result.repeated,
                "labels": result.labels,
                "oldest": result.oldest,
                "newest": result.newest,
                "tooOld": result.too_old,
                "problems": result.wrong.lines(),
                "stopped": result.stopped,
            }
        )
    else:
        _print(result, file, has_map=file_map is not None, shift_to_now=shift_to_now)
    if result.stopped is not None:
        raise CommandError(f"{result.stopped}\nthe rows after it were not read")
    if result.wrong.count:
        raise typer.Exit(1)


def _print(result: "FileCheck", file: Path, *, has_map: bool, shift_to_now: bool) -> None:
    from fraudstream_tools.lab.files.reading import suggestion

    good = result.rows - result.wrong.count
    out.print(
        f"{counted(result.rows, 'row')}: {good:,} can be posted, {result.wrong.count:,} cannot; nothing was posted"
    )
    if result.repeated:
        have = word_for(result.repeated, "has", "have")
        out.print(f"{counted(result.repeated, 'row')} {have} the transactionId of an earlier one")
    if result.oldest is not None and result.newest is not None:
        days = " to ".join(f"{datetime.fromtimestamp(t / 1000, UTC):%Y-%m-%d}" for t in (result.oldest, result.newest))
        out.print(f"from {days}")
    if result.too_old:
        which = f"{counted(result.too_old, 'row')} {word_for(result.too_old, 'is', 'are')}"
        out.print(too_old(which, shift_to_now=shift_to_now), soft_wrap=True)
    if not good and not has_map:
        out.print(f"{suggestion(file)} writes a first map", soft_wrap=True)


def too_old(which: str, *, shift_to_now: bool) -> str:
    """Return a sentence on transactions that an API refuses for their age.

    Args:
        which: what they are, with the verb, as the sentence begins.
        shift_to_now: whether the file's times are moved, so that the last one is now.
    """
    from fraudstream_tools.lab.files.checking import USUAL_PAST_DAYS

    than = "the last one" if shift_to_now else "today"
    move = "" if shift_to_now else ", or --shift-to-now moves them"
    return (
        f"{which} more than {USUAL_PAST_DAYS} days older than {than}: an API refuses them, unless its setting "
        f"maxPastDays is greater{move}"
    )
