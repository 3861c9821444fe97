"""Pipes from a DynamoDB stream to a topic, as EventBridge Pipes documents them."""

import json
import uuid
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.specs import PipeSpec
from embedded_aws.streams.pipes import Pipe, compile_template
from embedded_aws.streams.records import StreamRecord
from tests.waiting_harness import PATIENCE_SECONDS

TEMPLATE = (
    '{"transactionId": <$.dynamodb.Keys.id.S>, "score": <$.dynamodb.NewImage.score.N>, '
    '"reasonCodes": <$.dynamodb.NewImage.reasons.L>, "text": "score <$.dynamodb.NewImage.score.N>", '
    '"from": "<aws.pipes.pipe-name>"}'
)


class Bench:
    """A table with a stream, a topic with a queue that listens to it, and a queue for what fails."""

    def __init__(self, server: MinistackServer) -> None:
        self.name = f"alerts-{uuid.uuid4().hex[:8]}"
        self.dynamodb = server.client("dynamodb")
        self.streams = server.streams()
        self.sqs = server.client("sqs")
        self.sns = server.client("sns")
        table = self.dynamodb.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]
        self.stream_arn: str = table["LatestStreamArn"]
        self.topic_arn: str = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.inbox = self._queue(f"{self.name}-inbox")
        self.dead = self._queue(f"{self.name}-dead")
        self.sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=self.arn(self.inbox))

    def _queue(self, name: str) -> str:
        return self.sqs.create_queue(QueueName=name)["QueueUrl"]

    def arn(self, url: str) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def put(self, key: str, **values: Any) -> None:
        self.dynamodb.put_item(TableName=self.name, Item={"id": {"S": key}, **values})

    def publish(self, target_arn: str, message: str) -> None:
        self.sns.publish(TopicArn=target_arn, Message=message)

    def pipe(self, publish: Any = None, **changes: Any) -> Pipe:
        values: dict[str, Any] = {
            "name": "alerts",
            "stream_arn": self.stream_arn,
            "target_arn": self.topic_arn,
            "batch_size": 10,
            "starting_position": "TRIM_HORIZON",
            "filters": ({"eventName": ["INSERT"]},),
            "input_template": TEMPLATE,
            "maximum_retry_attempts": 1,
            "maximum_record_age_seconds": -1,
            "dead_letter_queue_arn": self.arn(self.dead),
        }
        return Pipe(
            PipeSpec(**{**values, **changes}), streams=self.streams, publish=publish or self.publish, sqs=self.sqs
        )

    def messages(self, url: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        return found


@pytest.fixture
def bench(aws: MinistackServer) -> Bench:
    return Bench(aws)


def test_each_record_becomes_a_message_by_the_template(bench: Bench) -> None:
    pipe = bench.pipe()
    pipe.start()
    bench.put("a", score={"N": "87"}, reasons={"L": [{"S": "R1"}, {"S": 'with "quotes"'}]})
    bench.put("a", score={"N": "88"})
    try:
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
    finally:
        pipe.close()
    (notification,) = bench.messages(bench.inbox)
    assert json.loads(notification["Message"]) == {
        "transactionId": "a",
        "score": "87",
        "reasonCodes": [{"S": "R1"}, {"S": 'with "quotes"'}],
        "text": "score 87",
        "from": "alerts",
    }


def test_a_record_that_cannot_be_published_ends_in_the_dead_letters(bench: Bench) -> None:
    attempts: list[str] = []

    def publish(target_arn: str, message: str) -> None:
        attempts.append(json.loads(message)["transactionId"])
        if attempts[-1] == "bad":
            raise ConnectionError
        bench.publish(target_arn, message)

    for key in ("a", "bad", "b"):
        bench.put(key, score={"N": "1"}, reasons={"L": []})
    pipe = bench.pipe(publish)
    pipe.start()
    try:
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
    finally:
        pipe.close()
    arrived = [json.loads(each["Message"])["transactionId"] for each in bench.messages(bench.inbox)]
    assert sorted(arrived) == ["a", "b"]
    (message,) = bench.messages(bench.dead)
    assert message["context"] == {
        "partnerResourceArn": "arn:aws:pipes:us-east-2:000000000000:pipe/alerts",
        "condition": "RetryAttemptsExhausted",
    }
    assert message["DDBStreamBatchInfo"]["batchSize"] == 1
    assert message["DDBStreamBatchInfo"]["streamArn"] == bench.stream_arn


def test_without_a_template_a_message_is_the_record(bench: Bench) -> None:
    published: list[str] = []
    bench.put("a")
    pipe = bench.pipe(lambda _topic, message: published.append(message), input_template=None)
    pipe.start()
    try:
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
    finally:
        pipe.close()
    assert json.loads(published[0])["dynamodb"]["Keys"] == {"id": {"S": "a"}}


def test_a_reserved_variable_that_is_not_known_is_an_error_at_creation(bench: Bench) -> None:
    with pytest.raises(ValueError, match=r"aws\.pipes\.event\.unknown"):
        bench.pipe(input_template="<aws.pipes.event.unknown>")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("<$.a>", '"x"'),
        ('"<$.a>"', '"x"'),
        ("<$.list[1]>", "2"),
        ("<$.list[9]>", "null"),
        ("<$.list[*]>", "[1, 2]"),
        ("<$.typed[*].S>", '["b", "c"]'),
        ("<$.a[*].S>", "null"),
        ('"<$.missing>"', '""'),
        ('{"q": "<$.quote>"}', '{"q": "a\\"b"}'),
        ('{"q": "\\" <$.a>"}', '{"q": "\\" x"}'),
        ('"<$.list>"', '"[1, 2]"'),
        ("a < b > c", "a < b > c"),
    ],
)
def test_a_variable_is_text_within_a_string_and_json_elsewhere(template: str, message: str) -> None:
    event = {"a": "x", "list": [1, 2], "quote": 'a"b', "typed": [{"S": "b"}, {"S": "c"}]}
    record = StreamRecord(sequence_number="1", created_at=0.0, event=event, encoded=b"", item=0)
    assert compile_template(template, {})(record) == message
