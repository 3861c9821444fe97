"""What the API serves, as data: its routes, its answers, its access log."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infra.api.gateway_responses import GATEWAY_RESPONSES, GatewayResponse
from infra.api.request_model import MODEL_NAME, request_model
from infra.settings import AccountRole, ApiAuth

STAGE = "v1"
"""Part of every URL; the one name that is not made by the convention."""
TLS_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
"""TLS 1.2 and 1.3, forward secrecy, post-quantum key exchange (API Gateway's list of security policies)."""
INTEGRATION_TIMEOUT_MILLISECONDS = 29_000
CONTENT_TYPE = "application/json"
# Who asked, from where and for which transaction stays out: no address, no caller, no path with an id in it. Every byte
# is paid for a million times; when it was, CloudWatch notes.
ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "httpMethod": "$context.httpMethod",
        "resourcePath": "$context.resourcePath",
        "status": "$context.status",
        "responseLatency": "$context.responseLatency",
        "integrationStatus": "$context.integration.status",
        "integrationLatency": "$context.integration.latency",
        "errorResponseType": "$context.error.responseType",
        "xrayTraceId": "$context.xrayTraceId",
    },
    separators=(",", ":"),
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
    """How the API is served: every part of it is built from these inputs and from references."""

    auth: ApiAuth
    throttle_burst: int
    read_throttle_rate: int
    account_role: AccountRole
    model: str
    """JSON schema of a body."""
    routes: Sequence[Route] = ROUTES
    responses: Sequence[GatewayResponse] = GATEWAY_RESPONSES
    endpoint_type: str = "REGIONAL"
    endpoint_access_mode: str = "STRICT"
    security_policy: str = TLS_POLICY
    api_key_source: str = "HEADER"
    validates_body: bool = True
    validates_parameters: bool = True
    integration_type: str = "AWS_PROXY"
    integration_http_method: str = "POST"
    """How API Gateway calls a function, whatever the caller's method."""
    integration_timeout_milliseconds: int = INTEGRATION_TIMEOUT_MILLISECONDS

    def api_inputs(self) -> Mapping[str, Any]:
        """Return what the API itself is made with."""
        return {
            "endpoint_configuration": {"types": self.endpoint_type},
            "security_policy": self.security_policy,
            "endpoint_access_mode": self.endpoint_access_mode,
            "api_key_source": self.api_key_source,
        }

    def model_inputs(self) -> Mapping[str, Any]:
        """Return what the model of a body is made with."""
        return {"name": MODEL_NAME, "content_type": CONTENT_TYPE, "schema": self.model}

    def validator_inputs(self) -> Mapping[str, Any]:
        """Return what the validator of requests is made with."""
        return {
            "validate_request_body": self.validates_body,
            "validate_request_parameters": self.validates_parameters,
        }

    def method_inputs(self, route: Route) -> Mapping[str, Any]:
        """Return what a route's method is made with."""
        parameters = re.findall(r"{(\w+)}", route.path)
        return {
            "http_method": route.http_method,
            "authorization": "AWS_IAM" if self.auth == "AWS_IAM" else "NONE",
            "api_key_required": self.auth == "API_KEY",
            "request_models": {CONTENT_TYPE: MODEL_NAME} if route.has_body else None,
            "request_parameters": {f"method.request.path.{name}": True for name in parameters} or None,
        }

    def integration_inputs(self) -> Mapping[str, Any]:
        """Return what each method's integration is made with."""
        return {
            "type": self.integration_type,
            "integration_http_method": self.integration_http_method,
            "timeout_milliseconds": self.integration_timeout_milliseconds,
        }

    def response_inputs(self, response: GatewayResponse) -> Mapping[str, Any]:
        """Return what one of the API's own answers is made with."""
        return {
            "response_type": response.response_type,
            "status_code": str(response.status) if response.status else None,
            "response_templates": {CONTENT_TYPE: response.template()},
            "response_parameters": response.parameters(),
        }

    def frozen(self, function_name: str) -> Mapping[str, Any]:
        """Return everything that a deployment freezes: any change of it needs a new one."""
        return {
            "api": self.api_inputs(),
            "model": self.model_inputs(),
            "validator": self.validator_inputs(),
            "methods": [[route.path, self.method_inputs(route)] for route in self.routes],
            "integration": [function_name, self.integration_inputs()],
            "responses": [self.response_inputs(response) for response in self.responses],
        }

    def served(self, function_name: str) -> str:
        """Return a hash of everything that a deployment freezes."""
        return hashlib.sha256(json.dumps(self.frozen(function_name), sort_keys=True).encode()).hexdigest()


def api_spec(*, auth: ApiAuth, throttle_burst: int, read_throttle_rate: int, account_role: AccountRole) -> ApiSpec:
    """Return the spec of this system's API.

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
