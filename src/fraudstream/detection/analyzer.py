"""A batch of stream records, from what they ask for to its effects.

Profiles are written first, then the decision: it marks the work as done, so whatever fails before it is repaired by the
record's retry. A retry finds its event in the profiles, which changes nothing and is left out of what it is judged by.
The alert, and what other systems are told of a decision, are in one write with it: neither can be taken back. A label
is done with when its transaction says that profiles have learnt it; other systems are told of it before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.clock import epoch_milliseconds
from fraudstream.detection import exploration
from fraudstream.detection.batch import Batch, Judged
from fraudstream.detection.batch_steps import BatchStep
from fraudstream.detection.judge import Judge
from fraudstream.detection.rotation import earlier_tokens
from fraudstream.detection.stream_records import PoisonRecordError, Work, read, sequence_number
from fraudstream.transactions.decisions.decision import Verdict
from fraudstream.transactions.pseudonyms.raising import raise_tokens
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from fraudstream.detection.features.compute import Calendar
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream.detection.stores.decisions.alerts import AlertStore
    from fraudstream.detection.stores.decisions.outbox import Outbox
    from fraudstream.detection.stores.decisions.store import DecisionStore
    from fraudstream.detection.stores.profiles.store import ProfileStore
    from fraudstream.transactions.pseudonyms.raising import RaisedTransaction


class Failure(NamedTuple):
    """A record that was not processed, and why."""

    sequence_number: str
    error: Exception


@dataclass
class Analysis:
    """What became of a batch."""

    latencies: list[int] = field(default_factory=list[int])
    """Milliseconds from receipt to decision, for each transaction that was decided now."""
    alerts: int = 0
    """How many alerts were raised, without those that were drawn by chance."""
    only_model: int = 0
    """How many of the transactions that were decided now the live model alone flagged."""
    failures: list[Failure] = field(default_factory=list[Failure])
    """In no particular order."""
    damaged: int = 0
    """Profiles that could not be read: they were set aside, and begin anew."""
    unreadable_lists: int = 0
    """Entities judged as if they were on no list, because the item that says it could not be read."""
    newer: int = 0
    """Profiles that a newer version wrote: left as they are, and judged without."""
    uncertain: int = 0
    """Profiles that may count events twice: who wrote them could not be told."""
    divided: int = 0
    """Profiles that were divided, because many write them at once."""


class _Finished(NamedTuple):
    alerted: bool
    latency: int | None = None
    error: Exception | None = None


def first_failure(records: Iterable[Mapping[str, Any]], failures: Sequence[Failure]) -> str | None:
    """Return the sequence number of the first record that failed: Lambda retries from there on; None if none failed."""
    failed = {failure.sequence_number for failure in failures}
    return next((number for record in records if (number := sequence_number(record)) in failed), None)


class Analyzer:
    """Analyzes batches; made once, used for every batch."""

    def __init__(
        self,
        *,
        profiles: ProfileStore,
        decisions: DecisionStore,
        alerts: AlertStore,
        pool: Executor,
        calendar: Calendar,
        clock: Callable[[], int] = epoch_milliseconds,
        on_shadow_error: Callable[[Exception], None] | None = None,
        raiser: TokenRaiser | None = None,
        outbox: Outbox | None = None,
        exploration_share: float = 0.0,
    ) -> None:
        """Store the tables.

        Args:
            profiles: the table of profiles.
            decisions: the table of transactions.
            alerts: the table of alerts.
            pool: runs independent calls side by side.
            calendar: what hours of the day and the delay of labels refer to.
            clock: the time, epoch milliseconds.
            on_shadow_error: see `Judge`.
            raiser: has the keys of later token numbers: all that is learnt is learnt by tokens of the newest.
            outbox: where events for other systems are put; None: nobody is told.
            exploration_share: of the approved transactions, which share is put into the review queue by chance.
        """
        self._exploration_share = exploration_share
        self._outbox = outbox
        self._raiser = raiser or TokenRaiser()
        self._profiles = profiles
        self._decisions = decisions
        self._alerts = alerts
        self._pool = pool
        self._calendar = calendar
        self._clock = clock
        self._on_shadow_error = on_shadow_error

    def analyze(
        self, records: Sequence[Mapping[str, Any]], ruleset: Ruleset, *, holds_model_back: bool = False
    ) -> Analysis:
        """Judge the batch's undecided transactions; learn what labels say, and close the alerts of labelled ones.

        Args:
            records: of the table's stream.
            ruleset: what to judge by.
            holds_model_back: the live model has lost its power to decline.

        Raises:
            PoisonRecordError: a record has no sequence number, so that its failure could not be reported.
            ClientError: AWS refused to read profiles.
            BotoCoreError: AWS cannot be reached.
            ProfilesUnavailableError: DynamoDB left profiles out again and again.
        """
        analysis = Analysis()
        works: dict[str, Work] = {}
        steps: list[BatchStep] = []
        to_judge: set[str] = set()
        raised: list[RaisedTransaction] = []
        for record in records:
            try:
                work = read(record)
            except PoisonRecordError as error:
                analysis.failures.append(Failure(sequence_number(record), error))
                continue
            if work.transaction is None or work.sequence_number in works:
                continue
            raised.append(raise_tokens(work.transaction, self._raiser))
            transaction = raised[-1].transaction
            works[work.sequence_number] = work._replace(transaction=transaction)
            if work.undecided and transaction.transaction_id not in to_judge:
                to_judge.add(transaction.transaction_id)
                steps.append(
                    BatchStep(
                        work.sequence_number,
                        transaction,
                        is_redriven=work.redriven,
                        known_fraud=work.known_fraud,
                    )
                )
            if work.relabelling:
                steps.append(BatchStep(work.sequence_number, transaction, work.relabelling, is_redriven=work.redriven))
        judge = Judge(ruleset, self._calendar, self._on_shadow_error, holds_model_back=holds_model_back)
        self._take(steps, works, judge, raised, analysis)
        return analysis

    def _take(
        self,
        steps: Sequence[BatchStep],
        works: Mapping[str, Work],
        judge: Judge,
        raised: Sequence[RaisedTransaction],
        analysis: Analysis,
    ) -> None:
        if steps:
            batch = Batch(self._profiles, judge, steps, self._clock(), earlier_tokens(raised))
            judged = batch.run(self._decisions)
            analysis.failures += [Failure(number, error) for number, error in batch.failed.items()]
            analysis.damaged += len(batch.damaged)
            analysis.unreadable_lists += len(batch.unreadable_lists)
            analysis.newer += len(batch.newer)
            analysis.uncertain += len(batch.uncertain)
            analysis.divided += len(batch.divided)
            results = self._pool.map(self._finish, [works[number] for number in judged], judged.values())
            for number, result in zip(judged, results, strict=True):
                analysis.alerts += result.alerted
                if result.error:
                    analysis.failures.append(Failure(number, result.error))
                if result.latency is not None:
                    analysis.latencies.append(result.latency)
                    analysis.only_model += judged[number].only_model
        # Alerts are closed last: the batch may hold a transaction and its label.
        failed = {failure.sequence_number for failure in analysis.failures}
        labelled = [work for number, work in works.items() if work.relabelled and number not in failed]
        for work, error in zip(labelled, self._pool.map(self._close, labelled), strict=True):
            if error:
                analysis.failures.append(Failure(work.sequence_number, error))

    def _finish(self, work: Work, judged: Judged) -> _Finished:
        """Write a decision, and with it its alert and what other systems are told; an error fails this record only."""
        transaction, decision, _ = judged
        is_flagged = decision.decision is not Verdict.APPROVE
        if work.label is None and (drawn := exploration.propensity(transaction, decision, self._exploration_share)):
            decision = msgspec.structs.replace(decision, exploration_propensity=drawn)
        has_alert = work.label is None and (is_flagged or decision.exploration_propensity is not None)
        puts = [self._alerts.of_decision(transaction, decision, work.inline)] if has_alert else []
        if self._outbox is not None:
            puts += self._outbox.of_decision(transaction, decision, work.inline, has_alert=work.label is None)
        try:
            is_own = self._decisions.decide(transaction, decision, puts)
        except (ClientError, BotoCoreError) as error:
            return _Finished(alerted=False, error=error)
        latency = self._clock() - transaction.received_at if is_own else None
        return _Finished(has_alert and is_flagged and is_own, latency)

    def _close(self, work: Work) -> Exception | None:
        try:
            if work.transaction and work.label:
                closing = self._alerts.close(work.transaction.transaction_id, work.label)
                if self._outbox is not None:
                    self._outbox.tell_label(work.transaction, work.label, closes_alert=closing.is_to_be_told)
                self._decisions.note_learnt(work.transaction, work.label)
        except (ClientError, BotoCoreError) as error:
            return error
        return None
