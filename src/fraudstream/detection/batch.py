"""The undecided transactions of a batch, from their entities' profiles to decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraudstream.detection.entities import entities, kind_of
from fraudstream.detection.profile_store import ATTEMPTS, ProfileStore, Stored, pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream.detection.decision_store import DecisionStore
    from fraudstream.detection.judge import Judge, Judgement
    from fraudstream.detection.profiles import Profile
    from fraudstream.transactions.decision import Decision
    from fraudstream.transactions.transaction import Transaction


class ContentionError(RuntimeError):
    """Other writers changed a profile at every attempt."""


class Batch:
    """Judges transactions in order, as if nobody else wrote their profiles meanwhile."""

    def __init__(self, store: ProfileStore, judge: Judge, transactions: Sequence[Transaction], decided_at: int) -> None:
        """Take what to judge.

        Args:
            store: the table of profiles.
            judge: judges by one ruleset.
            transactions: in order, each one once.
            decided_at: the time that decisions carry, epoch milliseconds.
        """
        self._store = store
        self._judge = judge
        self._transactions = list(transactions)
        self._decided_at = decided_at
        self._stored: dict[str, Stored] = {}
        self._judgements: list[Judgement] = []
        self._changed: dict[str, Profile] = {}
        self._undecided: set[str] = set()
        self.failed: dict[str, Exception] = {}
        """Ids of transactions that could not be judged, with the reason."""

    def run(self, decisions: DecisionStore) -> dict[str, tuple[Transaction, Decision]]:
        """Read profiles, judge, and write profiles; give the decisions that may now be written, by transaction id.

        Raises:
            ClientError: AWS refused a read; so with the next two.
            BotoCoreError: see above.
            ProfilesUnavailableError: see above.
        """
        self._load({key for transaction in self._transactions for key in entities(transaction).values()})
        self._transactions = [each for each in self._transactions if each.transaction_id not in self.failed]
        self._judge_all()
        self._drop_decided(decisions)
        self._save()
        judged = zip(self._transactions, self._judgements, strict=True)
        return {
            transaction.transaction_id: (transaction, judgement.decision)
            for transaction, judgement in judged
            if transaction.transaction_id not in self.failed
        }

    def _judge_all(self) -> None:
        profiles = {key: stored.profile for key, stored in self._stored.items()}
        self._judgements, self._changed = [], {}
        for transaction in self._transactions:
            undecided = transaction.transaction_id in self._undecided
            judgement = self._judge.judge(transaction, profiles, self._decided_at, undecided=undecided)
            profiles.update(judgement.profiles)
            self._changed.update(judgement.profiles)
            self._judgements.append(judgement)

    def _drop_decided(self, decisions: DecisionStore) -> None:
        """Leave out what was delivered before and decided then, so that nothing of it happens again.

        What looks as if it had been, and was not decided, is a retry or late. Profiles know a retry, unless as many
        newer events as they remember have come in the meantime.
        """
        pairs = zip(self._transactions, self._judgements, strict=True)
        seen = [transaction for transaction, judgement in pairs if judgement.seen]
        answers = zip(seen, decisions.decided(seen), strict=True)
        done = {transaction.transaction_id for transaction, is_decided in answers if is_decided}
        self._transactions = [each for each in self._transactions if each.transaction_id not in done]
        self._undecided = {each.transaction_id for each in self._transactions}
        if seen:
            self._judge_all()

    def _save(self) -> None:
        """Write the changed profiles; where another writer came in between, judge anew by what it left.

        What was written stays in memory as it was read, so judging again changes only what the others changed.
        """
        pending = set(self._changed)
        for attempt in range(ATTEMPTS):
            wanted = {key: Stored(self._changed[key], self._version(key)) for key in pending if key in self._changed}
            saved = self._store.save(wanted)
            for key, error in saved.failed.items():
                self._fail(key, error)
            pending = saved.conflicts
            if not pending:
                return
            pause(attempt)
            self._load(pending)
            self._judge_all()
        for key in pending:
            self._fail(key, ContentionError(f"a {kind_of(key)}'s profile was changed by others {ATTEMPTS} times"))

    def _version(self, key: str) -> int | None:
        return self._stored[key].version if key in self._stored else None

    def _load(self, keys: set[str]) -> None:
        loaded = self._store.load(keys)
        self._stored.update(loaded.profiles)
        for key, error in loaded.unreadable.items():
            self._fail(key, error)

    def _fail(self, key: str, error: Exception) -> None:
        for transaction in self._transactions:
            if key in entities(transaction).values():
                self.failed.setdefault(transaction.transaction_id, error)
