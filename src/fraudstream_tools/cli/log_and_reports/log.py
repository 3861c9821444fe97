"""`fraudstream log`: the decision log, copied to this machine, and compared with its chain."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from fraudstream.counts import counted, word_for
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.report_tasks import refuse_future, run_task
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

_STREAM_MEMORY = timedelta(hours=25)
"""A stream keeps records for 24 hours. What it brings after a rebuild would count twice if it is of another hour."""
_AGAIN = "what was added stays; run it again to go on"
_KEPT = "What was copied stays: run it again to go on"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    log = typer.Typer(
        name="log",
        no_args_is_help=True,
        help="Copy the decision log, see that nobody changed it, and rebuild what it lost.",
    )
    log.command()(pull)
    log.command()(verify)
    log.command()(rebuild)
    app.add_typer(log)


def pull(
    folder: Annotated[Path, typer.Argument(help="The folder to copy to.")] = Path("decision-log"),
    *,
    since: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DAY", help="The first day (UTC).  [default: all]"),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DAY", help="The last day (UTC).  [default: all]"),
    ] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the decision log from the bucket to a folder.

    `train`, `promote`, `backtest`, `rules explain`, `redrive --log` and `report --log` read such a folder. What is
    there already is not copied again, so the same command brings a folder up to date, and goes on where it was broken
    off. Who was erased since is taken out of the folder. --since and --until are days on which transactions were
    received; segments are taken by the day in their names.

    ```
    fraudstream log pull
    fraudstream log pull november/ --since 2026-11-01 --until 2026-11-30
    ```
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream.contract import DECISION_LOG_PREFIX
    from fraudstream_tools.analytics.log_copy import LogCopy

    if since and until and since > until:
        raise CommandError("--since is after --until")
    deployment = Deployment(stack)
    copy = LogCopy(
        client=deployment.client("s3"), bucket=deployment["bucketName"], prefix=DECISION_LOG_PREFIX, folder=folder
    )
    try:
        missing, listed = copy.missing(since and since.date(), until and until.date())
        size = sum(each.size for each in missing)
        with progress_bar("bytes", size) as advance:
            copy.pull(missing, advance)
        removed = copy.remove_outdated(listed)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the bucket {copy.bucket} cannot be read: {explained(error)}. {_KEPT}") from None
    except OSError as error:
        raise CommandError(f"{error.filename or folder}: {error.strerror}. {_KEPT}") from None
    except KeyboardInterrupt:
        raise StoppedError(f"stopped by Ctrl-C. {_KEPT}") from None
    if as_json:
        print_json({"objects": len(listed), "copied": len(missing), "bytes": size, "removed": removed})
        return
    if not listed:
        err.print("the bucket has no decision log of these days yet")
    out.print(
        f"{folder}: {len(missing):,} of {counted(len(listed), 'object')} copied, {counted(size, 'byte')}",
        soft_wrap=True,
    )
    if removed:
        out.print(f"{counted(removed, 'file')} of the copy removed: what was in them was erased, or has new tokens now")


def verify(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_day,
            metavar="DAY",
            help="The first day (UTC).  [default: a week before the last]",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DAY", help="The last day.  [default: today]"),
    ] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the decision log with its chain: whether anybody but fraudstream changed it.

    The report function does it, which alone has the chain's key. It compares every hour's files with the hashes that
    were chained when they were written, and the chain with its newest link, which is stored outside the bucket.

    ```
    fraudstream log verify
    fraudstream log verify --since 2026-11-01
    ```
    """
    today = datetime.now(UTC).replace(tzinfo=None)
    last = until or today
    first = since or last - timedelta(days=7)
    if first > last:
        raise CommandError("--since is after --until")
    refuse_future("--until", last.date())
    days = {"since": f"{first:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}"}
    verification = run_task(Deployment(stack), "verify-log", advice="try fewer days", **days)
    if as_json:
        print_json(verification)
    else:
        _print_verification(verification)
    if verification["findings"]:
        raise typer.Exit(1)


def rebuild(
    day: Annotated[datetime, typer.Option("--date", parser=parse_day, metavar="DAY", help="The day of receipt (UTC).")],
    *,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make what the decision log lacks of a day again, from the table of transactions.

    The report function does it, some parts of the table at a time; the whole table is read. What the log has stays as
    it is, so it can be run again at any time. The table does not know labels that a newer one has replaced, nor when
    the stream told of a change: the report's delay of the stream is another one then. Afterwards, make the day's report
    again.

    ```
    fraudstream log rebuild --date 2026-11-22
    fraudstream report --date 2026-11-22 --anew
    ```
    """
    refuse_future("--date", day.date())
    deployment = Deployment(stack)
    settled = day.replace(tzinfo=UTC) + timedelta(days=1) + _STREAM_MEMORY
    if not deployment.is_local and datetime.now(UTC) < settled:
        raise CommandError(
            f"the stream may still bring what the log lacks of {day:%Y-%m-%d}: "
            f"try again after {settled:%Y-%m-%d %H:%M} UTC"
        )
    ask = partial(run_task, deployment, "rebuild-log", date=f"{day:%Y-%m-%d}", advice=_AGAIN)
    looked, added, hours = 0, 0, set[str]()
    try:
        answer = ask()
        with progress_bar("parts of the table", answer["parts"]) as advance:
            while True:
                looked, added = looked + answer["looked"], added + answer["added"]
                hours.update(answer["hours"])
                advance(answer["part"])
                if answer["part"] >= answer["parts"]:
                    break
                answer = ask(part=answer["part"], parts=answer["parts"])
        left = sorted(hours)
        with progress_bar("hours of the log", len(left)) as advance:
            while left:
                left = ask(merge=left)["left"]
                advance(len(hours) - len(left))
    except KeyboardInterrupt:
        raise StoppedError(f"stopped by Ctrl-C: {_AGAIN}") from None
    if as_json:
        print_json({"transactions": looked, "lines": added, "hours": len(hours)})
        return
    out.print(
        f"{counted(looked, 'transaction')} of {day:%Y-%m-%d} in the table: {counted(added, 'line')} added to the log",
    )


def _print_verification(verification: Any) -> None:  # noqa: ANN401  (JSON)
    for finding in verification["findings"]:
        err.print(f"{finding['problem']}: {finding['what']}", soft_wrap=True)
    if verification["erased"]:
        out.print(f"somebody's data was erased from {counted(len(verification['erased']), 'hour')}")
    hours, files, links = verification["hours"], verification["files"], verification["links"]
    looked = f"{counted(hours, 'hour')}, {counted(files, 'file')} and {counted(links, 'link')} of the chain"
    wrong = len(verification["findings"])
    result = f"{wrong:,} {word_for(wrong, 'is', 'are')} not what was written" if wrong else "all are what was written"
    out.print(f"{looked}: {result}" if links else "no hour of the log has been chained yet")
