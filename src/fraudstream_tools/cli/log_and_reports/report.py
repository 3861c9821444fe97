"""`fraudstream report`: fetch a day's report."""

import math
import webbrowser
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from fraudstream.contract import RATES_FILE, REPORT_PREFIX
from fraudstream.reporting.log.keys import ReportFormat, report_key
from fraudstream_tools.cli.support.files.output_files import write_output
from fraudstream_tools.cli.support.logs.decision_logs import tell_unfinished
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.running.report_tasks import refuse_future, run_task
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out

if TYPE_CHECKING:
    from fraudstream.detection.rules.rates import Rates


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(report)


def report(
    *,
    day: Annotated[
        datetime | None,
        typer.Option("--date", parser=parse_day, metavar="DAY", help="The day (UTC).  [default: yesterday]"),
    ] = None,
    file_format: Annotated[
        ReportFormat | None,
        typer.Option("--format", "-f", help="[default: as the ending of --output says; html without one]"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write.  [default: report-DATE.html]")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Create the report again, with late labels and decisions.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(
            help="Create the report on this machine, from a folder with a copy of the bucket's decision-log/."
        ),
    ] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the fraud report of a day; if there is none yet, it is created first.

    One that was created before its day was over is created again. With --json, the report itself is printed as JSON,
    and no file is written.

    ```
    fraudstream report --open
    fraudstream report --json | jq .decisions
    fraudstream report --date 2026-11-23 --log log/
    ```
    """
    if as_json and (output is not None or open_it):
        raise CommandError("--json prints the report: leave out --output and --open")
    file_format = "json" if as_json else file_format or _format_of(output)
    wanted = day.date() if day else datetime.now(UTC).date() - timedelta(days=1)
    refuse_future("--date", wanted)
    content = _make(log, wanted, file_format) if log else _obtain(Deployment(stack), wanted, file_format, anew=anew)
    if as_json or output == Path("-"):
        typer.echo(content, nl=False)
        return
    path = output or Path(f"report-{wanted}.{file_format}")
    write_output(path, content)
    out.print(str(path))
    if open_it:
        webbrowser.open(path.resolve().as_uri())


def _format_of(output: Path | None) -> ReportFormat:
    ending = output.suffix.removeprefix(".") if output else ""
    known = next((each for each in get_args(ReportFormat) if each == ending.lower()), None)
    if known is None and ending:
        raise CommandError(f"--output {output}: a report is html, json or csv; choose one by --format, or by the name")
    return known or "html"


def _make(log: Path, day: date, file_format: ReportFormat) -> bytes:
    from fraudstream.reporting.daily.reporter import Reporter
    from fraudstream.reporting.log.logged_days import UnloggedDayError, logged_days, refuse_after
    from fraudstream.reporting.storage.object_store import FolderStore

    tell_unfinished(log)
    if not any((log / folder).is_dir() for folder in ("segments", "tallies")):
        raise CommandError(f"{log} is no decision log: it has neither segments/ nor tallies/")
    store = FolderStore(log)
    reporter = Reporter(
        store=store,
        log_prefix="",
        report_prefix=REPORT_PREFIX,
        sample=lambda _: set(),
        now=datetime.now(UTC),
        time_left=lambda: math.inf,
        rates=_rates(),
    )
    try:
        reporter.refuse_unlogged(day)
        refuse_after(logged_days(store, ""), day)
    except UnloggedDayError as error:
        raise CommandError(f"{log}: {error}") from None
    reporter.report(day)
    # Neither a quiet day nor one that was not copied leaves anything.
    if day not in logged_days(store, ""):
        err.print(
            f"{log}: the log has nothing of {day}: the report calls it a quiet day, which is wrong if the "
            "day was not copied",
            soft_wrap=True,
        )
    return store.read(report_key(REPORT_PREFIX, day, file_format)) or b""


def _rates() -> "Rates | None":
    """Return the exchange rates of `rules/` where the command runs, if there are any."""
    from fraudstream.reporting.daily.figures.base_currency import read_rates
    from fraudstream.reporting.storage.object_store import FolderStore

    try:
        return read_rates(FolderStore(Path.cwd()), "rules/")
    except ValueError as error:
        raise CommandError(f"rules/{RATES_FILE}: {error}") from error


def _obtain(deployment: Deployment, day: date, file_format: ReportFormat, *, anew: bool) -> bytes:
    from fraudstream_tools.operations.daily_reports import DailyReports

    reports = DailyReports(deployment.client("s3"), deployment["bucketName"])
    content = None if anew or reports.is_early(day) else reports.read(day, file_format)
    if content is None:
        err.print(f"writing the report of {day}", style="dim")
        answer = run_task(deployment, "daily-report", date=f"{day}")
        if said := answer.get("unlogged"):
            raise CommandError(said)
        content = reports.read(day, file_format)
    if content is None:
        raise CommandError(f"the report of {day} was written, but it is not in the bucket")
    return content
