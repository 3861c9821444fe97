"""A batch of transactions to judge and labels to learn, from their entities' profiles to decisions.

What a retry of a batch must not count again is known in three ways. A profile's ring holds its newest events. Shared
profiles are written before those of a person (customer and card), so what a person's profile holds has been learnt by
the shared ones too. And where a batch alone fills a profile's ring, one that holds a later event of it has learnt the
earlier ones with it, since a batch writes each profile once. Whatever else was not decided yet is counted: a write that
failed never leaves an event out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fraudstream.contract import EntityKind
from fraudstream.detection.batch_steps import BatchStep, learnt_with_later
from fraudstream.detection.judge import judged_without
from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles.entities import PERSONAL, entities, kind_of
from fraudstream.detection.rotation import NO_EARLIER, EarlierTokens, carried_over
from fraudstream.detection.stores.decisions.store import NotedLabel
from fraudstream.detection.stores.profiles.items import ErasedMark, LoadedProfiles, StoredProfile
from fraudstream.detection.stores.profiles.store import ATTEMPTS, ProfileStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fraudstream.detection.judge import Judge, Judgement
    from fraudstream.detection.profiles.profile import Profile
    from fraudstream.detection.stores.decisions.store import DecisionStore
    from fraudstream.transactions.decisions.decision import Decision, Reason
    from fraudstream.transactions.transaction import Transaction

SHARED: Final = frozenset(EntityKind) - PERSONAL
WRITES_UNTIL_DIVIDED: Final = 5
"""Writes of others between a batch's reading and writing of a profile, from which on the profile is divided. An entity
with one write a second has as many by chance once in decades, one with fifty within seconds."""


class ContentionError(RuntimeError):
    """Other writers changed a profile at every attempt."""


class Judged(NamedTuple):
    """A decision that may now be written."""

    transaction: Transaction
    decision: Decision
    only_model: bool
    """The live model alone flagged it."""


class Batch:
    """Takes steps in order, as if nobody else wrote their profiles meanwhile."""

    def __init__(
        self,
        store: ProfileStore,
        judge: Judge,
        steps: Sequence[BatchStep],
        decided_at: int,
        earlier: EarlierTokens = NO_EARLIER,
    ) -> None:
        """Store what to do.

        Args:
            store: the table of profiles.
            judge: judges by one ruleset.
            steps: in the stream's order, each transaction to judge once.
            decided_at: the time that decisions carry, epoch milliseconds.
            earlier: how what the transactions touch was called before.
        """
        self._earlier = earlier
        self._store = store
        self._judge = judge
        self._steps = list(steps)
        self._decided_at = decided_at
        self._stored: dict[str, StoredProfile] = {}
        self._first_versions: dict[str, int] = {}
        """Those under which profiles were stored when they were read first."""
        self._judgements: dict[str, Judgement] = {}
        self._changed: dict[str, Profile] = {}
        self._undone: set[str] = set()
        """Sequence numbers of steps that look as if they had been taken, and are known not to have been."""
        self._erased: dict[str, ErasedMark] = {}
        """By key: who was erased lately, and what was erased with them."""
        self._frauds: dict[str, int] = {}
        """By how much steps with a label change the number of known frauds, by sequence number."""
        self._listed: Mapping[str, Mapping[str, float]] = {}
        """When entries of lists end: by key of the entity and by list."""
        self.unreadable_lists: set[str] = set()
        """Keys of entities whose lists cannot be read."""
        self.failed: dict[str, Exception] = {}
        """Sequence numbers of steps that could not be taken, with the reason."""
        self.damaged: set[str] = set()
        """Keys of profiles that were damaged, and begin anew."""
        self.newer: set[str] = set()
        """Keys of profiles that a newer version of this code has written; they stay as they are."""
        self.uncertain: set[str] = set()
        """Keys of profiles that may count events of this batch twice."""
        self.divided: set[str] = set()
        """Keys of profiles that this batch has divided, because others write them too often."""

    def run(self, decisions: DecisionStore) -> dict[str, Judged]:
        """Read profiles, judge and learn, and write profiles.

        Returns:
            The decisions that may now be written, by sequence number.

        Raises:
            ClientError: AWS refused a read.
            BotoCoreError: AWS cannot be reached.
            ProfilesUnavailableError: DynamoDB left profiles out again and again.
        """
        keys = {key for step in self._steps for key in entities(step.transaction).values()}
        loaded = self._load(keys, is_first=True)
        self._listed, self.unreadable_lists = loaded.listed, loaded.unreadable_lists
        self._first_versions = {key: stored.version or 0 for key, stored in loaded.profiles.items()}
        self._drop_learnt(decisions)
        self._take(decisions)
        self._save(SHARED, decisions)
        half_done = list(self._steps)
        self._save(PERSONAL, decisions)
        self._count_half_done(half_done)
        return {step.sequence_number: self._judged(step) for step in self._steps if step.relabelling is None}

    def _judged(self, step: BatchStep) -> Judged:
        judgement = self._judgements[step.sequence_number]
        return Judged(step.transaction, judgement.decision, judgement.only_model)

    def _drop_learnt(self, decisions: DecisionStore) -> None:
        """Leave out labels that were learnt before, and find out what the others change."""
        steps = [(step, step.relabelling) for step in self._steps if step.relabelling]
        learnt = dict(
            zip(
                [step.transaction.transaction_id for step, _ in steps],
                decisions.learnt([step.transaction for step, _ in steps]),
                strict=True,
            )
        )
        done: set[str] = set()
        for step, relabelling in steps:
            before = learnt[step.transaction.transaction_id]
            frauds = relabelling.is_fraud - (before.is_fraud if before else relabelling.was_fraud)
            now = NotedLabel(relabelling.labeled_at, relabelling.is_fraud)
            if not frauds or (before and before >= now):
                done.add(step.sequence_number)
                continue
            learnt[step.transaction.transaction_id] = now
            self._frauds[step.sequence_number] = frauds
        # A record may ask for both: what is known of its label says nothing of its decision.
        self._steps = [step for step in self._steps if not (step.relabelling and step.sequence_number in done)]

    def _take(self, decisions: DecisionStore) -> None:
        """Process all steps, except what was delivered before and decided then, so that nothing of it happens again.

        What looks as if it had been, and was not decided, is a retry or late. Profiles know a retry, unless as many
        newer events as they remember have come in the meantime.
        """
        while True:
            self._take_all()
            seen = [step for step in self._steps if self._is_seen(step)]
            if not seen:
                return
            decided = decisions.decided([step.transaction for step in seen])
            done = {step.sequence_number for step, is_decided in zip(seen, decided, strict=True) if is_decided}
            self._undone |= {step.sequence_number for step in seen} - done
            self._steps = [step for step in self._steps if step.relabelling or step.sequence_number not in done]

    def _is_seen(self, step: BatchStep) -> bool:
        if step.relabelling or step.sequence_number in self._undone:
            return False
        if self._judgements[step.sequence_number].seen:
            return True
        return bool(self.newer) and entities(step.transaction)[EntityKind.CUSTOMER] in self.newer

    def _take_all(self) -> None:
        profiles = {key: stored.profile for key, stored in self._stored.items()}
        learnt = learnt_with_later(self._steps, self._stored)
        self._judgements, self._changed = {}, {}
        broken: set[str] = set()
        for step in self._steps:
            try:
                changed = self._take_one(step, profiles, learnt[step.sequence_number])
            except Exception as error:  # noqa: BLE001  (one transaction's fault must not stop the others)
                self.failed.setdefault(step.sequence_number, error)
                broken.add(step.sequence_number)
                continue
            changed = {key: profile for key, profile in changed.items() if key not in self.newer}
            profiles.update(changed)
            self._changed.update(changed)
        self._drop(broken)

    def _take_one(self, step: BatchStep, profiles: Mapping[str, Profile], learnt: set[str]) -> Mapping[str, Profile]:
        """Judge or learn one step, and return the profiles that it changes, by key."""
        if step.relabelling:
            frauds = self._frauds[step.sequence_number]
            return learn_label(step.transaction, profiles, step.relabelling.change, frauds, learnt=learnt).changed
        judgement = self._judge.judge(
            step.transaction,
            profiles,
            self._decided_at,
            undecided=step.sequence_number in self._undone,
            learnt=learnt,
            known_fraud=step.known_fraud,
            notes=self._notes(step.transaction) if self.damaged or self.newer or self.unreadable_lists else (),
            listed=self._listed,
        )
        self._judgements[step.sequence_number] = judgement
        return judgement.profiles

    def _notes(self, transaction: Transaction) -> list[Reason]:
        """Return which profiles and lists a transaction is judged without."""
        return judged_without(
            entities(transaction).values(),
            damaged=self.damaged,
            newer=self.newer,
            unreadable_lists=self.unreadable_lists,
        )

    def _save(self, kinds: frozenset[EntityKind], decisions: DecisionStore) -> None:
        """Write the changed profiles of some kinds; where another writer came in between, take all steps anew.

        What was written stays in memory as it was read, so that the steps change only what the others changed.
        """
        pending = {key for key in self._changed if kind_of(key) in kinds}
        for attempt in range(ATTEMPTS):
            wanted = {key: self._to_write(key) for key in sorted(pending) if key in self._changed}
            saved = self._store.save(wanted)
            self.uncertain |= saved.uncertain
            for key, error in saved.failed.items():
                self._fail(key, error)
            pending = saved.conflicts
            if not pending:
                break
            self._store.wait(attempt)
            self._load(pending)
            self._divide(pending)
            self._take(decisions)
        for key in pending:
            self._fail(key, ContentionError(f"a {kind_of(key)}'s profile was changed by others {ATTEMPTS} times"))
        if pending or self.failed:
            self._take(decisions)

    def _divide(self, keys: Iterable[str]) -> None:
        """Divide those profiles that others write again and again while this batch tries to."""
        crowded = {
            key: stored for key in sorted(keys) if (stored := self._stored.get(key)) and self._is_crowded(key, stored)
        }
        if crowded:
            self.divided |= self._store.divide(crowded)
            self._load(crowded)

    def _is_crowded(self, key: str, stored: StoredProfile) -> bool:
        if stored.version is None or stored.sharding or stored.damaged:
            return False
        return stored.version - self._first_versions.get(key, 0) >= WRITES_UNTIL_DIVIDED

    def _count_half_done(self, steps: Iterable[BatchStep]) -> None:
        """Note the divided profiles that hold steps which failed since: their retry may find them forgotten there."""
        for step in steps:
            if step.sequence_number in self.failed:
                keys = entities(step.transaction).values()
                self.uncertain |= {key for key in keys if key in self._stored and self._stored[key].sharding}

    def _to_write(self, key: str) -> StoredProfile:
        before = self._stored.get(key)
        return before._replace(profile=self._changed[key]) if before else StoredProfile(self._changed[key], None)

    def _load(self, keys: Iterable[str], *, is_first: bool = False) -> LoadedProfiles:
        wanted = {*keys}
        loaded = self._store.load(wanted | self._earlier.before(wanted), is_first=is_first)
        loaded = carried_over(loaded, self._earlier)
        for key in keys:
            self._stored.pop(key, None)
        self._stored.update(loaded.profiles)
        self.newer |= loaded.newer
        self.damaged |= loaded.damaged
        self._erased.update(loaded.erased)
        if self._erased:
            self._drop({step.sequence_number for step in self._steps if self._is_erased(step)})
        return loaded

    def _is_erased(self, step: BatchStep) -> bool:
        """Return whether a step is of a person who was erased after it was received: nothing is learnt of it."""
        keys = entities(step.transaction)
        marks = (mark for key in keys.values() if (mark := self._erased.get(key)))
        customer, received_at = keys[EntityKind.CUSTOMER], step.transaction.received_at
        return any(mark.customer == customer and received_at <= mark.at for mark in marks)

    def _fail(self, key: str, error: Exception) -> None:
        """Leave out the steps of a profile that could not be written, and later ones that share any profile with them.

        Lambda delivers the later ones again anyway, and a profile must not learn them without the earlier ones.
        """
        touched = {key}
        for step in self._steps:
            keys = entities(step.transaction).values()
            if not touched.isdisjoint(keys):
                touched.update(keys)
                self.failed.setdefault(step.sequence_number, error)
        self._drop(set(self.failed))

    def _drop(self, sequence_numbers: set[str]) -> None:
        self._steps = [step for step in self._steps if step.sequence_number not in sequence_numbers]
