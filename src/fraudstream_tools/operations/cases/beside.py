"""What is open beside an alert: the rest of its case, as somebody sees it who decides about one of its alerts.

Whatever AWS refuses is raised as `ClientError`, and what cannot be reached as `BotoCoreError`.
"""

from collections.abc import Callable, Iterable
from typing import Final

from fraudstream_tools.operations.cases.store import CaseStore
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.alerts import AlertQueue
from fraudstream_tools.operations.review.assignments import AlertTakenError
from fraudstream_tools.operations.review.labels import LabelError

CUSTOMERS_ALERTS: Final = 50
"""Open alerts of a customer that are taken and decided together at most; own choice."""


def open_beside(queue: AlertQueue, cases: CaseStore, alert: AlertSummary) -> list[AlertSummary]:
    """Return the other open alerts of an alert's customer, and of the case that it is part of, as they are now.

    Of a customer with more than `CUSTOMERS_ALERTS` others, so many.
    """
    names = [each.transaction_id for each in queue.open_of_customer(alert.customer, CUSTOMERS_ALERTS + 1)]
    case = cases.get(alert.case_id) if alert.case_id else None
    # The index may be a moment behind: each is read as it is stored.
    alerts = queue.by_ids(tuple(dict.fromkeys([*names, *(case.alerts if case else ())])))
    return [each for each in alerts if each.status is AlertStatus.OPEN and each.transaction_id != alert.transaction_id]


def open_of_card_elsewhere(
    queue: AlertQueue, alert: AlertSummary, known: Iterable[AlertSummary] = ()
) -> list[AlertSummary]:
    """Return the open alerts of an alert's card at other customers, among the newest open ones.

    Args:
        queue: where they are found.
        alert: whose card is meant.
        known: those that are left out, such as the rest of its case.
    """
    if alert.card is None:
        return []
    names = {each.transaction_id for each in known}
    alerts = queue.of_card(alert.card)
    return [each for each in alerts if each.customer != alert.customer and each.transaction_id not in names]


def open_of_customer_or_card(queue: AlertQueue, alert: AlertSummary) -> list[AlertSummary]:
    """Return the other open alerts of an alert's customer, and of its card among the newest open ones.

    Of a customer with more than `CUSTOMERS_ALERTS` others, so many, whatever card they have.
    """
    alerts = queue.open_of_customer(alert.customer, CUSTOMERS_ALERTS + 1)
    alerts += open_of_card_elsewhere(queue, alert)
    others = {each.transaction_id: each for each in alerts if each.status is AlertStatus.OPEN}
    others.pop(alert.transaction_id, None)
    return list(others.values())


def change_each(
    alerts: Iterable[AlertSummary],
    change: Callable[[AlertSummary], object],
    refused: Callable[[AlertSummary, AlertTakenError | LabelError], object] = lambda _alert, _why: None,
) -> list[AlertSummary]:
    """Change alerts one by one, and leave those that somebody else was faster with.

    Args:
        alerts: which.
        change: changes one, and raises where that may not be.
        refused: is told of each that was left, and why.

    Returns:
        The changed ones.
    """
    changed: list[AlertSummary] = []
    for alert in alerts:
        try:
            change(alert)
        except (AlertTakenError, LabelError) as error:
            refused(alert, error)
            continue
        changed.append(alert)
    return changed
