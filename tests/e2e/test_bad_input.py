"""Whatever is wrong with a request: a clear 4xx that names the field, never the value; nothing stored or logged."""

import json
import time
from typing import Any

import pytest

from embedded_aws.cloud import LocalCloud
from tests.e2e.api_harness import Client, payment

CARD = "4111 1111 1111 1111"
MARK = "zq7-unmistakable"
"""Stands in bad values, so that an echo or a log line of it can be found."""


def stored(cloud: LocalCloud) -> int:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["transactionsTable"])
    return sum(page["Count"] for page in pages)


BAD_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("note", {"note": MARK}),
    ("amountMinor", {"amountMinor": 12.5}),
    ("amountMinor", {"amountMinor": "12"}),
    ("amountMinor", {"amountMinor": True}),
    ("amountMinor", {"amountMinor": -1}),
    ("currency", {"currency": "ZQ7"}),
    ("metadata", {"metadata": {"ref": CARD}}),
    ("timestamp", {"timestamp": int(time.time() * 1000) + 3_600_000}),
    ("timestamp", {"timestamp": 1}),
    ("merchantCountry", {"merchantCountry": "XQ"}),
    ("ipAddress", {"ipAddress": MARK}),
    ("originalTransactionId", {"type": "REFUND"}),
]


@pytest.mark.parametrize(("field", "change"), BAD_FIELDS, ids=[f"{f}-{i}" for i, (f, _) in enumerate(BAD_FIELDS)])
def test_a_bad_field_is_named_and_its_value_is_not(
    client: Client, cloud: LocalCloud, field: str, change: dict[str, Any]
) -> None:
    before = stored(cloud)
    answer = client.post(payment(**change))

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for value in (MARK, CARD, "ZQ7", "XQ"):
        assert value not in answer.text
    assert stored(cloud) == before
    logs = cloud.log_file(cloud.outputs["processorFunction"]).read_text()
    assert MARK not in logs
    assert CARD not in logs
    assert field in answer.text


def test_a_broken_body_is_refused(client: Client) -> None:
    for body in (b"", b"{", b"[]", b"null", b'{"a": NaN}', b"\xff\xfe", b'"' + MARK.encode() + b'"'):
        answer = client.request("POST", "/transactions", body)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert MARK not in answer.text


def test_a_body_of_256_kb_is_refused(client: Client, cloud: LocalCloud) -> None:
    before = stored(cloud)
    body = json.dumps(payment(metadata={"a": "x" * 262_144})).encode()
    assert client.request("POST", "/transactions", body).status_code in {400, 413}
    assert stored(cloud) == before


def test_another_content_type_is_refused(client: Client) -> None:
    answer = client.request("POST", "/transactions", json.dumps(payment()).encode(), "text/plain")
    assert answer.status_code == 415


def test_an_unknown_route_is_refused(client: Client) -> None:
    for method, path in (("GET", "/transactions"), ("DELETE", "/transactions/x"), ("GET", "/other")):
        answer = client.request(method, path)
        assert answer.status_code in {403, 404}
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_transaction_is_404(client: Client) -> None:
    answer = client.get("never-posted")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_signature_is_refused(client: Client, cloud: LocalCloud) -> None:
    before = stored(cloud)
    stranger = Client(client.url, type(client.credentials)("AKIDSTRANGER", "wrong"))
    assert stranger.post(payment()).status_code == 403
    assert stored(cloud) == before
