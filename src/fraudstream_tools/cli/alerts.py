"""`fraudstream alerts`: the review queue."""

import heapq
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from fraudstream.durations import HOUR
from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.labelling import label_transaction
from fraudstream_tools.cli.support.options import JsonOption, SourceOption, StackOption, TruthOption
from fraudstream_tools.cli.support.output import CommandError, decision_text, out, print_json
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MILLISECONDS = 1000
_WINDOW = HOUR
"""Milliseconds; own choice: alerts of one customer that are no further apart ask one question."""
_SHOWN_IDS = 3


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        name="alerts", no_args_is_help=True, help="List and close alerts: transactions that need a person's review."
    )
    group.command(name="list")(list_alerts)
    group.command(name="close")(close)
    app.add_typer(group)


def list_alerts(
    status: Annotated[Literal["OPEN", "CLOSED"], typer.Option(case_sensitive=False)] = "OPEN",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts, newest first; those of one customer within an hour are shown together.

    ```
    fraudstream alerts list
    fraudstream alerts list --json --limit 1000 | jq '.[] | select(.score > 90)'
    ```
    """
    deployment = Deployment(stack)
    found = list(islice(newest_alerts(deployment.client("dynamodb"), deployment["alertsTable"], status), limit))
    if as_json:
        print_json(found)
        return
    if not found:
        out.print(f"no {status.lower()} alerts")
        return
    out.print(alerts_table(grouped(found)))


def newest_alerts(client: "DynamoDBClient", table: str, status: str = "OPEN") -> Iterator[dict[str, Any]]:
    """Return the alerts of a status, newest first, read page by page as they are asked for."""
    from fraudstream.detection.stores.alerts import STATUS_SHARDS  # noqa: PLC0415  (kept out of `--help`)

    shards = (_shard(client, table, f"{status}#{shard}") for shard in range(STATUS_SHARDS))
    return heapq.merge(*shards, key=lambda alert: alert["createdAt"], reverse=True)


def grouped(alerts: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group alerts of one customer that are no further than an hour apart.

    Args:
        alerts: newest first; so are the groups, by their newest alert.
    """
    groups: list[list[dict[str, Any]]] = []
    newest: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        group = newest.get(alert["entity"])
        if group is None or group[-1]["createdAt"] - alert["createdAt"] > _WINDOW:
            group = newest[alert["entity"]] = []
            groups.append(group)
        group.append(alert)
    return groups


def alerts_table(groups: Iterable[Sequence[dict[str, Any]]]) -> Table:
    """Format groups of alerts for people."""
    table = Table("raised (UTC)", "transactions", "decision", "score", "reasons", box=None, header_style="dim")
    table.columns[3].justify = "right"
    for group in groups:
        raised = datetime.fromtimestamp(group[0]["createdAt"] / _MILLISECONDS, UTC)
        ids = [alert["transactionId"] for alert in group[:_SHOWN_IDS]]
        more = [f"and {len(group) - _SHOWN_IDS} more"] if len(group) > _SHOWN_IDS else []
        worst = max(group, key=lambda alert: alert["score"])
        codes = dict.fromkeys(code for alert in group for code in alert["reasonCodes"].split(","))
        table.add_row(
            f"{raised:%Y-%m-%d %H:%M:%S}",
            "\n".join(ids + more),
            decision_text(worst["decision"]),
            str(worst["score"]),
            ", ".join(codes),
        )
    return table


def close(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="transactionIds")],
    is_fraud: TruthOption = None,
    source: SourceOption = "analyst",
    stack: StackOption = None,
) -> None:
    """Close alerts by labelling their transactions as fraud or legitimate; the analyzer learns from each label.

    fraudstream alerts close order-20261123-0001 --fraud
    """
    if is_fraud is None:
        raise CommandError("what was it? Say --fraud or --legitimate")
    from fraudstream.detection.stores.alerts import AlertStore  # noqa: PLC0415  (kept out of `--help`)
    from fraudstream.transactions.decision import Label, Truth  # noqa: PLC0415

    deployment = Deployment(stack)
    client: DynamoDBClient = deployment.client("dynamodb")
    # Retention only matters to alerts that are raised.
    alerts = AlertStore(client, deployment["alertsTable"], retention_days=0)
    for transaction_id in ids:
        truth = label_transaction(
            client, deployment["transactionsTable"], transaction_id, is_fraud=is_fraud, source=source
        )
        now = int(time.time() * _MILLISECONDS)
        # The analyzer closes it too when it sees the label; whoever lists the queue next need not wait for that.
        closed = alerts.close(transaction_id, Label(label=Truth(truth), label_source=source, labeled_at=now))
        out.print(f"{shown(transaction_id)}: {truth}{'' if closed else ' (it had no open alert)'}", markup=False)


def _shard(client: "DynamoDBClient", table: str, status_shard: str) -> Iterator[dict[str, Any]]:
    from fraudstream.transactions.attributes import from_item  # noqa: PLC0415  (kept out of `--help`)

    pages = client.get_paginator("query").paginate(
        TableName=table,
        IndexName="by-status",
        KeyConditionExpression="statusShard = :shard",
        ExpressionAttributeValues={":shard": {"S": status_shard}},
        ScanIndexForward=False,
    )
    for page in pages:
        yield from (from_item(item) for item in page["Items"])
