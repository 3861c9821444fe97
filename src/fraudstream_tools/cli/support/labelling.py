"""Labels on the table of transactions: one, or a file of them."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fraudstream_tools.cli.support.deployment import Deployment
from fraudstream_tools.cli.support.failures import explained
from fraudstream_tools.cli.support.file_problems import file_problems
from fraudstream_tools.cli.support.output import CommandError, StoppedError, err, out
from fraudstream_tools.cli.support.progress import progress_bar
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.transactions.decision import Label
    from fraudstream_tools.lab.files.labels import LabelFile
    from fraudstream_tools.lab.files.mapping.file_map import FileMap

_AT_ONCE = 8
"""Fewer than a client's ten connections."""
_ATTEMPTS = 5
_SHOWN = 20


class Given(Enum):
    """What came of a label."""

    WRITTEN = "written"
    REPEATED = "already there"
    OVERTAKEN = "overtaken by a newer one"
    TOO_EARLY = "older than their transactions, and refused"
    MISSING = "without a stored transaction"


def give_label(client: "DynamoDBClient", table: str, transaction_id: str, label: "Label") -> Given:
    """Write a label on a transaction, unless the one that is there wins.

    Args:
        client: of DynamoDB.
        table: the transactions' table.
        transaction_id: which transaction.
        label: what it turned out to be.
    """
    from fraudstream.transactions.decision import Label as StoredLabel  # noqa: PLC0415  (kept out of `--help`)
    from fraudstream.transactions.store import newest_item  # noqa: PLC0415
    from fraudstream.transactions.times import is_before  # noqa: PLC0415
    from fraudstream_tools.lab.files.labels import wins  # noqa: PLC0415

    for _ in range(_ATTEMPTS):
        item = newest_item(client, table, transaction_id, "transactionId, #timestamp, label, labelSource, labeledAt")
        if item is None:
            return Given.MISSING
        if is_before(label.labeled_at, int(item["timestamp"]["N"])):
            return Given.TOO_EARLY
        there = StoredLabel.from_item(item)
        if there is not None and (there.label, there.labeled_at) == (label.label, label.labeled_at):
            return Given.REPEATED
        if there is not None and not wins(label, there):
            return Given.OVERTAKEN
        if _write(client, table, item, label, there):
            return Given.WRITTEN
    raise CommandError(f"{shown(transaction_id)}: others changed its label at every attempt; try again")


def label_transaction(client: "DynamoDBClient", table: str, transaction_id: str, *, is_fraud: bool, source: str) -> str:
    """Write a label of this moment on a transaction and give it.

    Raises:
        CommandError: there is no such transaction, or it has a newer label.
    """
    from fraudstream.transactions.decision import Label, Truth  # noqa: PLC0415  (kept out of `--help`)
    from fraudstream.transactions.store import newest_item  # noqa: PLC0415
    from fraudstream.transactions.times import is_future  # noqa: PLC0415

    truth = Truth.FRAUD if is_fraud else Truth.LEGITIMATE
    now = int(time.time() * 1000)
    label = Label(label=truth, label_source=source, labeled_at=now)
    given = give_label(client, table, transaction_id, label)
    if given is Given.OVERTAKEN:
        # A label with a date alone has the end of its day: what is said now, on the same day, is newer all the same.
        item = newest_item(client, table, transaction_id, "transactionId, #timestamp, label, labelSource, labeledAt")
        there = Label.from_item(item) if item else None
        if there is not None and not is_future(there.labeled_at, now):
            label = Label(label=truth, label_source=source, labeled_at=there.labeled_at + 1)
            given = give_label(client, table, transaction_id, label)
    if given is Given.MISSING:
        raise CommandError(f"{shown(transaction_id)}: there is no such transaction")
    if given is Given.TOO_EARLY:
        raise CommandError(f"{shown(transaction_id)} happened later than this machine's clock says")
    if given is Given.OVERTAKEN:
        raise CommandError(f"{shown(transaction_id)} has a label that is newer than this machine's clock")
    return truth.value


def label_file(file: Path, source: str, stack: str | None, file_map: "FileMap | None" = None) -> None:
    """Write the labels of a file, and say what came of them.

    Raises:
        CommandError: the file is wrong, or AWS refused.
        Exit: with 1, after all others were written, if some transactions are not stored.
    """
    from fraudstream_tools.lab.files.labels import read_label_file  # noqa: PLC0415  (each command pays for what it uses)

    with file_problems():
        content = read_label_file(file, source, int(time.time() * 1000), file_map)
    deployment = Deployment(stack)
    given: dict[str, Given] = {}
    try:
        _give_all(deployment.client("dynamodb"), deployment["transactionsTable"], content.labels, given)
    finally:
        _print_counts(file, content, given)
    bad = {Given.MISSING: "there is no such transaction", Given.TOO_EARLY: "the label is older than the transaction"}
    refused = [(name, bad[given[name]]) for name in content.labels if given[name] in bad]
    for transaction_id, why in refused[:_SHOWN]:
        err.print(f"{shown(transaction_id)}: {why}", markup=False)
    if len(refused) > _SHOWN:
        err.print(f"… and {len(refused) - _SHOWN:,} more")
    if refused:
        raise typer.Exit(1)


def _print_counts(file: Path, content: "LabelFile", given: "Mapping[str, Given]") -> None:
    counts = Counter(given.values())
    out.print(f"{content.rows:,} labels in {file}, of {len(content.labels):,} transactions:", soft_wrap=True)
    for result in Given:
        out.print(f"  {counts[result]:,} {result.value}")
    if len(given) < len(content.labels):
        out.print(f"  {len(content.labels) - len(given):,} not tried, or unanswered: give the file again")
    if content.unlabelled:
        out.print(f"{content.unlabelled:,} rows that nobody labels were passed over")


def _give_all(
    client: "DynamoDBClient", table: str, labels: "Mapping[str, Label]", given: "MutableMapping[str, Given]"
) -> None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (kept out of `--help`)

    with progress_bar("labelling", len(labels)) as advance, ThreadPoolExecutor(_AT_ONCE) as threads:
        under_way = {threads.submit(give_label, client, table, name, label): name for name, label in labels.items()}
        try:
            for done in as_completed(under_way):
                given[under_way[done]] = done.result()
                advance(len(given))
        except (BotoCoreError, ClientError) as error:
            threads.shutdown(cancel_futures=True)
            so_far = f"{len(given):,} of {len(labels):,} were done, then: {explained(error)}"
            raise CommandError(f"{so_far}\ngive the file again: what is done stays so") from None
        except KeyboardInterrupt:
            threads.shutdown(cancel_futures=True)
            raise StoppedError("stopped by Ctrl-C; give the file again: what is done stays so") from None


def _write(client: "DynamoDBClient", table: str, item: dict[str, Any], label: "Label", there: "Label | None") -> bool:
    """Set the label, if the one that was there still is; tell whether it was."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (kept out of `--help`)

    from fraudstream.dynamodb import raise_unless_condition_failed  # noqa: PLC0415

    values = {f":{name}": value for name, value in label.to_item().items()}
    unchanged = "attribute_not_exists(label)"
    if there is not None:
        unchanged = "label = :oldLabel AND labeledAt = :oldLabeledAt"
        values |= {":oldLabel": item["label"], ":oldLabeledAt": item["labeledAt"]}
    try:
        client.update_item(
            TableName=table,
            Key={name: item[name] for name in ("transactionId", "timestamp")},
            UpdateExpression="SET label = :label, labelSource = :labelSource, labeledAt = :labeledAt",
            ConditionExpression=f"attribute_exists(transactionId) AND {unchanged}",
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        raise_unless_condition_failed(error)
        return False
    return True
