"""`fraudstream label` and `fraudstream redrive`: what people tell the table of transactions."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.labelling import label_file, label_transaction
from fraudstream_tools.cli.support.options import StackOption
from fraudstream_tools.cli.support.output import CommandError, err, out
from fraudstream_tools.cli.support.progress import progress_bar

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TruthOption = Annotated[
    bool | None, typer.Option("--fraud/--legitimate", help="What it turned out to be.", show_default=False)
]
SourceOption = Annotated[
    str, typer.Option("--source", help="Who says so: analyst, chargeback, customer, or a code of your own.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(label)
    app.command()(redrive)


def label(
    transaction_id: Annotated[str | None, typer.Argument(metavar="ID", help="transactionId")] = None,
    is_fraud: TruthOption = None,
    source: SourceOption = "analyst",
    file: Annotated[
        Path | None,
        typer.Option(help="Many at once: CSV, JSON Lines or Parquet with transactionId, label, source and labeledAt."),
    ] = None,
    stack: StackOption = None,
) -> None:
    """Return what a transaction turned out to be, or many of them.

    The analyzer learns from it within a second, and the alert is closed.

        fraudstream label order-20261123-0001 --fraud --source chargeback
        fraudstream label order-20261123-0002 --legitimate
        fraudstream label --file chargebacks.csv

    In a file, `label` is FRAUD or LEGITIMATE; `labeledAt` is when it was said, not in the future: a date, a date and
    time with its zone, or epoch milliseconds; a row without `source` takes that of --source. A file of which any line
    is wrong is refused as a whole, every wrong line named. The truth file of `fraudstream simulate` is one too: rows
    that nobody labels are passed over.

    What comes of a label is the same in any order, and whenever it is given again:

    - the newest `labeledAt` wins; of two at the same moment, FRAUD;
    - the same again changes nothing, so a file that was interrupted is simply given again;
    - an older one than what is there changes nothing: it is counted as overtaken;
    - a late one counts like any other, for as long as its transaction is stored; features look back 30 days;
    - a transaction that is not stored (any more) is named, and the command ends with 1.
    """
    if file is not None:
        if transaction_id is not None or is_fraud is not None:
            raise CommandError("a file says itself which transactions are fraud: give nothing but --file and --source")
        label_file(file, source, stack)
        return
    if transaction_id is None:
        raise CommandError("which? Give a transactionId, or --file with many")
    if is_fraud is None:
        raise CommandError("what was it? Say --fraud or --legitimate")
    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    truth = label_transaction(client, deployment["transactionsTable"], transaction_id, is_fraud=is_fraud, source=source)
    out.print(f"{transaction_id} is {truth}, says {source}", markup=False)


def redrive(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="transactionIds")] = None,
    report: Annotated[
        Path | None, typer.Option(help="A day's report.json: every transaction that it lists as undecided.")
    ] = None,
    stack: StackOption = None,
) -> None:
    """Send transactions that were never decided through the analyzer again.

    For what lies in the dead-letter queue, once its cause is gone. What has a decision keeps it. A daily report that
    failed lies there too, but it is not redriven: `fraudstream report --date` makes it.

        fraudstream redrive order-20261123-0001 order-20261123-0002
        fraudstream report --date 2026-11-23 --format json && fraudstream redrive --report report-2026-11-23.json
    """
    wanted = list(dict.fromkeys([*(ids or ()), *(_undecided(report) if report else ())]))
    if not wanted and report is None:
        raise CommandError(
            "which? Give one or more transactionIds, or --report with a day's report.json\n"
            "(a report that failed is made anew by: fraudstream report --date YYYY-MM-DD)"
        )
    if not wanted:
        out.print(f"{report} lists no undecided transaction", markup=False)
        return
    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    table = deployment["transactionsTable"]
    done, missing = 0, 0
    with progress_bar("redriving", len(wanted)) as advance:
        for number, transaction_id in enumerate(wanted, start=1):
            values = {"redrivenAt": {"N": str(int(time.time() * 1000))}}
            try:
                done += _update(client, table, transaction_id, values, "attribute_not_exists(decision)")
            except CommandError as error:
                missing += 1
                err.print(str(error), markup=False)
            advance(number)
    out.print(f"{done:,} sent to the analyzer again, {len(wanted) - done - missing:,} had a decision")
    if missing:
        raise typer.Exit(1)


def _undecided(report: Path) -> Iterable[str]:
    import msgspec  # noqa: PLC0415  (kept out of `--help`)

    from fraudstream.reporting.daily.schema.report import Undecided  # noqa: PLC0415

    try:
        content = msgspec.json.decode(report.read_bytes(), type=dict[str, Any])
        # No more of it is looked at than this: its figures may be those of another release.
        undecided = msgspec.convert(content["reconciliation"]["undecided"], list[Undecided])
    except OSError as error:
        raise CommandError(f"{report}: {error.strerror}") from None
    except (msgspec.DecodeError, KeyError, TypeError):
        raise CommandError(f"{report}: not a fraudstream report in JSON") from None
    return (each.transaction_id for each in undecided)


def _update(client: "DynamoDBClient", table: str, transaction_id: str, values: dict[str, Any], condition: str) -> bool:
    """Set attributes of a transaction; tell whether the condition let them be set."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (kept out of `--help`)

    found = client.query(
        TableName=table,
        KeyConditionExpression="transactionId = :id AND #timestamp > :claim",
        ExpressionAttributeNames={"#timestamp": "timestamp"},
        ExpressionAttributeValues={":id": {"S": transaction_id}, ":claim": {"N": "0"}},
        ProjectionExpression="transactionId, #timestamp",
        ConsistentRead=True,
        ScanIndexForward=False,
        Limit=1,
    )["Items"]
    if not found:
        raise CommandError(f"{transaction_id}: there is no such transaction")
    try:
        client.update_item(
            TableName=table,
            Key=found[0],
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
            ConditionExpression=f"attribute_exists(transactionId) AND {condition}",
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
            return False
        raise
    return True
