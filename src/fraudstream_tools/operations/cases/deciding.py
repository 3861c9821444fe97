"""Decisions about alerts, and what comes of them for their case.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from fraudstream.clock import epoch_milliseconds
from fraudstream.transactions.decisions.decision import FraudType, Truth
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.cases.beside import change_each
from fraudstream_tools.operations.cases.case import CaseEvent, CaseEventKind, ReviewCase, joined
from fraudstream_tools.operations.cases.holders import colleague_with
from fraudstream_tools.operations.cases.news import CaseNews
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.alerts import AlertQueue
from fraudstream_tools.operations.review.assignments import AlertTakenError
from fraudstream_tools.operations.review.labels import LabelError
from fraudstream_tools.operations.review.reviews import Reviews

_ATTEMPTS: Final = 5
"""Own choice."""


class _AlertJoinedError(Exception):
    """An alert joined the case meanwhile, and nobody has looked whether it is open.

    Attributes:
        alerts: the case's alerts now.
    """

    def __init__(self, alerts: tuple[str, ...]) -> None:
        super().__init__()
        self.alerts = alerts


class Alike(NamedTuple):
    """What came of the alerts that were chosen to be decided like another one."""

    closed: int = 0
    """Those that were labelled alike."""
    held: int = 0
    """Those that were left: a colleague has them, or has decided about them."""
    unlabelled: int = 0
    """Those that were left because their transactions cannot be labelled (any more)."""


@dataclass(frozen=True, kw_only=True)
class CaseDecisions:
    """Decides about alerts of cases in the name of one person."""

    reviews: Reviews
    queue: AlertQueue
    news: CaseNews | None = None
    """Tells other systems of cases; None: nobody is told."""
    clock: Callable[[], int] = epoch_milliseconds

    def decide(
        self,
        transaction_id: str,
        truth: Truth,
        note: str,
        *,
        alert: AlertSummary | None,
        seen: str | None,
        whole: bool = False,
        also: Collection[str] = (),
        fraud_type: FraudType | None = None,
    ) -> Alike:
        """Label a transaction and close its alert; others alike, if they are chosen and nobody else has them.

        Where labels need two people, alerts and case stay open until somebody else has approved the labels.

        Args:
            transaction_id: which transaction.
            truth: what it turned out to be.
            note: why.
            alert: the transaction's alert as it is now; None where it has none.
            seen: the label that the person saw before deciding; None for none.
            whole: whether the case's other alerts that the person has are closed alike.
            also: transactions whose alerts are closed alike, if they are open and the person or nobody has them.
            fraud_type: which kind of fraud, if that is known.

        Returns:
            How many others were labelled alike, and how many of those chosen were not.

        Raises:
            AlertTakenError: somebody else works on the alert, or decided meanwhile.
            LabelError: the transaction cannot be labelled.
            ReasonError: the note is empty, too long or holds a card number.
        """
        label = partial(
            self.reviews.decide,
            truth=truth,
            note=note,
            open_case=lambda of: self._cases.opened(of, self._me).case_id,
            fraud_type=fraud_type,
        )
        label(transaction_id, alert=alert, seen=seen)
        if alert is None:
            return Alike()
        case = self._cases.opened(self.queue.get(transaction_id) or alert, self._me)
        chosen = [
            *(self.queue.open_of(case.alerts, self._me) if whole else ()),
            *self.queue.open_of(also, None, self._me),
        ]
        others = {each.transaction_id: each for each in chosen if each.transaction_id != transaction_id}
        unlabelled: list[AlertSummary] = []
        closed = change_each(
            others.values(),
            lambda other: label(other.transaction_id, alert=other, seen=other.label),
            lambda other, why: unlabelled.append(other) if isinstance(why, LabelError) else None,
        )
        verdict = f"{truth.value} ({fraud_type.value})" if fraud_type else truth.value
        self._note_decisions(case, [alert, *closed], f"{verdict}, {checked_reason(note)}", truth)
        left = len({*others, *also} - {transaction_id}) - len(closed)
        return Alike(closed=len(closed), held=left - len(unlabelled), unlabelled=len(unlabelled))

    def _note_decisions(self, case: ReviewCase, done: Sequence[AlertSummary], said: str, truth: Truth) -> None:
        """Add a decision to the history of each case that one of some alerts is in.

        Args:
            case: of the first alert.
            done: as they were read before they were decided: some have been in no case then.
            said: what was decided, and why.
            truth: what it was.

        Raises:
            AlertTakenError: others changed a case at every attempt.
        """
        first, *others = done
        here, elsewhere = [first], dict[str, list[AlertSummary]]()
        now = {
            each.transaction_id: each.case_id for each in self.queue.by_ids([each.transaction_id for each in others])
        }
        for each in others:
            case_id = now.get(each.transaction_id)
            if case_id is None or case_id == case.case_id:
                here.append(each)
            else:
                elsewhere.setdefault(case_id, []).append(each)
        self._note_decision(case, here, said, truth)
        for other in self._cases.by_ids(elsewhere):
            self._note_decision(other, elsewhere[other.case_id], said, truth)

    def _note_decision(self, case: ReviewCase, done: Sequence[AlertSummary], said: str, truth: Truth) -> None:
        """Add a decision to the case's history, and close the case after its last alert.

        Raises:
            AlertTakenError: others changed the case at every attempt.
        """
        alerts = case.alerts
        for _ in range(_ATTEMPTS):
            try:
                return self._note_among(alerts, case.case_id, done, said, truth)
            except _AlertJoinedError as meanwhile:
                alerts = meanwhile.alerts
        raise AlertTakenError("other alerts joined the case at every attempt: look again")

    def _note_among(
        self, alerts: Sequence[str], case_id: str, done: Sequence[AlertSummary], said: str, truth: Truth
    ) -> None:
        """Do so where the case has these alerts.

        Raises:
            _AlertJoinedError: it would be closed, and has others too.
        """
        ids = [each.transaction_id for each in done]
        is_last = self.reviews.approval is None and not any(
            each.status is AlertStatus.OPEN for each in self.queue.by_ids([each for each in alerts if each not in ids])
        )
        event = self._event(CaseEventKind.CLOSED if is_last else CaseEventKind.DECIDED, f"{said}: {', '.join(ids)}")
        closing = {"status": AlertStatus.CLOSED, "closed_at": event.at, "snoozed_until": None} if is_last else {}

        def decided(held: ReviewCase) -> Mapping[str, object]:
            if is_last and not set(held.alerts) <= {*alerts, *ids}:
                raise _AlertJoinedError(held.alerts)
            # A colleague's case, and what it waits for, stay theirs: another alert of it was decided.
            is_theirs = colleague_with(held, self._me) is not None
            mine = {} if is_theirs else {"assignee": self._me, "snoozed_until": None}
            return {**joined(held, done), **mine, **closing}

        self._cases.change(case_id, event, decided, alert=done[0], label=truth)

    def _event(self, kind: CaseEventKind, text: str = "") -> CaseEvent:
        return self._cases.event(kind, self._me, text)

    @property
    def _me(self) -> str:
        return self.reviews.operator.arn

    @property
    def _cases(self) -> CaseStore:
        return CaseStore(self.reviews.dynamodb, self.reviews.alerts, self.clock, news=self.news)
