"""What AWS says of a request that it refused."""

from http import HTTPStatus
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

THROTTLED: Final = frozenset({"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"})
"""What DynamoDB says of more than it takes at once, with a status as of a wrong request."""
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def http_status(error: ClientError) -> int | None:
    """Return the HTTP status of an error that AWS answered with; None where the answer had none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def error_code(error: BaseException | None) -> str | None:
    """Return the code of an error that AWS answered with; None of any other error."""
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def is_denied(error: BaseException) -> bool:
    """Return whether AWS says that the credentials may not do something."""
    return error_code(error) in _DENIED


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may be answered later: AWS cannot be reached, fails, or is busy."""
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError)
    status, code = http_status(error) or 0, error_code(error) or ""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    # A key of KMS that is busy makes S3 refuse with 400.
    return code in THROTTLED or "Throttling" in code
