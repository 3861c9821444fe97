"""The stack's alarms that ring now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

_MOST: Final = 100
"""CloudWatch's limit for one answer; a stack has a fifth of that."""
_PREFIX: Final = "alarm-"


@dataclass(frozen=True, kw_only=True)
class RingingAlarm:
    """An alarm that was raised and has not ended."""

    name: str
    """Its purpose, such as `dead-letters`, as docs/operations.md lists it."""
    since: int
    """Epoch milliseconds."""
    why: str
    """In CloudWatch's words."""


def ringing_alarms(cloudwatch: Any, environment: str) -> Sequence[RingingAlarm] | None:  # noqa: ANN401  (boto3's client)
    """Return the alarms of a stack that ring, by name, in one request; None for who may not see them.

    Args:
        cloudwatch: boto3's client.
        environment: the suffix of the stack's names.

    Raises:
        BotoCoreError: AWS cannot be reached.
    """
    try:
        answer = cloudwatch.describe_alarms(
            StateValue="ALARM", AlarmNamePrefix=_PREFIX, AlarmTypes=["MetricAlarm"], MaxRecords=_MOST
        )
    except ClientError:
        return None
    end = f"-{environment}"
    found = [
        RingingAlarm(
            name=each["AlarmName"].removeprefix(_PREFIX).removesuffix(end),
            since=int(each["StateUpdatedTimestamp"].timestamp() * 1000),
            why=each.get("StateReason", ""),
        )
        for each in answer["MetricAlarms"]
        if each["AlarmName"].endswith(end)
    ]
    return sorted(found, key=lambda alarm: alarm.name)
