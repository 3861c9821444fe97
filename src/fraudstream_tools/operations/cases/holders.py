"""Who has a case, and what of it others may change."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from fraudstream_tools.operations.cases.case import ReviewCase
from fraudstream_tools.operations.review.assignments import AlertTakenError, HeldByColleagueError


def colleague_with(case: ReviewCase, me: str) -> str | None:
    """Return the ARN of the colleague who has a case; None where a person or nobody has it.

    Args:
        case: as it is now.
        me: the person's ARN.
    """
    return None if case.assignee == me else case.assignee


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
