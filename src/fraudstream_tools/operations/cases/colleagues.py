"""Colleagues, by the names that AWS has for them, and whether they have worked here."""

import re
from datetime import date, timedelta
from typing import Final, NamedTuple

from fraudstream.transactions.card_numbers.detector import holds_card_number
from fraudstream_tools.operations.audit.identity import PERSONS_ARN, Operator, name_in
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.review.alerts import AlertQuery, AlertQueue
from fraudstream_tools.operations.review.assignments import AlertTakenError

_LOOKED_AT: Final = 1000
"""Open alerts among which a colleague's are looked for; as the console's queue."""
_DAYS: Final = 7
"""Own choice: whoever has worked within a week is no slip of the pen."""
NOBODY_YET: Final = " Nobody of this name has worked here yet: is it written as AWS has it?"
"""What is said beside a case that goes to such a name."""
_NAME: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")


class HandedOver(NamedTuple):
    """What came of handing a case over."""

    to: str
    """The colleague's ARN."""
    is_known: bool
    """They have worked here; otherwise the name may be a slip of the pen."""


def colleague_of(operator: Operator, name: str) -> str:
    """Return the ARN of somebody who signs in as a person does, by the name at its end; an ARN is kept.

    Raises:
        AlertTakenError: it is no name that an ARN can hold, the person's own, or holds a card number.
    """
    text = name.strip()
    if PERSONS_ARN.fullmatch(text):
        arn = text
    elif _NAME.fullmatch(text):
        beginning = operator.arn.removesuffix(operator.name)
        arn = beginning + text
    else:
        raise AlertTakenError("name a colleague as AWS does: the ARN, or what stands last in it")
    if arn == operator.arn:
        raise AlertTakenError("that is you: name a colleague")
    # The name alone: an account's number may look like one by chance.
    if holds_card_number(name_in(arn)):
        raise AlertTakenError("that holds a card number, which must be stored nowhere: name a colleague")
    return arn


def has_worked(colleague: str, queue: AlertQueue, audit: AuditLog, today: date) -> bool:
    """Return whether somebody has an open alert, or a record of this day or the six before it.

    Args:
        colleague: the ARN.
        queue: of alerts.
        audit: the records.
        today: the UTC day.
    """
    if queue.find(AlertQuery(assignee=colleague), 1, among=_LOOKED_AT):
        return True
    return any(colleague in audit.people_of(today - timedelta(days=number)) for number in range(_DAYS))
