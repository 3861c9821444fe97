"""What the API answers by itself, before or instead of the function: RFC 9457 problems that echo nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from fraudstream.contract import ANSWER_HEADERS

RETRY_AFTER_SECONDS = 1
"""The throttle's bucket is refilled within a second."""


@dataclass(frozen=True, kw_only=True)
class GatewayResponse:
    """One kind of answer."""

    response_type: str
    """API Gateway's name of the occasion."""
    status: int | None
    """None: as API Gateway sets it."""
    title: str
    detail: str
    retry: bool = False

    def template(self) -> str:
        """Return the body's template; `$context.requestId` finds the request in the access log."""
        body: dict[str, object] = {"type": "about:blank", "title": self.title}
        if self.status is not None:
            body["status"] = self.status
        return json.dumps({**body, "detail": self.detail, "errors": [], "requestId": "$context.requestId"})

    def parameters(self) -> Mapping[str, str]:
        """Return the headers, in API Gateway's form."""
        headers = {**ANSWER_HEADERS, "Content-Type": "application/problem+json"}
        if self.retry:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()}


_UNSIGNED = "The request is not signed, or this path does not take this method."
_TOO_MANY = "More requests came than are taken in a second: send it again."

GATEWAY_RESPONSES = (
    GatewayResponse(
        response_type="BAD_REQUEST_BODY",
        status=400,
        title="Bad Request",
        detail="The body is not a JSON object, or it is nested too deep, or it has more members than a transaction.",
    ),
    GatewayResponse(
        response_type="BAD_REQUEST_PARAMETERS", status=400, title="Bad Request", detail="A parameter is missing."
    ),
    GatewayResponse(response_type="MISSING_AUTHENTICATION_TOKEN", status=403, title="Forbidden", detail=_UNSIGNED),
    GatewayResponse(
        response_type="INVALID_SIGNATURE",
        status=403,
        title="Forbidden",
        detail="The signature does not fit the request.",
    ),
    GatewayResponse(
        response_type="EXPIRED_TOKEN", status=403, title="Forbidden", detail="The credentials have expired."
    ),
    GatewayResponse(
        response_type="INVALID_API_KEY", status=403, title="Forbidden", detail="The API key is missing or unknown."
    ),
    GatewayResponse(
        response_type="ACCESS_DENIED", status=403, title="Forbidden", detail="These credentials may not do this."
    ),
    GatewayResponse(
        response_type="WAF_FILTERED", status=403, title="Forbidden", detail="The firewall refused the request."
    ),
    GatewayResponse(
        response_type="RESOURCE_NOT_FOUND", status=404, title="Not Found", detail="There is nothing at this path."
    ),
    GatewayResponse(
        response_type="REQUEST_TOO_LARGE", status=413, title="Request Entity Too Large", detail="The body is too large."
    ),
    GatewayResponse(
        response_type="UNSUPPORTED_MEDIA_TYPE",
        status=415,
        title="Unsupported Media Type",
        detail="The body must be application/json.",
    ),
    GatewayResponse(response_type="THROTTLED", status=429, title="Too Many Requests", detail=_TOO_MANY, retry=True),
    GatewayResponse(
        response_type="QUOTA_EXCEEDED", status=429, title="Too Many Requests", detail=_TOO_MANY, retry=True
    ),
    GatewayResponse(
        response_type="INTEGRATION_FAILURE",
        status=503,
        title="Service Unavailable",
        detail="The request could not be handled: send it again, nothing is stored twice.",
        retry=True,
    ),
    GatewayResponse(
        response_type="INTEGRATION_TIMEOUT",
        status=504,
        title="Gateway Timeout",
        detail="The request took too long: send it again, nothing is stored twice.",
        retry=True,
    ),
    GatewayResponse(
        response_type="DEFAULT_4XX", status=None, title="Request refused", detail="The request was refused."
    ),
    GatewayResponse(
        response_type="DEFAULT_5XX",
        status=None,
        title="Service error",
        detail="The request could not be handled: send it again, nothing is stored twice.",
        retry=True,
    ),
)
