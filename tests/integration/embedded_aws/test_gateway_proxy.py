"""What a function is asked and what becomes of its answer, against what API Gateway documents of proxy integrations."""

import base64
import json
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from embedded_aws.runtime.function_runtime import FunctionRuntime
from embedded_aws.runtime.invocations import Invocation, PayloadTooLargeError, Throttled
from embedded_aws.specs import FunctionSpec, GatewayResponseSpec
from tests.integration.embedded_aws.gateway_harness import ADMIN, Bench, route
from tests.waiting_harness import PATIENCE_SECONDS


def test_the_event_has_the_form_of_payload_version_1(bench: Bench) -> None:
    bench.start()
    answer = bench.call(
        "POST",
        "/transactions?a=1&a=2&b=%20x",
        content=b'{"amount": 1}',
        headers=[("Content-Type", "application/json"), ("X-Twice", "1"), ("X-Twice", "2"), ("User-Agent", "test")],
    )
    assert answer.status_code == 200
    (event,) = bench.events
    assert event["resource"] == "/transactions"
    assert event["path"] == "/transactions"
    assert event["httpMethod"] == "POST"
    assert event["body"] == '{"amount": 1}'
    assert event["isBase64Encoded"] is False
    assert event["queryStringParameters"] == {"a": "2", "b": " x"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" x"]}
    assert event["pathParameters"] is None
    assert event["stageVariables"] is None
    assert event["headers"]["content-type"] == "application/json"
    assert event["headers"]["x-twice"] == "2"
    assert event["multiValueHeaders"]["x-twice"] == ["1", "2"]
    assert event["headers"]["X-Forwarded-Proto"] == "https"
    context = event["requestContext"]
    assert context["resourcePath"] == "/transactions"
    assert context["path"] == "/v1/transactions"
    assert context["stage"] == "v1"
    assert context["accountId"] == "000000000000"
    assert context["apiId"] == "a1b2c3"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "test"
    assert abs(context["requestTimeEpoch"] / 1000 - time.time()) < 60
    assert answer.headers["x-amzn-requestid"] == context["requestId"]


def test_an_empty_body_and_query_are_null(bench: Bench) -> None:
    bench.start()
    bench.call("GET", "/transactions/a")
    (event,) = bench.events
    assert event["body"] is None
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None


def test_path_parameters_are_decoded_and_literal_parts_go_first(bench: Bench) -> None:
    bench.start(
        route("GET", "/transactions/{id}"), route("GET", "/transactions/latest"), route("GET", "/files/{proxy+}")
    )
    for path in ("/transactions/a%2Fb%20c", "/transactions/latest", "/files/x/y"):
        assert bench.call("GET", path).status_code == 200
    assert [event["pathParameters"] for event in bench.events] == [{"id": "a/b c"}, None, {"proxy": "x/y"}]
    assert [event["resource"] for event in bench.events] == [
        "/transactions/{id}",
        "/transactions/latest",
        "/files/{proxy+}",
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/other"), ("DELETE", "/transactions"), ("GET", "/transactions/"), ("GET", "/transactions/a/b")],
)
def test_an_unknown_route_is_a_missing_authentication_token(bench: Bench, method: str, path: str) -> None:
    bench.start()
    answer = bench.call(method, path)
    assert answer.status_code == 403
    assert answer.json() == {"message": "Missing Authentication Token"}
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert not bench.events


def test_another_stage_is_forbidden(bench: Bench) -> None:
    bench.start()
    bench.url = bench.url.replace("/v1", "/v2")
    answer = bench.call("GET", "/transactions/a")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_an_answer_carries_status_headers_and_body(bench: Bench) -> None:
    bench.start()
    bench.function = lambda _: {
        "statusCode": 201,
        "headers": {"Location": "/transactions/a", "X-Number": 7, "Server": "mine", "Content-Length": "999"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": '{"ü": 1}',
    }
    answer = bench.call("POST", "/transactions", content=b"{}")
    assert answer.status_code == 201
    assert answer.json() == {"ü": 1}
    assert answer.headers["location"] == "/transactions/a"
    assert answer.headers["x-number"] == "7"
    assert answer.headers["x-amzn-remapped-server"] == "mine"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_binary_bodies_go_in_base64_both_ways(bench: Bench) -> None:
    bench.start(binary_media_types=("application/octet-stream",))
    bench.function = lambda event: {
        "statusCode": 200,
        "headers": {"Content-Type": "application/octet-stream"},
        "body": event["body"],
        "isBase64Encoded": True,
    }
    data = bytes(range(256))
    answer = bench.call("POST", "/transactions", content=data, headers={"Content-Type": "application/octet-stream"})
    assert answer.content == data
    assert base64.b64decode(bench.events[0]["body"]) == data
    assert bench.events[0]["isBase64Encoded"] is True


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        {},
        {"status": 200},
        {"statusCode": "many"},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"secret": "inside"}},
        {"statusCode": 200, "headers": "none"},
        {"statusCode": 200, "headers": {"a": {"b": 1}}},
        {"statusCode": 200, "headers": {"a": "b\r\nSecret: inside"}},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        b"no json with a secret",
    ],
)
def test_a_malformed_answer_is_a_502_that_leaks_nothing(bench: Bench, result: Any) -> None:
    bench.start()
    bench.function = lambda _: result
    answer = bench.call("GET", "/transactions/a")
    assert answer.status_code == 502
    assert answer.json() == {"message": "Internal server error"}
    assert answer.headers["x-amzn-errortype"] == "InternalServerErrorException"
    assert "secret" not in answer.text.lower()
    assert "secret" not in answer.headers


def test_a_status_as_text_is_taken(bench: Bench) -> None:
    bench.start()
    bench.function = lambda _: {"statusCode": "204"}
    assert bench.call("GET", "/transactions/a").status_code == 204


@contextmanager
def a_runtime(folder: Path, handler: str) -> Generator[FunctionRuntime]:
    """A runtime with one function, `processor`, of this source."""
    package = folder / "package"
    package.mkdir()
    (package / "handler.py").write_text(handler)
    runtime = FunctionRuntime(folder / "cloud", "http://127.0.0.1:1", "us-east-2", lambda _role: ADMIN)
    try:
        runtime.create(
            FunctionSpec(
                name="processor",
                handler="handler.handler",
                package=package,
                role_arn="arn:aws:iam::000000000000:role/r",
                timeout_seconds=60,
                memory_mb=128,
                log_group="g",
            )
        )
        yield runtime
    finally:
        runtime.close()


def test_a_function_that_raises_is_a_502_that_leaks_nothing(bench: Bench, tmp_path: Path) -> None:
    handler = "def handler(event, context):\n    raise ValueError('a secret')\n"
    with a_runtime(tmp_path, handler) as runtime:
        bench.start(invoke=runtime.invoke_awaited)
        answer = bench.call("GET", "/transactions/a")
    assert answer.status_code == 502
    assert answer.json() == {"message": "Internal server error"}
    assert "secret" not in str(answer.headers)


def test_a_throttled_function_is_a_500_as_on_aws(bench: Bench) -> None:
    """Lambda's 429 becomes API Gateway's INTEGRATION_FAILURE, which is 500 unless the author maps it."""

    def invoke(_name: str, _payload: bytes) -> Invocation:
        raise Throttled("function lambda-secret uses all of its reserved concurrency")

    bench.start(invoke=invoke)
    answer = bench.call("GET", "/transactions/a")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})
    mapped = GatewayResponseSpec(
        response_type="INTEGRATION_FAILURE", status_code=503, headers={"Retry-After": "'1'"}, templates={}
    )
    bench.start(invoke=invoke, responses=(mapped,))
    answer = bench.call("GET", "/transactions/a")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_an_event_over_lambdas_quota_is_a_413(bench: Bench) -> None:
    def invoke(_name: str, _payload: bytes) -> Invocation:
        raise PayloadTooLargeError

    bench.start(invoke=invoke)
    assert bench.call("POST", "/transactions", content=b"{}").status_code == 413


def test_a_body_over_ten_megabytes_is_a_413(bench: Bench) -> None:
    bench.start()
    assert bench.call("POST", "/transactions", content=b"x" * (10 * 1024 * 1024)).status_code == 200
    answer = bench.call("POST", "/transactions", content=b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})

    def chunks() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * 1024 * 1024

    assert bench.call("POST", "/transactions", content=chunks()).status_code == 413
    assert len(bench.events) == 1


@pytest.mark.parametrize(
    ("path", "refusal"),
    [("/transactions", (413, "Request Too Long")), ("/nothing", (403, "Missing Authentication Token"))],
)
def test_a_client_that_sends_all_before_it_reads_sees_the_refusal(
    bench: Bench, path: str, refusal: tuple[int, str]
) -> None:
    bench.start()
    url = urlsplit(bench.url)
    connection = HTTPConnection(url.netloc, timeout=PATIENCE_SECONDS)
    with closing(connection):
        everything = b"x" * (40 * 1024 * 1024)
        connection.request("POST", f"{url.path}{path}", body=everything, headers={"Connection": "close"})
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["message"]) == refusal
    assert bench.events == []


def test_a_function_slower_than_the_integration_timeout_is_a_504(bench: Bench) -> None:
    bench.start(route("GET", "/slow", timeout_seconds=0.2))
    release = threading.Event()
    bench.function = lambda _: release.wait(5)
    answer = bench.call("GET", "/slow")
    release.set()
    assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})


def test_a_function_that_nobody_waits_for_runs_on(bench: Bench, tmp_path: Path) -> None:
    handler = (
        "import pathlib, time\n"
        "def handler(event, context):\n"
        f"    while not pathlib.Path({str(tmp_path / 'go')!r}).exists():\n"
        "        time.sleep(0.01)\n"
        "    return {'statusCode': 200, 'body': event['path']}\n"
    )
    with a_runtime(tmp_path, handler) as runtime:
        # Longer than a process takes to start, and shorter than the function takes.
        bench.start(route("GET", "/first", timeout_seconds=2), route("GET", "/second"), invoke=runtime.invoke_awaited)
        assert bench.call("GET", "/first").status_code == 504
        assert runtime.in_flight == 1
        (tmp_path / "go").touch()
        assert bench.call("GET", "/second").text == "/second"
        # The same process answered: it had not been ended in the midst of the first request.
        log = runtime.log_file("processor").read_text()
    assert log.count("REPORT RequestId") == 2
