"""What a live model flags, counted by all analyzers together, in one item for each model beside the profiles.

Each environment keeps its counts in memory, and adds them to the item at most once a minute, in one write that also
answers with what all have counted. So a key is written once a minute by each environment: 60,000 of them would reach
what a key can take. Counts of an environment that ends before it has written them are lost, decisions and flagged ones
alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.dynamodb_errors import raise_unless_condition_failed
from fraudstream.clock import epoch_milliseconds, epoch_seconds
from fraudstream.contract import BREAKER_PREFIX
from fraudstream.detection.models.breaker import WINDOW_HOURS, HourCount, hour_of, is_broken
from fraudstream.durations import SECONDS_A_DAY
from fraudstream.transactions.storage.attributes import from_item, to_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.models.model import Model, Promise
    from fraudstream.transactions.storage.attributes import AttributeValue

BROKEN_AT: Final = "brokenAt"
"""The attribute of an item whose model has lost its power to decline: since when, epoch milliseconds."""
RESET_AT: Final = "resetAt"
"""The attribute that says when somebody gave a model its power back: what was counted before counts no more."""
DECISIONS, FLAGGED = "decisions", "flagged"
"""What the names of the counters begin with; the hour since the epoch follows."""
LOOK_SECONDS: Final = 60
_KEPT_DAYS: Final = 90
"""For which the item of a model that is not live any more stays: own choice."""
_FORGOTTEN_HOURS: Final = 48
"""Hours whose counters one write removes at most, so that it stays far below DynamoDB's limit of 4 KB for an
expression."""


class BreakerError(Exception):
    """Stored counts cannot be read."""


def item_key(version: str) -> dict[str, Any]:
    """Return the key of a model's item."""
    return to_item({"entity": BREAKER_PREFIX + version})


def counts_of(item: Mapping[str, AttributeValue]) -> dict[int, HourCount]:
    """Return an item's counts by hour.

    Raises:
        TypeError: an attribute is of a type that no count has.
        ValueError: an attribute is no count, or not one of an hour.
    """
    values = from_item({name: value for name, value in item.items() if name.startswith((DECISIONS, FLAGGED))})
    hours = [name.removeprefix(DECISIONS) for name in values if name.startswith(DECISIONS)]
    return {
        int(hour): HourCount(_count(values[f"{DECISIONS}{hour}"]), _count(values.get(f"{FLAGGED}{hour}", 0)))
        for hour in hours
    }


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("a count is a whole number from 0 on")
    return value


class BreakerReader:
    """Knows whether the live model may decline, for callers that count no decisions."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Callable[[], float] = epoch_seconds) -> None:
        """Store the table of profiles, and a clock of epoch seconds."""
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._version = ""
        self._is_broken = False
        self._next_look = 0.0

    def is_broken(self, model: Model | None) -> bool:
        """Return whether a live model has lost its power to decline; it is looked up once a minute.

        Raises:
            ClientError: DynamoDB refused.
            BotoCoreError: DynamoDB cannot be reached.
            BreakerError: DynamoDB is too busy to tell.
        """
        if model is None or not model.file.promised:
            return False
        if model.version != self._version or self._clock() >= self._next_look:
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": [item_key(model.version)]}})
            if answer.get("UnprocessedKeys"):
                raise BreakerError(f"{BREAKER_PREFIX}{model.version} could not be read: the table is too busy")
            self._is_broken = any(BROKEN_AT in item for item in answer["Responses"].get(self._table, ()))
            self._version, self._next_look = model.version, self._clock() + LOOK_SECONDS
        return self._is_broken


class BreakerWatch:
    """Knows whether the live model may decline, and counts what it flags."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        *,
        on_broken: Callable[[], None],
        on_failure: Callable[[Exception], None],
        clock: Callable[[], int] = epoch_milliseconds,
    ) -> None:
        """Store where counts are kept.

        Args:
            dynamodb: the client to count with.
            table: the table of profiles.
            on_broken: called at each look at which the model may not decline.
            on_failure: called where counts could not be added or read: what was known last goes on to count.
            clock: the time, epoch milliseconds.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._on_broken = on_broken
        self._on_failure = on_failure
        self._clock = clock
        self._version = ""
        self._pending: dict[int, HourCount] = {}
        self._forgotten: list[int] = []
        """Hours before the window that the item still holds, oldest first."""
        self._reset_at: AttributeValue | None = None
        """What the item said at the last look; None: nobody has reset it."""
        self._is_broken = False
        self._next_look = 0

    def is_broken(self, model: Model | None) -> bool:
        """Return whether a live model has lost its power to decline; it is looked up once a minute.

        Args:
            model: the live one, if there is one.
        """
        if model is None or not model.file.promised:
            return False
        if model.version != self._version:
            self._version, self._pending, self._forgotten = model.version, {}, []
            self._reset_at, self._is_broken, self._next_look = None, False, 0
        if self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS * 1000
            try:
                self._look(model.file.promised)
            except (ClientError, BotoCoreError, BreakerError) as error:
                self._on_failure(error)
            if self._is_broken:
                self._on_broken()
        return self._is_broken

    def count(self, model: Model | None, *, decisions: int, flagged: int) -> None:
        """Count decisions that were made now.

        Args:
            model: the live one that took part in them.
            decisions: how many.
            flagged: how many of them the model alone flagged.
        """
        if model is not None and model.version == self._version and decisions:
            hour = hour_of(self._clock())
            before = self._pending.get(hour, HourCount(0, 0))
            self._pending[hour] = HourCount(before.decisions + decisions, before.flagged + flagged)

    def _look(self, promise: Promise) -> None:
        now = self._clock()
        try:
            item = self._add(now)
        except ClientError as error:
            raise_unless_condition_failed(error)
            # Somebody has reset the breaker since the last look: what this environment counted may be from before.
            self._pending = {}
            item = self._add(now)
        last = hour_of(now) - WINDOW_HOURS
        self._pending = {}
        self._is_broken, self._reset_at = BROKEN_AT in item, item.get(RESET_AT)
        try:
            counts = counts_of(item)
        except (TypeError, ValueError, KeyError) as error:
            raise BreakerError(f"{BREAKER_PREFIX}{self._version} cannot be read: {type(error).__name__}") from None
        self._forgotten = sorted(hour for hour in counts if hour <= last)
        if not self._is_broken and is_broken(promise, {hour: counts[hour] for hour in counts if hour > last}):
            self._break(now)

    def _add(self, now: int) -> Mapping[str, AttributeValue]:
        """Add what was counted since the last look, and return all that is stored.

        Raises:
            ClientError: DynamoDB refused; its condition fails if somebody has reset the breaker since the last look.
            BotoCoreError: DynamoDB cannot be reached.
        """
        added = {
            f"{name}{hour}": number
            for hour, count in self._pending.items()
            for name, number in ((DECISIONS, count.decisions), (FLAGGED, count.flagged))
        }
        old = [f"{name}{hour}" for hour in self._forgotten[:_FORGOTTEN_HOURS] for name in (DECISIONS, FLAGGED)]
        update = "SET expiresAt = :expires"
        condition: dict[str, Any] = {}
        values = to_item(
            {":expires": now // 1000 + _KEPT_DAYS * SECONDS_A_DAY, **{f":{name}": n for name, n in added.items()}}
        )
        if old:
            update += " REMOVE " + ", ".join(old)
        if added:
            update += " ADD " + ", ".join(f"{name} :{name}" for name in added)
            condition = {"ConditionExpression": f"attribute_not_exists({RESET_AT})"}
            if self._reset_at is not None:
                condition = {"ConditionExpression": f"{RESET_AT} = :reset"}
                values[":reset"] = self._reset_at
        # A retry whose first attempt was applied counts twice, once in a while: it is a share that is watched.
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=item_key(self._version),
            UpdateExpression=update,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **condition,
        )
        return answer.get("Attributes", {})

    def _break(self, now: int) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=item_key(self._version),
                UpdateExpression="SET #broken = :now",
                ConditionExpression="attribute_not_exists(#broken)",
                ExpressionAttributeNames={"#broken": BROKEN_AT},
                ExpressionAttributeValues=to_item({":now": now}),
            )
        except ClientError as error:
            raise_unless_condition_failed(error)
        self._is_broken = True
