"""The whole system, deployed once for all end-to-end tests, and a client that signs its requests."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fraudstream_tools.local.cloud import LocalCloud
from infra.program import main

CONFIG = {"fraudstream:packageFor": "host", "fraudstream:segmentWindowSeconds": "1"}


@dataclass(frozen=True)
class Client:
    """Talks to the API as a customer's service would."""

    url: str
    credentials: Credentials

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> httpx.Response:
        headers = {"content-type": content_type} if method == "POST" else {}
        request = AWSRequest(method=method, url=f"{self.url}{path}", data=body, headers=headers)
        SigV4Auth(self.credentials, "execute-api", "us-east-2").add_auth(request)
        return httpx.request(method, f"{self.url}{path}", content=body, headers=dict(request.headers.items()), timeout=30)

    def post(self, transaction: dict[str, Any]) -> httpx.Response:
        return self.request("POST", "/transactions", json.dumps(transaction).encode())

    def get(self, transaction_id: str) -> httpx.Response:
        return self.request("GET", f"/transactions/{transaction_id}")


def payment(**changes: Any) -> dict[str, Any]:
    """A plain payment with an id of its own."""
    return {
        "transactionId": f"e2e-{uuid.uuid4()}",
        "timestamp": int(time.time() * 1000),
        "amountMinor": 1250,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": f"customer-{uuid.uuid4()}",
    } | changes


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The real Pulumi program in the embedded AWS, with the functions' least-privilege policies enforced."""
    folder: Path = tmp_path_factory.mktemp("cloud")
    with LocalCloud(
        program=main, project="fraudstream", stack="e2e", config=CONFIG, folder=folder, enforce_iam=True
    ) as running:
        yield running


@pytest.fixture(scope="session")
def client(cloud: LocalCloud) -> Client:
    access_key, secret_key = cloud.credentials.access_key, cloud.credentials.secret_key
    return Client(cloud.outputs["apiUrl"], Credentials(access_key, secret_key))


@pytest.fixture(scope="session")
def decided(client: Client) -> Callable[[str], dict[str, Any]]:
    """Wait for a transaction's decision and give what GET says of it."""

    def wait(transaction_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = client.get(transaction_id)
            assert answer.status_code == 200, answer.text
            if (found := answer.json())["decision"] is not None:
                return found
            time.sleep(0.1)
        pytest.fail(f"{transaction_id} was not decided within 30 s")

    return wait
