"""The stack's alarms that ring now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

PURPOSES: Final = frozenset({
    "transaction-processor-errors", "transaction-processor-throttles", "fraud-analyzer-errors", "fraud-analyzer-lag",
    "fraud-analyzer-throttles", "report-generator-errors", "report-generator-lag", "report-generator-throttles",
    "webhook-failing", "api-refusals", "alert-flood", "spend", "dead-letters", "decisions-missing", "api-errors",
    "api-latency", "inline-fallbacks", "ruleset-invalid", "change-waiting", "profiles-damaged", "undecided",
    "log-missing", "model-held-back", "log-damaged", "log-changed", "score-drift", "feature-drift", "report-missed",
})  # fmt: skip
"""Second parts of the alarms' names. Another stack's name may end as this one's does: `dev` and `eu-dev`."""
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
    """Return the alarms of a stack that ring, by name; None for who may not see them.

    Args:
        cloudwatch: boto3's client.
        environment: the suffix of the stack's names.

    Raises:
        BotoCoreError: AWS cannot be reached.
    """
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        StateValue="ALARM", AlarmNamePrefix=_PREFIX, AlarmTypes=["MetricAlarm"]
    )
    try:
        ringing = {each["AlarmName"]: each for page in pages for each in page["MetricAlarms"]}
    except ClientError:
        return None
    return [
        RingingAlarm(
            name=purpose,
            since=int(each["StateUpdatedTimestamp"].timestamp() * 1000),
            why=each.get("StateReason", ""),
        )
        for purpose in sorted(PURPOSES)
        if (each := ringing.get(f"{_PREFIX}{purpose}-{environment}"))
    ]
