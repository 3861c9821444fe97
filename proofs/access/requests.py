"""Requests to the API that are unsigned, wrongly signed, expired, foreign, changed, or sent once more."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import HOME_REGION

if TYPE_CHECKING:
    from embedded_aws.cloud import LocalCloud

_LET_IN_UNDER: Final = 400
_TIME: Final = "%Y%m%dT%H%M%SZ"
"""How a signature says when it was made."""


@dataclass
class RequestVerdict:
    """What came of the requests."""

    tried: int = 0
    let_in: list[str] = field(default_factory=list[str])


def judge_requests(cloud: "LocalCloud") -> RequestVerdict:
    """Send what must be refused, and what may be sent once more without an effect."""
    verdict = RequestVerdict()
    url = f"{cloud.outputs['apiUrl']}/transactions"
    good = cloud.credentials.get_frozen_credentials()
    with httpx.Client(timeout=60) as client:
        for name, method, address, headers, body in _lies(url, good):
            verdict.tried += 1
            answer = client.request(method, address, headers=dict(headers), content=body)
            if answer.status_code < _LET_IN_UNDER:
                verdict.let_in.append(name)
        verdict.tried += 2
        verdict.let_in += _replayed(client, url, good)
    return verdict


def withdraw_and_wait(cloud: "LocalCloud") -> None:
    """Post a withdrawal that waits for its decision: a short run may have none, and the processor reads no terminal.

    Raises:
        httpx.HTTPStatusError: it is not stored.
    """
    url, body = f"{cloud.outputs['apiUrl']}/transactions", _transaction(type="WITHDRAWAL", terminalId="terminal-1")
    headers = signed_headers("POST", url, body, cloud.credentials.get_frozen_credentials()) | {"Prefer": "wait=2"}
    httpx.post(url, content=body, headers=headers, timeout=60).raise_for_status()


def _lies(url: str, good: ReadOnlyCredentials) -> Iterator[tuple[str, str, str, Mapping[str, str], bytes]]:
    for method, address, body in (("POST", url, _transaction()), ("GET", f"{url}/order-1", b"")):
        signed = signed_headers(method, address, body, good)
        wrong_secret = ReadOnlyCredentials(good.access_key, secrets.token_urlsafe(30), good.token)
        stranger = ReadOnlyCredentials(f"AKIA{secrets.token_hex(8).upper()}", good.secret_key, good.token)
        with_token = ReadOnlyCredentials(good.access_key, good.secret_key, "a-session-that-never-was")
        early, late = timedelta(minutes=-6), timedelta(minutes=6)
        yield "unsigned", method, address, {"content-type": "application/json"}, body
        yield "a signature that is none", method, address, signed | {"Authorization": "AWS4-HMAC-SHA256 x"}, body
        yield "wrong secret", method, address, signed_headers(method, address, body, wrong_secret), body
        yield "foreign key", method, address, signed_headers(method, address, body, stranger), body
        yield "foreign session", method, address, signed_headers(method, address, body, with_token), body
        yield "expired", method, address, signed_headers(method, address, body, good, moved=early), body
        yield "not yet valid", method, address, signed_headers(method, address, body, good, moved=late), body
        for region, service in (("us-east-1", "execute-api"), (HOME_REGION, "s3")):
            headers = signed_headers(method, address, body, good, region=region, service=service)
            yield f"signed for {service} in {region}", method, address, headers, body
        yield "another body", method, address, signed, _transaction()
        yield "another path", method, f"{address}x", signed, body
        yield "another query", method, f"{address}?a=b", signed, body
        yield "another method", "GET" if method == "POST" else "POST", address, signed, body
        a_second_later = datetime.strptime(signed["X-Amz-Date"], _TIME).replace(tzinfo=UTC) + timedelta(seconds=1)
        yield "another time", method, address, signed | {"X-Amz-Date": f"{a_second_later:{_TIME}}"}, body


def _replayed(client: httpx.Client, url: str, good: ReadOnlyCredentials) -> list[str]:
    """Send one request twice: within five minutes AWS takes it again, and it must have no second effect."""
    body = _transaction()
    headers = signed_headers("POST", url, body, good)
    answers = [client.post(url, content=body, headers=headers) for _ in range(2)]
    if [answer.status_code for answer in answers] != [HTTPStatus.CREATED, HTTPStatus.OK]:
        return [f"a replayed request, which was answered with {answers[1].status_code}"]
    later = signed_headers("POST", url, body, good, moved=timedelta(minutes=-6))
    answer = client.post(url, content=body, headers=later)
    return ["a request replayed after five minutes"] if answer.status_code < _LET_IN_UNDER else []


def signed_headers(
    method: str,
    url: str,
    body: bytes,
    credentials: ReadOnlyCredentials,
    *,
    moved: timedelta = timedelta(),
    region: str = HOME_REGION,
    service: str = "execute-api",
) -> dict[str, str]:
    """Return the headers of a signed request; `moved` is how much later than now it says to be signed."""
    request = AWSRequest(method=method, url=url, data=body, headers={"content-type": "application/json"})
    key = Credentials(credentials.access_key or "", credentials.secret_key or "", credentials.token)
    signer: Any = SigV4Auth(key, service, region)
    signed_at = datetime.now(UTC) + moved
    request.context["timestamp"] = f"{signed_at:{_TIME}}"
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    text = signer.string_to_sign(request, signer.canonical_request(request))
    scope = (
        f"Credential={signer.scope(request)}, SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}"
    )
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {scope}, Signature={signer.signature(text, request)}"
    return {name: str(value) for name, value in request.headers.items()}


def _transaction(**fields: str) -> bytes:
    body = {
        "transactionId": f"access-{secrets.token_hex(8)}",
        "timestamp": epoch_milliseconds(),
        "amountMinor": 1250,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": "customer-1",
    }
    return json.dumps(body | fields).encode()
