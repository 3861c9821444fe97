"""Cases whose last alerts are closed by labels that were given elsewhere: by a file, or by a second person.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fraudstream.clock import epoch_milliseconds
from fraudstream.detection.stores.decisions.alerts import close_alert
from fraudstream.transactions.decisions.decision import Label
from fraudstream_tools.operations.approving import ApprovalError
from fraudstream_tools.operations.cases.case import CaseEventKind, ReviewCase
from fraudstream_tools.operations.cases.news import CaseNews
from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.alerts import AlertQueue
from fraudstream_tools.operations.review.assignments import AlertTakenError
from fraudstream_tools.operations.review.reviews import Reviews


@dataclass(frozen=True, kw_only=True)
class CaseClosing:
    """Closes cases in the name of one person, with a record of each."""

    reviews: Reviews
    queue: AlertQueue
    news: CaseNews | None = None
    """Tells other systems of cases; None: nobody is told."""
    clock: Callable[[], int] = epoch_milliseconds

    def approve_label(self, transaction_id: str, digest: str, *, reason: str) -> None:
        """Approve a label that somebody else has given; its alert is closed, and the case with the last alert.

        Args:
            transaction_id: of which transaction.
            digest: of the label that the person has seen, or its beginning.
            reason: why it may count.

        Raises:
            ApprovalError: see `LabelApproval.approve`; or one person is enough here.
            ReasonError: the reason is empty, too long or holds a card number.
        """
        if self.reviews.approval is None:
            raise ApprovalError("this stack asks for no second person for labels: see the setting fourEyes")
        label = self.reviews.approval.approve(transaction_id, digest, reason=reason)
        # The analyzer closes it too when it sees the approval; whoever lists the queue next need not wait for that.
        close_alert(self.reviews.dynamodb, self.reviews.alerts, transaction_id, label)
        self.close_labelled({transaction_id: label})

    def close_labelled(self, labels: Mapping[str, Label]) -> int:
        """Close the cases all of whose alerts are closed, or have just got a label; return how many.

        The analyzer closes the alerts themselves, within a second.

        Args:
            labels: what counts now, by transaction.

        Raises:
            TimeoutError: the table is too busy.
        """
        some: dict[str, AlertSummary] = {}
        for alert in self.queue.by_ids(tuple(labels)):
            if alert.case_id is not None:
                some.setdefault(alert.case_id, alert)
        return sum(self._close(case_id, alert, labels) for case_id, alert in some.items())

    def _close(self, case_id: str, alert: AlertSummary, labels: Mapping[str, Label]) -> bool:
        case = self._cases.get(case_id)
        if case is None or case.status is AlertStatus.CLOSED:
            return False
        alerts = self.queue.by_ids(case.alerts)
        if any(each.status is AlertStatus.OPEN and each.transaction_id not in labels for each in alerts):
            return False
        label = labels[alert.transaction_id]
        some = {each: labels[each] for each in case.alerts if each in labels}
        said = "; ".join(dict.fromkeys(f"{each.label}, says {each.label_source}" for each in some.values()))
        event = self._cases.event(CaseEventKind.CLOSED, self.reviews.operator.arn, f"{said}: {', '.join(some)}")
        closed = partial(_closed, known=case.alerts, at=event.at)

        after = {"label": ", ".join(sorted({each.label.value for each in some.values()}))}
        try:
            with self.reviews.audit.recorded("close-case", f"case#{case_id}", after=after):
                self._cases.change(case_id, event, closed, alert=alert, label=label.label, source=label.label_source)
        except AlertTakenError:
            return False
        return True

    def close_left_open(self, alert: AlertSummary) -> None:
        """Close a case all of whose alerts are closed, as it is left where AWS failed behind the last one.

        Args:
            alert: of the case, as it was read.

        Raises:
            AlertTakenError: an alert of it is open, or it was closed meanwhile.
        """
        case = self._cases.get(alert.case_id) if alert.case_id else None
        if case is None or not is_left_open(case, self.queue.by_ids(case.alerts)):
            raise AlertTakenError("an alert of this case is open, or the case was closed meanwhile: look again")
        # It names no alert: whoever closed those is told by what came before.
        event = self._cases.event(CaseEventKind.CLOSED, self.reviews.operator.arn, "all its alerts were closed before")
        closed = partial(_closed, known=case.alerts, at=event.at)
        with self.reviews.audit.recorded("close-case", f"case#{case.case_id}", after={"label": alert.label}):
            self._cases.change(case.case_id, event, closed, alert=alert, label=alert.label, source="")

    @property
    def _cases(self) -> CaseStore:
        return CaseStore(self.reviews.dynamodb, self.reviews.alerts, self.clock, news=self.news)


def is_left_open(case: ReviewCase, alerts: Iterable[AlertSummary]) -> bool:
    """Return whether a case is open, and none of its alerts.

    Args:
        case: as it is now.
        alerts: those of the case at least, without those that are gone.
    """
    is_any_open = any(each.status is AlertStatus.OPEN and each.transaction_id in case.alerts for each in alerts)
    return case.status is AlertStatus.OPEN and not is_any_open


def _closed(held: ReviewCase, known: Iterable[str], at: int) -> Mapping[str, Any]:
    if held.status is AlertStatus.CLOSED or set(held.alerts).difference(known):
        raise AlertTakenError("it was closed, or another alert joined it")
    return {"status": AlertStatus.CLOSED, "closed_at": at, "snoozed_until": None}
