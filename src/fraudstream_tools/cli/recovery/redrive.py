"""`fraudstream redrive`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudstream_tools.cli.support.files.id_files import read_ids
from fraudstream_tools.cli.support.logs.decision_logs import given_up_of
from fraudstream_tools.cli.support.logs.training_source import LogOption
from fraudstream_tools.cli.support.options import JsonOption, StackOption
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(redrive)


def redrive(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="transactionIds")] = None,
    *,
    report: Annotated[
        Path | None,
        typer.Option(help="A day's report.json: redrive every transaction that it lists as undecided or unlearned."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A file of transactionIds, one a line, as `restore` and `profiles rebuild` write."),
    ] = None,
    log: LogOption = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send transactions that were given up through the analyzer again: never decided, or with a label not learnt.

    Use it for transactions in the dead-letter queue, once the cause is mended. A transaction that has a decision keeps
    it; if the profiles never learnt its label, they do now. A daily report that failed is in the queue too, but it is
    not redriven: `fraudstream report --date` creates it.

        fraudstream redrive order-20261123-0001 order-20261123-0002
        fraudstream report --date 2026-11-23 --format json
        fraudstream redrive --report report-2026-11-23.json
        fraudstream log pull && fraudstream redrive --log decision-log
    """
    from fraudstream_tools.operations.recovery.redriving import (
        UnknownTransactionError,
        redrive_transaction,
    )

    wanted = list(
        dict.fromkeys(
            [
                *(ids or ()),
                *(_undecided(report) if report else ()),
                *(read_ids(file) if file else ()),
                *(given_up_of(log) if log else ()),
            ]
        )
    )
    if not wanted and report is None and file is None and log is None:
        raise CommandError(
            "which? Give one or more transactionIds, --file with a list of them, --report with a day's\n"
            "report.json, or --log with a decision log\n"
            "(a report that failed is created again by: fraudstream report --date YYYY-MM-DD)"
        )
    if not wanted:
        if as_json:
            print_json({"redriven": 0, "hadDecision": 0, "missing": 0})
        else:
            out.print(f"{report or file or log} lists nothing to redrive")
        return
    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    table = deployment["transactionsTable"]
    done, missing = 0, 0
    try:
        with progress_bar("redriving", len(wanted)) as advance:
            for number, transaction_id in enumerate(wanted, start=1):
                try:
                    done += redrive_transaction(client, table, transaction_id)
                except UnknownTransactionError as error:
                    missing += 1
                    err.print(str(error))
                advance(number)
    except KeyboardInterrupt:
        raise StoppedError("stopped by Ctrl-C: what is redriven stays so, and the same again goes on") from None
    decided = len(wanted) - done - missing
    if as_json:
        print_json({"redriven": done, "hadDecision": decided, "missing": missing})
    else:
        out.print(f"{done:,} sent to the analyzer again, {decided:,} had a decision")
    if missing:
        raise typer.Exit(1)


def _undecided(report: Path) -> Iterable[str]:
    import msgspec

    from fraudstream.reporting.daily.schema.report import Undecided, UnlearnedLabel
    from fraudstream.reporting.storage.json_objects import NO_JSON

    try:
        content = msgspec.json.decode(report.read_bytes(), type=dict[str, Any])
        # No more of it is looked at than this: its figures may be those of another release.
        undecided = msgspec.convert(content["reconciliation"]["undecided"], list[Undecided])
        # A report of an earlier release does not say which labels were given up.
        unlearned = msgspec.convert(content["reconciliation"].get("unlearned", []), list[UnlearnedLabel])
    except OSError as error:
        raise CommandError(f"{report}: {error.strerror}") from None
    except (*NO_JSON, KeyError, TypeError):
        raise CommandError(f"{report}: not a fraudstream report in JSON") from None
    return (each.transaction_id for each in (*undecided, *unlearned))
