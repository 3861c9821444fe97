"""The deployed system: what is stored in it, how it is emptied between runs, and how what was given up is finished."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from embedded_aws.seams import Seams
from embedded_aws.streams.records import to_record
from fraudstream.contract import DECISION_LOG_PREFIX, REPORT_PREFIX, SEGMENTS_PREFIX
from fraudstream.reporting.storage.object_store import BucketStore
from fraudstream.transactions.storage.attributes import from_item
from fraudstream_tools.cli.support.files.id_files import write_ids
from fraudstream_tools.cli.support.running.deployment import VARIABLES
from fraudstream_tools.operations.daily_reports import DailyReports
from proofs.running.deployed import local_cloud
from proofs.stack.invocations import FaultyInvocations
from proofs.stack.kinds import StackFaults
from proofs.stack.proxy import FaultProxy
from proofs.stack.wire import kill

_CONFIG: Final = {"fraudstream:inlineBudgetMilliseconds": "1500", "fraudstream:events": "all"}
TABLES: Final = {
    "transactionsTable": "transactions",
    "profilesTable": "profiles",
    "alertsTable": "alerts",
    "outboxTable": "outbox",
}
_IDLE_SECONDS: Final = 900
_PAGE: Final = 1000
_QUIET: Final = StackFaults(0, 0, frozenset(), 0)

Item = dict[str, Any]


class ProofDeployment:
    """The Pulumi program in an embedded AWS, with a proxy between its functions and AWS, for one block of code."""

    def __init__(self, folder: Path, *, enforce_iam: bool = False) -> None:
        """Prepare the embedded AWS; it is started when the block begins.

        Args:
            folder: where the run's files are kept.
            enforce_iam: whether the functions' policies are enforced.
        """
        self.proxy = FaultProxy(_QUIET, lambda: self.cloud.function_processes)
        self.invocations = FaultyInvocations(_QUIET)
        seams = Seams(endpoint=self.proxy.start, invoke=self.invocations.around)
        self.cloud = local_cloud(folder, "proof", _CONFIG, enforce_iam=enforce_iam, seams=seams)
        self._leaving = ExitStack()
        self._before = ""
        """Sequence number of the newest record that the stream had when the system was emptied."""

    def __enter__(self) -> Self:
        """Deploy the system, with the proxy between its functions and AWS."""
        self._leaving.callback(self.proxy.close)
        self._leaving.enter_context(self.cloud)
        self._leaving.callback(self.invocations.close)
        self.invocations.analyzer = self.cloud.outputs["analyzerFunction"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.close()

    @property
    def tables(self) -> Mapping[str, str]:
        """What each table is for, by its name."""
        return {self.cloud.outputs[output]: purpose for output, purpose in TABLES.items()}

    def use(self, faults: StackFaults) -> None:
        """Use these faults from now on."""
        self.proxy.faults = self.invocations.faults = faults

    def wait(self) -> None:
        """Wait until nothing is under way any more.

        Raises:
            TimeoutError: it was still so after a quarter of an hour.
        """
        for _ in range(2):
            self.invocations.settle()
            self.proxy.settle()
            self.cloud.wait_until_idle(_IDLE_SECONDS)

    def restart(self) -> None:
        """End the processes of all functions, so that what they read first is read anew."""
        for process in self.cloud.function_processes:
            kill(process)

    def empty(self) -> None:
        """Remove what earlier runs have stored and given up."""
        # What was posted last is logged within seconds: not after the log was emptied.
        self.wait()
        dynamodb = self.cloud.client("dynamodb")
        for table in self.tables:
            names = [each["AttributeName"] for each in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
            for item in self.raw(table):
                dynamodb.delete_item(TableName=table, Key={name: item[name] for name in names})
        store = self.bucket
        for prefix in (DECISION_LOG_PREFIX, REPORT_PREFIX):
            for key in list(store.find(prefix)):
                self.cloud.client("s3").delete_object(Bucket=self.cloud.outputs["bucketName"], Key=key)
        list(self.dead_letters())
        self.cloud.wait_until_idle(_IDLE_SECONDS)
        # Last: what was posted just before is delivered meanwhile, and would come again into emptied profiles.
        self.invocations.forget()
        for record in self.stream():
            self._before = record["dynamodb"]["SequenceNumber"]

    @property
    def bucket(self) -> BucketStore:
        """The stack's bucket."""
        return BucketStore(self.cloud.client("s3"), self.cloud.outputs["bucketName"])

    def raw(self, table: str) -> list[Item]:
        """Return all items of a table, as DynamoDB gives them."""
        pages = self.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]

    def items(self, output: str) -> list[Mapping[str, Any]]:
        """Return all items of a table as plain values.

        Args:
            output: the stack's output that names it.
        """
        return [from_item(item) for item in self.raw(self.cloud.outputs[output])]

    def segments(self) -> Iterator[bytes]:
        """Yield the bodies of the decision log's segments."""
        for name in self.bucket.find(SEGMENTS_PREFIX):
            body = self.bucket.read(name)
            if body is not None:
                yield body if body[:2] == b"\x1f\x8b" else gzip.compress(body)

    def stream(self) -> Iterator[Mapping[str, Any]]:
        """Yield the records of the transactions' stream since the system was emptied, as functions get them."""
        client = self.cloud.streams()
        table = self.cloud.outputs["transactionsTable"]
        arn = self.cloud.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        since: Any = {"ShardIteratorType": "TRIM_HORIZON"}
        if self._before:
            since = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._before}
        iterator = client.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], **since)["ShardIterator"]
        while iterator:
            page = client.get_records(ShardIterator=iterator, Limit=_PAGE)
            for raw in page["Records"]:
                yield json.loads(to_record(raw, arn).encoded)
            iterator = page.get("NextShardIterator") if page["Records"] else None

    def dead_letters(self) -> Iterator[Mapping[str, Any]]:
        """Yield the messages of the dead-letter queue, and take them out of it."""
        sqs, url = self.cloud.client("sqs"), self.cloud.outputs["deadLetterQueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                yield json.loads(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def given_up(self) -> set[str]:
        """Return the transactions that the dead letters of the analyzer name, by their places in the stream."""
        spans = [
            (int(info["startSequenceNumber"]), int(info["endSequenceNumber"]))
            for message in self.dead_letters()
            if self.invocations.analyzer in message["requestContext"]["functionArn"]
            for info in (message["DDBStreamBatchInfo"],)
        ]
        return {
            record["dynamodb"]["Keys"]["transactionId"]["S"]
            for record in self.stream()
            if any(first <= _sequence_number(record) <= last for first, last in spans)
        }

    def redrive(self, names: Sequence[str]) -> int:
        """Send transactions through the analyzer again by the command, and return how many had something left to do.

        Raises:
            CalledProcessError: the command failed.
        """
        if not names:
            return 0
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "given-up.txt"
            write_ids(file, names)
            command = [Path(sys.executable).with_name("fraudstream"), "redrive", "--file", file, "--json"]
            # Elsewhere: the command is not to find another fraudstream here.
            ran = subprocess.run(command, cwd=folder, env=self._environment(), check=True, capture_output=True)
        return json.loads(ran.stdout)["redriven"]

    def _environment(self) -> Mapping[str, str]:
        """Return what tells commands where this system is."""
        keys = self.cloud.credentials
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": self.cloud.endpoint_url,
            "AWS_REGION": self.cloud.outputs["region"],
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            VARIABLES["transactionsTable"]: self.cloud.outputs["transactionsTable"],
        }

    def report(self, days: Sequence[date]) -> list[Mapping[str, Any]]:
        """Merge the hours of the log, write the reports of some days, and return them."""
        function = self.cloud.outputs["reportFunction"]
        self.cloud.invoke(function, {"task": "hourly-roll-up", "openHours": True})
        reports = DailyReports(self.cloud.client("s3"), self.cloud.outputs["bucketName"])
        found: list[Mapping[str, Any]] = []
        for day in days:
            self.cloud.invoke(function, {"task": "daily-report", "date": str(day)})
            found.append(reports.summary(day) or {})
        return found

    def write_log_again(self, cut: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Hand the whole stream to the report generator once more, in other batches."""
        records = [each for each in self.stream() if each["eventName"] in {"INSERT", "MODIFY"}]
        for batch in cut(records):
            self.cloud.invoke(self.cloud.outputs["reportFunction"], {"Records": batch})


def _sequence_number(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def today() -> date:
    """Return the day in UTC."""
    return datetime.now(UTC).date()
