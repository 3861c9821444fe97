"""The API's two routes: from API Gateway's proxy event to the answer that it passes on."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from fraudstream.contract import ANSWER_HEADERS
from fraudstream.durations import DAY, SECOND
from fraudstream.settings import Metric, ProcessorSettings
from fraudstream.telemetry import Log, LogFields, MetricEmitter
from fraudstream.transactions.api.answer import FieldError, Problem, present_state
from fraudstream.transactions.api.preferences import wait_seconds
from fraudstream.transactions.api.validation import RequestRefusedError, TimeBounds, read_request
from fraudstream.transactions.decisions.inline import InlineDecider, InlineDecision
from fraudstream.transactions.request import MAX_BODY_BYTES
from fraudstream.transactions.storage.deadline import Deadline
from fraudstream.transactions.storage.store import (
    ConflictError,
    PutResult,
    StoredTransaction,
    StoreUnavailableError,
    TransactionStore,
    Waiting,
)
from fraudstream.transactions.transaction import TRANSACTION_ID_PATTERN

DEADLINE_SECONDS = 5.0
"""How long one request may begin calls to DynamoDB: clients wait, and the gateway gives up after 29 s."""
RETRY_AFTER_SECONDS = 1

_TRANSACTION_ID = re.compile(TRANSACTION_ID_PATTERN)

Answer = dict[str, Any]
"""What a Lambda proxy integration returns."""


class _ProblemError(Exception):
    """A request ends with a problem."""

    def __init__(self, status: HTTPStatus, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(status.phrase)
        self.status = status
        self.detail = detail
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class TransactionApi:
    """Answers requests; one at a time, as Lambda sends them."""

    store: TransactionStore
    settings: ProcessorSettings
    deadline: Deadline
    log: Log
    meter: MetricEmitter
    clock: Callable[[], int]
    """Returns the time in epoch milliseconds."""
    decider: InlineDecider | None = None
    """Decides for clients that wait; None where the stack's settings have no inline decisions."""

    def answer(self, event: Mapping[str, Any]) -> Answer:
        """Answer a request; whatever goes wrong, the client gets a problem that tells nothing of the inside."""
        request_id = str(event.get("requestContext", {}).get("requestId", ""))
        try:
            with self.deadline.within(DEADLINE_SECONDS):
                return self._route(event, request_id)
        except _ProblemError as problem:
            return self._problem(problem, request_id)
        except StoreUnavailableError as error:
            self.log.failure(
                "the table of transactions is unavailable", error.__cause__ or error, request_id=request_id
            )
            return _problem_answer(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The transaction could not be handled now; send the same call again.",
                request_id=request_id,
            )
        except Exception as error:  # noqa: BLE001  (the last line: nothing of an unforeseen error may reach the client)
            self.log.failure("a request failed", error, request_id=request_id)
            detail = "Something went wrong on our side."
            return _problem_answer(HTTPStatus.INTERNAL_SERVER_ERROR, detail, request_id=request_id)

    def _route(self, event: Mapping[str, Any], request_id: str) -> Answer:
        match event.get("httpMethod"), event.get("resource"):
            case "POST", "/transactions":
                return self._post(event, request_id)
            case "GET", "/transactions/{id}":
                return self._get(unquote(event["pathParameters"]["id"]))
            case _:
                raise _ProblemError(HTTPStatus.NOT_FOUND, "There is no such route.")

    def _post(self, event: Mapping[str, Any], request_id: str) -> Answer:
        now = self.clock()
        body = _body(event)
        try:
            request = read_request(body, self._time_bounds(now))
        except RequestRefusedError as error:
            detail = "The request is not a valid transaction; errors names what is wrong with it."
            raise _ProblemError(HTTPStatus.BAD_REQUEST, detail, error.errors) from None
        seconds = wait_seconds(event)
        waiting = Waiting(self.decider, seconds) if self.decider and seconds else None
        try:
            result = self.store.put(request, now=now, waiting=waiting)
        except ConflictError:
            detail = "Another transaction was stored under this transactionId."
            raise _ProblemError(HTTPStatus.CONFLICT, detail) from None
        self.meter.count(Metric.TRANSACTIONS_STORED if result.is_new else Metric.TRANSACTIONS_REPEATED)
        status = HTTPStatus.CREATED if result.is_new else HTTPStatus.OK
        self.meter.explain(
            "a transaction came in",
            transaction_id=request.transaction_id,
            request_id=request_id,
            status=status.value,
            milliseconds=self.clock() - now,
        )
        if waiting and result.is_new:
            self._count_inline(result.stored, since=now)
        headers = {"Location": _below(event, request.transaction_id)} if result.is_new else {}
        if seconds and _is_decided(result):
            headers["Preference-Applied"] = "wait"
        return self._state_answer(status, result.stored, headers)

    def _count_inline(self, stored: StoredTransaction, *, since: int) -> None:
        is_decided = isinstance(stored.inline, InlineDecision)
        # Its average is the share of those who waited in vain.
        self.meter.count(Metric.INLINE_FALLBACK, 0 if is_decided else 1)
        if is_decided:
            self.meter.milliseconds(Metric.INLINE_LATENCY, self.clock() - since)
        else:
            self.log.warning(
                "a client waited for a decision in vain",
                transaction_id=stored.transaction.transaction_id,
                codes=[str(stored.inline)],
            )

    def _get(self, transaction_id: str) -> Answer:
        stored = self.store.get(transaction_id) if _TRANSACTION_ID.fullmatch(transaction_id) else None
        if stored is None:
            raise _ProblemError(HTTPStatus.NOT_FOUND, "There is no transaction with this id.")
        return self._state_answer(HTTPStatus.OK, stored, {})

    def _time_bounds(self, now: int) -> TimeBounds:
        return TimeBounds(
            earliest=now - self.settings.max_past_days * DAY,
            latest=now + self.settings.max_future_seconds * SECOND,
        )

    def _state_answer(self, status: HTTPStatus, stored: StoredTransaction, headers: dict[str, str]) -> Answer:
        patience = self.settings.decision_deadline_seconds * SECOND
        state = present_state(stored, failed_before=self.clock() - patience)
        return _answer(status, state, {"Content-Type": "application/json", **headers})

    def _problem(self, problem: _ProblemError, request_id: str) -> Answer:
        # The count of bad fields and not their names: a client's own names may be anything.
        fields: LogFields = {
            "request_id": request_id,
            "status": problem.status.value,
            "failed": len(problem.errors),
        }
        if problem.status is HTTPStatus.NOT_FOUND:
            self.log.info("a request was refused", **fields)
        else:
            self.meter.count(Metric.TRANSACTIONS_REFUSED)
            self.meter.explain("a request was refused", **fields)
        return _problem_answer(problem.status, problem.detail, problem.errors, request_id=request_id)


def _is_decided(result: PutResult) -> bool:
    return result.stored.decision is not None or isinstance(result.stored.inline, InlineDecision)


def _below(event: Mapping[str, Any], name: str) -> str:
    """Return the path of what has a name below the path that the client called."""
    # The event's own "path" lacks the stage, and a link without it leads nowhere.
    path: str = event["requestContext"]["path"]
    return f"{path.rstrip('/')}/{name}"


def _body(event: Mapping[str, Any]) -> bytes:
    """Return the request's body as the client sent it."""
    headers = {name.lower(): value for name, value in cast("dict[str, str]", event.get("headers") or {}).items()}
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    text = cast("str", event.get("body") or "")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, ValueError):
        errors = (FieldError(field="body", message="must be UTF-8"),)
        raise _ProblemError(HTTPStatus.BAD_REQUEST, "The body can't be read.", errors) from None
    if len(body) > MAX_BODY_BYTES:
        detail = f"The body must have at most {MAX_BODY_BYTES} bytes."
        raise _ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    return body


def _problem_answer(status: HTTPStatus, detail: str, errors: tuple[FieldError, ...] = (), *, request_id: str) -> Answer:
    problem = Problem(title=status.phrase, status=status.value, detail=detail, errors=errors, request_id=request_id)
    headers = {"Content-Type": "application/problem+json"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return _answer(status, problem, headers)


def _answer(status: HTTPStatus, body: msgspec.Struct, headers: dict[str, str]) -> Answer:
    return {
        "statusCode": status.value,
        "headers": {**ANSWER_HEADERS, **headers},
        "body": msgspec.json.encode(body).decode(),
        "isBase64Encoded": False,
    }
