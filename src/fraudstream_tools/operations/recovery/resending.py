"""Events that a receiver has missed: sent once more, by a change in the outbox that its stream tells of.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import EVENT_FIELDS, RESENT_AT
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.storage.attributes import readable_values, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_DIGITS: Final = 13
"""Digits of times in epoch milliseconds, from 2001 to 2286: as texts they sort as the numbers do."""


StoredEvent: TypeAlias = Mapping[str, str]
"""The fields of an event as they are stored: empty where one is missing. Its type may be a newer version's."""


def events_of(dynamodb: "DynamoDBClient", outbox: str, transaction_id: str) -> list[StoredEvent]:
    """Return the events of a transaction that the outbox still has, oldest first.

    Args:
        dynamodb: asks DynamoDB.
        outbox: the table's name.
        transaction_id: the client's id.
    """
    # As of transactions, a card number is not asked for: trails of who read what keep the keys.
    if holds_card_number(transaction_id):
        return []
    pages = dynamodb.get_paginator("query").paginate(
        TableName=outbox,
        KeyConditionExpression="transactionId = :id",
        ExpressionAttributeValues=to_item({":id": transaction_id}),
    )
    return sorted((_event(item) for page in pages for item in page["Items"]), key=lambda event: event["eventTime"])


def events_since(dynamodb: "DynamoDBClient", outbox: str, since: int) -> Iterator[StoredEvent]:
    """Yield the events that happened since a time, in no order; the whole outbox is read.

    Args:
        dynamodb: asks DynamoDB.
        outbox: the table's name.
        since: epoch milliseconds.
    """
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=outbox,
        FilterExpression="eventTime >= :since",
        ExpressionAttributeValues=to_item({":since": f"{since:0{_DIGITS}d}"}),
    )
    for page in pages:
        yield from map(_event, page["Items"])


def resend(dynamodb: "DynamoDBClient", outbox: str, event: StoredEvent) -> bool:
    """Have an event sent once more, by the same `eventId`; return whether the outbox still has it."""
    try:
        dynamodb.update_item(
            TableName=outbox,
            Key=to_item({name: event[name] for name in ("transactionId", "eventId")}),
            UpdateExpression=f"SET {RESENT_AT} = :now",
            ConditionExpression="attribute_exists(eventId)",
            ExpressionAttributeValues=to_item({":now": epoch_milliseconds()}),
        )
    except ClientError as error:
        raise_unless_condition_failed(error)
        return False
    return True


def _event(item: Any) -> StoredEvent:  # noqa: ANN401  (DynamoDB's form)
    # Whoever may tell of cases may have put anything into an event of one.
    fields = readable_values(item)
    # Whoever goes back to this version still has to send again what a newer one told, whatever that was.
    return {name: str(fields.get(name, "")) for name in EVENT_FIELDS}
