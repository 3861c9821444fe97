"""The token of an entity that an operator names by a stored transaction."""

from typing import TYPE_CHECKING

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.entities import tokens
from fraudstream.transactions.storage.item import PoisonRecordError, decode_readable
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class UnknownEntityError(LookupError):
    """Nobody in particular is meant."""


def token_in_transaction(dynamodb: "DynamoDBClient", table: str, transaction_id: str, kind: EntityKind) -> str:
    """Return the token of the entity of a kind that a stored transaction touches.

    Args:
        dynamodb: asks DynamoDB.
        table: the table of transactions.
        transaction_id: the client's id.
        kind: of the entity.

    Raises:
        UnknownEntityError: there is no such transaction, or no such entity in it.
    """
    item = newest_item(dynamodb, table, transaction_id)
    if item is None:
        raise UnknownEntityError(f"{shown(transaction_id)}: there is no such transaction (any more)")
    try:
        token_of_kind = tokens(decode_readable(item).transaction)
    except PoisonRecordError as error:
        raise UnknownEntityError(f"{shown(transaction_id)}: {error}") from None
    if kind not in token_of_kind:
        raise UnknownEntityError(
            f"{shown(transaction_id)} has no {kind.value}: it has {', '.join(sorted(token_of_kind))}"
        )
    return token_of_kind[kind]
