"""Post transactions from a file to an API: many at once, each customer's in their order, and again until answered."""

import asyncio
import json
import random
import time
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any

import aiohttp
import httpx
import msgspec

from fraudstream_tools.lab.replay.signing import CallerAuth
from fraudstream_tools.redaction import shown

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
ATTEMPTS = 8
"""Times that one transaction is posted at most; repeating is safe, since its id makes it unique."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 20.0
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
"""Shares of the latencies that are shown, by their names."""
# Few, so that connections stay close to each other in the file's time: cards and addresses are shared by customers.
_LANE_LENGTH = 4
_JSON = "application/json"
_UNREACHABLE = 0
_DENIED = frozenset({401, 403})


class UnusableApiError(Exception):
    """The API cannot be reached at all, or lets these credentials do nothing."""

    def __init__(self, message: str, *, is_denied: bool = False) -> None:
        """Build the error of a sentence.

        Args:
            message: the sentence for the person.
            is_denied: whether the API refuses the credentials; else it cannot be reached.
        """
        super().__init__(message)
        self.is_denied = is_denied


@dataclass(frozen=True, slots=True)
class Refusal:
    """A transaction that the API did not take."""

    transaction_id: str
    """As it may be printed: a card number is not."""
    status: int
    """HTTP status; 0 where there never was an answer."""
    detail: str
    """The answer's own words, which name fields and echo no values."""


@dataclass
class ReplayResult:
    """What came of a replay."""

    accepted: int = 0
    """Transactions answered with 2xx."""
    stored: int = 0
    """Number of these that were answered with 201: new ones."""
    retries: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    """Answers by HTTP status, those to retries included; 0 counts requests without an answer."""
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    """What was given up, the first 1,000 of it."""
    refused: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds from a request to its answer, one for each request that got one."""
    seconds: float = 0.0

    def percentile_ms(self, share: float) -> float:
        """Return a percentile of the latencies in ms: the smallest that `share` (0 to 1) of them do not pass."""
        return percentile(self.latencies, share) * 1000

    @property
    def rate(self) -> float:
        """Transactions answered in a second."""
        return (self.accepted + self.refused) / self.seconds if self.seconds else 0.0


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest of the values that `share` (0 to 1) of them do not pass; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


def replay(
    transactions: Iterable[dict[str, Any]],
    api_url: str,
    auth: CallerAuth,
    *,
    connections: int = 16,
    on_progress: Callable[[ReplayResult], None] | None = None,
    result: ReplayResult | None = None,
) -> ReplayResult:
    """Post transactions and wait for every answer.

    Args:
        transactions: as the API takes them; read only as fast as they are posted.
        api_url: the stage's URL, without `/transactions`.
        auth: how requests prove who sends them.
        connections: how many requests are under way at once; one customer's are never.
        on_progress: called after every transaction, with the counts so far; an `OSError` of it ends the replay.
        result: where to count, for those who need the counts of a replay that was stopped.

    Raises:
        Exception: what reading the transactions raised, such as `FileProblemError`; those before it were posted and
            answered.
        OSError: `on_progress` raised it.
        UnusableApiError: nothing answers at the URL, or the first answer is 401 or 403: there is no point in going on.
    """
    result = result or ReplayResult()
    asyncio.run(_Replay(api_url, auth, connections, result, on_progress).run(transactions))
    return result


class _Replay:
    def __init__(
        self,
        api_url: str,
        auth: CallerAuth,
        connections: int,
        result: ReplayResult,
        on_progress: Callable[[ReplayResult], None] | None,
    ) -> None:
        self._url = f"{api_url.rstrip('/')}/transactions"
        self._auth = auth
        self._connections = connections
        self._result = result
        self._on_progress = on_progress

    async def run(self, transactions: Iterable[dict[str, Any]]) -> None:
        started = time.monotonic()
        unreadable: Exception | None = None
        lanes = [asyncio.Queue[dict[str, Any] | None](_LANE_LENGTH) for _ in range(self._connections)]
        try:
            async with self._client() as client, asyncio.TaskGroup() as workers:
                for lane in lanes:
                    workers.create_task(self._work(client, lane))
                try:
                    for transaction in transactions:
                        customer = str(transaction.get("customerId", ""))
                        # A lane per customer keeps their order; CRC-32 spreads them alike on every machine.
                        await lanes[zlib.crc32(customer.encode()) % len(lanes)].put(transaction)
                except Exception as error:  # noqa: BLE001  (it is raised below)
                    # What was read is posted and answered all the same, so that the counts are whole.
                    unreadable = error
                for lane in lanes:
                    await lane.put(None)
        except* (OSError, UnusableApiError) as group:
            raise group.exceptions[0] from None
        finally:
            self._result.seconds = time.monotonic() - started
        if unreadable is not None:
            raise unreadable

    def _client(self) -> aiohttp.ClientSession:
        # An API's certificate is checked as in the single requests of other commands.
        secure = httpx.create_ssl_context() if self._url.startswith("https:") else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=secure),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30),
            trust_env=True,
        )

    async def _work(self, client: aiohttp.ClientSession, lane: asyncio.Queue[dict[str, Any] | None]) -> None:
        while (transaction := await lane.get()) is not None:
            await self._post(client, transaction)
            if self._on_progress is not None:
                self._on_progress(self._result)

    async def _post(self, client: aiohttp.ClientSession, transaction: dict[str, Any]) -> None:
        body = json.dumps(transaction, separators=(",", ":")).encode()
        status, detail = _UNREACHABLE, "no answer"
        for attempt in range(ATTEMPTS):
            asked = 0.0
            try:
                sent = time.perf_counter()
                async with client.post(
                    self._url, data=body, headers=self._headers(body), allow_redirects=False
                ) as answer:
                    said = await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                is_deaf = isinstance(error, aiohttp.ClientConnectorError) and not self._result.latencies
                if is_deaf and attempt == ATTEMPTS // 2:
                    raise UnusableApiError(f"nothing answers at {self._url}") from None
                status, detail = _UNREACHABLE, type(error).__name__
            else:
                self._result.latencies.append(time.perf_counter() - sent)
                status, asked = answer.status, _retry_after(answer.headers.get("retry-after", ""))
                detail = problem_sentence(said) or answer.reason or "no reason given"
            self._result.statuses[status] += 1
            if status not in RETRIED_STATUSES and status != _UNREACHABLE:
                break
            if attempt < ATTEMPTS - 1:
                self._result.retries += 1
                await asyncio.sleep(_pause(attempt, asked))
        self._count(transaction, status, detail)

    def _headers(self, body: bytes) -> dict[str, str]:
        return {"content-type": _JSON, **self._auth.headers("POST", self._url, body, _JSON)}

    def _count(self, transaction: dict[str, Any], status: int, detail: str) -> None:
        if httpx.codes.is_success(status):
            self._result.accepted += 1
            self._result.stored += status == HTTPStatus.CREATED
            return
        if status in _DENIED and not self._result.accepted:
            raise UnusableApiError(f"{self._url} answers {status}: {detail}", is_denied=True)
        self._result.refused += 1
        if len(self._result.refusals) < 1000:  # noqa: PLR2004  (as `ReplayResult.refusals` says)
            self._result.refusals.append(Refusal(shown(str(transaction.get("transactionId", "?"))), status, detail))


def _pause(attempt: int, asked: float) -> float:
    # Full jitter on an exponential pause, on top of what the API asked for: so that the lanes do not come back as one.
    return asked + random.uniform(0, min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS))


def _retry_after(value: str) -> float:
    """Read `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date; 0 without one."""
    if value.isdigit():
        return min(float(value), LONGEST_PAUSE_SECONDS)
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


class _FieldProblem(msgspec.Struct):
    field: str = ""
    message: str = ""


class _Problem(msgspec.Struct):
    """What is read of a problem+json body (RFC 9457), or of API Gateway's own `message`."""

    title: str = ""
    detail: str = ""
    message: str = ""
    errors: list[_FieldProblem] = []


def problem_sentence(body: bytes) -> str:
    """Return what an API's answer says of what went wrong: the fields by name, else its detail or title; or nothing."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        return ""
    fields = "; ".join(f"{error.field}: {error.message}" for error in problem.errors)
    return fields or problem.detail or problem.title or problem.message
