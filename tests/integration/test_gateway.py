"""The gateway against what API Gateway documents for REST APIs with Lambda proxy integrations, over real HTTP."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKey

from fraudstream_tools.local.gateway import Gateway
from fraudstream_tools.local.invocations import Invocation, PayloadTooLargeError, Throttled
from fraudstream_tools.local.runtime import FunctionRuntime
from fraudstream_tools.local.specs import (
    Credentials,
    FunctionSpec,
    GatewayResponseSpec,
    GatewaySpec,
    RouteSpec,
)

ADMIN = Credentials(
    access_key_id="AKIAADMIN", secret_access_key="secret", principal_arn="arn:aws:iam::000000000000:user/admin"
)
SESSION = Credentials(access_key_id="ASIASESSION", secret_access_key="other", session_token="token")
EXPIRED = Credentials(access_key_id="ASIAOLD", secret_access_key="old", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
KNOWN = {each.access_key_id: each for each in (ADMIN, SESSION, EXPIRED)}
MODEL = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


class Bench:
    """A gateway before a function of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self.function: Callable[[dict[str, Any]], Any] = lambda _event: {"statusCode": 200, "body": "ok"}
        self.gateways: list[Gateway] = []
        self.url = ""
        self.client = httpx.Client(timeout=10, verify=False, trust_env=False)  # noqa: S501 - plain HTTP on loopback

    def invoke(self, name: str, payload: bytes) -> Invocation:
        assert name == "processor"
        event = json.loads(payload)
        self.events.append(event)
        answer = self.function(event)
        if isinstance(answer, Invocation):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Invocation(payload=body, function_error=None, request_id="r")

    def start(self, *routes: RouteSpec, invoke: Any = None, port: int = 0, **changes: Any) -> Gateway:
        values: dict[str, Any] = {
            "api_id": "a1b2c3",
            "api_name": "api-test",
            "account_id": "000000000000",
            "region": "us-east-2",
            "stage": "v1",
            "routes": routes or (route("POST", "/transactions"), route("GET", "/transactions/{id}")),
            "responses": (),
            "throttle_rate": 1000.0,
            "throttle_burst": 1000,
        }
        gateway = Gateway(
            GatewaySpec(**{**values, **changes}),
            invoke=invoke or self.invoke,
            credentials=KNOWN.get,
            folder=self.folder,
            port=port,
        )
        self.gateways.append(gateway)
        self.url = gateway.start()
        return gateway

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.client.request(method, f"{self.url}{path}", **options)

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        key: Credentials = ADMIN,
    ) -> dict[str, str]:
        request = AWSRequest(method=method, url=f"{self.url}{path}", data=body, headers=dict(headers or {}))
        signing = SigningKey(key.access_key_id, key.secret_access_key, key.session_token)
        SigV4Auth(signing, "execute-api", "us-east-2").add_auth(request)
        return dict(request.headers.items())


def route(method: str, path: str, **changes: Any) -> RouteSpec:
    values: dict[str, Any] = {
        "http_method": method,
        "path": path,
        "function_name": "processor",
        "authorization": "NONE",
    }
    return RouteSpec(**{**values, **changes})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.client.close()
    for gateway in bench.gateways:
        gateway.close()


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


def test_a_function_that_raises_is_a_502_that_leaks_nothing(bench: Bench, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "handler.py").write_text("def handler(event, context):\n    raise ValueError('a secret')\n")
    runtime = FunctionRuntime(tmp_path / "cloud", "http://127.0.0.1:1", "us-east-2", lambda _role: ADMIN)
    try:
        runtime.create(
            FunctionSpec(
                name="processor",
                handler="handler.handler",
                package=package,
                role_arn="arn:aws:iam::000000000000:role/r",
                timeout_seconds=10,
                memory_mb=128,
                log_group="g",
            )
        )
        bench.start(invoke=runtime.invoke)
        answer = bench.call("GET", "/transactions/a")
    finally:
        runtime.close()
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


def test_a_function_slower_than_the_integration_timeout_is_a_504(bench: Bench) -> None:
    bench.start(route("GET", "/slow", timeout_seconds=0.2))
    release = threading.Event()
    bench.function = lambda _: release.wait(5)
    answer = bench.call("GET", "/slow")
    release.set()
    assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})


class TestSignatures:
    """Routes with AWS_IAM."""

    @pytest.fixture(autouse=True)
    def _gateway(self, bench: Bench) -> None:
        bench.start(
            route("POST", "/transactions", authorization="AWS_IAM"),
            route("GET", "/transactions/{id}", authorization="AWS_IAM"),
        )

    def test_a_signed_request_is_served_and_its_caller_known(self, bench: Bench) -> None:
        body = b'{"amount": 1}'
        headers = bench.signed("POST", "/transactions", body, {"Content-Type": "application/json"})
        assert bench.call("POST", "/transactions", content=body, headers=headers).status_code == 200
        identity = bench.events[0]["requestContext"]["identity"]
        assert identity["accessKey"] == "AKIAADMIN"
        assert identity["userArn"] == "arn:aws:iam::000000000000:user/admin"
        assert identity["accountId"] == "000000000000"

    @pytest.mark.parametrize("path", ["/transactions/a%20b", "/transactions/a:b", "/transactions/a?y=2&x=1&x=%20"])
    def test_any_path_and_query_can_be_signed(self, bench: Bench, path: str) -> None:
        assert bench.call("GET", path, headers=bench.signed("GET", path)).status_code == 200

    def test_a_session_needs_its_token(self, bench: Bench) -> None:
        headers = bench.signed("GET", "/transactions/a", key=SESSION)
        assert bench.call("GET", "/transactions/a", headers=headers).status_code == 200
        del headers["X-Amz-Security-Token"]
        assert bench.call("GET", "/transactions/a", headers=headers).status_code == 403

    def test_an_unsigned_request_is_refused(self, bench: Bench) -> None:
        answer = bench.call("GET", "/transactions/a")
        assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})

    def test_a_changed_body_is_refused(self, bench: Bench) -> None:
        headers = bench.signed("POST", "/transactions", b"{}")
        answer = bench.call("POST", "/transactions", content=b"[]", headers=headers)
        assert answer.status_code == 403
        assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"
        assert "does not match the signature you provided" in answer.json()["message"]

    def test_a_changed_path_is_refused(self, bench: Bench) -> None:
        headers = bench.signed("GET", "/transactions/a")
        assert bench.call("GET", "/transactions/b", headers=headers).status_code == 403

    def test_a_body_hash_that_lies_is_refused(self, bench: Bench) -> None:
        lie = base64.b16encode(b"0" * 32).decode().lower()
        headers = bench.signed("POST", "/transactions", b"{}", {"X-Amz-Content-SHA256": lie})
        assert bench.call("POST", "/transactions", content=b"{}", headers=headers).status_code == 403

    def test_a_wrong_secret_is_refused(self, bench: Bench) -> None:
        wrong = Credentials(access_key_id="AKIAADMIN", secret_access_key="guess")
        answer = bench.call("GET", "/transactions/a", headers=bench.signed("GET", "/transactions/a", key=wrong))
        assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"

    def test_an_unknown_key_is_refused(self, bench: Bench) -> None:
        stranger = Credentials(access_key_id="AKIASTRANGER", secret_access_key="s")
        answer = bench.call("GET", "/transactions/a", headers=bench.signed("GET", "/transactions/a", key=stranger))
        assert answer.status_code == 403
        assert answer.headers["x-amzn-errortype"] == "UnrecognizedClientException"

    def test_expired_credentials_are_refused(self, bench: Bench) -> None:
        answer = bench.call("GET", "/transactions/a", headers=bench.signed("GET", "/transactions/a", key=EXPIRED))
        assert answer.headers["x-amzn-errortype"] == "ExpiredTokenException"

    @pytest.mark.parametrize(("minutes", "status"), [(-4, 200), (4, 200), (-6, 403), (6, 403)])
    def test_a_signature_is_good_for_five_minutes(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int
    ) -> None:
        moment = datetime.now(UTC) + timedelta(minutes=minutes)
        with monkeypatch.context() as patch:
            patch.setattr("botocore.auth.get_current_datetime", lambda: moment)
            headers = bench.signed("GET", "/transactions/a")
        assert bench.call("GET", "/transactions/a", headers=headers).status_code == status

    @pytest.mark.parametrize("authorization", ["Bearer x", "AWS4-HMAC-SHA256 Credential=x", "AWS4-HMAC-SHA256"])
    def test_another_authorization_is_an_incomplete_signature(self, bench: Bench, authorization: str) -> None:
        answer = bench.call("GET", "/transactions/a", headers={"Authorization": authorization})
        assert answer.status_code == 403
        assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"

    @pytest.mark.parametrize(("region", "service"), [("eu-west-1", "execute-api"), ("us-east-2", "s3")])
    def test_another_region_or_service_is_refused(self, bench: Bench, region: str, service: str) -> None:
        request = AWSRequest(method="GET", url=f"{bench.url}/transactions/a")
        SigV4Auth(SigningKey("AKIAADMIN", "secret"), service, region).add_auth(request)
        answer = bench.call("GET", "/transactions/a", headers=dict(request.headers.items()))
        assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"


def test_an_api_key_opens_where_one_is_required(bench: Bench) -> None:
    bench.start(route("GET", "/a", api_key_required=True), api_keys=("right",))
    assert bench.call("GET", "/a").json() == {"message": "Forbidden"}
    assert bench.call("GET", "/a", headers={"x-api-key": "wrong"}).status_code == 403
    assert bench.call("GET", "/a", headers={"x-api-key": "right"}).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b'{"amount": 1}', 200),
        ("application/json; charset=utf-8", b'{"amount": 1}', 200),
        (None, b'{"amount": 1}', 200),
        ("application/json", b'{"amount": "1"}', 400),
        ("application/json", b"{}", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"", 400),
        ("application/json", b"{", 400),
        ("application/json", b'{"amount": NaN}', 400),
        ("application/json", b"\xff\xfe", 400),
        (None, b"{}", 400),
        ("text/plain", b"anything", 200),
    ],
)
def test_bodies_are_checked_against_the_model_of_their_content_type(
    bench: Bench, content_type: str | None, body: bytes, status: int
) -> None:
    bench.start(route("POST", "/transactions", body_schemas={"application/json": MODEL}))
    headers = {"Content-Type": content_type} if content_type else {}
    answer = bench.call("POST", "/transactions", content=body, headers=headers)
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {"message": "Invalid request body"}


def test_a_default_model_is_for_every_content_type(bench: Bench) -> None:
    bench.start(route("POST", "/transactions", body_schemas={"$default": MODEL}))
    assert bench.call("POST", "/transactions", content=b"{}", headers={"Content-Type": "text/x"}).status_code == 400


def test_a_throttled_burst_gets_429s(bench: Bench) -> None:
    bench.start(throttle_rate=2.0, throttle_burst=10)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: bench.call("GET", "/transactions/a").status_code, range(60)))
    refilled = 2.0 * (time.monotonic() - started)
    assert 10 <= statuses.count(200) <= 10 + refilled
    assert statuses.count(429) == 60 - statuses.count(200)
    assert len(bench.events) == statuses.count(200)
    assert bench.call("GET", "/transactions/a").json() == {"message": "Too Many Requests"}
    time.sleep(0.6)
    assert bench.call("GET", "/transactions/a").status_code == 200, "the bucket fills again"


def test_each_method_is_throttled_by_itself(bench: Bench) -> None:
    own = route("GET", "/few", throttle_rate=0.1, throttle_burst=2)
    bench.start(own, route("GET", "/many"), route("POST", "/many"), throttle_rate=0.1, throttle_burst=3)
    # None takes from another's bucket: neither one with a throttle of its own, nor one with the stage's.
    for method, path, burst in (("GET", "/few", 2), ("GET", "/many", 3), ("POST", "/many", 3)):
        assert [bench.call(method, path).status_code for _ in range(burst + 1)] == [*[200] * burst, 429]


def test_a_methods_throttle_may_be_wider_than_the_stages(bench: Bench) -> None:
    bench.start(route("GET", "/many", throttle_rate=0.1, throttle_burst=4), throttle_rate=0.1, throttle_burst=1)
    assert [bench.call("GET", "/many").status_code for _ in range(5)] == [200, 200, 200, 200, 429]


def test_gateway_responses_set_status_headers_and_body(bench: Bench) -> None:
    bench.start(
        route("POST", "/transactions", body_schemas={"application/json": MODEL}),
        responses=(
            GatewayResponseSpec(
                response_type="BAD_REQUEST_BODY",
                status_code=422,
                headers={
                    "gatewayresponse.header.Content-Type": "'application/problem+json'",
                    "gatewayresponse.header.Request": "context.requestId",
                    "gatewayresponse.header.Echo": "method.request.header.X-Thing",
                },
                templates={
                    "application/json": '{"detail": "$context.error.message", "type": "$context.error.responseType",'
                    ' "id": "$context.requestId", "why": $context.error.messageString,'
                    ' "fields": "$context.error.validationErrorString", "none": "$context.nothing"}'
                },
            ),
            GatewayResponseSpec(
                response_type="DEFAULT_4XX", status_code=None, headers={}, templates={"application/json": "refused"}
            ),
        ),
    )
    answer = bench.call("POST", "/transactions", content=b'{"amount": "4111"}', headers={"X-Thing": "thing"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["request"] == answer.headers["x-amzn-requestid"]
    assert answer.headers["echo"] == "thing"
    assert answer.json() == {
        "detail": "Invalid request body",
        "type": "BAD_REQUEST_BODY",
        "id": answer.headers["x-amzn-requestid"],
        "why": "Invalid request body",
        "fields": "[type at /amount]",
        "none": "",
    }
    other = bench.call("GET", "/nothing")
    assert (other.status_code, other.text) == (403, "refused")


def test_the_access_log_has_a_line_in_the_stages_format_for_each_request(bench: Bench) -> None:
    log_format = json.dumps(
        {
            "id": "$context.requestId",
            "status": "$context.status",
            "path": "$context.resourcePath",
            "length": "$context.responseLength",
            "error": "$context.error.responseType",
            "tls": "$context.tlsVersion",
            "integration": "$context.integration.status",
        }
    )
    gateway = bench.start(access_log_format=log_format)
    served = bench.call("GET", "/transactions/a")
    bench.call("GET", "/nothing")
    first, second = map(json.loads, gateway.access_log_file.read_text().splitlines())
    assert first == {
        "id": served.headers["x-amzn-requestid"],
        "status": "200",
        "path": "/transactions/{id}",
        "length": "2",
        "error": "-",
        "tls": "-",
        "integration": "200",
    }
    assert second["status"] == "403"
    assert second["path"] == "-"
    assert second["error"] == "MISSING_AUTHENTICATION_TOKEN"


def test_closing_is_prompt_also_with_a_request_in_flight(bench: Bench) -> None:
    gateway = bench.start()
    release = threading.Event()
    bench.function = lambda _: release.wait(20)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench.call, "GET", "/transactions/a")
        time.sleep(0.2)
        started = time.monotonic()
        gateway.close()
        gateway.close()
        assert time.monotonic() - started < 10
        release.set()
        assert running.result().status_code == 500
    with pytest.raises(httpx.ConnectError):
        bench.call("GET", "/transactions/a")


def test_a_port_that_was_chosen_before_is_served(bench: Bench) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    bench.start(port=port)
    assert bench.url == f"http://127.0.0.1:{port}/v1"
    assert bench.call("GET", "/transactions/a").status_code == 200


def test_a_client_cannot_claim_another_address(bench: Bench) -> None:
    bench.start()
    bench.call("GET", "/transactions/a", headers={"X-Forwarded-For": "203.0.113.9"})
    assert bench.events[0]["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert bench.events[0]["headers"]["X-Forwarded-For"] == "127.0.0.1"


def test_answers_do_not_wait_for_delayed_acknowledgements(bench: Bench) -> None:
    bench.start()
    durations: list[float] = []
    for _ in range(20):
        started = time.perf_counter()
        bench.call("POST", "/transactions", content=b"x" * 500)
        durations.append(time.perf_counter() - started)
    assert min(durations[1:]) < 0.03, "Nagle's algorithm costs 40 ms"
