"""Writes of an item that another one is writing: that is over within milliseconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from fraudstream.aws.dynamodb_errors import is_in_the_way

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSES_SECONDS: Final = (0.02, 0.05, 0.1, 0.2, 0.4)
"""A write takes milliseconds, and what is too much at once is so for a second; own choice."""


def write_after_others(write: Callable[[], object]) -> None:
    """Write, and again while others write the same item or too much is written: no SDK repeats what is refused so.

    Args:
        write: calls DynamoDB once; it may be called several times.

    Raises:
        ClientError: DynamoDB refused it, or others were in the way at every attempt.
        BotoCoreError: DynamoDB cannot be reached.
    """
    for pause in _PAUSES_SECONDS:
        try:
            write()
        except ClientError as error:
            if not is_in_the_way(error):
                raise
            time.sleep(pause)
        else:
            return
    write()
