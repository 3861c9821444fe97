"""What DynamoDB's errors mean, for everything that writes on a condition."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from fraudstream.aws.errors import THROTTLED, error_code

CONDITION_FAILED = "ConditionalCheckFailedException"
_CANCELED = "TransactionCanceledException"
_REFUSED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflictException"
"""Code of a single write that meets a transaction of somebody else; no SDK repeats it."""
_IN_CONFLICT = "TransactionConflict"
_TOO_MUCH = {"ThrottlingError", "ProvisionedThroughputExceeded"}


def is_condition_failure(error: BaseException | None) -> bool:
    """Return whether DynamoDB refused a write because its condition did not hold."""
    return error_code(error) == CONDITION_FAILED


def is_throttled(error: BaseException | None) -> bool:
    """Return whether DynamoDB refused a request because of how much is asked for at once."""
    return error_code(error) in THROTTLED


def raise_unless_condition_failed(error: ClientError) -> None:
    """Raise an error again unless it says that the write's condition did not hold.

    Raises:
        ClientError: DynamoDB refused the write for another reason.
    """
    if not is_condition_failure(error):
        raise error


def raise_unless_overtaken(error: ClientError) -> None:
    """Raise an error again unless another writer was faster: one who changed the item, or who is just writing it.

    Raises:
        ClientError: DynamoDB refused the write for another reason.
    """
    if error_code(error) != _CONFLICT:
        raise_unless_condition_failed(error)


def first_refused(error: ClientError) -> Mapping[str, Any]:
    """Return the item that made the first write of a transaction fail; raise any other error again.

    Raises:
        ClientError: DynamoDB refused the transaction for another reason.
    """
    first, *_ = _cancellation_reasons(error) or [{}]
    if first.get("Code") != _REFUSED:
        raise error
    return first.get("Item", {})


def is_any_refused(error: ClientError) -> bool:
    """Return whether the condition of any of a transaction's writes did not hold."""
    return any(reason.get("Code") == _REFUSED for reason in _cancellation_reasons(error))


def is_in_conflict(error: ClientError) -> bool:
    """Return whether a write met another one of its item, or of one of its items: the same again may go through."""
    return error_code(error) == _CONFLICT or any(
        reason.get("Code") == _IN_CONFLICT for reason in _cancellation_reasons(error)
    )


def is_in_the_way(error: ClientError) -> bool:
    """Return whether what refused a write is soon over: another write of an item, or too much at once.

    Of a transaction, DynamoDB tells that among its reasons, which no SDK looks at.
    """
    return is_in_conflict(error) or any(reason.get("Code") in _TOO_MUCH for reason in _cancellation_reasons(error))


def _cancellation_reasons(error: ClientError) -> Sequence[Mapping[str, Any]]:
    response: Mapping[str, Any] = error.response
    return response.get("CancellationReasons", []) if error_code(error) == _CANCELED else []


def held_item(error: ClientError) -> Mapping[str, Any]:
    """Return the item that made a write's condition fail, as far as it was asked for; raise any other error again.

    Raises:
        ClientError: DynamoDB refused the write for another reason.
    """
    raise_unless_condition_failed(error)
    found: Mapping[str, Any] = error.response.get("Item", {})
    return found
