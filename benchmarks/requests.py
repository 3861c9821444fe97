"""Counts what a transaction asks of AWS: `make bench-requests`.

Transactions of the sample day go through the handlers of the three functions on the embedded AWS, after profiles that
the rest of the day has left. The stream is given out in batches of 1, 3, 10 and 100, in turns, a hundred transactions
after the other. Requests are counted by botocore's event hooks, units by the sizes of items, and what the functions
print is what they log. The last line printed is JSON; `--output` also writes it for `fraudstream cost`.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import boto3

from benchmarks.inline import bucket
from benchmarks.items import item_size
from benchmarks.metering import RequestMeter
from embedded_aws.ministack.server import MinistackServer
from embedded_aws.streams.filters import compile_filters
from embedded_aws.streams.records import to_record
from fraudstream.contract import ANALYZER, PROCESSOR, REPORTER
from fraudstream.detection.judge import Judge, Judgement
from fraudstream.detection.profiles.profile import Profile
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.detection.stores.profiles import ProfileStore, StoredProfile
from fraudstream.durations import DAY
from fraudstream.transactions.api.validation import TimeBounds, read_request
from fraudstream.transactions.pseudonyms.pseudonymize import pseudonymize
from fraudstream.transactions.pseudonyms.tokens import Tokenizer
from fraudstream_tools.cli.preflight import stack_settings
from fraudstream_tools.lab.replay.history import judge_history
from fraudstream_tools.lab.world.sample_day import sample_transactions
from fraudstream_tools.rules.folder import RulesFolder
from infra.api.spec import ACCESS_LOG_FORMAT
from infra.compute.stream_consumers import ANALYZER_FILTERS, REPORTER_FILTERS
from infra.data.tables import ALERTS, PROFILES, TRANSACTIONS, TableSpec
from infra.monitoring.alarms import Watched, alarm_specs

ROOT: Final = Path(__file__).resolve().parents[1]
TABLES: Final = (TRANSACTIONS, PROFILES, ALERTS)
BATCHES: Final = (1, 3, 10, 100)
BLOCK: Final = 100
KEY: Final = "a2V5LW9mLXRoZS1iZW5jaG1hcmstb2YtMzItYnl0ZXM="
BUCKET: Final = "bench"
LOG_EVENT_OVERHEAD: Final = 26
"""Bytes that CloudWatch Logs adds to each event (PutLogEvents in its API reference)."""
PLATFORM_LINES: Final = (
    "START RequestId: 0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d Version: $LATEST\n",
    "END RequestId: 0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d\n",
    (
        "REPORT RequestId: 0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d\tDuration: 12.34 ms\tBilled Duration: 13 ms\t"
        "Memory Size: 512 MB\tMax Memory Used: 123 MB\t\n"
    ),
)
"""What Lambda writes for each invocation beside the function's own lines (its developer guide)."""
ACCESS_VALUES: Final = {
    "$context.requestId": "0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d",
    "$context.requestTime": "26/Nov/2026:04:00:00 +0000",
    "$context.httpMethod": "POST",
    "$context.resourcePath": "/transactions",
    "$context.status": "201",
    "$context.protocol": "HTTP/1.1",
    "$context.tlsVersion": "TLSv1.3",
    "$context.responseLength": "600",
    "$context.responseLatency": "20",
    "$context.integration.status": "200",
    "$context.integration.latency": "18",
    "$context.error.responseType": "-",
    "$context.xrayTraceId": "1-5759e988-bd862e3fe1be46a994272793",
}


class _Printed(io.StringIO):
    """What the functions print, as events of CloudWatch Logs."""

    def taken(self) -> tuple[int, list[str]]:
        """Return the bytes since the last call as they are billed, and the lines."""
        lines = self.getvalue().splitlines()
        self.seek(0)
        self.truncate()
        return sum(len(line.encode()) + LOG_EVENT_OVERHEAD for line in lines), lines


def main() -> None:
    """Measure, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=1, help="of a hundred transactions, for each size of batch")
    parser.add_argument("--output", type=Path, help="file to write the counts to, for `fraudstream cost`")
    asked = parser.parse_args()
    now = int(time.time() * 1000)
    day = sample_transactions(now)
    metered = asked.blocks * BLOCK * len(BATCHES)
    with tempfile.TemporaryDirectory() as folder, MinistackServer(Path(folder)) as aws:
        result = _measure(aws, day[:-metered], day[-metered:], now)
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


def _measure(
    aws: MinistackServer, warm_up: Sequence[dict[str, Any]], day: Sequence[dict[str, Any]], now: int
) -> dict[str, Any]:
    dynamodb = aws.client("dynamodb")
    for spec in TABLES:
        _create(dynamodb, spec)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    for key, content in bucket().items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    profiles = _profiles(warm_up, now)
    with ThreadPoolExecutor(8) as pool:
        ProfileStore(dynamodb, "profiles", 400, pool).save(
            {key: StoredProfile(each, None) for key, each in profiles.items()}
        )
    os.environ |= _variables(aws)
    indexes = {spec.purpose: [index.hash_key for index in spec.indexes] for spec in TABLES}
    meter, printed = RequestMeter(dynamodb, indexes), _Printed()
    boto3.setup_default_session()
    meter.watch(boto3.DEFAULT_SESSION.events)  # pyright: ignore[reportOptionalMemberAccess, reportUnknownMemberType, reportUnknownArgumentType]
    real, sys.stdout = sys.stdout, printed
    try:
        runs = _Runs(meter, printed, dynamodb, aws.client("dynamodbstreams"))
        for number in range(0, len(day), BLOCK):
            runs.run(day[number : number + BLOCK], BATCHES[number // BLOCK % len(BATCHES)])
    finally:
        sys.stdout = real
    settings = stack_settings(Path(), "dev")
    return {
        "transactions": len(day),
        "functions": runs.shares(len(day)),
        "access_log_bytes": _access_log_bytes(),
        "item_bytes": _stored(dynamodb, len(day), len(warm_up) + len(day)),
        "metrics": sorted(runs.metrics),
        "alarms": len(alarm_specs(_watched())),
        "memory_megabytes": {
            "processor": settings.processor.memory_mb,
            "analyzer": settings.analyzer.memory_mb,
            "reporter": settings.reporter.memory_mb,
        },
    }


class _Runs:
    """The three functions, which share this process and nothing else."""

    def __init__(self, meter: RequestMeter, printed: _Printed, dynamodb: Any, streams: Any) -> None:  # noqa: ANN401
        from fraudstream.functions import (  # noqa: PLC0415  (they read the environment)
            fraud_analyzer,
            report_generator,
            transaction_processor,
        )

        self._processor: Any = transaction_processor.handler
        self._consumers: Mapping[str, tuple[Any, Any]] = {
            "analyzer": (fraud_analyzer.handler, compile_filters(ANALYZER_FILTERS)),
            "reporter": (report_generator.handler, compile_filters(REPORTER_FILTERS)),
        }
        self._meter = meter
        self._printed = printed
        self._streams = streams
        self._arn = dynamodb.describe_table(TableName="transactions")["Table"]["LatestStreamArn"]
        self._after: dict[str, str] = {}
        self.metrics: set[str] = set()

    def run(self, transactions: Sequence[dict[str, Any]], batch: int) -> None:
        """Post transactions, and give what the stream brings to its consumers in batches."""
        for number, each in enumerate(transactions):
            waits = number % 2 == 1
            self._invoke("processor_waiting" if waits else "processor", self._processor, _post(each, waits=waits))
        inserted = list(self._records())
        self._deliver("analyzer", inserted, batch)
        self._deliver("reporter", [*inserted, *self._records()], batch)

    def _deliver(self, name: str, records: Sequence[Any], batch: int) -> None:
        handler, passes = self._consumers[name]
        events = [json.loads(record.encoded) for record in records if passes(record.event)]
        for number in range(0, len(events), batch):
            answer = self._invoke(f"{name}_{batch}", handler, {"Records": events[number : number + batch]})
            if answer["batchItemFailures"]:
                raise SystemExit(f"the {name} did not do a batch of {batch}")

    def _invoke(self, name: str, handler: Any, event: Mapping[str, Any]) -> Any:  # noqa: ANN401
        counts = self._meter.count_for(name)
        started = time.process_time()
        answer = handler(event, _CONTEXT)
        counts["microseconds"] += round((time.process_time() - started) * 1e6)
        if name == "processor_waiting" and "inlineDecision" not in answer["body"]:
            raise SystemExit("a transaction was not decided inline")
        if answer.get("statusCode", 201) != 201:  # noqa: PLR2004
            raise SystemExit(f"a transaction was not stored: {answer['statusCode']}")
        size, lines = self._printed.taken()
        platform = sum(len(line) + LOG_EVENT_OVERHEAD for line in PLATFORM_LINES)
        for what, number in (("invocations", 1), ("log_bytes", size + platform), ("own_log_bytes", size)):
            counts[what] += number
        for line in lines:
            found: Any = json.loads(line) if line.startswith("{") else {}
            for directive in found.get("_aws", {}).get("CloudWatchMetrics", []):
                self.metrics |= {metric["Name"] for metric in directive["Metrics"]}
        return answer

    def _records(self) -> Iterator[Any]:
        for shard in self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]:
            name = shard["ShardId"]
            place: dict[str, str] = (
                {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._after[name]}
                if name in self._after
                else {"ShardIteratorType": "TRIM_HORIZON"}
            )
            iterator = self._streams.get_shard_iterator(StreamArn=self._arn, ShardId=name, **place)["ShardIterator"]
            while iterator:
                page = self._streams.get_records(ShardIterator=iterator)
                if not page["Records"]:
                    break
                for raw in page["Records"]:
                    self._after[name] = raw["dynamodb"]["SequenceNumber"]
                    yield to_record(raw, self._arn, "transactionId")
                iterator = page.get("NextShardIterator")

    def shares(self, transactions: int) -> dict[str, dict[str, float]]:
        """Return the counts of one transaction, by function and size of its batches."""
        return {
            name: {
                what: round(number * (2 if name.startswith("processor") else len(BATCHES)) / transactions, 3)
                for what, number in sorted(counts.items())
            }
            for name, counts in self._meter.counts.items()
        }


_CONTEXT: Final[Any] = type(
    "Context", (), {"aws_request_id": "0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d", "invoked_function_arn": "arn:function"}
)


def _create(dynamodb: Any, spec: TableSpec) -> None:  # noqa: ANN401
    more: dict[str, Any] = {}
    if spec.indexes:
        more["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": [
                    {"AttributeName": index.hash_key, "KeyType": "HASH"},
                    {"AttributeName": index.range_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": index.projection},
            }
            for index in spec.indexes
        ]
    if spec.stream:
        more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": spec.stream}
    keys = [(spec.hash_key, "HASH"), *([(spec.range_key, "RANGE")] if spec.range_key else [])]
    dynamodb.create_table(
        TableName=spec.purpose,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in spec.attributes.items()],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        **more,
    )


def _profiles(warm_up: Sequence[dict[str, Any]], now: int) -> dict[str, Profile]:
    """Return the profiles that transactions leave, their identifiers as tokens."""
    tokenizer, times = Tokenizer(KEY), TimeBounds(earliest=now - 30 * DAY, latest=now)
    transactions = [
        pseudonymize(
            read_request(json.dumps(each).encode(), times),
            tokenizer,
            timestamp=each["timestamp"],
            received_at=each["timestamp"],
        )
        for each in warm_up
    ]
    judge = _KeepingJudge(RulesFolder(ROOT / "rules").load())
    for _ in judge_history(transactions, {}, judge):
        pass
    return judge.profiles


class _KeepingJudge(Judge):
    """Keeps the newest state of every profile."""

    def __init__(self, ruleset: Ruleset) -> None:
        super().__init__(ruleset)
        self.profiles: dict[str, Profile] = {}

    def judge(self, *arguments: Any, **named: Any) -> Judgement:  # noqa: ANN401
        judgement = super().judge(*arguments, **named)
        self.profiles |= judgement.profiles
        return judgement


def _variables(aws: MinistackServer) -> dict[str, str]:
    return {
        "ENVIRONMENT_SUFFIX": "dev",
        "TRANSACTIONS_TABLE": "transactions",
        "PROFILES_TABLE": "profiles",
        "ALERTS_TABLE": "alerts",
        "BUCKET": BUCKET,
        "TOKEN_KEY": KEY,
        # The emulator is slow: none may be too late.
        "INLINE_BUDGET_MILLISECONDS": "5000",
        "LOG_KEY": KEY,
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": aws.region,
        "AWS_DEFAULT_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": aws.credentials.secret_key,
    }


def _post(transaction: Mapping[str, Any], *, waits: bool) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "resource": "/transactions",
        "headers": {"Content-Type": "application/json"} | ({"Prefer": "wait=5"} if waits else {}),
        "requestContext": {"requestId": "0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d", "path": "/v1/transactions"},
        "body": json.dumps(transaction),
        "isBase64Encoded": False,
    }


def _watched() -> Watched:
    return Watched(
        functions={name: name for name in (PROCESSOR, ANALYZER, REPORTER)},
        analyzer=ANALYZER,
        reporter=REPORTER,
        queue="",
        api="",
        environment="",
    )


def _access_log_bytes() -> int:
    line = ACCESS_LOG_FORMAT
    for name in sorted(ACCESS_VALUES, key=len, reverse=True):
        line = line.replace(name, ACCESS_VALUES[name])
    if "$context" in line:
        raise SystemExit("the access log has a field that this benchmark does not know")
    return len(line) + LOG_EVENT_OVERHEAD


def _stored(dynamodb: Any, metered: int, all_transactions: int) -> dict[str, float]:  # noqa: ANN401
    """Return the bytes of a transaction's items and of its share of profiles, as DynamoDB counts them."""
    sizes = Counter[str]()
    for table in ("transactions", "profiles", "alerts"):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                sizes[item["kind"]["S"].lower() if table == "transactions" else table] += item_size(item)
    divided = {name: size / (all_transactions if name == "profiles" else metered) for name, size in sizes.items()}
    return {name: round(size, 1) for name, size in divided.items()}


if __name__ == "__main__":
    main()
