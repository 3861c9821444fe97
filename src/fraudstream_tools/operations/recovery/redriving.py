"""Transactions that were given up: sent to the analyzer again, by a change that the stream tells it of."""

from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.storage.store import newest_item
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNLEARNED = "attribute_exists(labeledAt) AND (attribute_not_exists(learntLabeledAt) OR learntLabeledAt <> labeledAt)"
_GIVEN_UP = f"(attribute_not_exists(decision) OR ({_UNLEARNED}))"


class UnknownTransactionError(LookupError):
    """There is no such transaction."""


def redrive_transaction(client: "DynamoDBClient", table: str, transaction_id: str) -> bool:
    """Send a transaction to the analyzer again, and return whether there was something left to do.

    Args:
        client: of DynamoDB.
        table: the transactions' table.
        transaction_id: which one.

    Raises:
        UnknownTransactionError: there is no such transaction.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    key = newest_item(client, table, transaction_id, "transactionId, #timestamp")
    if key is None:
        raise UnknownTransactionError(f"{shown(transaction_id)}: there is no such transaction (any more)")
    try:
        update = partial(
            client.update_item,
            TableName=table,
            Key=key,
            UpdateExpression="SET redrivenAt = :now",
            ConditionExpression=f"attribute_exists(transactionId) AND {_GIVEN_UP}",
            ExpressionAttributeValues={":now": {"N": str(epoch_milliseconds())}},
        )
        # The analyzer may be deciding it in this very moment, of an earlier redrive.
        write_after_others(update)
    except ClientError as error:
        raise_unless_condition_failed(error)
        return False
    return True
