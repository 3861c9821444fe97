"""Cases in the table of alerts, changed by conditional updates alone.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from fraudstream.aws.conflicts import write_after_others
from fraudstream.aws.dynamodb_errors import first_refused, held_item, is_in_conflict
from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import ALERT_ENTITY_INDEX, CASE_KIND, CASE_PREFIX
from fraudstream.transactions.decisions.decision import Truth
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.updates import change_of
from fraudstream_tools.operations.batch_reads import KEYS_A_READ, read_batch
from fraudstream_tools.operations.cases.case import (
    CaseEvent,
    CaseEventKind,
    ReviewCase,
    case_entity,
    case_key,
    new_case_id,
    open_among,
    without,
)
from fraudstream_tools.operations.cases.news import CaseNews
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.assignments import AlertTakenError
from fraudstream_tools.operations.review.reviews import ANALYST

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

MAX_EVENTS: Final = 400
"""Own choice: with notes of 500 bytes each, half of what an item may hold."""
_CASES_OF_AN_ENTITY: Final = 100
"""The newest that are read; own choice."""
_ATTEMPTS: Final = 5


class CaseStore:
    """The items of cases."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        clock: Callable[[], int] = epoch_milliseconds,
        *,
        news: CaseNews | None = None,
    ) -> None:
        """Store where cases are.

        Args:
            dynamodb: asks DynamoDB.
            table: the table of alerts.
            clock: returns epoch milliseconds.
            news: tells other systems of them; None: nobody is told.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._news = news

    def get(self, case_id: str) -> ReviewCase | None:
        """Return a case; None where there is none, or none that can be read."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=case_key(case_id), ConsistentRead=True)
        return ReviewCase.from_item(answer["Item"]) if "Item" in answer else None

    def _wanted(self, case_id: str) -> ReviewCase:
        """Return a case that was there.

        Raises:
            AlertTakenError: it is gone, or cannot be read.
        """
        if (case := self.get(case_id)) is None:
            raise AlertTakenError("the case was deleted meanwhile: look again")
        return case

    def of_entity(self, entity: str) -> list[ReviewCase]:
        """Return the cases of a customer or card that can be read, newest first.

        Args:
            entity: such as `customer#tok_…`.
        """
        answer = self._dynamodb.query(
            TableName=self._table,
            IndexName=ALERT_ENTITY_INDEX,
            KeyConditionExpression="entity = :entity",
            ExpressionAttributeValues={":entity": {"S": case_entity(entity)}},
            ScanIndexForward=False,
            Limit=_CASES_OF_AN_ENTITY,
        )
        return [case for item in answer["Items"] if (case := ReviewCase.from_item(item)) is not None]

    def of_alert(self, alert: AlertSummary) -> ReviewCase | None:
        """Return the case that an alert is in, or else its customer's open one, which it becomes part of."""
        if alert.case_id is not None:
            return self.get(alert.case_id)
        return open_among(self.of_entity(alert.entity))

    def by_ids(self, case_ids: Collection[str]) -> Iterator[ReviewCase]:
        """Yield the cases of some ids that can be read, a hundred for a request.

        Raises:
            TimeoutError: the table is too busy to give them.
        """
        ids = sorted(case_ids)
        for start in range(0, len(ids), KEYS_A_READ):
            keys = [case_key(each) for each in ids[start : start + KEYS_A_READ]]
            asked = {"Keys": keys, "ConsistentRead": True}
            items = read_batch(self._dynamodb, self._table, asked)
            yield from (case for item in items if (case := ReviewCase.from_item(item)) is not None)

    def opened(self, alert: AlertSummary, by: str) -> ReviewCase:
        """Return the case of an alert, or open the next one of its customer.

        Args:
            alert: as it was read.
            by: the ARN of who opens it.

        Raises:
            AlertTakenError: others opened and closed cases of it at every attempt.
        """
        if alert.case_id is not None:
            return self.get(alert.case_id) or self._open(alert, alert.case_id, by) or self._wanted(alert.case_id)
        earlier = self.of_entity(alert.entity)
        # By the newest one, not by how many there are: old ones expire, and not all are read.
        newest = earlier[0].case_id if earlier else None
        for _ in range(_ATTEMPTS):
            if (current := open_among(earlier)) is not None:
                return current
            case_id = new_case_id(alert.entity, newest)
            # The index may not know the newest case yet: the item is asked.
            made = self._open(alert, case_id, by) or self._wanted(case_id)
            if made.status is AlertStatus.OPEN:
                return made
            newest = case_id
        raise AlertTakenError("others open and close cases of this customer at the same time: do it again")

    def change(
        self,
        case_id: str,
        event: CaseEvent,
        fields: Callable[[ReviewCase], Mapping[str, Any]],
        *,
        alert: AlertSummary | None = None,
        label: Truth | None = None,
        source: str = ANALYST,
    ) -> ReviewCase:
        """Change a case, and add what was done to its history; where others change it meanwhile, it is read again.

        Args:
            case_id: which.
            event: what is done, by whom.
            fields: returns fields of a case as it is now, with new values; it raises where that may not be.
            alert: the one by which the case is closed or opened again, if it is.
            label: what that alert's transaction turned out to be.
            source: who says so.

        Raises:
            AlertTakenError: it is gone, full, or others changed it at every attempt.
        """
        for _ in range(_ATTEMPTS):
            case = self._wanted(case_id)
            after = msgspec.structs.replace(
                case, version=case.version + 1, events=(*case.events, event), **fields(case)
            )
            if len(after.events) > MAX_EVENTS and event.what is CaseEventKind.NOTED:
                raise AlertTakenError(f"a case keeps {MAX_EVENTS} notes and events, and this one has them: close it")
            news = self._news.of_change(case, after, alert, label, source) if self._news and alert else None
            held = self._write(after, "#version = :before", {":before": case.version}, news)
            if held is None or _is_own(held, event):
                return after
        raise AlertTakenError("others changed the case at every attempt: look again")

    def forget(self, case_id: str, names: AbstractSet[str]) -> None:
        """Remove transactions and tokens of somebody who is erased from a case and its history.

        Raises:
            AlertTakenError: others changed the case at every attempt.
        """
        for _ in range(_ATTEMPTS):
            case = self.get(case_id)
            if case is None:
                return
            after = msgspec.structs.replace(without(case, names), version=case.version + 1)
            if self._write(after, "#version = :before", {":before": case.version}) is None:
                return
        raise AlertTakenError("others changed a case at every attempt: run the same again")

    def event(self, what: CaseEventKind, by: str, text: str = "") -> CaseEvent:
        """Return an event of this moment."""
        return CaseEvent(at=self._clock(), by=by, what=what, text=text)

    def _open(self, alert: AlertSummary, case_id: str, by: str) -> ReviewCase | None:
        """Open a case; return None where it is there."""
        event = self.event(CaseEventKind.OPENED, by)
        case = ReviewCase(
            case_id=case_id,
            entity=alert.entity,
            status=AlertStatus.OPEN,
            created_at=event.at,
            alerts=(alert.transaction_id,),
            version=1,
            expires_at=alert.expires_at,
            events=(event,),
        )
        news = self._news.of_change(None, case, alert, None) if self._news else None
        held = self._write(case, "attribute_not_exists(transactionId)", {}, news)
        return case if held is None or _is_own(held, event) else None

    def _write(
        self, case: ReviewCase, condition: str, values: Mapping[str, Any], news: "UpdateTypeDef | None" = None
    ) -> ReviewCase | None:
        """Write a case if a condition holds, and what is told of it with it; return what is there where it does not.

        Items are updated and never put: a policy allows an analyst no more.
        """
        fields = msgspec.to_builtins(case)
        gone = [name for name in ("assignee", "assignedAt", "snoozedUntil", "closedAt") if name not in fields]
        fields |= {"kind": CASE_KIND, "entity": case_entity(case.entity)}
        update: UpdateTypeDef = {
            "TableName": self._table,
            "Key": case_key(case.case_id),
            **change_of(to_item(fields), removed=gone, compared=to_item(values)),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            if news is None:
                write_after_others(lambda: self._dynamodb.update_item(**update))
            else:
                both: list[TransactWriteItemTypeDef] = [{"Update": update}, {"Update": news}]
                write_after_others(lambda: self._dynamodb.transact_write_items(TransactItems=both))
        except ClientError as error:
            if is_in_conflict(error):
                raise AlertTakenError("somebody else changes the case at this moment: do it again") from None
            held = held_item(error) if news is None else first_refused(error)
            if not held:
                raise AlertTakenError("the case was deleted meanwhile: look again") from None
            if (there := ReviewCase.from_item(held)) is None:
                raise AlertTakenError(
                    f"what is stored of this case cannot be read: look at the item {CASE_PREFIX}{case.case_id} in the "
                    "table of alerts, and delete it"
                ) from None
            return there
        return None


def _is_own(held: ReviewCase, event: CaseEvent) -> bool:
    """Return whether a case holds an event already: the answer to the write was lost, and it was sent again."""
    return event in held.events
