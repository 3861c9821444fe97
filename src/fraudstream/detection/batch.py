"""A batch of transactions to judge and labels to learn, from their entities' profiles to decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fraudstream.detection.learning import learn_label
from fraudstream.detection.profiles.entities import entities, kind_of
from fraudstream.detection.stores.profiles import ATTEMPTS, ProfileStore, StoredProfile, pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream.detection.judge import Judge, Judgement
    from fraudstream.detection.profiles.profile import LabelChange, Profile
    from fraudstream.detection.stores.decisions import DecisionStore
    from fraudstream.transactions.decision import Decision
    from fraudstream.transactions.transaction import Transaction


class ContentionError(RuntimeError):
    """Other writers changed a profile at every attempt."""


class Relabelling(NamedTuple):
    """What a new label changes in profiles."""

    change: LabelChange
    frauds: int
    """1 if the transaction is now known to be fraud, -1 if it is no longer."""


class BatchStep(NamedTuple):
    """What a record of the stream asks of profiles."""

    sequence_number: str
    transaction: Transaction
    relabelling: Relabelling | None = None
    """What to learn of the transaction; None: it is to be judged."""


class Batch:
    """Takes steps in order, as if nobody else wrote their profiles meanwhile."""

    def __init__(self, store: ProfileStore, judge: Judge, steps: Sequence[BatchStep], decided_at: int) -> None:
        """Take what to do.

        Args:
            store: the table of profiles.
            judge: judges by one ruleset.
            steps: in the stream's order, each transaction to judge once.
            decided_at: the time that decisions carry, epoch milliseconds.
        """
        self._store = store
        self._judge = judge
        self._steps = list(steps)
        self._decided_at = decided_at
        self._stored: dict[str, StoredProfile] = {}
        self._judgements: dict[str, Judgement] = {}
        self._changed: dict[str, Profile] = {}
        self._checked = False
        self.failed: dict[str, Exception] = {}
        """Sequence numbers of steps that could not be taken, with the reason."""

    def run(self, decisions: DecisionStore) -> dict[str, tuple[Transaction, Decision]]:
        """Read profiles, judge and learn, and write profiles.

        Returns:
            The decisions that may now be written, by sequence number.

        Raises:
            ClientError: AWS refused a read; so with the next two.
            BotoCoreError: see above.
            ProfilesUnavailableError: see above.
        """
        self._load({key for step in self._steps for key in entities(step.transaction).values()})
        self._steps = [step for step in self._steps if step.sequence_number not in self.failed]
        self._take_all()
        self._drop_decided(decisions)
        self._save()
        return {
            step.sequence_number: (step.transaction, self._judgements[step.sequence_number].decision)
            for step in self._steps
            if step.sequence_number in self._judgements and step.sequence_number not in self.failed
        }

    def _take_all(self) -> None:
        profiles = {key: stored.profile for key, stored in self._stored.items()}
        self._judgements, self._changed = {}, {}
        for step in self._steps:
            if step.relabelling:
                changed = learn_label(step.transaction, profiles, *step.relabelling).changed
            else:
                judgement = self._judge.judge(step.transaction, profiles, self._decided_at, undecided=self._checked)
                self._judgements[step.sequence_number] = judgement
                changed = judgement.profiles
            profiles.update(changed)
            self._changed.update(changed)

    def _drop_decided(self, decisions: DecisionStore) -> None:
        """Leave out what was delivered before and decided then, so that nothing of it happens again.

        What looks as if it had been, and was not decided, is a retry or late. Profiles know a retry, unless as many
        newer events as they remember have come in the meantime.
        """
        seen = [step for step in self._steps if self._is_seen(step)]
        answers = zip(seen, decisions.decided([step.transaction for step in seen]), strict=True)
        done = {step.sequence_number for step, is_decided in answers if is_decided}
        self._steps = [step for step in self._steps if step.sequence_number not in done]
        self._checked = True
        if seen:
            self._take_all()

    def _is_seen(self, step: BatchStep) -> bool:
        return step.relabelling is None and self._judgements[step.sequence_number].seen

    def _save(self) -> None:
        """Write the changed profiles; where another writer came in between, take all steps anew by what it left.

        What was written stays in memory as it was read, so that the steps change only what the others changed.
        """
        pending = set(self._changed)
        for attempt in range(ATTEMPTS):
            wanted = {
                key: StoredProfile(self._changed[key], self._version(key)) for key in pending if key in self._changed
            }
            saved = self._store.save(wanted)
            for key, error in saved.failed.items():
                self._fail(key, error)
            pending = saved.conflicts
            if not pending:
                return
            pause(attempt)
            self._load(pending)
            self._take_all()
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
        for step in self._steps:
            if key in entities(step.transaction).values():
                self.failed.setdefault(step.sequence_number, error)
