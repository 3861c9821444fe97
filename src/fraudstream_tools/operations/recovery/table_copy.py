"""Items copied back from a restored table into the table of the stack.

AWS restores a table to a second as a new table, with another name and without consumers. Its items are copied into the
stack's own table, each with a mark by which the consumers of the stream know what they have logged and learnt before.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_overtaken
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import RESTORED_AT, ItemKind
from fraudstream.transactions.storage.attributes import Item
from fraudstream_tools.operations.recovery.table_scan import is_expired, scan

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_IGNORED: Final = frozenset({RESTORED_AT, "expiresAt"})

# What others may add to an item between the look and the write, besides changing what is there.
_ADDED_LATER: Final = ("decision", "labeledAt", "learntLabeledAt", "redrivenAt", "closedAt")


_DESERIALIZER: Final = TypeDeserializer()


class Copied(Enum):
    """What became of an item."""

    ADDED = "added: the table did not have them"
    REPLACED = "replaced: the table had something else"
    SAME = "the same in both tables"
    KEPT = "left as the table has them, which is not as they were"
    EXPIRED = "left out: their time is over"
    UNDECIDED = "of those that came back, now or before a break, without a decision: redrive them"


class SchemaMismatchError(ValueError):
    """The two tables have different keys."""


def copy_items(
    client: "DynamoDBClient",
    source: str,
    target: str,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    key_prefix: str = "",
    on_item: Callable[[int], None] = lambda _: None,
    on_undecided: Callable[[str], None] = lambda _: None,
    on_back: Callable[[Item], None] = lambda _: None,
) -> Counter[Copied]:
    """Copy items into a table of the stack; what is written meanwhile by others stays.

    It can be run again after an interruption: what was copied is then the same in both.

    Args:
        client: of DynamoDB.
        source: the name of the restored table.
        target: the name of the stack's table, which has the same keys.
        overwrite: also replace items that differ.
        dry_run: only count what would be done.
        key_prefix: what the partition keys of the items begin with that are copied; others are passed over.
        on_item: takes the number of items looked at so far.
        on_undecided: takes the id of each transaction that comes back without a decision.
        on_back: takes each item that comes back, now or before a break.

    Raises:
        SchemaMismatchError: the tables' keys differ.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    keys = _key_names(client, source)
    if keys != _key_names(client, target):
        raise SchemaMismatchError(f"{source} and {target} have different keys: they are not the same table")
    mark = {RESTORED_AT: {"N": str(epoch_milliseconds())}}
    counts = Counter[Copied]()
    lock = threading.Lock()

    def take(_: int, page: list[Item]) -> None:
        items = [item for item in page if _partition_key(item, keys).startswith(key_prefix)] if key_prefix else page
        copied = [_copy(client, target, keys, item, mark, overwrite=overwrite, dry_run=dry_run) for item in items]
        with lock:
            for item, (outcome, came_back) in zip(items, copied, strict=True):
                counts[outcome] += 1
                if came_back is None:
                    continue
                on_back(came_back)
                if _is_undecided(came_back):
                    counts[Copied.UNDECIDED] += 1
                    on_undecided(item["transactionId"].get("S", ""))
            on_item(counts.total() - counts[Copied.UNDECIDED])

    scan(client, source, take)
    return counts


def _copy(
    client: "DynamoDBClient",
    table: str,
    keys: frozenset[str],
    item: Item,
    mark: Item,
    *,
    overwrite: bool,
    dry_run: bool,
) -> tuple[Copied, Item | None]:
    """Copy an item; return what became of it, and what the table then has if a restoration brought it back."""
    if is_expired(item):
        return Copied.EXPIRED, None
    key = {name: value for name, value in item.items() if name in keys}
    while True:
        stored = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        # A run that broke off has told nobody what it brought back.
        brought_back = stored if stored is not None and RESTORED_AT in stored else None
        if stored is not None and _compared(stored) == _compared(item):
            return Copied.SAME, brought_back
        if stored is not None and not overwrite:
            return Copied.KEPT, brought_back
        if not dry_run and not _put(client, table, keys, item | mark, stored):
            continue
        return Copied.ADDED if stored is None else Copied.REPLACED, item


def _put(client: "DynamoDBClient", table: str, keys: frozenset[str], item: Item, stored: Item | None) -> bool:
    """Write an item where the table still has what was found there; return whether it had."""
    try:
        client.put_item(TableName=table, Item=item, **_unchanged(keys, stored))
    except ClientError as error:
        raise_unless_overtaken(error)
        return False
    return True


def _unchanged(keys: frozenset[str], stored: Item | None) -> dict[str, Any]:
    if stored is None:
        return {
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": min(keys)},
        }
    # Long names in place of numbers would not fit: an expression has 4 KB.
    names = {f"#{number}": name for number, name in enumerate(sorted(stored))}
    same = [f"{short} = :{short[1:]}" for short in names]
    absent = [f"attribute_not_exists({name})" for name in _ADDED_LATER if name not in stored]
    return {
        "ConditionExpression": " AND ".join([*same, *absent]),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {f":{short[1:]}": stored[name] for short, name in names.items()},
    }


def _compared(item: Mapping[str, Any]) -> dict[str, Any]:
    # By value: a number may be written as 25 and as 25.0.
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items() if name not in _IGNORED}


def _partition_key(item: Item, keys: frozenset[str]) -> str:
    """Return the partition key of an item of a table without a sort key."""
    return item[min(keys)].get("S", "")


def _is_undecided(item: Item) -> bool:
    return item.get("kind") == {"S": ItemKind.TRANSACTION.value} and "decision" not in item


def _key_names(client: "DynamoDBClient", table: str) -> frozenset[str]:
    schema = client.describe_table(TableName=table)["Table"].get("KeySchema", [])
    return frozenset(each["AttributeName"] for each in schema)
