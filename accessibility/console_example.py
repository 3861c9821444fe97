"""Serve a console over the alerts of the sample day, for people and accessibility checks, until Ctrl-C.

    python -m accessibility.console_example [--two-people] [--model FILE] [FOLDER]

Transactions are tokenized and judged by the API's and the analyzer's own code; a model that is named decides with the
rules. Tables and bucket are on an embedded AWS, which ends with this process. With `--two-people`, labels and lists
need two, and a colleague has begun. The link is printed. The pictures in docs/console.md are of it.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from accessibility.example import KEY, changes, records
from embedded_aws.ministack.server import MinistackServer
from fraudstream.contract import (
    CUSTOMER_INDEX,
    DECISION_LOG_PREFIX,
    MODELS_FILE,
    MODELS_FOLDER,
    REPORT_PREFIX,
    RULESET_FILES,
    RULESET_PREFIX,
    EntityKind,
    FourEyes,
)
from fraudstream.detection.judge import Judge
from fraudstream.detection.models.model import load
from fraudstream.detection.models.selection import NO_MODELS, ActiveModels
from fraudstream.detection.stores.decisions.alerts import AlertStore
from fraudstream.durations import DAY
from fraudstream.reporting.daily.reporter import Reporter
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.decisions.decision import Decision, Truth, Verdict
from fraudstream.transactions.pseudonyms.pseudonymize import pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream.transactions.request import TransactionRequest
from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.transaction import Transaction
from fraudstream_tools.analytics.log_questions import FetchedLog
from fraudstream_tools.console.request_counts import watch
from fraudstream_tools.console.server import serve
from fraudstream_tools.console.system import ConsoleSystem
from fraudstream_tools.lab.world.sample_day import sample_transactions
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.cases.queue import CaseQuery
from fraudstream_tools.operations.day_so_far import DayCopy
from fraudstream_tools.rules.folder import RulesFolder

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from fraudstream.detection.profiles.profile import Profile

RULES: Final = Path(__file__).parents[1] / "rules"
MODELS: Final = RULES.parent / "models"
ANALYST, COLLEAGUE = (
    Operator(user_id=f"AIDA{name.upper()}", arn=f"arn:aws:iam::123456789012:user/{name}")
    for name in ("analyst", "colleague")
)
TRANSACTIONS, ALERTS, PROFILES, BUCKET = "table-transactions", "table-alerts", "table-profiles", "bucket-reports"
INDEXES: Final[Mapping[str, tuple[tuple[str, ...], Mapping[str, tuple[str, str]]]]] = {
    TRANSACTIONS: (("transactionId", "timestamp"), {CUSTOMER_INDEX: ("customerId", "receivedAt")}),
    ALERTS: (("transactionId",), {"by-status": ("statusShard", "createdAt"), "by-entity": ("entity", "createdAt")}),
    PROFILES: (("entity",), {"by-list": ("listKind", "changedAt")}),
}
"""The keys of each table and of its indexes, as the Pulumi program declares them."""
NUMBERS: Final = {"timestamp", "createdAt", "changedAt", "receivedAt"}


def judged(now: int, model: Path | None = None) -> list[tuple[Transaction, Decision]]:
    """Return the sample day's transactions with their decisions, in order of time."""
    models = ActiveModels(live=load(model.read_bytes())) if model else NO_MODELS
    judge = Judge(RulesFolder(RULES).load().with_models(models))
    tokenizer, profiles = Tokenizer(KEY), dict[str, "Profile"]()
    found: list[tuple[Transaction, Decision]] = []
    for row in sample_transactions(now):
        request = msgspec.convert(row, TransactionRequest)
        at: int = row["timestamp"]
        transaction = pseudonymize(request, tokenizer, timestamp=at, received_at=at + 40)
        result = judge.judge(transaction, profiles, at + 400)
        profiles |= result.profiles
        found.append((transaction, result.decision))
    return found


def create_tables(dynamodb: "DynamoDBClient") -> None:
    """Create the three tables."""
    for name, (keys, indexes) in INDEXES.items():
        named = {key for each in (keys, *indexes.values()) for key in each}
        table: Any = {
            "AttributeDefinitions": [
                {"AttributeName": key, "AttributeType": "N" if key in NUMBERS else "S"} for key in sorted(named)
            ],
            "KeySchema": _schema(keys),
        }
        if indexes:
            table["GlobalSecondaryIndexes"] = [
                {"IndexName": index, "KeySchema": _schema(each), "Projection": {"ProjectionType": "ALL"}}
                for index, each in indexes.items()
            ]
        dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **table)


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def fill(dynamodb: "DynamoDBClient", s3: "S3Client", reports: Path | None, model: Path | None) -> None:
    """Store the ruleset, the reports that `accessibility.example` wrote to a folder, and what was flagged."""
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for name in RULESET_FILES:
        s3.put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}{name}", Body=(RULES / name).read_bytes())
    file = model or MODELS / "default.json"
    selection = f"schemaVersion: 1\nlive: {model.name}\n".encode() if model else (MODELS / MODELS_FILE).read_bytes()
    s3.put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}{MODELS_FILE}", Body=selection)
    s3.put_object(Bucket=BUCKET, Key=f"{RULESET_PREFIX}{MODELS_FOLDER}{file.name}", Body=file.read_bytes())
    for file in sorted(reports.glob("reports/date=*/report.*")) if reports else ():
        s3.put_object(Bucket=BUCKET, Key=f"reports/{file.parent.name}/{file.name}", Body=file.read_bytes())
    create_tables(dynamodb)
    alerts = AlertStore(dynamodb, ALERTS, retention_days=400)
    decisions = judged(int(time.time() * 1000), model)
    write_log(s3, decisions)
    for transaction, decision in decisions:
        if decision.decision is not Verdict.APPROVE:
            item = transaction.to_item() | to_item({"kind": "TXN"}) | decision.to_item()
            dynamodb.put_item(TableName=TRANSACTIONS, Item=item)
            dynamodb.put_item(**alerts.of_decision(transaction, decision))


def write_log(s3: "S3Client", decisions: list[tuple[Transaction, Decision]]) -> None:
    """Write the decision log as the stream's consumer and the hourly merge do, and the reports of its days."""
    store = BucketStore(s3, BUCKET)
    for segment in cut(records(changes(decisions, {}), 1), DECISION_LOG_PREFIX).segments:
        store.write(segment.key, segment.body)
    reporter = Reporter(
        store=store,
        log_prefix=DECISION_LOG_PREFIX,
        report_prefix=REPORT_PREFIX,
        sample=lambda _: set(),
        now=datetime.now(UTC),
        time_left=lambda: 1e9,
        rates=RulesFolder(RULES).load().rates,
    )
    reporter.roll_up(open_hours=True)
    for day in sorted({datetime.fromtimestamp(each.received_at / 1000, UTC).date() for each, _ in decisions}):
        reporter.report(day)


def console(aws: MinistackServer, operator: Operator, four_eyes: tuple[FourEyes, ...]) -> ConsoleSystem:
    """Return what a person's console works on."""
    return ConsoleSystem(
        name="the sample day",
        dynamodb=watch(aws.client("dynamodb")),
        s3=watch(aws.client("s3")),
        operator=operator,
        transactions=TRANSACTIONS,
        alerts=ALERTS,
        profiles=PROFILES,
        bucket=BUCKET,
        four_eyes=four_eyes,
    )


def begin(colleague: ConsoleSystem, analyst: ConsoleSystem) -> None:
    """Have a colleague label two transactions and block a customer, and the analyst label one: all of it waits."""
    said = (
        (colleague, Truth.FRAUD, "the holder denies the payments"),
        (colleague, Truth.LEGITIMATE, "paid so before"),
        (analyst, Truth.FRAUD, "the parcel went to a drop address"),
    )
    cases = colleague.case_queue.find(CaseQuery(), len(said), among=500)
    for (person, truth, why), case in zip(said, cases, strict=True):
        person.work.decide(case.first.transaction_id, truth, why, alert=case.first, seen=None)
    until = int(time.time() * 1000) + 30 * DAY
    colleague.listing.add_to_list(
        "blocked", EntityKind.CUSTOMER, cases[0].first.customer, reason=said[0][2], until=until
    )


def main() -> None:
    """Fill the embedded AWS, and serve the console until Ctrl-C."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--two-people", action="store_true")
    parser.add_argument("--model", type=Path)
    parser.add_argument("reports", nargs="?", type=Path)
    asked = parser.parse_args()
    four_eyes = (FourEyes.LABELS, FourEyes.LISTS) if asked.two_people else ()
    with tempfile.TemporaryDirectory() as folder, MinistackServer(Path(folder)) as aws:
        fill(aws.client("dynamodb"), aws.client("s3"), asked.reports, asked.model)
        system = console(aws, ANALYST, four_eyes)
        if four_eyes:
            begin(console(aws, COLLEAGUE, four_eyes), system)
        system.log = FetchedLog(system.s3, BUCKET, Path(folder, "console", "log"))
        system.today = DayCopy(s3=system.s3, bucket=BUCKET, folder=Path(folder, "console", "today"))
        serve(system, 0, lambda url: print(url, flush=True))  # noqa: T201  (the link is what it is for)


if __name__ == "__main__":
    main()
