"""What a customer did: the stored transactions, newest first, by the index `by-customer`.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.errors import error_code
from fraudstream.contract import CUSTOMER_INDEX
from fraudstream.transactions.decisions.decision import Truth, Verdict
from fraudstream.transactions.storage.attributes import AttributeValue, from_item, readable_values, to_item
from fraudstream.transactions.transaction import Channel, TransactionType
from fraudstream_tools.operations.batch_reads import KEYS_A_READ, read_batch
from fraudstream_tools.operations.review.alert_summary import rules_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_AT_ONCE: Final = KEYS_A_READ
_NO_SUCH_INDEX: Final = "ValidationException"
_SHOWN: Final = (
    "transactionId, receivedAt, #timestamp, #type, channel, amountMinor, currency, merchantId, merchantCountry, "
    "cardToken, deviceId, decision, score, reasons, label"
)
_LABELS: Final = [{"S": truth.value} for truth in Truth]
_NAMES: Final = {"#timestamp": "timestamp", "#type": "type"}


class CustomerIndexError(LookupError):
    """The table has no index of customers, or AWS still fills it."""


class PastTransaction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A transaction of a customer. Times are epoch milliseconds."""

    transaction_id: str
    timestamp: int
    """Its own."""
    received_at: int
    type: TransactionType
    amount_minor: int
    currency: str
    channel: Channel | None = None
    merchant_id: str | None = None
    merchant_country: str | None = None
    card_token: str | None = None
    device_id: str | None = None
    decision: Verdict | None = None
    """None: not decided yet, or never."""
    score: int | None = None
    label: Truth | None = None
    rules: tuple[str, ...] = ()
    """Behind the decision, strongest first, and `model` where one took part."""


class Position(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A place in a customer's history."""

    received_at: int
    timestamp: int
    transaction_id: str


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """A part of a customer's history."""

    transactions: Sequence[PastTransaction]
    """Newest first, by when they were received."""
    goes_on_after: Position | None
    """None where there is nothing older."""


class CustomerHistory:
    """Finds the transactions of customers."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        """Prepare to read.

        Args:
            dynamodb: asks DynamoDB.
            table: the table of transactions.
        """
        self._dynamodb = dynamodb
        self._table = table

    def page(self, customer: str, limit: int = 50, *, after: Position | None = None) -> HistoryPage:
        """Return some transactions of a customer that can be read, in two requests however many there are.

        Args:
            customer: the token.
            limit: how many at most, up to `MOST_AT_ONCE`.
            after: where the page before it ended.

        Raises:
            CustomerIndexError: there is no index (yet).
            TimeoutError: the table is too busy to give them.
        """
        more: dict[str, Any] = {}
        if after is not None:
            more["ExclusiveStartKey"] = to_item({**msgspec.to_builtins(after), "customerId": customer})
        try:
            answer = self._dynamodb.query(
                TableName=self._table,
                IndexName=CUSTOMER_INDEX,
                KeyConditionExpression="customerId = :customer",
                ExpressionAttributeValues={":customer": {"S": customer}},
                ScanIndexForward=False,
                Limit=limit,
                **more,
            )
        except ClientError as error:
            if error_code(error) != _NO_SUCH_INDEX:
                raise
            raise CustomerIndexError(
                "the table of transactions has no index of customers that can be used: set customerIndex to true, or "
                "wait until AWS has filled it"
            ) from None
        last = answer.get("LastEvaluatedKey")
        return HistoryPage(
            transactions=self._read(answer["Items"]),
            goes_on_after=msgspec.convert(from_item(last), Position) if last else None,
        )

    def _read(self, keys: Sequence[Mapping[str, Any]]) -> list[PastTransaction]:
        if not keys:
            return []
        asked = {
            "Keys": [{name: key[name] for name in ("transactionId", "timestamp")} for key in keys],
            "ProjectionExpression": _SHOWN,
            "ExpressionAttributeNames": _NAMES,
        }
        items = read_batch(self._dynamodb, self._table, asked)
        transactions = [past for item in items if (past := _past(item)) is not None]
        return sorted(transactions, key=lambda each: (each.received_at, each.timestamp), reverse=True)


def _past(item: Mapping[str, AttributeValue]) -> PastTransaction | None:
    """Read what is shown of a transaction, without a damaged label; None for an item that is none."""
    if item.get("label") not in _LABELS:
        item = {name: attribute for name, attribute in item.items() if name != "label"}
    try:
        fields = readable_values(item)
        return msgspec.convert({**fields, "rules": rules_of(fields.get("reasons", ()))}, PastTransaction)
    except (msgspec.ValidationError, KeyError, ValueError, TypeError, AttributeError):
        return None
