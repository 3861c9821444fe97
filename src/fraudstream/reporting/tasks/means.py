"""What the report generator's tasks work with."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fraudstream.contract import DECISION_LOG_PREFIX
from fraudstream.reporting.log.chain.head import TableHead
from fraudstream.reporting.log.chain.links import LogChain
from fraudstream.reporting.storage.object_store import BucketStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from fraudstream.detection.stores.rulesets.active import RulesetStore
    from fraudstream.settings import ReporterSettings
    from fraudstream.telemetry import Log, MetricEmitter


@dataclass(frozen=True, kw_only=True)
class Means:
    """The function's settings, clients, log and metrics, and the time that it has."""

    settings: ReporterSettings
    s3: S3Client
    dynamodb: DynamoDBClient
    log: Log
    meter: MetricEmitter
    rulesets: RulesetStore
    """The ruleset and the models that functions judge by."""
    counting: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]]
    """Returns the records without the labels that still wait for a second person."""
    seconds_left: Callable[[], float]
    """Until Lambda ends the invocation."""

    @property
    def store(self) -> BucketStore:
        """The bucket."""
        return BucketStore(self.s3, self.settings.bucket)

    @property
    def log_key(self) -> bytes:
        """Key of the HMACs over segments and hours of the decision log."""
        return base64.b64decode(self.settings.log_key)

    def chain(self) -> LogChain:
        """Return the chain over the hours of the log."""
        head = TableHead(self.dynamodb, self.settings.profiles_table)
        kept = self.settings.decision_log_days
        return LogChain(self.store, DECISION_LOG_PREFIX, self.log_key, head, kept_days=kept)
