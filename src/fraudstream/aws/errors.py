"""What AWS says of a request that it refused."""

from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError


def http_status(error: ClientError) -> int | None:
    """Return the HTTP status of an error that AWS answered with; None where the answer had none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def error_code(error: BaseException | None) -> str | None:
    """Return the code of an error that AWS answered with; None of any other error."""
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may be answered later: AWS cannot be reached, fails, or is busy."""
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError)
    # A key of KMS that is busy makes S3 refuse with 400.
    return (http_status(error) or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR or "Throttling" in (error_code(error) or "")
