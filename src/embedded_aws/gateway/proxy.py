"""The Lambda proxy integration: the event that the function gets, and the answer that its result becomes.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, cast
from urllib.parse import parse_qsl

from embedded_aws.gateway.exchange import Exchange
from embedded_aws.gateway.responses import Answer, malformed_answer

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = frozenset({"connection", "date", "server", "transfer-encoding", "upgrade", "www-authenticate"})
_REMAPPED_PREFIX = "x-amzn-Remapped-"
_HTTP_STATUS = range(100, 600)


def to_event(exchange: Exchange) -> bytes:
    """Build the event of a request, in payload format version 1.0."""
    route = exchange.route
    headers = [
        *((name, value) for name, value in exchange.headers if not name.startswith("x-forwarded-")),
        ("X-Amzn-Trace-Id", exchange.trace_id),
        ("X-Forwarded-For", exchange.source_ip),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]
    query = parse_qsl(exchange.query, keep_blank_values=True)
    body, encoded = _encode_body(exchange)
    event: dict[str, Any] = {
        "resource": route.path if route else None,
        "path": _below_stage(exchange),
        "httpMethod": exchange.method,
        "headers": dict(headers),
        "multiValueHeaders": _gather(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _gather(query) or None,
        "pathParameters": dict(exchange.path_parameters) or None,
        "stageVariables": None,
        "requestContext": _request_context(exchange),
        "body": body,
        "isBase64Encoded": encoded,
    }
    return json.dumps(event).encode()


def to_answer(payload: bytes, exchange: Exchange) -> Answer:
    """Return the answer that a function's result describes.

    Raises:
        RefusalError: The result has another form.
    """
    try:
        result: Any = json.loads(payload)
    except ValueError:
        raise malformed_answer() from None
    if not isinstance(result, dict):
        raise malformed_answer()
    known = cast("dict[str, Any]", result)
    status = _status(known.get("statusCode"))
    body: Any = known.get("body")
    if body is not None and not isinstance(body, str):
        raise malformed_answer()
    headers = list(_headers(known.get("headers"), known.get("multiValueHeaders")))
    content = (body or "").encode()
    if known.get("isBase64Encoded") is True and exchange.spec.binary_media_types:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            raise malformed_answer() from None
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Answer(status=status, headers=tuple(headers), body=content)


def _encode_body(exchange: Exchange) -> tuple[str | None, bool]:
    if not exchange.body:
        return None, False
    content_type = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if any(fnmatchcase(content_type, pattern) for pattern in exchange.spec.binary_media_types):
        return base64.b64encode(exchange.body).decode(), True
    return exchange.body.decode(errors="replace"), False


def _below_stage(exchange: Exchange) -> str:
    return exchange.raw_path.removeprefix(f"/{exchange.spec.stage}") or "/"


def _gather(pairs: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    gathered: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        gathered[name].append(value)
    return gathered


def _request_context(exchange: Exchange) -> Mapping[str, Any]:
    spec, caller = exchange.spec, exchange.caller
    host = exchange.header("host") or ""
    return {
        "accountId": spec.account_id,
        "apiId": spec.api_id,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "extendedRequestId": exchange.extended_id,
        "httpMethod": exchange.method,
        "identity": {
            "accessKey": caller.access_key_id if caller else None,
            "accountId": spec.account_id if caller else None,
            "apiKey": exchange.api_key,
            "caller": caller.access_key_id if caller else None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": exchange.source_ip,
            "user": caller.access_key_id if caller else None,
            "userAgent": exchange.header("user-agent"),
            "userArn": caller.principal_arn or None if caller else None,
        },
        "path": exchange.raw_path,
        "protocol": exchange.protocol,
        "requestId": exchange.request_id,
        "requestTime": exchange.request_time,
        "requestTimeEpoch": int(exchange.received_at * 1000),
        "resourcePath": exchange.route.path if exchange.route else None,
        "stage": spec.stage,
    }


def _status(value: object) -> int:
    # API Gateway takes "200" as well.
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value not in _HTTP_STATUS:
        raise malformed_answer()
    return value


def _headers(single: object, multiple: object) -> Iterable[tuple[str, str]]:
    merged: dict[str, list[str]] = {}
    for name, value in _entries(single):
        merged[name] = [_header_text(value)]
    for name, values in _entries(multiple):
        if not isinstance(values, list):
            raise malformed_answer()
        merged[name] = [_header_text(value) for value in cast("list[object]", values)]
    for name, values in merged.items():
        if name.lower() == "content-length":
            continue
        shown = _REMAPPED_PREFIX + name if name.lower() in _REMAPPED else name
        for value in values:
            yield shown, value


def _entries(value: object) -> Iterable[tuple[str, object]]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise malformed_answer()
    return cast("dict[str, object]", value).items()


def _header_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float) or any(mark in str(value) for mark in "\r\n"):
        raise malformed_answer()
    return str(value)
