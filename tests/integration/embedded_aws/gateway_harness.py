"""A gateway before a function of the test."""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKey

from embedded_aws.gateway.server import Gateway
from embedded_aws.runtime.invocations import AwaitedInvoke, Invocation, Invoke
from embedded_aws.specs import Credentials, GatewaySpec, RouteSpec
from tests.waiting_harness import PATIENCE_SECONDS

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
        self.threads = ThreadPoolExecutor(thread_name_prefix="function")
        self.url = ""
        self.client = httpx.Client(timeout=PATIENCE_SECONDS, verify=False, trust_env=False)  # noqa: S501 - plain HTTP on loopback

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
            invoke=self._awaited(invoke or self.invoke),
            credentials=KNOWN.get,
            folder=self.folder,
            port=port,
        )
        self.gateways.append(gateway)
        self.url = gateway.start()
        return gateway

    def _awaited(self, invoke: Invoke | AwaitedInvoke) -> AwaitedInvoke:
        async def run(name: str, payload: bytes) -> Invocation:
            if inspect.iscoroutinefunction(invoke):
                return await invoke(name, payload)
            # A pool of the bench: a loop that ends waits for the threads of its own.
            return await asyncio.get_running_loop().run_in_executor(self.threads, cast("Invoke", invoke), name, payload)

        return run

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


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    """A bench whose gateways are closed behind it."""
    bench = Bench(folder)
    yield bench
    bench.client.close()
    for gateway in bench.gateways:
        gateway.close()
    bench.threads.shutdown()
