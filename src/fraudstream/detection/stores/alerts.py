"""Alerts of transactions that were decided REVIEW or DECLINE."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import held_item, raise_unless_condition_failed
from fraudstream.detection.profiles.entities import EntityKind, entities
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.decisions.inline import is_stricter
from fraudstream.transactions.decisions.reasons import STRICTER_THAN_INLINE
from fraudstream.transactions.storage.attributes import from_item, to_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.transactions.decisions.decision import Decision, Label
    from fraudstream.transactions.decisions.inline import InlineResult
    from fraudstream.transactions.transaction import Transaction

STATUS_SHARDS: Final = 4
"""Parts of the index of alerts by status; the contract of everyone who reads it."""


class AlertStore:
    """The table of alerts."""

    def __init__(
        self, dynamodb: DynamoDBClient, table: str, retention_days: int, clock: Callable[[], float] = time.time
    ) -> None:
        """Store the table, the days until an alert expires, and a clock that returns seconds since the epoch."""
        self._dynamodb = dynamodb
        self._table = table
        self._retention_seconds = retention_days * SECONDS_A_DAY
        self._clock = clock

    def open(self, transaction: Transaction, decision: Decision, inline: InlineResult | None = None) -> bool:
        """Raise the alert of a transaction, or have the one that it has follow the decision; tell whether it had none.

        An earlier attempt may have raised it and died before it decided; another ruleset may decide otherwise since.

        Args:
            transaction: what is to be reviewed.
            decision: why.
            inline: what its client was answered at once; an alert says where the decision is stricter.
        """
        shown = _shown(decision, inline)
        alert = {
            "transactionId": transaction.transaction_id,
            "timestamp": transaction.timestamp,
            "createdAt": decision.decided_at,
            **_status("OPEN", transaction),
            **shown,
            "entity": entities(transaction)[EntityKind.CUSTOMER],
            "expiresAt": int(self._clock()) + self._retention_seconds,
        }
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=to_item(alert),
                ConditionExpression="attribute_not_exists(transactionId)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            held = from_item(held_item(error))
            if any(held.get(name) != value for name, value in shown.items()):
                # What a person has closed stays closed.
                status = {} if "label" in held else _status("OPEN", transaction)
                self._change(transaction, {**shown, **status})
            return False
        return True

    def correct(self, transaction: Transaction, decision: Decision, inline: InlineResult | None = None) -> None:
        """Have the alert of a transaction, if it has one, follow the decision, open or closed as it is."""
        self._change(transaction, _shown(decision, inline))

    def withdraw(self, transaction: Transaction, decision: Decision) -> bool:
        """Close the alert of a transaction that is approved after all; return whether there was an open one."""
        changes = {**_shown(decision, None), **_status("CLOSED", transaction), "closedAt": decision.decided_at}
        return self._change(transaction, changes, only_open=True)

    def _change(self, transaction: Transaction, changes: Mapping[str, object], *, only_open: bool = False) -> bool:
        values = to_item({f":{name}": value for name, value in changes.items()})
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"transactionId": {"S": transaction.transaction_id}},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
                ConditionExpression="#status = :open" if only_open else "attribute_exists(transactionId)",
                ExpressionAttributeNames={f"#{name}": name for name in changes},
                ExpressionAttributeValues=values | (to_item({":open": "OPEN"}) if only_open else {}),
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
            return False
        return True

    def close(self, transaction_id: str, label: Label) -> bool:
        """Close the alert of a transaction, or have a closed one show a newer label; tell whether it now shows it.

        It does too if an earlier attempt, or a call whose answer was lost, has closed it by the same label. One that
        was withdrawn is no alert any more.
        """
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"transactionId": {"S": transaction_id}},
                UpdateExpression="SET #status = :closed, statusShard = :shard, closedAt = :at, #label = :label",
                ConditionExpression="#status = :open OR closedAt < :at",
                ExpressionAttributeNames={"#status": "status", "#label": "label"},
                ExpressionAttributeValues=to_item(
                    {
                        ":closed": "CLOSED",
                        ":open": "OPEN",
                        ":shard": status_shard("CLOSED", transaction_id),
                        ":at": label.labeled_at,
                        ":label": label.label,
                    }
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
            stands = from_item(answer.get("Attributes", {}))
        except ClientError as error:
            stands = from_item(held_item(error))
        shown = (stands.get("closedAt"), stands.get("label")) == (label.labeled_at, label.label)
        return shown and stands.get("decision") != Verdict.APPROVE


def status_shard(status: str, transaction_id: str) -> str:
    """Return the part of the index by status in which an alert is."""
    return f"{status}#{zlib.crc32(transaction_id.encode()) % STATUS_SHARDS}"


def _status(status: str, transaction: Transaction) -> dict[str, object]:
    return {"status": status, "statusShard": status_shard(status, transaction.transaction_id)}


def _shown(decision: Decision, inline: InlineResult | None) -> dict[str, object]:
    """Return what an alert shows of its decision."""
    stricter = [STRICTER_THAN_INLINE] if is_stricter(decision.decision, inline) else []
    return {
        "decision": decision.decision,
        "score": decision.score,
        # One text: the pipe that tells of alerts can only pass on what is not a list.
        "reasonCodes": ",".join([*dict.fromkeys(reason.code for reason in decision.reasons), *stricter]),
    }
