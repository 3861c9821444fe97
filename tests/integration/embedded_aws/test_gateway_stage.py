"""Responses, access logs and the life of a stage, as API Gateway documents them."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from embedded_aws.specs import GatewayResponseSpec
from tests.integration.embedded_aws.gateway_harness import MODEL, Bench, route
from tests.waiting_harness import PATIENCE_SECONDS


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
    bench.function = lambda _: release.wait(PATIENCE_SECONDS)
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
    gateway = bench.start()
    bench.call("POST", "/transactions", content=b"x" * 500)
    # By the option and not by a clock: Nagle's algorithm costs 40 ms, which a busy machine takes too.
    sockets = [each.transport.get_extra_info("socket") for each in gateway._server.server_state.connections]
    assert [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets] == [1]
