"""What a person does with cases; every change leaves an audit record.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Final

from fraudstream.contract import TRANSACTION_TARGET
from fraudstream.durations import DAY
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.cases.beside import change_each, open_of_customer_or_card
from fraudstream_tools.operations.cases.case import CaseEventKind, ReviewCase, joined, joined_open
from fraudstream_tools.operations.cases.colleagues import HandedOver, colleague_of, has_worked
from fraudstream_tools.operations.cases.deciding import CaseDecisions
from fraudstream_tools.operations.cases.holders import check_given_back, colleague_with, if_mine, unless_others
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.assignments import AlertTakenError, Assignments

MAX_SNOOZE_DAYS: Final = 30
"""Own choice: what waits longer is forgotten."""


class CaseWork(CaseDecisions):
    """Takes, notes, snoozes, hands over, decides and reopens cases in the name of one person."""

    def take(self, alert: AlertSummary, *, instead_of: AbstractSet[str] = frozenset()) -> ReviewCase:
        """Assign a case to the person, with the customer's or card's other open alerts that nobody else has.

        Those that are in another case stay in it, and as they are.

        Args:
            alert: as it was read.
            instead_of: the ARNs of those from whom it is taken over, with what they have of the case.

        Raises:
            AlertTakenError: somebody else has it, or closed it.
        """
        before = {"assignee": alert.assignee, "caseId": alert.case_id}
        with self._audit.recorded("take-alert", _target(alert), before=before, after={"assignee": self._me}):
            case = self._cases.opened(alert, self._me)
            if alert.status is AlertStatus.OPEN:
                # Asked before the alert is written, which would stay in a case that does not have it.
                unless_others(case, self._me, but=instead_of)
            self._take_one(alert, case, instead_of)
            case = self._assigned(case, alert, instead_of)
        free = {None, *instead_of}
        # What is in another case stays there: each case ends with its last alert, by whatever page that is decided.
        own = {None, case.case_id}
        beside = open_of_customer_or_card(self.queue, alert)
        others = [each for each in beside if each.assignee in free and each.case_id in own]
        taken = change_each(others, lambda other: self._take_too(other, case, instead_of))
        event = self._event(CaseEventKind.JOINED, ", ".join(each.transaction_id for each in taken))
        if not taken:
            return case
        return self._cases.change(case.case_id, event, lambda held: joined_open(held, taken), alert=alert)

    def give_back(self, alert: AlertSummary) -> str | None:
        """Return a case to the queue; of a colleague's case, what the person has of it.

        Args:
            alert: as it was read.

        Returns:
            The ARN of the colleague who has the case; None where it is in the queue again.

        Raises:
            AlertTakenError: somebody else has it by now, or closed it.
        """
        case = self._cases.get(alert.case_id) if alert.case_id is not None else None
        colleague = colleague_with(case, self._me) if case else None
        with self._audit.recorded("give-back-alert", _target(alert), before={"assignee": alert.assignee}):
            # The case comes first: what would refuse it is known before an alert is given back.
            check_given_back(alert, case, self._me)
            if case is not None and case.assignee == self._me:
                event = self._event(CaseEventKind.GIVEN_BACK)
                free = {"assignee": None, "assigned_at": None}
                self._cases.change(case.case_id, event, lambda held: if_mine(held, self._me, **free))
            else:
                self._give_one_back(alert)
            change_each([alert, *(self.queue.open_of(case.alerts, self._me) if case else ())], self._give_one_back)
        return colleague

    def hand_over(self, case: ReviewCase, to: str, note: str) -> HandedOver:
        """Assign a case that the person has to a colleague.

        Args:
            case: as it was read.
            to: the colleague's ARN, or the name at its end.
            note: why.

        Raises:
            AlertTakenError: the person has it not (any more), or there can be no such colleague.
            ReasonError: the note cannot be kept.
        """
        colleague, why = colleague_of(self.reviews.operator, to), checked_reason(note)
        # Asked before the case itself makes them somebody who has one.
        today = datetime.fromtimestamp(self.clock() / 1000, UTC).date()
        is_known = has_worked(colleague, self.queue, self._audit, today)
        before, after = {"assignee": self._me}, {"assignee": colleague}
        with self._audit.recorded("hand-over-case", f"case#{case.case_id}", reason=why, before=before, after=after):
            event = self._event(CaseEventKind.HANDED_OVER, f"to {colleague}: {why}")
            self._cases.change(
                case.case_id, event, lambda held: if_mine(held, self._me, assignee=colleague, assigned_at=event.at)
            )
        change_each(
            self.queue.open_of(case.alerts, self._me),
            lambda alert: self._assignments.take(
                alert.transaction_id, colleague, case_id=case.case_id, instead_of=self._me
            ),
        )
        return HandedOver(colleague, is_known=is_known)

    def snooze(self, alert: AlertSummary, until: int, note: str) -> None:
        """Keep a case out of the queue until a time, with whoever has it.

        Args:
            alert: of the case, as it was read.
            until: epoch milliseconds, at most `MAX_SNOOZE_DAYS` from now.
            note: what is waited for.

        Raises:
            AlertTakenError: somebody else has it, it is closed, or the time is not possible.
            ReasonError: the note cannot be kept.
        """
        why, now = checked_reason(note), self.clock()
        if not now < until <= now + MAX_SNOOZE_DAYS * DAY:
            raise AlertTakenError(f"a case can wait for {MAX_SNOOZE_DAYS} days at most, and not into the past")
        if alert.status is not AlertStatus.OPEN:
            raise AlertTakenError("a closed alert waits for nobody: reopen it first")
        with self._audit.recorded("snooze-case", _target(alert), reason=why, after={"snoozedUntil": until}):
            case = self._cases.opened(alert, self._me)
            # Asked before the alert is written, which would stay in a case that does not have it.
            unless_others(case, self._me)
            is_open = self._assignments.join(alert.transaction_id, case.case_id)
            alerts = [alert, *self._rest_of_new(case, alert)]
            event = self._event(CaseEventKind.SNOOZED, why)
            with_alerts = joined_open if is_open else joined

            def snoozed(held: ReviewCase) -> Mapping[str, object]:
                return {**with_alerts(held, alerts), **unless_others(held, self._me, snoozed_until=until)}

            self._cases.change(case.case_id, event, snoozed, alert=alert)

    def wake(self, case: ReviewCase) -> None:
        """Return a snoozed case to the queue.

        Raises:
            AlertTakenError: it waits for nothing, or was changed meanwhile.
        """
        if not case.is_snoozed(self.clock()):
            raise AlertTakenError("this case is not snoozed (any more)")
        with self._audit.recorded("wake-case", f"case#{case.case_id}", before={"snoozedUntil": case.snoozed_until}):
            event = self._event(CaseEventKind.WOKEN)
            self._cases.change(case.case_id, event, lambda held: unless_others(held, self._me, snoozed_until=None))

    def note(self, alert: AlertSummary, text: str) -> None:
        """Add a note to the case of an alert; whoever has it, and closed ones too.

        Raises:
            AlertTakenError: others change it at the same time.
            ReasonError: the note cannot be kept.
        """
        note = checked_reason(text)
        with self._audit.recorded("note-case", _target(alert), reason=note):
            case = self._cases.opened(alert, self._me)
            is_open = self._assignments.join(alert.transaction_id, case.case_id)
            alerts = [alert, *(self._rest_of_new(case, alert) if is_open else ())]
            event = self._event(CaseEventKind.NOTED, note)
            with_alerts = joined_open if is_open else joined
            self._cases.change(case.case_id, event, lambda held: with_alerts(held, alerts), alert=alert)

    def reopen(self, alert: AlertSummary, note: str) -> ReviewCase:
        """Open a closed alert again, for the person, and its case; the label stays until another is given.

        A case that is closed becomes the person's. One that is open stays with the colleague who has it.

        Returns:
            The case as it is then.

        Raises:
            AlertTakenError: it is open (again).
            ReasonError: the note cannot be kept.
        """
        why = checked_reason(note)
        with self._audit.recorded("reopen-case", _target(alert), reason=why, before={"label": alert.label}):
            case = self._cases.opened(alert, self._me)
            # Where this was broken off before the case was opened, the alert is open in a closed case.
            goes_on = case.status is AlertStatus.CLOSED
            self._assignments.reopen(alert.transaction_id, self._me, case_id=case.case_id, goes_on=goes_on)
            event = self._event(CaseEventKind.REOPENED, f"{alert.transaction_id}: {why}")
            opened = {"status": AlertStatus.OPEN, "closed_at": None}

            def reopened(held: ReviewCase) -> Mapping[str, object]:
                is_theirs = held.status is AlertStatus.OPEN and colleague_with(held, self._me) is not None
                mine = {} if is_theirs else {"assignee": self._me, "assigned_at": event.at}
                return {**joined(held, [alert]), **opened, **mine}

            return self._cases.change(case.case_id, event, reopened, alert=alert)

    def _rest_of_new(self, case: ReviewCase, alert: AlertSummary) -> list[AlertSummary]:
        """Return the alerts that were one row of the queue with an alert, as parts of its case; none of an older case.

        What was raised after somebody began to work on a case is to be seen before it waits.
        """
        if len(case.events) > 1:
            return []
        others = [each for each in open_of_customer_or_card(self.queue, alert) if each.case_id is None]
        return change_each(others, lambda other: self._assignments.join(other.transaction_id, case.case_id))

    def _take_too(self, other: AlertSummary, case: ReviewCase, instead_of: AbstractSet[str]) -> None:
        before = {"assignee": other.assignee, "caseId": other.case_id}
        with self._audit.recorded("take-alert", _target(other), before=before, after={"assignee": self._me}):
            self._take_one(other, case, instead_of)

    def _give_one_back(self, alert: AlertSummary) -> None:
        self._assignments.give_back(alert.transaction_id, self._me)

    def _take_one(self, alert: AlertSummary, case: ReviewCase, instead_of: AbstractSet[str]) -> None:
        colleague = alert.assignee if alert.assignee in instead_of else None
        self._assignments.take(alert.transaction_id, self._me, case_id=case.case_id, instead_of=colleague)

    def _assigned(self, case: ReviewCase, alert: AlertSummary, instead_of: AbstractSet[str]) -> ReviewCase:
        """Assign a case of which one alert is the person's already; that alert goes back where it is refused."""
        event = self._event(CaseEventKind.TAKEN, f"from {', '.join(sorted(instead_of))}" if instead_of else "")

        def assigned(held: ReviewCase) -> Mapping[str, object]:
            mine = {"assignee": self._me, "assigned_at": event.at, "snoozed_until": None}
            return {**joined_open(held, [alert]), **unless_others(held, self._me, but=instead_of, **mine)}

        try:
            return self._cases.change(case.case_id, event, assigned, alert=alert)
        except AlertTakenError:
            self._assignments.give_back(alert.transaction_id, self._me)
            raise

    @property
    def _audit(self) -> AuditLog:
        return self.reviews.audit

    @property
    def _assignments(self) -> Assignments:
        return Assignments(self.reviews.dynamodb, self.reviews.alerts)


def _target(alert: AlertSummary) -> str:
    """Return what an audit record calls an alert's transaction."""
    return f"{TRANSACTION_TARGET}{alert.transaction_id}"
