"""What an analyst does with alerts; every change leaves an audit record.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fraudstream.contract import TRANSACTION_TARGET
from fraudstream.detection.stores.decisions.alerts import close_alert
from fraudstream.transactions.decisions.decision import Action, FraudType, Truth
from fraudstream_tools.operations.audit.change_note import checked_reason
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.assignments import AlertTakenError, Assignments
from fraudstream_tools.operations.review.labels import (
    LabelError,
    act_now,
    before_action,
    before_label,
    check_kind,
    label_now,
)
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from fraudstream_tools.operations.review.label_approval import LabelApproval

ANALYST = "analyst"
"""The source of labels that are given here."""


@dataclass(frozen=True, kw_only=True)
class Reviews:
    """Labels transactions and closes their alerts, in the name of one person."""

    dynamodb: "DynamoDBClient"
    transactions: str
    alerts: str
    operator: Operator
    audit: AuditLog
    approval: "LabelApproval | None" = None
    """What the person may do for labels that need two people; None where one is enough."""

    def decide(
        self,
        transaction_id: str,
        truth: Truth,
        note: str,
        *,
        alert: AlertSummary | None,
        seen: str | None,
        open_case: Callable[[AlertSummary], str],
        fraud_type: FraudType | None = None,
    ) -> None:
        """Label a transaction, and close its alert; where labels need two people, both come with the second one.

        An open alert is taken first, so that of two people who decide at once one is told of the other.

        Args:
            transaction_id: which transaction.
            truth: what it turned out to be.
            note: why; it is part of the audit record.
            alert: the transaction's alert as it is now; None where it has none.
            seen: the label that the person saw before deciding; None for none.
            open_case: returns the id of an alert's case, and opens one where it has none.
            fraud_type: which kind of fraud, if that is known.

        Raises:
            AlertTakenError: somebody else works on the alert, or decided meanwhile.
            LabelError: the transaction cannot be labelled.
            ReasonError: the note is empty, too long or holds a card number.
        """
        why = checked_reason(note)
        # What label_now would refuse is refused before the alert is taken.
        check_kind(truth, fraud_type)
        if alert is not None:
            refuse_alone(alert)
        before = {"label": alert.label} if alert else before_label(self.dynamodb, self.transactions, transaction_id)
        if before["label"] != seen:
            what = "the alert was closed" if alert else "it was labelled"
            raise AlertTakenError(f"{what} as {before['label']} meanwhile: look again before you change it")
        after = {"label": truth.value, **({} if fraud_type is None else {"fraudType": fraud_type.value})}
        target = f"{TRANSACTION_TARGET}{transaction_id}"
        with self.audit.recorded("label-transaction", target, reason=why, before=before, after=after):
            if alert is not None and alert.status is AlertStatus.OPEN:
                self._assignments.take(transaction_id, self.operator.arn, case_id=open_case(alert))
            label = label_now(
                self.dynamodb,
                self.transactions,
                transaction_id,
                truth,
                ANALYST,
                fraud_type=fraud_type,
                approval=self.approval,
            )
            if self.approval is None:
                # The analyzer closes it too when it sees the label; whoever lists the queue next need not wait.
                close_alert(self.dynamodb, self.alerts, transaction_id, label)

    def tell_action(self, transaction_id: str, action: Action, *, seen: str | None) -> None:
        """Write what the client did with a payment, whatever was decided.

        Args:
            transaction_id: which transaction.
            action: what was done.
            seen: what the person saw that had been told; None for nothing.

        Raises:
            LabelError: there is no such transaction, or something else is known of it than the person saw.
        """
        before = before_action(self.dynamodb, self.transactions, transaction_id)
        if before["actionTaken"] != seen:
            raise LabelError("somebody has said meanwhile what was done with it: look again before you change it")
        target, after = f"{TRANSACTION_TARGET}{transaction_id}", {"actionTaken": action.value}
        with self.audit.recorded("tell-action", target, before=before, after=after):
            act_now(self.dynamodb, self.transactions, transaction_id, action)

    @property
    def _assignments(self) -> Assignments:
        return Assignments(self.dynamodb, self.alerts)


def refuse_alone(alert: AlertSummary) -> None:
    """Refuse what is about an alert's transaction where that is not stored any more.

    Raises:
        LabelError: it is not.
    """
    if not alert.has_transaction:
        raise LabelError(
            f"{shown(alert.transaction_id)}: its transaction is not stored any more, so that nothing can be decided "
            "about it; its alert goes by itself when it expires"
        )
