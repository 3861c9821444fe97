"""The functions' own clients beside boto3's: the same requests, answers and errors over real HTTP."""

import base64
import json
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)

from fraudstream.aws.clients import quick_dynamodb, quick_s3, whole_dynamodb, whole_s3
from fraudstream.aws.connection import Connection
from fraudstream.aws.dynamodb import DynamoDb
from fraudstream.aws.endpoint import Limits
from tests.unit.aws.service_harness import Reply, Service, aws_service

__all__ = ["aws_service"]

LIMITS = Limits(read_seconds=5)
ITEM = {
    "id": {"S": "é\u2028"},
    "bytes": {"B": b"\x00\xff"},
    "list": {"L": [{"N": "1.5"}, {"BOOL": True}, {"NULL": True}, {"M": {"in": {"B": b"x"}}}]},
    "set": {"BS": [b"a", b"b"]},
}
ON_THE_WIRE = {
    "id": {"S": "é\u2028"},
    "bytes": {"B": "AP8="},
    "list": {"L": [{"N": "1.5"}, {"BOOL": True}, {"NULL": True}, {"M": {"in": {"B": "eA=="}}}]},
    "set": {"BS": ["YQ==", "Yg=="]},
}
CALLS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "get_item": ({"TableName": "t", "Key": {"id": {"S": "1"}}, "ConsistentRead": True}, {"Item": ON_THE_WIRE}),
    "query": (
        {"TableName": "t", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "1"}}},
        {"Items": [ON_THE_WIRE], "Count": 1, "LastEvaluatedKey": {"id": {"S": "1"}}},
    ),
    "batch_get_item": (
        {"RequestItems": {"t": {"Keys": [{"id": {"S": "1"}}]}}},
        {"Responses": {"t": [ON_THE_WIRE]}, "UnprocessedKeys": {"t": {"Keys": [{"id": {"S": "2"}}]}}},
    ),
    "put_item": ({"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_not_exists(id)"}, {}),
    "update_item": (
        {"TableName": "t", "Key": {"id": {"S": "1"}}, "UpdateExpression": "REMOVE x"},
        {"Attributes": ON_THE_WIRE},
    ),
}


def of_boto3(service: str) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"})
    client: Callable[..., Any] = boto3.client
    return client(service, config=config)


def refusal(code: str, status: int = 400, **more: Any) -> Reply:
    return Reply(status, json.dumps({"__type": f"com.amazonaws#{code}", "message": "why", **more}).encode())


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_dynamodb_sends_and_returns_what_boto3s_does(aws_service: Service, call: str) -> None:
    parameters, answer = CALLS[call]
    aws_service.replies += [Reply(body=json.dumps(answer).encode())] * 2
    found = [getattr(client, call)(**parameters) for client in (quick_dynamodb(LIMITS), of_boto3("dynamodb"))]
    del found[1]["ResponseMetadata"]
    assert found[0] == found[1]
    ours, theirs = aws_service.sent
    assert json.loads(ours.body) == json.loads(theirs.body)
    for name in ("x-amz-target", "content-type", "x-amz-security-token", "host"):
        assert ours.headers[name] == theirs.headers[name]


@pytest.mark.parametrize(
    "reply",
    [
        refusal("ConditionalCheckFailedException", Item=ON_THE_WIRE),
        refusal("ConditionalCheckFailedException"),
        refusal("ValidationException"),
        refusal("ResourceNotFoundException"),
        Reply(403, b"<html>"),
    ],
)
def test_what_dynamodb_refuses_is_the_error_that_boto3_raises(aws_service: Service, reply: Reply) -> None:
    aws_service.replies += [reply] * 2
    errors: list[ClientError] = []
    for client in (quick_dynamodb(LIMITS), of_boto3("dynamodb")):
        with pytest.raises(ClientError) as raised:
            client.put_item(TableName="t", Item=ITEM)
        errors.append(raised.value)
    ours, theirs = (error.response for error in errors)
    assert ours.get("Error", {}).get("Code") == theirs.get("Error", {}).get("Code")
    assert ours.get("Item") == theirs.get("Item")
    for name in ("HTTPStatusCode", "RetryAttempts"):
        assert ours.get("ResponseMetadata", {}).get(name) == theirs.get("ResponseMetadata", {}).get(name)
    assert errors[0].operation_name == errors[1].operation_name
    assert len(aws_service.sent) == 2


CUT = Reply(body=b'{"Item": {}}', is_cut=True)
DAMAGED = Reply(body=b"{}", headers={"x-amz-crc32": "1"})


@pytest.mark.parametrize(
    "failure",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("ThrottlingException"),
        refusal("InternalServerError", 500),
        Reply(503, b"busy"),
        CUT,
        DAMAGED,
    ],
)
def test_what_may_pass_is_sent_again_as_boto3_does(aws_service: Service, failure: Reply) -> None:
    for client in (quick_dynamodb(LIMITS), of_boto3("dynamodb")):
        aws_service.sent.clear()
        aws_service.replies[:] = [failure, failure]
        client.put_item(TableName="t", Item=ITEM)
        assert len(aws_service.sent) == 3


@pytest.mark.parametrize(
    ("failure", "error"),
    [(refusal("ThrottlingException"), ClientError), (CUT, ConnectionClosedError), (DAMAGED, HTTPClientError)],
)
def test_after_three_attempts_the_last_failure_is_raised(
    aws_service: Service, failure: Reply, error: type[Exception]
) -> None:
    aws_service.replies += [failure] * 3
    with pytest.raises(error) as raised:
        quick_dynamodb(LIMITS).put_item(TableName="t", Item=ITEM)
    assert len(aws_service.sent) == 3
    if isinstance(raised.value, ClientError):
        assert raised.value.response.get("ResponseMetadata", {}).get("RetryAttempts") == 2


def test_a_lost_answer_shows_in_the_failed_condition_that_follows(aws_service: Service) -> None:
    aws_service.replies += [CUT, refusal("ConditionalCheckFailedException")]
    with pytest.raises(ClientError) as raised:
        quick_dynamodb(LIMITS).put_item(TableName="t", Item=ITEM)
    assert raised.value.response.get("ResponseMetadata", {}).get("RetryAttempts") == 1


def test_many_failures_use_up_the_quota_of_repetitions(aws_service: Service) -> None:
    client = quick_dynamodb(LIMITS)
    aws_service.replies += [refusal("InternalServerError", 500)] * 400
    for _ in range(60):
        with pytest.raises(ClientError):
            client.put_item(TableName="t", Item=ITEM)
    aws_service.sent.clear()
    with pytest.raises(ClientError):
        client.put_item(TableName="t", Item=ITEM)
    assert len(aws_service.sent) == 1


def test_what_is_called_before_an_attempt_can_end_a_call(aws_service: Service) -> None:
    class OverError(Exception):
        pass

    attempts: list[int] = []

    def before() -> None:
        attempts.append(len(aws_service.sent))
        if len(attempts) == 2:
            raise OverError

    aws_service.replies += [CUT]
    with pytest.raises(OverError):
        quick_dynamodb(LIMITS, before).put_item(TableName="t", Item=ITEM)
    assert attempts == [0, 1]


def test_connections_stay_open_and_a_closed_one_is_replaced(aws_service: Service) -> None:
    client = quick_dynamodb(LIMITS)
    for _ in range(3):
        client.put_item(TableName="t", Item=ITEM)
    assert aws_service.connections == 1
    aws_service.replies += [Reply(headers={"Connection": "close"})]
    for _ in range(2):
        client.put_item(TableName="t", Item=ITEM)
    assert aws_service.connections == 2


def test_nobody_at_the_endpoint_is_botocores_error(aws_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    with pytest.raises(EndpointConnectionError):
        quick_dynamodb(LIMITS).put_item(TableName="t", Item=ITEM)
    assert aws_service.sent == []


def test_an_answer_that_does_not_come_is_botocores_error(aws_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ReadTimeoutError):
            quick_dynamodb(Limits(read_seconds=0.01, attempts=1)).put_item(TableName="t", Item=ITEM)
    assert aws_service.sent == []


def test_an_object_is_read_as_boto3_does(aws_service: Service) -> None:
    aws_service.replies += [Reply(body=b"content", headers={"ETag": '"1"'})] * 2
    for client in (quick_s3("bucket", LIMITS), of_boto3("s3")):
        answer = client.get_object(Bucket="bucket", Key="a folder/ö+~.yaml", Range="bytes=0-9")
        assert (answer["ETag"], answer["Body"].read()) == ('"1"', b"content")
    ours, theirs = aws_service.sent
    assert ours.path == theirs.path == "/bucket/a%20folder/%C3%B6%2B~.yaml"
    assert ours.headers["range"] == theirs.headers["range"] == "bytes=0-9"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(304, b""), "304"),
        (Reply(404, b"<Error><Code>NoSuchKey</Code><Message>why</Message></Error>"), "NoSuchKey"),
        (Reply(403, b"<Error><Code>AccessDenied</Code></Error>"), "AccessDenied"),
        (Reply(400, b"no XML"), None),
    ],
)
def test_what_s3_refuses_is_the_error_that_boto3_raises(aws_service: Service, reply: Reply, code: str | None) -> None:
    aws_service.replies += [reply] * 2
    for client in (quick_s3("bucket", LIMITS), of_boto3("s3")):
        with pytest.raises(ClientError) as raised:
            client.get_object(Bucket="bucket", Key="key", IfNoneMatch='"1"')
        response = raised.value.response
        assert response.get("ResponseMetadata", {}).get("HTTPStatusCode") == reply.status
        if code:
            assert response.get("Error", {}).get("Code") == code
    assert {sent.headers["if-none-match"] for sent in aws_service.sent} == {'"1"'}


def test_keys_are_listed_page_by_page_as_boto3_does(aws_service: Service) -> None:
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    first = (
        f"<ListBucketResult {space}><IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken>"
    )
    pages = [
        f"{first}<Contents><Key>marks/1</Key></Contents><Contents><Key>marks/2</Key></Contents></ListBucketResult>",
        f"<ListBucketResult {space}><IsTruncated>false</IsTruncated></ListBucketResult>",
    ]
    aws_service.replies += [Reply(body=page.encode()) for page in [*pages, *pages]]
    listed: list[list[str]] = []
    clients: list[Any] = [quick_s3("bucket", LIMITS), of_boto3("s3")]
    for client in clients:
        page = client.list_objects_v2(Bucket="bucket", Prefix="marks/ä")
        keys = [entry["Key"] for entry in page["Contents"]]
        page = client.list_objects_v2(
            Bucket="bucket", Prefix="marks/ä", ContinuationToken=page["NextContinuationToken"]
        )
        listed.append([*keys, *(entry["Key"] for entry in page.get("Contents", []))])
        assert "NextContinuationToken" not in page
    assert listed[0] == listed[1] == ["marks/1", "marks/2"]
    asked = [dict(parse_qsl(urlsplit(sent.path).query)) for sent in aws_service.sent]
    for ours, theirs in zip(asked[:2], asked[2:], strict=True):
        assert ours.items() <= theirs.items()


def test_an_object_is_written_with_its_checksum(aws_service: Service) -> None:
    quick_s3("bucket", LIMITS).put_object(Bucket="bucket", Key="key", Body=b"content", ContentType="text/plain")
    (sent,) = aws_service.sent
    assert (sent.method, sent.path, sent.body) == ("PUT", "/bucket/key", b"content")
    assert sent.headers["content-type"] == "text/plain"
    assert base64.b64decode(sent.headers["x-amz-checksum-crc32"]) == zlib.crc32(b"content").to_bytes(4, "big")


@pytest.mark.parametrize(
    ("region", "dynamodb", "s3"),
    [
        ("us-east-2", "https://dynamodb.us-east-2.amazonaws.com", "https://bucket.s3.us-east-2.amazonaws.com"),
        ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn", "https://bucket.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_without_an_endpoint_in_the_environment_hosts_are_those_of_aws(
    aws_service: Service, monkeypatch: pytest.MonkeyPatch, region: str, dynamodb: str, s3: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert DynamoDb(LIMITS).connection.url == dynamodb == of_boto3("dynamodb").meta.endpoint_url
    assert Connection("s3", LIMITS, lambda _: {}, host_prefix="bucket.").url == s3
    assert aws_service.sent == []


def test_aws_is_spoken_to_over_tls_that_is_verified(aws_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_service.endpoint.replace("http:", "https:"))
    with pytest.raises(SSLError):
        quick_dynamodb(LIMITS).put_item(TableName="t", Item=ITEM)
    trust = DynamoDb(LIMITS).connection.endpoint.tls
    assert trust is not None
    assert (trust.verify_mode, trust.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert trust.cert_store_stats()["x509_ca"] > 100
    assert aws_service.sent == []


def test_what_is_done_seldom_is_done_by_botocores_clients(aws_service: Service) -> None:
    assert whole_dynamodb(LIMITS).meta.endpoint_url == aws_service.endpoint
    client = whole_s3(Limits(read_seconds=7, connect_seconds=2, attempts=4, connections=3))
    config: Any = client.meta.config
    assert (config.read_timeout, config.connect_timeout, config.max_pool_connections) == (7, 2, 3)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
