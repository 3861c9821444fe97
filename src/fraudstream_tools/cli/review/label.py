"""`fraudstream label`: as 0.1.0 called what `labels set` and `labels import` do, for scripts that call it so."""

from pathlib import Path
from typing import Annotated

import typer

from fraudstream_tools.cli.support.files.file_problems import map_of
from fraudstream_tools.cli.support.options import JsonOption, MapOption, SourceOption, StackOption, TruthOption
from fraudstream_tools.cli.support.review.audit import audit_log
from fraudstream_tools.cli.support.review.labelling import label_file, label_transaction, required_truth
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.output import CommandError, out, print_json
from fraudstream_tools.redaction import shown


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(hidden=True)(label)


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
    as_json: JsonOption = False,
) -> None:
    """Label a transaction, or many of them: the earlier name of `labels set` and `labels import`.

    ```
    fraudstream label order-20261123-0001 --fraud --source chargeback
    fraudstream label --file chargebacks.csv
    ```
    """
    if file is not None:
        if transaction_id is not None or is_fraud is not None:
            raise CommandError("a file says itself which transactions are fraud: give nothing but --file and --source")
        label_file(file, source, stack, map_of(file_map), as_json=as_json)
        return
    if transaction_id is None:
        raise CommandError("give a transactionId, or --file with many")
    is_fraud = required_truth(is_fraud)
    deployment = Deployment(stack)
    label = label_transaction(deployment, audit_log(deployment), transaction_id, is_fraud=is_fraud, source=source)
    if as_json:
        print_json({"transactionId": transaction_id, "label": label.label.value, "labelSource": source})
    else:
        out.print(f"{shown(transaction_id)} is {label.label}, says {source}")
