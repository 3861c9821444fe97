"""What became of a replay: counted in the table and in the decision log, not taken on trust."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fraudstream.contract import DECISION_LOG_PREFIX, ItemKind
from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream.reporting.log.reader.files import DecisionLogError
from fraudstream.transactions.storage.attributes import from_item
from fraudstream_tools.analytics.log_copy import LogCopy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

STOPPED = frozenset({"REVIEW", "DECLINE"})
_READ = "transactionId, #timestamp, receivedAt, decision, decidedAt, score, reasons, label"
"""What is counted and shown; all of an item takes three times as long."""


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """Counts of one run, and the stored transactions that they were made from."""

    received: int
    """Transactions that the API answered with 2xx."""
    stored: Mapping[str, dict[str, Any]]
    """What the table holds, by transactionId."""
    logged: frozenset[str]
    """Ids of the transactions whose decision is in the decision log."""

    @property
    def decided(self) -> list[dict[str, Any]]:
        """The stored transactions that have a decision."""
        return [transaction for transaction in self.stored.values() if "decision" in transaction]

    @property
    def lost(self) -> int:
        """Received transactions that are not stored, decided and logged."""
        whole = sum(transaction["transactionId"] in self.logged for transaction in self.decided)
        return max(0, self.received - whole)

    @property
    def decisions(self) -> Counter[str]:
        """Decided transactions by decision."""
        return Counter(str(transaction["decision"]) for transaction in self.decided)

    @property
    def decision_seconds(self) -> list[float]:
        """Seconds from receipt to decision, of each decided transaction."""
        return [(transaction["decidedAt"] - transaction["receivedAt"]) / 1000 for transaction in self.decided]

    def noticed(self, truth: Mapping[str, str]) -> "Noticed":
        """Compare the decisions with the truth: transactionId to the fraud episode's name, for fraud alone."""
        stopped = {t["transactionId"] for t in self.decided if t["decision"] in STOPPED}
        frauds = Counter(truth.values())
        found = Counter(episode for transaction_id, episode in truth.items() if transaction_id in stopped)
        return Noticed(stopped=len(stopped), frauds=frauds, found=found)

    def summary_line(self, report: object) -> str:
        """Return the line for machines."""
        return (
            f"demo: received={self.received} stored={len(self.stored)} decided={len(self.decided)} "
            f"logged={len(self.logged)} lost={self.lost} report={report}"
        )


@dataclass(frozen=True, kw_only=True)
class Noticed:
    """How the decisions compare with the truth; a transaction counts as stopped when it was reviewed or declined."""

    stopped: int
    frauds: Counter[str]
    """Fraudulent transactions by episode."""
    found: Counter[str]
    """Number of these that were stopped."""

    @property
    def precision(self) -> float:
        """Share of the stopped transactions that are fraud; 0 of none."""
        return self.found.total() / self.stopped if self.stopped else 0.0

    @property
    def recall(self) -> float:
        """Share of the fraudulent transactions that were stopped; 0 of none."""
        return self.found.total() / self.frauds.total() if self.frauds else 0.0


def stored_transactions(client: "DynamoDBClient", table: str) -> dict[str, dict[str, Any]]:
    """Read every transaction in the table, without claims, by transactionId: what is decided of it, and when."""
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression="kind = :transaction",
        ProjectionExpression=_READ,
        ExpressionAttributeNames={"#timestamp": "timestamp"},
        ExpressionAttributeValues={":transaction": {"S": ItemKind.TRANSACTION.value}},
    )
    transactions = (from_item(item) for page in pages for item in page["Items"])
    return {transaction["transactionId"]: transaction for transaction in transactions}


def logged_decisions(client: "S3Client", bucket: str) -> frozenset[str]:
    """Return the ids of all transactions whose decision is in the decision log, as a copy of it is read."""
    with TemporaryDirectory() as folder:
        copy = LogCopy(client=client, bucket=bucket, prefix=DECISION_LOG_PREFIX, folder=Path(folder))
        copy.pull(copy.missing()[0], lambda _: None)
        try:
            with open_log(copy.folder) as log:
                return frozenset(each.transaction.transaction_id for each in log.decisions())
        except DecisionLogError:
            # Nothing has been logged, or nothing that can be read.
            return frozenset()
