"""Who has a case, and what of it others may change."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from fraudstream_tools.operations.cases.case import ReviewCase
from fraudstream_tools.operations.review.alert_summary import AlertStatus, AlertSummary
from fraudstream_tools.operations.review.assignments import AlertTakenError, HeldByColleagueError


def colleague_with(case: ReviewCase, me: str) -> str | None:
    """Return the ARN of the colleague who has a case; None where a person or nobody has it.

    Args:
        case: as it is now.
        me: the person's ARN.
    """
    return None if case.assignee == me else case.assignee


def holders(alert: AlertSummary, case: ReviewCase | None, me: str) -> tuple[str, ...]:
    """Return the ARNs of the colleagues from whom an alert is taken over: who has it, and who has its case.

    Args:
        alert: as it is now.
        case: the one that it is in or becomes part of, if there is one.
        me: the person's ARN.
    """
    having = (alert.assignee, case.assignee if case else None)
    return tuple(dict.fromkeys(each for each in having if each is not None and each != me))


def if_mine(case: ReviewCase, me: str, **fields: object) -> Mapping[str, object]:
    """Return fields of a case that the person has.

    Raises:
        AlertTakenError: the person has it not (any more).
    """
    if case.assignee != me:
        raise AlertTakenError("this case is not yours (any more): take it first")
    return fields


def unless_others(
    case: ReviewCase, me: str, *, but: AbstractSet[str] = frozenset(), **fields: object
) -> Mapping[str, object]:
    """Return fields of a case that no colleague has.

    Args:
        case: as it is now.
        me: the person's ARN.
        but: colleagues from whom it is taken over.
        fields: what is to be changed.

    Raises:
        HeldByColleagueError: another colleague has it.
    """
    colleague = colleague_with(case, me)
    if colleague is not None and colleague not in but:
        raise HeldByColleagueError(colleague, "case")
    return fields


def check_given_back(alert: AlertSummary, case: ReviewCase | None, me: str) -> None:
    """Check that an alert can be given back, with its case or alone.

    Args:
        alert: as it was read.
        case: the one that it is in, if it is in one.
        me: the ARN of who gives it back.

    Raises:
        AlertTakenError: it is closed, or neither it nor its case is the person's (any more).
    """
    if alert.status is not AlertStatus.OPEN:
        raise AlertTakenError("the alert was closed meanwhile: look again before you change anything")
    if alert.assignee == me:
        return
    if alert.assignee is not None:
        raise HeldByColleagueError(alert.assignee, "alert")
    if case is None:
        raise AlertTakenError("this alert is not yours (any more)")
    unless_others(case, me)
    if_mine(case, me)
