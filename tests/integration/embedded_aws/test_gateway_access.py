"""Who and what the gateway lets through: signatures, API keys, models of bodies, throttles."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKey

from embedded_aws.specs import Credentials
from tests.integration.embedded_aws.gateway_harness import EXPIRED, MODEL, SESSION, Bench, route


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

    @pytest.mark.parametrize(
        "date", ["Fri, 31 Dec 9999 23:59:59 -2359", f"Mon, 23 Nov 2026 10:00:00 +{'9' * 30}", "today"]
    )
    def test_a_date_that_is_none_is_refused(self, bench: Bench, date: str) -> None:
        headers = bench.signed("GET", "/transactions/a") | {"Date": date}
        del headers["X-Amz-Date"]
        answer = bench.call("GET", "/transactions/a", headers=headers)
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")

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
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b'{"a":' * 100_000, 400),
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
        answers = list(pool.map(lambda _: bench.call("GET", "/transactions/a"), range(60)))
    refilled = 2.0 * (time.monotonic() - started)
    statuses = [answer.status_code for answer in answers]
    assert 10 <= statuses.count(200) <= 10 + refilled
    assert statuses.count(429) == 60 - statuses.count(200)
    assert len(bench.events) == statuses.count(200)
    refused = [answer.json() for answer in answers if answer.status_code == 429]
    assert refused == [{"message": "Too Many Requests"}] * len(refused)
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
