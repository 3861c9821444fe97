"""What whose credentials these are may do with cases and labels."""

from typing import TYPE_CHECKING

from fraudstream.contract import FourEyes
from fraudstream_tools.cli.support.review.audit import approver, audit_log, needs_two
from fraudstream_tools.cli.support.running.active_ruleset import active_ruleset
from fraudstream_tools.cli.support.running.deployment import Deployment

if TYPE_CHECKING:
    from fraudstream_tools.operations.cases.closing import CaseClosing
    from fraudstream_tools.operations.cases.news import CaseNews
    from fraudstream_tools.operations.review.alerts import AlertQueue
    from fraudstream_tools.operations.review.label_approval import LabelApproval
    from fraudstream_tools.operations.review.reviews import Reviews


def alert_queue(deployment: Deployment) -> "AlertQueue":
    """Return the alerts, with amounts in the base currency where there are exchange rates."""
    from fraudstream_tools.operations.review.alerts import AlertQueue

    ruleset = active_ruleset(deployment, quiet=True)
    return AlertQueue(
        deployment.client("dynamodb"),
        alerts=deployment["alertsTable"],
        transactions=deployment["transactionsTable"],
        rates=ruleset.rates if ruleset else None,
    )


def reviews_of(deployment: Deployment, approval: "LabelApproval | None" = None) -> "Reviews":
    """Return what the person may do with single alerts, and with labels that wait; without it, see `label_approval`."""
    from fraudstream_tools.operations.review.reviews import Reviews

    audit = audit_log(deployment)
    return Reviews(
        dynamodb=deployment.client("dynamodb"),
        transactions=deployment["transactionsTable"],
        alerts=deployment["alertsTable"],
        operator=audit.operator,
        audit=audit,
        approval=approval or label_approval(deployment),
    )


def label_approval(deployment: Deployment) -> "LabelApproval | None":
    """Return what the person may do for labels that need two people; None where one is enough."""
    return waiting_labels(deployment) if needs_two(deployment, FourEyes.LABELS) else None


def waiting_labels(deployment: Deployment) -> "LabelApproval":
    """Return what the person may do for labels that wait: some may, since before one person was enough."""
    from fraudstream_tools.operations.review.label_approval import LabelApproval

    return LabelApproval(
        approver=approver(deployment, FourEyes.LABELS),
        dynamodb=deployment.client("dynamodb"),
        transactions=deployment["transactionsTable"],
        alerts=deployment["alertsTable"],
    )


def case_closing(deployment: Deployment, approval: "LabelApproval | None" = None) -> "CaseClosing":
    """Return what closes cases whose last alerts labels have closed; see `reviews_of`."""
    from fraudstream_tools.operations.cases.closing import CaseClosing

    reviews = reviews_of(deployment, approval)
    return CaseClosing(reviews=reviews, queue=alert_queue(deployment), news=case_news(deployment))


def case_news(deployment: Deployment) -> "CaseNews | None":
    """Return what tells other systems of cases; None where the stack tells nobody anything."""
    from fraudstream_tools.operations.cases.news import news_of

    return news_of(
        outbox=deployment.get("outboxTable"),
        types=deployment.get("events"),
        environment=deployment["alertsTable"].removeprefix("table-alerts-"),
    )
