"""The review queue: alerts, with what a person needs to choose the next one.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fraudstream.contract import ALERT_ENTITY_INDEX, ALERT_STATUS_INDEX, EntityKind
from fraudstream.detection.rules.rates import Rates
from fraudstream.detection.stores.decisions.alerts import STATUS_SHARDS
from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream.transactions.storage.attributes import from_item, to_item
from fraudstream.transactions.transaction import Channel, TransactionType
from fraudstream_tools.operations.batch_reads import KEYS_A_READ, read_batch
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary, rules_of
from fraudstream_tools.rules.taken_names import EXPLORATION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_OF_A_CARD: Final = 500
"""Open alerts among which those of a card are found; own choice: five requests for their transactions."""
_SHOWN_ATTRIBUTES: Final = (
    "transactionId, #timestamp, amountMinor, currency, #type, channel, cardToken, reasons, probability"
)


class AlertOrder(StrEnum):
    """Which alert comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    SCORE = "score"
    """The highest score."""
    AMOUNT = "amount"
    """The highest amount in the base currency."""
    LOSS = "loss"
    """The highest expected loss; where no amounts can be compared, what is most likely fraud."""


@dataclass(frozen=True, kw_only=True)
class AlertQuery:
    """Which alerts are wanted, and in which order."""

    status: AlertStatus = AlertStatus.OPEN
    order: AlertOrder = AlertOrder.NEWEST
    rule: str | None = None
    """The id of a rule, a reason code, `model` or `exploration`."""
    channel: Channel | None = None
    minimum_amount: float | None = None
    """In the base currency; what has no exchange rate is never left out by it."""
    assignee: str | None = None
    """The ARN of who works on it; empty for alerts on which nobody does."""
    raised_from: int = 0
    """Epoch milliseconds, inclusive."""
    raised_until: int = 2**53
    """Epoch milliseconds, inclusive."""

    def fits(self, alert: AlertSummary) -> bool:
        """Return whether an alert with its transaction's fields is wanted."""
        return (
            (self.rule is None or self.rule in alert.rules or self.rule in alert.reason_codes.split(","))
            and (self.channel is None or self.channel == alert.channel)
            and (self.assignee is None or self.assignee == (alert.assignee or ""))
            and (self.minimum_amount is None or alert.amount_base is None or alert.amount_base >= self.minimum_amount)
        )


class AlertQueue:
    """Reads alerts, and the transactions that they are about."""

    def __init__(
        self, dynamodb: "DynamoDBClient", *, alerts: str, transactions: str, rates: Rates | None = None
    ) -> None:
        """Store where they are.

        Args:
            dynamodb: the client to read with.
            alerts: the table of alerts.
            transactions: the table of transactions.
            rates: exchange rates; without them no amount is compared with another.
        """
        self._dynamodb = dynamodb
        self._alerts = alerts
        self._transactions = transactions
        self._rates = rates

    @property
    def base_currency(self) -> str | None:
        """In what amounts are compared; None without exchange rates."""
        return self._rates.base if self._rates else None

    def find(self, query: AlertQuery, limit: int | None = None, *, among: int | None = None) -> list[AlertSummary]:
        """Return the alerts that are wanted; no more is read than the order needs.

        Args:
            query: which, and in which order.
            limit: how many at most; None for all.
            among: how many are looked at, the newest (or oldest, in that order); None for all. It bounds what is read.
        """
        alerts: Iterator[AlertSummary] = islice(self._raised(query), among)
        if query.order is AlertOrder.SCORE:
            alerts = iter(sorted(alerts, key=lambda alert: alert.score, reverse=True))
        wanted = filter(query.fits, self._with_transactions(alerts))
        if query.order is AlertOrder.AMOUNT:
            wanted = iter(sorted(wanted, key=lambda alert: alert.amount_base or 0, reverse=True))
        elif query.order is AlertOrder.LOSS:
            wanted = iter(sorted(wanted, key=lambda alert: (alert.expected_loss, alert.likelihood), reverse=True))
        return list(islice(wanted, limit))

    def get(self, transaction_id: str) -> AlertSummary | None:
        """Return the alert of a transaction; None where there is none, or none that can be read."""
        # As of transactions, a card number is not asked for.
        if holds_card_number(transaction_id):
            return None
        answer = self._dynamodb.get_item(
            TableName=self._alerts, Key={"transactionId": {"S": transaction_id}}, ConsistentRead=True
        )
        found = _readable([answer["Item"]] if "Item" in answer else [])
        return next(self._with_transactions(found), None)

    def of_customer(self, customer: str, limit: int) -> list[AlertSummary]:
        """Return a customer's alerts, open and closed, newest first.

        Args:
            customer: the token.
            limit: how many at most.
        """
        return list(self._with_transactions(islice(self._of_customer(customer, PageSize=limit), limit)))

    def open_of_customer(self, customer: str, limit: int) -> list[AlertSummary]:
        """Return a customer's open alerts, newest first, however many closed ones there are.

        Args:
            customer: the token.
            limit: how many at most.
        """
        found = (each for each in self._of_customer(customer) if each.status is AlertStatus.OPEN)
        return list(self._with_transactions(islice(found, limit)))

    def of_card(self, card: str) -> list[AlertSummary]:
        """Return the alerts of a card among the newest `OPEN_OF_A_CARD` open ones: alerts are not indexed by card.

        Args:
            card: the token.
        """
        return [alert for alert in self.find(AlertQuery(), among=OPEN_OF_A_CARD) if alert.card == card]

    def by_ids(self, transaction_ids: Sequence[str]) -> list[AlertSummary]:
        """Return the alerts of transactions as they are now, without those that are gone; a hundred for a request.

        Raises:
            TimeoutError: the table is too busy to give them.
        """
        found: list[AlertSummary] = []
        for start in range(0, len(transaction_ids), KEYS_A_READ):
            keys = [to_item({"transactionId": each}) for each in transaction_ids[start : start + KEYS_A_READ]]
            asked = {"Keys": keys, "ConsistentRead": True}
            found += _readable(read_batch(self._dynamodb, self._alerts, asked))
        return list(self._with_transactions(iter(found)))

    def open_of(self, transaction_ids: Iterable[str], *assignees: str | None) -> list[AlertSummary]:
        """Return the open alerts of transactions that one of some people has, as they are now.

        Args:
            transaction_ids: of which transactions.
            assignees: the people's ARNs; None for nobody.

        Raises:
            TimeoutError: the table is too busy to give them.
        """
        return [
            each
            for each in self.by_ids(tuple(transaction_ids))
            if each.status is AlertStatus.OPEN and each.assignee in assignees
        ]

    def _raised(self, query: AlertQuery) -> Iterator[AlertSummary]:
        newest_first = query.order is not AlertOrder.OLDEST
        shards = (
            self._shard(query, f"{query.status}#{shard}", newest_first=newest_first) for shard in range(STATUS_SHARDS)
        )
        return heapq.merge(*shards, key=lambda alert: alert.created_at, reverse=newest_first)

    def _of_customer(self, customer: str, **paging: int) -> Iterator[AlertSummary]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._alerts,
            IndexName=ALERT_ENTITY_INDEX,
            KeyConditionExpression="entity = :entity",
            ExpressionAttributeValues={":entity": {"S": EntityKind.CUSTOMER.key(customer)}},
            ScanIndexForward=False,
            PaginationConfig=paging,  # pyright: ignore[reportArgumentType]  (a dictionary that is put together)
        )
        for page in pages:
            yield from _readable(page["Items"])

    def _shard(self, query: AlertQuery, status_shard: str, *, newest_first: bool) -> Iterator[AlertSummary]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._alerts,
            IndexName=ALERT_STATUS_INDEX,
            KeyConditionExpression="statusShard = :shard AND createdAt BETWEEN :from AND :until",
            ExpressionAttributeValues=to_item(
                {":shard": status_shard, ":from": query.raised_from, ":until": query.raised_until}
            ),
            ScanIndexForward=not newest_first,
        )
        for page in pages:
            yield from _readable(page["Items"])

    def _with_transactions(self, alerts: Iterator[AlertSummary]) -> Iterator[AlertSummary]:
        while some := list(islice(alerts, KEYS_A_READ)):
            found = self._read(some)
            for alert in some:
                fields = found.get(alert.transaction_id)
                yield alert if fields is None else self._joined(alert, fields)

    def _joined(self, alert: AlertSummary, fields: Mapping[str, Any]) -> AlertSummary:
        amount, currency = fields["amountMinor"], fields["currency"]
        return msgspec.structs.replace(
            alert,
            amount_minor=amount,
            currency=currency,
            type=TransactionType(fields["type"]),
            channel=Channel(fields["channel"]) if "channel" in fields else None,
            card=fields.get("cardToken"),
            rules=(
                *((EXPLORATION,) if alert.exploration_propensity is not None else ()),
                *rules_of(fields.get("reasons", ())),
            ),
            probability=fields.get("probability"),
            amount_base=self._rates.to_base(amount, currency, alert.timestamp) if self._rates else None,
        )

    def _read(self, alerts: Sequence[AlertSummary]) -> dict[str, dict[str, Any]]:
        """Return what is shown of the transactions of at most a hundred alerts, by id.

        Raises:
            TimeoutError: the table is too busy to give them.
        """
        keys = [to_item({"transactionId": alert.transaction_id, "timestamp": alert.timestamp}) for alert in alerts]
        asked: dict[str, Any] = {
            "Keys": keys,
            "ProjectionExpression": _SHOWN_ATTRIBUTES,
            "ExpressionAttributeNames": {"#timestamp": "timestamp", "#type": "type"},
        }
        items = map(from_item, read_batch(self._dynamodb, self._transactions, asked))
        return {fields["transactionId"]: fields for fields in items}


def _readable(items: Iterable[Mapping[str, Any]]) -> Iterator[AlertSummary]:
    return (alert for item in items if (alert := AlertSummary.from_item(item)) is not None)
