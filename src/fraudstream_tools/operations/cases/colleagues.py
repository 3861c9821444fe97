"""Colleagues, by the names that AWS has for them."""

import re
from typing import Final

from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.review.assignments import AlertTakenError

_ARN: Final = re.compile(r"arn:[a-z0-9-]+:(iam|sts)::\d+:[A-Za-z0-9+=,.@_/-]+")
_NAME: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")


def colleague_of(operator: Operator, name: str) -> str:
    """Return the ARN of somebody who signs in as a person does, by the name at its end; an ARN is kept.

    Raises:
        AlertTakenError: it is no name that an ARN can hold, or the person's own.
    """
    text = name.strip()
    if _ARN.fullmatch(text):
        found = text
    elif _NAME.fullmatch(text):
        beginning = operator.arn.removesuffix(operator.name)
        found = beginning + text
    else:
        raise AlertTakenError("name a colleague as AWS does: the ARN, or what stands last in it")
    if found == operator.arn:
        raise AlertTakenError("that is you: name a colleague")
    return found
