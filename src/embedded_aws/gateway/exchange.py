"""One request on its way through the gateway, and what is known of it: the `$context` of templates and logs."""

import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import urandom

from embedded_aws.specs import Credentials, GatewaySpec, RouteSpec

_VARIABLE = re.compile(r"\$context\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)")


@dataclass(kw_only=True)
class Exchange:
    """A request and what the gateway finds out about it."""

    spec: GatewaySpec
    method: str
    raw_path: str
    """As sent: with the stage, percent-encoded, without the query."""
    query: str
    headers: Sequence[tuple[str, str]]
    """Names in lower case, in the order in which they came."""
    source_ip: str
    protocol: str
    body: bytes = b""
    route: RouteSpec | None = None
    path_parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    caller: Credentials | None = None
    api_key: str | None = None
    status: int = 0
    response_length: int = 0
    error_message: str | None = None
    error_type: str | None = None
    validation_error: str | None = None
    integration_status: int | None = None
    integration_ms: int | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_id: str = field(default_factory=lambda: uuid.uuid4().hex[:15] + "=")
    trace_id: str = field(default_factory=lambda: f"Root=1-{int(time.time()):08x}-{urandom(12).hex()}")
    received_at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)

    def header(self, name: str) -> str | None:
        """Return the last value of a header, by its name in lower case."""
        return next((value for key, value in reversed(self.headers) if key == name), None)

    @property
    def request_time(self) -> str:
        """When it came, in the form of the common log format."""
        return f"{datetime.fromtimestamp(self.received_at, UTC):%d/%b/%Y:%H:%M:%S +0000}"

    def context(self) -> Mapping[str, object]:
        """Return what `$context` variables stand for; what is not known is None.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
        """
        message = self.error_message
        return {
            "accountId": self.spec.account_id,
            "apiId": self.spec.api_id,
            "domainName": self.header("host"),
            "error.message": message,
            "error.messageString": None if message is None else json.dumps(message),
            "error.responseType": self.error_type,
            "error.validationErrorString": self.validation_error,
            "extendedRequestId": self.extended_id,
            "httpMethod": self.method,
            "identity.accountId": self.spec.account_id if self.caller else None,
            "identity.caller": self.caller.access_key_id if self.caller else None,
            "identity.sourceIp": self.source_ip,
            "identity.user": self.caller.access_key_id if self.caller else None,
            "identity.userAgent": self.header("user-agent"),
            "identity.userArn": self.caller.principal_arn or None if self.caller else None,
            "integration.latency": self.integration_ms,
            "integration.status": self.integration_status,
            "integrationLatency": self.integration_ms,
            "integrationStatus": self.integration_status,
            "path": self.raw_path,
            "protocol": self.protocol,
            "requestId": self.request_id,
            "requestTime": self.request_time,
            "requestTimeEpoch": int(self.received_at * 1000),
            "resourcePath": self.route.path if self.route else None,
            "responseLatency": int((time.perf_counter() - self.started) * 1000),
            "responseLength": self.response_length,
            "stage": self.spec.stage,
            "status": self.status or None,
            "xrayTraceId": self.trace_id.removeprefix("Root="),
        }

    def fill(self, template: str, *, missing: str) -> str:
        """Replace the `$context` variables of a template; what is not known becomes `missing`."""
        if "$context." not in template:
            return template
        context = self.context()

        def value(match: re.Match[str]) -> str:
            found = context.get(match[1])
            return missing if found is None else str(found)

        return _VARIABLE.sub(value, template)
