"""Talks to the deployed API as a customer's service would."""

import json
import ssl
import time
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.ids_harness import new_id
from tests.waiting_harness import PATIENCE_SECONDS

_TLS = ssl.create_default_context()
"""Made once: it reads all certificates, and each request would make its own."""


@dataclass(frozen=True)
class Client:
    """Signs every request."""

    url: str
    credentials: Credentials

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> httpx.Response:
        headers = {"content-type": content_type} if method == "POST" else {}
        return self._send(method, f"{self.url}{path}", body, headers)

    def post(self, transaction: dict[str, Any], prefer: str | None = None) -> httpx.Response:
        headers = {"content-type": "application/json"} | ({"prefer": prefer} if prefer else {})
        return self._send("POST", f"{self.url}/transactions", json.dumps(transaction).encode(), headers)

    def get(self, transaction_id: str) -> httpx.Response:
        return self.request("GET", f"/transactions/{transaction_id}")

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Read what an answer's `Location` leads to."""
        return self._send("GET", str(answer.url.join(answer.headers["Location"])), b"", {})

    def _send(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        SigV4Auth(self.credentials, "execute-api", "us-east-2").add_auth(request)
        signed = dict(request.headers.items())
        return httpx.request(method, url, content=body, headers=signed, timeout=PATIENCE_SECONDS, verify=_TLS)


def payment(**changes: Any) -> dict[str, Any]:
    """A plain payment with an id of its own."""
    return {
        "transactionId": f"e2e-{new_id()}",
        "timestamp": int(time.time() * 1000),
        "amountMinor": 1250,
        "currency": "EUR",
        "type": "PAYMENT",
        "customerId": f"customer-{new_id()}",
    } | changes
