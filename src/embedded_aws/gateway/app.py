"""A stage of a REST API as an ASGI application."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from embedded_aws.gateway.bodies import BodyValidator
from embedded_aws.gateway.exchange import Exchange
from embedded_aws.gateway.proxy import to_answer, to_event
from embedded_aws.gateway.responses import (
    Answer,
    RefusalError,
    Refusals,
    function_failed,
    integration_failure,
    integration_timeout,
    invalid_api_key,
    missing_token,
    throttled,
    too_large,
    unexpected,
    wrong_stage,
)
from embedded_aws.gateway.routes import Router
from embedded_aws.gateway.signatures import SignatureVerifier
from embedded_aws.gateway.throttle import TokenBucket
from embedded_aws.log_file import AppendedLog
from embedded_aws.runtime.invocations import AwaitedInvoke, InvocationRefusedError, PayloadTooLargeError, Throttled
from embedded_aws.specs import GatewaySpec, KnownCredentials, RouteSpec

MAXIMUM_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's payload quota."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_logger = logging.getLogger(__name__)


class StageApp:
    """Routes, authorises, throttles and validates requests, and has functions answer them.

    Args:
        spec: The stage.
        invoke: Invokes functions.
        credentials: Who may sign requests.
        access_log: Gets a line for each request.
    """

    def __init__(
        self,
        spec: GatewaySpec,
        *,
        invoke: AwaitedInvoke,
        credentials: KnownCredentials,
        access_log: AppendedLog | None,
    ) -> None:
        self._spec = spec
        self._invoke = invoke
        self._access_log = access_log
        self._router = Router(spec.routes)
        self._verifier = SignatureVerifier(spec.region, credentials)
        self._refusals = Refusals(spec.responses)
        self._bodies = {id(route): BodyValidator(route.body_schemas) for route in spec.routes}
        self._buckets = {id(route): _bucket(spec, route) for route in spec.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        exchange = self._open(scope)
        try:
            answer = await self._handle(exchange, receive)
        except RefusalError as refusal:
            answer = self._refusals.answer(refusal, exchange)
        except Exception:
            _logger.exception("%s: the gateway failed", self._spec.api_name)
            answer = self._refusals.answer(unexpected(), exchange)
        exchange.status = answer.status
        exchange.response_length = len(answer.body)
        # Written first: whoever has the answer finds the line.
        if self._access_log is not None and self._spec.access_log_format is not None:
            line = exchange.fill(self._spec.access_log_format, missing="-")
            self._access_log.write(f"{line}\n".encode())
        await _send(answer, exchange, send)

    def _open(self, scope: Scope) -> Exchange:
        client = scope.get("client")
        return Exchange(
            spec=self._spec,
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
            source_ip=client[0] if client else "",
            protocol=f"HTTP/{scope['http_version']}",
        )

    async def _handle(self, exchange: Exchange, receive: Receive) -> Answer:
        # Before anything is refused: a connection that is closed over unread bytes is reset, and a client that still
        # sends never sees the answer.
        body = await _read_body(exchange, receive)
        route = self._route(exchange)
        if body is None:
            raise too_large()
        exchange.body = body
        if route.authorization == "AWS_IAM":
            exchange.caller = self._verifier.verify(exchange)
        if route.api_key_required:
            exchange.api_key = exchange.header("x-api-key")
            if exchange.api_key not in self._spec.api_keys:
                raise invalid_api_key()
        if not self._buckets[id(route)].take():
            raise throttled()
        self._bodies[id(route)].check(exchange.header("content-type"), exchange.body)
        return await self._integrate(route, exchange)

    def _route(self, exchange: Exchange) -> RouteSpec:
        stage = f"/{self._spec.stage}"
        if exchange.raw_path != stage and not exchange.raw_path.startswith(f"{stage}/"):
            raise wrong_stage()
        found = self._router.find(exchange.method, exchange.raw_path.removeprefix(stage))
        if found is None:
            raise missing_token()
        exchange.route, exchange.path_parameters = found
        return found[0]

    async def _integrate(self, route: RouteSpec, exchange: Exchange) -> Answer:
        started = time.perf_counter()
        exchange.integration_status = HTTPStatus.OK.value
        try:
            result = await asyncio.wait_for(
                self._invoke(route.function_name, to_event(exchange)), route.timeout_seconds
            )
        except TimeoutError:
            exchange.integration_status = None
            raise integration_timeout() from None
        except asyncio.CancelledError:
            # The gateway closes and this request has had its time: its client still gets an answer.
            raise integration_failure() from None
        except PayloadTooLargeError:
            exchange.integration_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value
            raise too_large() from None
        except InvocationRefusedError as error:
            busy = isinstance(error, Throttled)
            exchange.integration_status = (
                HTTPStatus.TOO_MANY_REQUESTS if busy else HTTPStatus.INTERNAL_SERVER_ERROR
            ).value
            raise integration_failure() from None
        finally:
            exchange.integration_ms = int((time.perf_counter() - started) * 1000)
        if result.function_error:
            raise function_failed()
        return to_answer(result.payload, exchange)


def _bucket(spec: GatewaySpec, route: RouteSpec) -> TokenBucket:
    # A stage's throttle is what its methods have where they have none of their own: no bucket is shared.
    rate = spec.throttle_rate if route.throttle_rate is None else route.throttle_rate
    burst = spec.throttle_burst if route.throttle_burst is None else route.throttle_burst
    return TokenBucket(rate, burst)


async def _read_body(exchange: Exchange, receive: Receive) -> bytes | None:
    """Read all of a body; of one that is too large, keep nothing and return None."""
    is_large = int(exchange.header("content-length") or 0) > MAXIMUM_BODY_BYTES
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        piece: bytes = message.get("body", b"")
        size += len(piece)
        is_large = is_large or size > MAXIMUM_BODY_BYTES
        if is_large:
            pieces.clear()
        else:
            pieces.append(piece)
        if not message.get("more_body", False):
            break
    return None if is_large else b"".join(pieces)


async def _send(answer: Answer, exchange: Exchange, send: Send) -> None:
    headers = [
        *answer.headers,
        ("Content-Length", str(len(answer.body))),
        ("x-amzn-RequestId", exchange.request_id),
        ("x-amz-apigw-id", exchange.extended_id),
        ("X-Amzn-Trace-Id", exchange.trace_id),
    ]
    encoded = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})
