"""Pipes to an API destination of this machine: down, slow, failing, and told twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from embedded_aws.ministack.server import MinistackServer
from embedded_aws.specs import ApiDestinationSpec
from embedded_aws.streams.api_destinations import ApiDestination, DeliveryRefusedError, is_loopback
from proofs.running.webhook import Receiver, receiver
from tests.integration.embedded_aws.test_pipes import Bench
from tests.waiting_harness import PATIENCE_SECONDS

SECRET = {"Authorization": "0123456789abcdef"}


@contextmanager
def posting(bench: Bench, url: str, timeout_seconds: float = 5.0, **changes: Any) -> Iterator[Any]:
    spec = ApiDestinationSpec(
        url=url, method="POST", headers=SECRET, requests_per_second=300, timeout_seconds=timeout_seconds
    )
    pipe = bench.pipe(publish=ApiDestination(spec).post, batch_size=1, **{"maximum_retry_attempts": 20, **changes})
    pipe.start()
    try:
        yield pipe
    finally:
        pipe.close()


@pytest.fixture
def bench(aws: MinistackServer) -> Bench:
    return Bench(aws)


def put(bench: Bench, *keys: str) -> None:
    for key in keys:
        bench.put(key, score={"N": "87"}, reasons={"L": []})


def ids(server: Receiver) -> list[str]:
    return [each["transactionId"] for each in server.got]


def test_each_event_is_posted_once_in_order_with_the_secret(bench: Bench) -> None:
    with receiver() as webhook, posting(bench, webhook.url) as pipe:
        put(bench, "a", "b", "c")
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
        assert ids(webhook) == ["a", "b", "c"]
        assert {each["Authorization"] for each in webhook.headers} == set(SECRET.values())
        assert webhook.headers[0]["Content-Type"] == "application/json; charset=utf-8"


def test_what_was_sent_while_the_receiver_was_down_comes_when_it_is_back(bench: Bench) -> None:
    with receiver() as webhook:
        port = webhook.server_address[1]
    with posting(bench, f"http://127.0.0.1:{port}/fraud") as pipe:
        put(bench, "a", "b")
        assert not pipe.wait_until_caught_up(0.3)
        with receiver(port) as webhook:
            assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
            assert ids(webhook) == ["a", "b"]
    assert bench.messages(bench.dead) == []


def test_an_answer_of_500_is_tried_again_so_that_the_receiver_may_get_it_twice(bench: Bench) -> None:
    with receiver() as webhook, posting(bench, webhook.url) as pipe:
        webhook.answers = [500, 429]
        put(bench, "a", "b")
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
        assert ids(webhook) == ["a", "a", "a", "b"]
        assert webhook.got[0] == webhook.got[1]


def test_a_slow_answer_counts_as_none(bench: Bench) -> None:
    with receiver() as webhook, posting(bench, webhook.url, timeout_seconds=2) as pipe:
        webhook.pauses = [6.0]
        put(bench, "a")
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
        assert ids(webhook) == ["a", "a"]


def test_what_is_never_taken_ends_in_the_dead_letters_and_holds_up_nothing(bench: Bench) -> None:
    with receiver() as webhook, posting(bench, webhook.url, maximum_retry_attempts=2) as pipe:
        webhook.answers = [500, 500, 500]
        put(bench, "a", "b")
        assert pipe.wait_until_caught_up(PATIENCE_SECONDS)
        assert ids(webhook) == ["a", "a", "a", "b"]
    (dead,) = bench.messages(bench.dead)
    assert dead["context"]["condition"] == "RetryAttemptsExhausted"


def test_a_redirect_is_not_followed() -> None:
    with receiver() as webhook:
        spec = ApiDestinationSpec(url=webhook.url, method="POST", headers={}, requests_per_second=300)
        webhook.answers = [302]
        with pytest.raises(DeliveryRefusedError, match="status 302"):
            ApiDestination(spec).post("", "{}")


def test_only_addresses_of_this_machine_are_delivered_to() -> None:
    own = ["http://127.0.0.1:80/x", "http://localhost/x", "https://[::1]/"]
    assert [is_loopback(url) for url in own] == [True, True, True]
    assert not any(is_loopback(url) for url in ("https://example.com/", "http://10.0.0.1/", "http://169.254.169.254/"))
