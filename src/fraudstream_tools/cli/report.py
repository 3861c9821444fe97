"""`fraudstream report`: fetch a day's report."""

import json
import math
import webbrowser
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fraudstream.contract import RATES_FILE, REPORT_PREFIX
from fraudstream.reporting.log.keys import report_folder
from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.options import StackOption
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

    from fraudstream.detection.rules.rates import Rates

Format = Literal["html", "json", "csv"]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(report)


def report(
    *,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The day (UTC).  [default: yesterday]"),
    ] = None,
    file_format: Annotated[Format, typer.Option("--format", "-f")] = "html",
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
) -> None:
    """Fetch the fraud report of a day; if there is none yet, it is created first.

    ```
    fraudstream report --open
    fraudstream report --date 2026-11-23 --format json --output -
    fraudstream report --date 2026-11-23 --log log/
    ```
    """
    wanted = day.date() if day else datetime.now(UTC).date() - timedelta(days=1)
    content = _make(log, wanted, file_format) if log else _obtain(Deployment(stack), wanted, file_format, anew=anew)
    if output == Path("-"):
        typer.echo(content, nl=False)
        return
    path = output or Path(f"report-{wanted}.{file_format}")
    path.write_bytes(content)
    out.print(str(path), markup=False)
    if open_it:
        webbrowser.open(path.resolve().as_uri())


def report_key(day: date, file_format: str) -> str:
    """Return the key under which a day's report is stored in the bucket."""
    return f"{report_folder(REPORT_PREFIX, day)}report.{file_format}"


def _make(log: Path, day: date, file_format: Format) -> bytes:
    from fraudstream.reporting.daily.reporter import Reporter  # noqa: PLC0415  (kept out of `--help`)
    from fraudstream.reporting.storage.object_store import FolderStore  # noqa: PLC0415

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
    reporter.report(day)
    return store.read(report_key(day, file_format)) or b""


def _rates() -> "Rates | None":
    """Return the exchange rates of `rules/` where the command runs, if there are any."""
    from fraudstream.reporting.daily.figures.base_currency import read_rates  # noqa: PLC0415  (kept out of `--help`)
    from fraudstream.reporting.storage.object_store import FolderStore  # noqa: PLC0415

    try:
        return read_rates(FolderStore(Path.cwd()), "rules/")
    except ValueError as error:
        raise CommandError(f"rules/{RATES_FILE}: {error}") from error


def _obtain(deployment: Deployment, day: date, file_format: Format, *, anew: bool) -> bytes:
    key = report_key(day, file_format)
    content = None if anew else _fetch(deployment, key)
    if content is None:
        err.print(f"writing the report of {day}", style="dim")
        _write(deployment, day)
        content = _fetch(deployment, key)
    if content is None:
        raise CommandError(f"the report of {day} was written, but it is not in the bucket")
    return content


def _fetch(deployment: Deployment, key: str) -> bytes | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415  (kept out of `--help`)

    client: S3Client = deployment.client("s3")
    try:
        return client.get_object(Bucket=deployment["bucketName"], Key=key)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            return None
        raise


def _write(deployment: Deployment, day: date) -> None:
    client: LambdaClient = deployment.client("lambda")
    payload = json.dumps({"task": "daily-report", "date": str(day)}).encode()
    answer: Any = client.invoke(FunctionName=deployment["reportFunction"], Payload=payload)
    if answer.get("FunctionError"):
        raise CommandError(f"the report function failed on {day}: its log group says why")
