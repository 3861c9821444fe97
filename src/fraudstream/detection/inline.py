"""Judging while the client waits: by the analyzer's own `Judge`, on the profiles as they are at that moment.

Two jobs are under way while the processor writes the claim: profiles are read, and the ruleset is looked at when it is
due. The budget bounds both: the decision waits no longer, no call to AWS begins later, and each call has a short time
and one attempt. What is under way is waited for before the answer is sent, since Lambda would freeze it there and let
it go on within the next invocation.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from fraudstream.clock import epoch_milliseconds
from fraudstream.detection.judge import Judge, judged_without
from fraudstream.detection.profiles.entities import entities
from fraudstream.detection.profiles.events import check
from fraudstream.detection.rotation import carried_over, earlier_tokens
from fraudstream.detection.stores.decisions.breaker import BreakerReader
from fraudstream.detection.stores.profiles.reads import read_once
from fraudstream.transactions.decisions.inline import InlineFallback, of_decision
from fraudstream.transactions.pseudonyms.raising import raise_tokens
from fraudstream.transactions.pseudonyms.tokens import TokenRaiser
from fraudstream.transactions.storage.deadline import DeadlineExceededError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream.detection.features.compute import Calendar
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream.detection.sca_policy import ScaPolicy
    from fraudstream.detection.stores.lists.list_approvals import ListApprovals
    from fraudstream.detection.stores.profiles.items import LoadedProfiles
    from fraudstream.detection.stores.rulesets.active import RulesetStore
    from fraudstream.transactions.decisions.inline import InlineDecision, InlineResult
    from fraudstream.transactions.storage.deadline import Deadline
    from fraudstream.transactions.transaction import Transaction

_THREADS: Final = 2
"""One reads profiles, and one looks at the ruleset when that is due."""
_SLOW: Final = (TimeoutError, DeadlineExceededError, ConnectTimeoutError, ReadTimeoutError)


class InlineJudge:
    """Makes inline decisions, one at a time."""

    def __init__(
        self,
        *,
        dynamodb: DynamoDBClient,
        deadline: Deadline,
        table: str,
        rulesets: RulesetStore,
        calendar: Calendar,
        budget_seconds: float,
        on_failure: Callable[[Exception], None],
        raiser: TokenRaiser | None = None,
        sca: ScaPolicy | None,
        lists: ListApprovals | None = None,
    ) -> None:
        """Keep what to judge by.

        Args:
            dynamodb: a client of its own, with short timeouts and one attempt.
            deadline: watches over the calls of both clients, of this one and of the rulesets' own.
            table: the table of profiles.
            rulesets: the active ruleset, by a client that is made likewise.
            calendar: as the analyzer's.
            budget_seconds: the most that a decision may take.
            on_failure: is told why there is no decision.
            raiser: as the analyzer's.
            sca: advises on strong customer authentication; None where nobody asked for that.
            lists: as the analyzer's.
        """
        self._lists = lists
        self._sca = sca
        self._raiser = raiser or TokenRaiser()
        self._dynamodb = dynamodb
        self._table = table
        self.breaker = BreakerReader(dynamodb, table)
        self._rulesets = rulesets
        self._calendar = calendar
        self._budget_seconds = budget_seconds
        self._on_failure = on_failure
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="inline")

    def prepare(self) -> None:
        """Read the ruleset, before anybody waits.

        Raises:
            RulesetError: it is invalid.
            ModelError: a model is invalid.
            ClientError: S3 does not give them.
            BotoCoreError: S3 cannot be reached.
        """
        self._rulesets.current()

    def attempt(self, transaction: Transaction, seconds: float) -> _Attempt:
        """Begin to read what is needed to judge a transaction; see `InlineDecider`."""
        budget = min(self._budget_seconds, seconds)
        begun = _Attempt(self, self._rulesets, time.monotonic() + budget)
        begun.until_closed.enter_context(self._deadline.within(budget))
        raised = raise_tokens(transaction, self._raiser)
        keys = set(entities(raised.transaction).values())
        keys |= earlier_tokens([raised]).before(keys)
        begun.profiles = self._pool.submit(read_once, self._dynamodb, self._table, keys, self._lists)
        if self._rulesets.is_due:
            begun.waits_for_look = self._rulesets.is_stale
            begun.ruleset = self._pool.submit(self._rulesets.current)
        return begun

    def judge(
        self, transaction: Transaction, loaded: LoadedProfiles, ruleset: Ruleset, *, holds_model_back: bool
    ) -> InlineDecision:
        """Return what the analyzer would decide now.

        Args:
            transaction: what to judge.
            loaded: the profiles of its entities.
            ruleset: what to judge by.
            holds_model_back: the live model has lost its power to decline.

        Raises:
            UnusableTransactionError: a value of the transaction is out of range.
        """
        check(transaction)
        raised = raise_tokens(transaction, self._raiser)
        transaction, loaded = raised.transaction, carried_over(loaded, earlier_tokens([raised]))
        judgement = Judge(ruleset, self._calendar, holds_model_back=holds_model_back).judge(
            transaction,
            {key: stored.profile for key, stored in loaded.profiles.items()},
            epoch_milliseconds(),
            notes=judged_without(
                entities(transaction).values(),
                damaged=loaded.damaged,
                newer=loaded.newer,
                unreadable_lists=loaded.unreadable_lists,
            ),
            listed=loaded.listed,
        )
        advice = self._sca and self._sca.advise(transaction, judgement.decision, ruleset.rates)
        return of_decision(judgement.decision, advice)

    def failed(self, why: InlineFallback, error: Exception) -> InlineFallback:
        """Report a failure, and return why there is no decision."""
        self._on_failure(error)
        return InlineFallback.SLOW if isinstance(error, _SLOW) else why


class _Attempt:
    """One decision in the making."""

    profiles: Future[LoadedProfiles]
    ruleset: Future[Ruleset] | None = None
    waits_for_look: bool = False
    """Whether what is known of the ruleset is too old to judge by."""

    def __init__(self, judge: InlineJudge, rulesets: RulesetStore, ends_at: float) -> None:
        self._judge = judge
        self._rulesets = rulesets
        self._ends_at = ends_at
        self.until_closed = ExitStack()

    def result(self, transaction: Transaction) -> InlineResult:
        """Return the decision, or why there is none; nothing is raised."""
        try:
            profiles = self.profiles.result(self._left())
        except Exception as error:  # noqa: BLE001  (whatever it is, the transaction must be stored)
            return self._judge.failed(InlineFallback.NO_PROFILES, error)
        try:
            ruleset = self._ruleset()
        except Exception as error:  # noqa: BLE001  (as above)
            return self._judge.failed(InlineFallback.NO_RULESET, error)
        try:
            holds_model_back = self._judge.breaker.is_broken(ruleset.models.live)
        except Exception as error:  # noqa: BLE001  (as above)
            return self._judge.failed(InlineFallback.NO_PROFILES, error)
        try:
            return self._judge.judge(transaction, profiles, ruleset, holds_model_back=holds_model_back)
        except Exception as error:  # noqa: BLE001  (as above)
            return self._judge.failed(InlineFallback.FAILED, error)

    def close(self) -> None:
        """Wait until nothing of it is under way any more."""
        if not self.profiles.done():
            wait((self.profiles,))
        if self.ruleset is not None:
            wait((self.ruleset,))
        self.until_closed.close()

    def _ruleset(self) -> Ruleset:
        # That of a look some minutes ago is good enough: the next one need not be waited for.
        known = self._rulesets.at_hand
        if self.ruleset is not None and (known is None or self.waits_for_look):
            return self.ruleset.result(self._left())
        return self._rulesets.current() if known is None else known

    def _left(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())
