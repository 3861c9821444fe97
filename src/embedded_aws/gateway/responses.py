"""What the gateway answers by itself: response types, their defaults, and what the API's author made of them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from embedded_aws.gateway.exchange import Exchange
from embedded_aws.specs import GatewayResponseSpec

_HEADER = "gatewayresponse.header."
_DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple[tuple[str, str], ...])
    body: bytes = b""


class RefusalError(Exception):
    """The gateway answers by itself."""

    def __init__(
        self, response_type: str, status: int, message: str, error_type: str, *, validation: str | None = None
    ) -> None:
        super().__init__(message)
        self.response_type = response_type
        self.status = status
        self.message = message
        self.error_type = error_type
        self.validation = validation


def missing_token() -> RefusalError:
    """Refuse a request without a route or without a signature: API Gateway does not tell the two apart."""
    return RefusalError(
        "MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token", "MissingAuthenticationTokenException"
    )


def wrong_stage() -> RefusalError:
    """Refuse a path that does not begin with the stage."""
    return RefusalError("DEFAULT_4XX", 403, "Forbidden", "ForbiddenException")


def invalid_signature(message: str) -> RefusalError:
    """Refuse a signature that does not fit the request."""
    return RefusalError("INVALID_SIGNATURE", 403, message, "InvalidSignatureException")


def unknown_client() -> RefusalError:
    """Refuse an access key or a session token that nobody has."""
    message = "The security token included in the request is invalid."
    return RefusalError("DEFAULT_4XX", 403, message, "UnrecognizedClientException")


def expired_token() -> RefusalError:
    """Refuse credentials of a session that have expired."""
    message = "The security token included in the request is expired"
    return RefusalError("EXPIRED_TOKEN", 403, message, "ExpiredTokenException")


def invalid_api_key() -> RefusalError:
    """Refuse a request whose API key is missing or unknown."""
    return RefusalError("INVALID_API_KEY", 403, "Forbidden", "ForbiddenException")


def throttled() -> RefusalError:
    """Refuse a request for which the method's throttle has no token left."""
    return RefusalError("THROTTLED", 429, "Too Many Requests", "TooManyRequestsException")


def bad_body(validation: str) -> RefusalError:
    """Refuse a body that does not fit the model."""
    return RefusalError("BAD_REQUEST_BODY", 400, "Invalid request body", "BadRequestException", validation=validation)


def too_large() -> RefusalError:
    """Refuse a body over API Gateway's 10 MB, or an event over Lambda's 6 MB."""
    return RefusalError("REQUEST_TOO_LARGE", 413, "Request Too Long", "RequestTooLargeException")


def integration_timeout() -> RefusalError:
    """Report that the function took longer than the integration's timeout."""
    return RefusalError("INTEGRATION_TIMEOUT", 504, "Endpoint request timed out", "InternalServerErrorException")


def integration_failure() -> RefusalError:
    """Report that the function was not reached, such as throttled: API Gateway answers 500, not 429."""
    return RefusalError("INTEGRATION_FAILURE", 500, "Internal server error", "InternalServerErrorException")


def function_failed() -> RefusalError:
    """Report that the function raised."""
    return RefusalError("DEFAULT_5XX", 502, "Internal server error", "InternalServerErrorException")


def malformed_answer() -> RefusalError:
    """Report that the function's answer has not the form that a proxy integration wants."""
    return RefusalError("API_CONFIGURATION_ERROR", 502, "Internal server error", "InternalServerErrorException")


def unexpected() -> RefusalError:
    """Report that something went wrong in the gateway itself."""
    return RefusalError("DEFAULT_5XX", 500, "Internal server error", "InternalServerErrorException")


class Refusals:
    """Turns refusals into answers."""

    def __init__(self, specs: Sequence[GatewayResponseSpec]) -> None:
        self._specs: Mapping[str, GatewayResponseSpec] = {spec.response_type: spec for spec in specs}

    def answer(self, refusal: RefusalError, exchange: Exchange) -> Answer:
        """Build the answer to a refused request, as the API's author wants it."""
        exchange.error_message = refusal.message
        exchange.error_type = refusal.response_type
        exchange.validation_error = refusal.validation
        fallback = "DEFAULT_4XX" if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR else "DEFAULT_5XX"
        spec = self._specs.get(refusal.response_type) or self._specs.get(fallback)
        exchange.status = refusal.status
        if spec is not None and spec.status_code is not None:
            exchange.status = spec.status_code
        content_type, template = _pick(spec.templates if spec else {}, exchange.header("accept"))
        headers = {"Content-Type": content_type, "x-amzn-ErrorType": refusal.error_type}
        if spec is not None:
            headers |= {
                name.removeprefix(_HEADER): _map_header(value, exchange) for name, value in spec.headers.items()
            }
        body = exchange.fill(template, missing="").encode()
        return Answer(status=exchange.status, headers=tuple(headers.items()), body=body)


def _pick(templates: Mapping[str, str], accept: str | None) -> tuple[str, str]:
    if not templates:
        return _JSON, _DEFAULT_TEMPLATE
    for content_type in (accept or _JSON, _JSON):
        if content_type in templates:
            return content_type, templates[content_type]
    return next(iter(templates.items()))


def _map_header(value: str, exchange: Exchange) -> str:
    if value.startswith("'"):
        return value.strip("'")
    if value.startswith("context."):
        return exchange.fill(f"${value}", missing="")
    if value.startswith("method.request.header."):
        return exchange.header(value.rpartition(".")[2].lower()) or ""
    return value
