"""The breaker of a live model, for who operates it: what it counted, whether it holds the model back, and its reset.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fraudstream.clock import epoch_milliseconds
from fraudstream.detection.models.breaker import WINDOW_HOURS, HourCount, hour_of, most_flagged
from fraudstream.detection.stores.decisions.breaker import BROKEN_AT, DECISIONS, FLAGGED, RESET_AT, counts_of, item_key
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.stored_items import read_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.models.model import ModelFile, Promise

RESET_BY = "resetBy"


class NotHeldBackError(ValueError):
    """There is nothing to reset."""


class BreakerState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a model's breaker."""

    version: str
    broken_at: int | None = None
    """Since when the model may not decline, epoch milliseconds; None: it may."""
    decisions: int = 0
    """Decisions of the last 24 hours, since the newest reset."""
    flagged: int = 0
    """Number of these that the model alone flagged."""
    allowed: float = 0.0
    """How many of them its promise allows."""
    is_readable: bool = True
    """Whether all that is stored are counts; else nothing keeps watch over the model until it is reset."""
    reset_at: int | None = None
    reset_by: str | None = None
    """The ARN of who reset it last."""


class _Noted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an item says beside its counts."""

    broken_at: int | None = None
    reset_at: int | None = None
    reset_by: str | None = None


class ModelBreaker:
    """Shows and resets breakers."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Callable[[], int] = epoch_milliseconds) -> None:
        """Store the table of profiles, and a clock that returns epoch milliseconds."""
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def state(self, model: "ModelFile") -> BreakerState | None:
        """Return what is known of a live model's breaker; None for a model that promises nothing."""
        if not model.promised:
            return None
        return self._state(model.version, model.promised, self._item(model.version))

    def _state(self, version: str, promise: "Promise", item: Mapping[str, Any]) -> BreakerState:
        last = hour_of(self._clock()) - WINDOW_HOURS
        # Whoever may reset a breaker may have put anything there.
        stored = _counts(item)
        counts = {hour: count for hour, count in (stored or {}).items() if hour > last}
        noted = read_item(item, _Noted) or _Noted()
        return BreakerState(
            version=version,
            broken_at=(noted.broken_at or 0) if BROKEN_AT in item else None,
            decisions=sum(count.decisions for count in counts.values()),
            flagged=sum(count.flagged for count in counts.values()),
            allowed=round(most_flagged(promise, counts), 1),
            is_readable=stored is not None,
            reset_at=noted.reset_at,
            reset_by=noted.reset_by,
        )

    def reset(self, model: "ModelFile", *, reason: str, audit: AuditLog) -> None:
        """Return to a model its power to decline, and count anew; a record says who did it and why.

        Args:
            model: the live one.
            reason: why.
            audit: where it is recorded, in the name of who does it.

        Raises:
            NotHeldBackError: the model is not held back, and what it counted can be read.
        """
        item = self._item(model.version)
        state = self._state(model.version, model.promised, item) if model.promised else None
        if state is None or (state.broken_at is None and state.is_readable):
            raise NotHeldBackError(f"model {model.version} is not held back: there is nothing to reset")
        removed = [BROKEN_AT, *(name for name in item if name.startswith((DECISIONS, FLAGGED)))]
        # Not by themselves: what somebody else called an attribute may be no word of an expression.
        names = {f"#{number}": name for number, name in enumerate(removed)}
        before: dict[str, Any] = msgspec.to_builtins(state)
        with audit.recorded("reset-breaker", f"model#{model.version}", reason=reason, before=before):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=item_key(model.version),
                UpdateExpression=f"SET {RESET_AT} = :at, {RESET_BY} = :by REMOVE {', '.join(names)}",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item({":at": self._clock(), ":by": audit.operator.arn}),
            )

    def _item(self, version: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(TableName=self._table, Key=item_key(version), ConsistentRead=True)
        return dict(answer.get("Item", {}))


def _counts(item: Mapping[str, Any]) -> dict[int, HourCount] | None:
    """Return an item's counts by hour; None where something else is among them."""
    try:
        return counts_of(item)
    except (TypeError, ValueError, KeyError):
        return None
