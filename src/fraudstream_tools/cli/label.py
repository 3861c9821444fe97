"""`fraudstream label`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.file_problems import map_of
from fraudstream_tools.cli.support.labelling import label_file, label_transaction
from fraudstream_tools.cli.support.options import MapOption, SourceOption, StackOption, TruthOption
from fraudstream_tools.cli.support.terminal.output import CommandError, out
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(label)


def label(
    transaction_id: Annotated[str | None, typer.Argument(metavar="ID", help="transactionId")] = None,
    *,
    is_fraud: TruthOption = None,
    source: SourceOption = "analyst",
    file: Annotated[
        Path | None,
        typer.Option(
            help="A file of labels: CSV, JSON Lines or Parquet with transactionId, label, source and labeledAt."
        ),
    ] = None,
    file_map: MapOption = None,
    stack: StackOption = None,
) -> None:
    """Label a transaction, or many of them, as fraud or legitimate.

    The analyzer learns from it within a second, and the alert is closed.

        fraudstream label order-20261123-0001 --fraud --source chargeback
        fraudstream label order-20261123-0002 --legitimate
        fraudstream label --file chargebacks.csv
        fraudstream label --file payments.csv --map stripe-charges

    In a file, `label` is FRAUD or LEGITIMATE; `labeledAt` is when it was said, not in the future and not before the
    transaction: a date and time with its zone, epoch milliseconds, or a date, which is the end of that day in UTC; a
    row without `source` takes that of --source. Other columns need a map (--map). A file of which any line is wrong is
    refused as a whole, every wrong line named. The truth file of `fraudstream simulate` is one too: rows that nobody
    labels are passed over.

    What comes of a label is the same in any order, and whenever it is given again:

    - the newest `labeledAt` wins; of two at the same moment, FRAUD;
    - the same again changes nothing, so a file that was interrupted is simply given again;
    - an older one than what is there changes nothing: it is counted as overtaken;
    - a late one counts like any other, for as long as its transaction is stored; features look back 30 days;
    - a label older than its transaction is refused, and one whose transaction is not stored (any more) is named:
      the command ends with 1.
    """
    if file is not None:
        if transaction_id is not None or is_fraud is not None:
            raise CommandError("a file says itself which transactions are fraud: give nothing but --file and --source")
        label_file(file, source, stack, map_of(file_map))
        return
    if transaction_id is None:
        raise CommandError("which? Give a transactionId, or --file with many")
    if is_fraud is None:
        raise CommandError("what was it? Say --fraud or --legitimate")
    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    truth = label_transaction(client, deployment["transactionsTable"], transaction_id, is_fraud=is_fraud, source=source)
    out.print(f"{shown(transaction_id)} is {truth}, says {source}", markup=False)
