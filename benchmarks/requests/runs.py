"""The three functions in this process, which posts transactions to the first and hands the stream to the others."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from benchmarks.metering import RequestMeter
from benchmarks.requests.logs import PrintedLines
from benchmarks.requests.world import BUCKET, KEY
from embedded_aws.ministack.server import MinistackServer
from embedded_aws.streams.filters import compile_filters
from embedded_aws.streams.records import to_record
from infra.compute.stream_consumers import ANALYZER_FILTERS, REPORTER_FILTERS

BATCHES: Final = (1, 3, 10, 100)
_CONTEXT: Final[Any] = type(
    "Context", (), {"aws_request_id": "0f3b8f6c-6a52-4f0e-9c3e-0d1f2a3b4c5d", "invoked_function_arn": "arn:function"}
)


class FunctionRuns:
    """The three functions, which share this process and nothing else."""

    def __init__(self, meter: RequestMeter, printed: PrintedLines, dynamodb: Any, streams: Any) -> None:  # noqa: ANN401  (boto3's types require no field of an answer)
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

    def _invoke(self, name: str, handler: Any, event: Mapping[str, Any]) -> Any:  # noqa: ANN401  (each function's own)
        counts = self._meter.count_for(name)
        started = time.process_time() - self._meter.own_seconds
        answer = handler(event, _CONTEXT)
        counts["microseconds"] += round((time.process_time() - self._meter.own_seconds - started) * 1e6)
        if name == "processor_waiting" and "inlineDecision" not in answer["body"]:
            raise SystemExit("a transaction was not decided inline")
        if answer.get("statusCode", HTTPStatus.CREATED) != HTTPStatus.CREATED:
            raise SystemExit(f"a transaction was not stored: {answer['statusCode']}")
        size, lines = self._printed.taken()
        # Lambda adds none of its own (`system_log_level` in infra/compute/functions.py).
        for what, number in (("invocations", 1), ("log_bytes", size)):
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
                    yield to_record(raw, self._arn)
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


def variables(aws: MinistackServer) -> dict[str, str]:
    """Return the environment of the three functions."""
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
