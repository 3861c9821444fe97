"""The table of transactions: claim-then-put, and reading.

A transaction is written twice, in this order: a claim, which makes its id unique, then the transaction itself. Both
writes are conditional, so a repeated request can neither store a second transaction nor touch a decided one, and a
request that died between the two is completed by its repetition.
"""

import secrets
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.dynamodb_errors import is_condition_failure
from fraudstream.contract import CLAIM_TIMESTAMP, ItemKind
from fraudstream.durations import DAY
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.decisions.inline import InlineAttempt, InlineDecider, inline_to_item
from fraudstream.transactions.pseudonyms.pseudonymize import is_same_payload, payload_hash, pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.storage.attributes import Item, readable_values, to_item
from fraudstream.transactions.storage.deadline import DeadlineExceededError
from fraudstream.transactions.storage.item import StoredTransaction, decode_readable
from fraudstream.transactions.storage.sampling import sample_mark
from fraudstream.transactions.transaction import Transaction

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Whoever may label may write attributes of a label under any key: an item of those alone claims nothing, and keeps out
# no transaction.
_IF_UNCLAIMED = "attribute_not_exists(payloadHash)"
_IF_ABSENT = "attribute_not_exists(kind)"
_TOKEN_BYTES = 6


class ConflictError(Exception):
    """Another transaction was stored under the same id."""


class StoreUnavailableError(Exception):
    """DynamoDB did not do what it was asked; its cause says why."""


class Waiting(NamedTuple):
    """A client that waits for a decision."""

    decider: InlineDecider
    seconds: float
    """How long it is ready to wait."""


class PutResult(NamedTuple):
    """What a put came to."""

    stored: StoredTransaction
    is_new: bool
    """False if the transaction had been stored before."""


@dataclass(frozen=True, kw_only=True)
class TransactionStore:
    """Writes and reads transactions."""

    client: "DynamoDBClient"
    table: str
    tokenizer: Tokenizer
    retention_days: int
    placeholders: AbstractSet[str] = frozenset()
    """Values, in small letters, that clients send in place of an identifier which they do not have."""

    def put(self, request: TransactionRequest, *, now: int, waiting: Waiting | None = None) -> PutResult:
        """Store a transaction, or find that it is stored.

        Args:
            request: a valid request.
            now: time of receipt, in epoch milliseconds; also the transaction's own time if the request has none.
            waiting: who decides, if the client waits for it. Whatever comes of that, the transaction is stored.

        Raises:
            ConflictError: its id belongs to another transaction.
            StoreUnavailableError: DynamoDB failed; the same call may be repeated.
        """
        transaction = pseudonymize(
            request,
            self.tokenizer,
            timestamp=request.timestamp if isinstance(request.timestamp, int) else now,
            received_at=now,
            placeholders=self.placeholders,
        )
        # What the decision needs is read while the claim is written.
        if waiting is None:
            return self._claim_and_put(request, transaction, None)
        with closing(waiting.decider.attempt(transaction, waiting.seconds)) as attempt:
            return self._claim_and_put(request, transaction, attempt)

    def _claim_and_put(
        self, request: TransactionRequest, transaction: Transaction, attempt: InlineAttempt | None
    ) -> PutResult:
        claim: dict[str, Any] = {
            "transactionId": request.transaction_id,
            "timestamp": CLAIM_TIMESTAMP,
            "kind": ItemKind.CLAIM.value,
            "payloadHash": payload_hash(request, self.tokenizer),
            "transactionTimestamp": transaction.timestamp,
            "expiresAt": (transaction.received_at + self.retention_days * DAY) // 1000,
        }
        # A claim whose transaction never comes is found by the same mark.
        mark = sample_mark(transaction.transaction_id, transaction.received_at)
        claim |= mark and {**mark, "receivedAt": transaction.received_at}
        if held := self._put_if_absent(to_item(claim), _IF_UNCLAIMED):
            earlier = readable_values(held)
            if not is_same_payload(request, earlier["payloadHash"], self.tokenizer):
                raise ConflictError
            claim = earlier  # its time and its end, so that the transaction is the one that was claimed
            transaction = msgspec.structs.replace(transaction, timestamp=claim["transactionTimestamp"])
        inline = None if attempt is None else attempt.result(transaction)
        token = secrets.token_bytes(_TOKEN_BYTES)
        beside = {"kind": ItemKind.TRANSACTION.value, "expiresAt": claim["expiresAt"], "writeToken": token}
        beside |= mark
        item = transaction.to_item() | to_item(beside) | inline_to_item(inline)
        present = self._put_if_absent(item)
        # With this token it is this very one: the answer was lost, and the SDK repeated it.
        if present and present.get("writeToken") != item["writeToken"]:
            return PutResult(decode_readable(present), is_new=False)
        return PutResult(StoredTransaction(transaction, inline=inline), is_new=True)

    def get(self, transaction_id: str) -> StoredTransaction | None:
        """Read a transaction; None if there is none, or only its claim.

        Raises:
            StoreUnavailableError: DynamoDB failed; the same call may be repeated.
        """
        try:
            item = newest_item(self.client, self.table, transaction_id)
        except (BotoCoreError, ClientError, DeadlineExceededError) as error:
            raise StoreUnavailableError from error
        return None if item is None else decode_readable(item)

    def _put_if_absent(self, item: Item, is_absent: str = _IF_ABSENT) -> Item | None:
        """Write an item if its key is free; else return the item that is stored, which costs no read."""
        try:
            self.client.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression=is_absent,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if is_condition_failure(error) and "Item" in error.response:
                return error.response["Item"]
            raise StoreUnavailableError from error
        except (BotoCoreError, DeadlineExceededError) as error:
            raise StoreUnavailableError from error
        return None


def newest_item(
    client: "DynamoDBClient", table: str, transaction_id: str, attributes: str | None = None
) -> Item | None:
    """Read a transaction's item, consistently; None if there is none, or only its claim.

    A card number is the id of none, and is not asked for: trails of who read what keep the keys. What is no transaction
    is passed over: whoever may label may write attributes of a label under any key, and a later time than its own would
    hide a transaction with its decision.

    Args:
        client: asks DynamoDB.
        table: the table of transactions.
        transaction_id: the client's id.
        attributes: a projection expression in which `#timestamp` names the timestamp; None reads the whole item.
    """
    if holds_card_number(transaction_id):
        return None
    projection: dict[str, Any] = {} if attributes is None else {"ProjectionExpression": attributes}
    asked: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "transactionId = :id AND #timestamp > :claim",
        "FilterExpression": "kind = :kind",
        "ExpressionAttributeNames": {"#timestamp": "timestamp"},
        "ExpressionAttributeValues": to_item(
            {":id": transaction_id, ":claim": CLAIM_TIMESTAMP, ":kind": ItemKind.TRANSACTION.value}
        ),
        "ConsistentRead": True,
        "ScanIndexForward": False,
        **projection,
    }
    # A limit is of items before the filter: the first one is the transaction, but for such a case.
    page = client.query(**asked, Limit=1)
    while not page["Items"] and "LastEvaluatedKey" in page:
        page = client.query(**asked, ExclusiveStartKey=page["LastEvaluatedKey"])
    return page["Items"][0] if page["Items"] else None
