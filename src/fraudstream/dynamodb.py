"""What DynamoDB's errors mean, for everything that writes on a condition."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

CONDITION_FAILED = "ConditionalCheckFailedException"
_THROTTLED = {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}


def is_condition_failure(error: BaseException | None) -> bool:
    """Return whether DynamoDB refused a write because its condition did not hold."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == CONDITION_FAILED


def is_throttled(error: BaseException | None) -> bool:
    """Return whether DynamoDB refused a request because of how much is asked for at once."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _THROTTLED


def raise_unless_condition_failed(error: ClientError) -> None:
    """Raise an error again unless it says that the write's condition did not hold.

    Raises:
        ClientError: DynamoDB refused the write for another reason.
    """
    if not is_condition_failure(error):
        raise error


def held_item(error: ClientError) -> Mapping[str, Any]:
    """Return the item that made a write's condition fail, as far as it was asked for; raise any other error again.

    Raises:
        ClientError: DynamoDB refused the write for another reason.
    """
    raise_unless_condition_failed(error)
    found: Mapping[str, Any] = error.response.get("Item", {})
    return found
