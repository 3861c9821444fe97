"""The report generator's handler as Lambda calls it, on a real table, its stream and a real bucket."""

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from embedded_aws.streams.records import to_payload, to_record
from fraudstream.transactions.decisions.decision import Decision, Reason, Verdict
from fraudstream.transactions.storage.attributes import Item, to_item

HANDLER = "fraudstream.functions.report_generator"
BUCKET = "bucket-reports"
TABLE = "table-transactions"
SEGMENTS = "decision-log/segments/"
DAY = 86_400_000
DECISION = Decision(
    decision=Verdict.DECLINE,
    score=91,
    reasons=(Reason(code="CARD_VELOCITY", source="card-velocity", points=3.5),),
    features=bytes(range(60)),
    ruleset_version="0123456789ab",
    decided_at=0,
)


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "11111111-2222"
    seconds_left: float = 300

    def get_remaining_time_in_millis(self) -> int:
        return round(self.seconds_left * 1000)


@dataclass(frozen=True)
class Shop:
    """A deployed report generator, and what stands around it."""

    handler: ModuleType
    s3: Any
    dynamodb: Any
    streams: Any
    received_at: int

    @property
    def day(self) -> str:
        return datetime.fromtimestamp(self.received_at / 1000, UTC).date().isoformat()

    def call(self, event: Any, *, seconds_left: float = 300) -> Any:
        return self.handler.handler(event, Context(seconds_left=seconds_left))

    def store(self, transaction_id: str, **attributes: object) -> None:
        values = {
            "transactionId": transaction_id,
            "timestamp": self.received_at,
            "receivedAt": self.received_at,
            "kind": "TXN",
            "amountMinor": 1250,
            "currency": "EUR",
            "type": "PAYMENT",
            "customerId": "tok_ann",
            "cardBin": "411111",
            "cardLast4": "1111",
        }
        self.dynamodb.put_item(TableName=TABLE, Item=to_item(values | attributes))

    def add(self, transaction_id: str, attributes: Item) -> None:
        self.dynamodb.update_item(
            TableName=TABLE,
            Key=to_item({"transactionId": transaction_id, "timestamp": self.received_at}),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )

    def decide(self, transaction_id: str) -> None:
        decided_at = self.received_at + 400
        self.add(transaction_id, DECISION.to_item() | to_item({"decidedAt": decided_at}))

    def stream(self) -> Any:
        """Give the event of all that happened to the table, as Lambda would deliver it."""
        arn = self.dynamodb.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        records: list[Any] = []
        for shard in self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = self.streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            records += self.streams.get_records(ShardIterator=iterator)["Records"]
        return json.loads(to_payload([to_record(record, arn) for record in records]))

    def keys(self, prefix: str) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def log(self) -> list[dict[str, Any]]:
        bodies = [gzip.decompress(self.read(key)) for key in self.keys(SEGMENTS)]
        return [json.loads(line) for body in bodies for line in body.splitlines()]
