"""What AWS says of a request that it refused."""

from botocore.exceptions import ClientError


def http_status(error: ClientError) -> int | None:
    """Return the HTTP status of an error that AWS answered with; None where the answer had none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def error_code(error: BaseException | None) -> str | None:
    """Return the code of an error that AWS answered with; None of any other error."""
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
