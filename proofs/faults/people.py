"""Who uses the system from outside: clients that post transactions, and people who label them."""

import contextlib
import random
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import msgspec

from fraudstream.transactions.storage.attributes import to_item
from fraudstream.transactions.storage.store import ConflictError, StoreUnavailableError
from proofs.faults.expressions import Item
from proofs.faults.kinds import Fault
from proofs.faults.network import KilledError
from proofs.faults.workload import Post, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proofs.faults.system import System

CLIENTS: Final = 3
_REPEATED: Final = 0.03
"""Share of calls after which an earlier one is made again."""
_LABELLED_AT: Final = (0.3, 0.6, 0.9, 1.0)
"""Shares of the transactions after which people say what is known."""


class Outsiders:
    """Clients and people, and what they were told."""

    def __init__(self, system: "System", workload: Workload, chance: random.Random) -> None:
        """Begin with nothing posted.

        Args:
            system: the system that is posted to.
            workload: what is posted and labelled.
            chance: draws whether something is posted again.
        """
        self.received: set[str] = set()
        """Transactions that a client was told are stored."""
        self.left: set[str] = set()
        """Transactions that a client has given up."""
        self.wrong_answers: Counter[str] = Counter()
        self.posting = CLIENTS
        """Clients that have something left to post."""
        self._system = system
        self._workload = workload
        self._chance = chance
        self._recent: deque[Post] = deque(maxlen=100)
        self._posts: Iterator[Post] = workload.posts()

    def post(self) -> None:
        """Post, as one of the clients, until nothing is left."""
        for post in self._posts:
            self._system.pass_time_until(post.received_at)
            self._post_until_stored(post)
            self._recent.append(post)
            if self._chance.random() < _REPEATED:
                self._post_until_stored(self._chance.choice(self._recent))
            if self._chance.random() < _REPEATED:
                self._post_another(self._chance.choice(self._recent))
        self.posting -= 1

    def label(self) -> None:
        """Label transactions three times while transactions come in and once afterwards."""
        system = self._system
        for part in _LABELLED_AT:
            while self.posting and len(self.received) < part * self._workload.number:
                system.actors.turn()
            for truth in list(self._workload.truths(system.now)):
                self._say(truth.transaction_id, truth.label, truth.labeled_at)
                system.actors.turn()

    def _post_another(self, post: Post) -> None:
        """Post another payload under an id that is taken."""
        if post.request.transaction_id not in self.received:
            return
        other = msgspec.structs.replace(post.request, amount_minor=post.request.amount_minor + 1)
        with contextlib.suppress(ConflictError, StoreUnavailableError, KilledError):
            self._system.transactions.put(other, now=self._system.own_time())
            self.wrong_answers["another payload under the same id was taken"] += 1

    def _post_until_stored(self, post: Post) -> None:
        system, name = self._system, post.request.transaction_id
        actor, journal = system.actors.current, system.journal
        while True:
            journal.putting[actor] = False
            try:
                result = system.transactions.put(post.request, now=system.own_time())
            except ConflictError:
                self.wrong_answers["409 for the same payload"] += 1
                return
            except (StoreUnavailableError, KilledError):
                if name not in self.received and system.faults.happens(Fault.CLIENT_LEFT, 2):
                    self.left.add(name)
                    return
                continue
            if result.is_new != journal.putting[actor] and name not in journal.late:
                self.wrong_answers["stored counted"] += 1
            self.received.add(name)
            return

    def _say(self, name: str, label: str, labeled_at: int) -> None:
        item = self._stored(name)
        if item and int(item.get("labeledAt", {"N": "0"})["N"]) < labeled_at:
            said = to_item({"label": label, "labelSource": "analyst", "labeledAt": labeled_at})
            self._system.tables.put("transactions", item | said)

    def _stored(self, name: str) -> Item | None:
        tables = self._system.tables
        claim = tables.get("transactions", to_item({"transactionId": name, "timestamp": 0}))
        if claim is None:
            return None
        key = {"transactionId": claim["transactionId"], "timestamp": claim["transactionTimestamp"]}
        return tables.get("transactions", key)
