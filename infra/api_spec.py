"""What the API serves, as data: its routes, its answers, its access log."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from infra.config import AccountRole, ApiAuth
from infra.gateway_responses import GATEWAY_RESPONSES, GatewayResponse
from infra.request_model import request_model

STAGE = "v1"
"""Part of every URL; the one name that is not made by the convention."""
TLS_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.2 and 1.3, forward secrecy, post-quantum key exchange (API Gateway's list of security policies)."""
INTEGRATION_TIMEOUT_MILLISECONDS = 29_000
# Who asked, from where and for which transaction stays out: no address, no caller, no path with an id in it.
ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "requestTime": "$context.requestTime",
        "httpMethod": "$context.httpMethod",
        "resourcePath": "$context.resourcePath",
        "status": "$context.status",
        "protocol": "$context.protocol",
        "tlsVersion": "$context.tlsVersion",
        "responseLength": "$context.responseLength",
        "responseLatency": "$context.responseLatency",
        "integrationStatus": "$context.integration.status",
        "integrationLatency": "$context.integration.latency",
        "errorResponseType": "$context.error.responseType",
        "xrayTraceId": "$context.xrayTraceId",
    }
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method at one path."""

    name: str
    http_method: Literal["GET", "POST"]
    path: str
    """Such as `transactions/{id}`."""
    has_body: bool

    @property
    def settings_path(self) -> str:
        """The method as in a stage's settings, where the slashes of its path are `~1` (API Gateway, UpdateStage)."""
        return f"~1{self.path.replace('/', '~1')}/{self.http_method}"

    @property
    def arn_path(self) -> str:
        """The path as in an ARN of the API, where a parameter is a `*`."""
        return "/".join("*" if part.startswith("{") else part for part in self.path.split("/"))


ROUTES = (
    Route(name="post-transaction", http_method="POST", path="transactions", has_body=True),
    Route(name="get-transaction", http_method="GET", path="transactions/{id}", has_body=False),
)


@dataclass(frozen=True, kw_only=True)
class ApiSpec:
    """How the API is served."""

    auth: ApiAuth
    throttle_burst: int
    read_throttle_rate: int
    account_role: AccountRole
    model: str
    """JSON schema of a body."""
    routes: Sequence[Route] = ROUTES
    responses: Sequence[GatewayResponse] = GATEWAY_RESPONSES

    def served(self, function_name: str) -> str:
        """Give a hash of everything that a deployment freezes: any change of it needs a new one."""
        frozen = {
            "routes": [asdict(route) for route in self.routes],
            "responses": [[asdict(response), *response.parameters().items()] for response in self.responses],
            "auth": self.auth,
            "model": self.model,
            "function": function_name,
            "timeout": INTEGRATION_TIMEOUT_MILLISECONDS,
            "tls": TLS_POLICY,
        }
        return hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()


def api_spec(*, auth: ApiAuth, throttle_burst: int, read_throttle_rate: int, account_role: AccountRole) -> ApiSpec:
    """Give the spec of this system's API.

    Raises:
        OpenApiError: the API's description is missing or incomplete.
    """
    return ApiSpec(
        auth=auth,
        throttle_burst=throttle_burst,
        read_throttle_rate=read_throttle_rate,
        account_role=account_role,
        model=request_model(),
    )
