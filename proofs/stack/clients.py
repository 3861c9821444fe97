"""Clients that post until they are answered, and people who say what turned out to be true."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.decisions.decision import Label, Truth
from fraudstream_tools.lab.replay.signing import SignedRequests
from fraudstream_tools.operations.review.labels import give_label
from proofs.faults.workload import Post, Workload
from proofs.stack.kinds import StackFault, StackFaults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embedded_aws.cloud import LocalCloud

CLIENTS: Final = 12
_REPEATED: Final = 0.03
"""Share of calls after which an earlier one is made again, or another payload posted under its id."""
_WAITING: Final = 1 / 3
"""Share of clients that wait for the inline decision."""
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_PAUSE_SECONDS: Final = 0.2
_LOOKS: Final = 100
"""Before a client comes back, whether or not its transaction is decided by then."""
_LEFT: Final = 0.01
"""Share of failed calls after which a client gives up."""


@dataclass
class ClientRecords:
    """What clients were told."""

    received: set[str] = field(default_factory=set[str])
    """Transactions that a client was told are stored."""
    left: set[str] = field(default_factory=set[str])
    """Transactions that a client has given up."""
    wrong: Counter[str] = field(default_factory=Counter[str])
    """Answers that must not be."""
    inline: dict[str, Any] = field(default_factory=dict[str, Any])
    """The inline decisions that were given, by transaction."""
    requests: int = 0


class Clients:
    """Posts a workload."""

    def __init__(
        self, cloud: "LocalCloud", workload: Workload, faults: StackFaults, seed: int, reach: Callable[[], float]
    ) -> None:
        """Store what is posted to whom.

        Args:
            cloud: where the system runs.
            workload: what is posted.
            faults: say which clients give up.
            seed: of all draws.
            reach: tells which share of the workload may be posted so far: a short run would be over before anything
                else has happened.
        """
        self.records = ClientRecords()
        self._reach = reach
        self._number = workload.number
        self._url = f"{cloud.outputs['apiUrl']}/transactions"
        self._auth = SignedRequests(cloud.credentials, cloud.outputs["region"])
        self._faults = faults
        self._chance = random.Random(seed)
        self._posts: Iterator[Post] = workload.posts()
        self._recent: list[dict[str, Any]] = []

    def progress(self) -> float:
        """Return the share of the workload that is stored."""
        return len(self.records.received) / self._number

    def run(self) -> None:
        """Post everything, each transaction until it is stored or given up."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=CLIENTS)
        connections = httpx.AsyncClient(auth=self._auth, timeout=60, limits=limits)
        async with connections as client, asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._work(client))

    async def _work(self, client: httpx.AsyncClient) -> None:
        first: dict[str, Any] | None = None
        for post in self._posts:
            body = msgspec.to_builtins(post.request)
            first = first or body
            await self._wait_for_others()
            await self._post_until_stored(client, body)
            self._recent.append(body)
            if self._chance.random() < _REPEATED:
                await self._post_until_stored(client, self._chance.choice(self._recent[-100:]))
            if self._chance.random() < _REPEATED:
                await self._post_another(client, self._chance.choice(self._recent[-100:]))
        if first and first["transactionId"] in self.records.received:
            await self._come_back(client, first)

    async def _wait_for_others(self) -> None:
        # What they do happens in another thread, which tells nobody.
        while self.progress() >= self._reach():  # noqa: ASYNC110  (as above)
            await asyncio.sleep(_PAUSE_SECONDS / 4)

    async def _come_back(self, client: httpx.AsyncClient, body: dict[str, Any]) -> None:
        """Post a transaction once more when it is decided, as a client does that has lost what it was told."""
        for _ in range(_LOOKS):
            self.records.requests += 1
            with suppress(httpx.TransportError):
                answer = await client.get(f"{self._url}/{body['transactionId']}")
                if answer.status_code == HTTPStatus.OK and answer.json()["status"] == "DECIDED":
                    break
            await asyncio.sleep(_PAUSE_SECONDS)
        await self._post_until_stored(client, body)

    async def _post_until_stored(self, client: httpx.AsyncClient, body: dict[str, Any]) -> None:
        name = body["transactionId"]
        prefer = {"prefer": "wait=2"} if self._chance.random() < _WAITING else {}
        while True:
            answer = await self._send(client, body, prefer)
            if answer is not None and answer.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}:
                self.records.received.add(name)
                self._note_inline(name, answer.json())
                return
            if answer is not None and answer.status_code not in _AGAIN:
                self.records.wrong[f"{answer.status_code} for a sound transaction"] += 1
                return
            if name not in self.records.received and self._faults.happens(StackFault.CLIENT_LEFT, _LEFT):
                self.records.left.add(name)
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _post_another(self, client: httpx.AsyncClient, body: dict[str, Any]) -> None:
        """Post another payload under an id that is taken."""
        if body["transactionId"] not in self.records.received:
            return
        other = body | {"amountMinor": body["amountMinor"] + 1}
        answer = await self._send(client, other, {})
        if answer is not None and answer.status_code not in {HTTPStatus.CONFLICT, *_AGAIN}:
            self.records.wrong["another payload under the same id was taken"] += 1

    async def _send(
        self, client: httpx.AsyncClient, body: dict[str, Any], prefer: dict[str, str]
    ) -> httpx.Response | None:
        self.records.requests += 1
        headers = {"content-type": "application/json"} | prefer
        try:
            return await client.post(self._url, content=json.dumps(body).encode(), headers=headers)
        except httpx.TransportError:
            return None

    def _note_inline(self, name: str, answer: dict[str, Any]) -> None:
        given = answer.get("inlineDecision")
        if given is None:
            return
        if self.records.inline.setdefault(name, given) != given:
            self.records.wrong["inline decision changed"] += 1


class People:
    """Labels what was posted."""

    def __init__(self, cloud: "LocalCloud", workload: Workload) -> None:
        """Prepare to label the transactions of a deployed stack.

        Args:
            cloud: the embedded AWS that runs the stack.
            workload: knows what is true of the transactions.
        """
        self._client = cloud.client("dynamodb")
        self._table = cloud.outputs["transactionsTable"]
        self._workload = workload

    def label(self) -> int:
        """Label all that was posted so far as far as it is known, and return how often something was said."""
        said = 0
        for truth in list(self._workload.truths(epoch_milliseconds())):
            label = Label(label=Truth(truth.label), label_source="analyst", labeled_at=truth.labeled_at)
            give_label(self._client, self._table, truth.transaction_id, label)
            said += 1
        return said
