"""The outbox: the table of events, whose stream carries them on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.contract import OUTBOX_RETENTION_DAYS
from fraudstream.detection.events import OutboundEvent, decision_events, label_events
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.storage.attributes import to_item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

    from fraudstream.transactions.decisions.decision import Decision, Label
    from fraudstream.transactions.decisions.inline import InlineResult
    from fraudstream.transactions.transaction import Transaction


class Outbox:
    """The table of events."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        *,
        types: Iterable[str],
        environment: str,
    ) -> None:
        """Store where events are put, and which.

        Args:
            dynamodb: a client.
            table: the outbox's name.
            types: of the events that are put; others are dropped.
            environment: the stack's suffix, which each event names.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._types = frozenset(types)
        self._environment = environment

    def of_decision(
        self, transaction: Transaction, decision: Decision, inline: InlineResult | None, *, has_alert: bool
    ) -> list[PutTypeDef]:
        """Return the puts that tell of a decision, to be written together with it: what is stored has been told."""
        events = decision_events(transaction, decision, inline, environment=self._environment, has_alert=has_alert)
        return [self._put(event) for event in self._wanted(events)]

    def tell_label(self, transaction: Transaction, label: Label, *, closes_alert: bool) -> None:
        """Store what is to be told of a label; what was put before stays as it is."""
        events = label_events(transaction, label, environment=self._environment, closes_alert=closes_alert)
        for event in self._wanted(events):
            try:
                self._dynamodb.put_item(**{**self._put(event), "ConditionExpression": "attribute_not_exists(eventId)"})
            except ClientError as error:
                raise_unless_condition_failed(error)

    def _wanted(self, events: Iterable[OutboundEvent]) -> list[OutboundEvent]:
        return [event for event in events if event.event_type in self._types]

    def _put(self, event: OutboundEvent) -> PutTypeDef:
        values: dict[str, Any] = msgspec.to_builtins(event)
        expires_at = int(time.time()) + OUTBOX_RETENTION_DAYS * SECONDS_A_DAY
        return {"TableName": self._table, "Item": to_item({**values, "expiresAt": expires_at})}
