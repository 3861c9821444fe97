"""What a person is told about a failure that no command has dealt with itself: what, where, and what to do."""

import sys
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TRACEBACK: Final = "FRAUDSTREAM_TRACEBACK"
"""The variable with which a fault of the program itself is shown whole."""
LOCAL_HINT: Final = (
    "If `fraudstream local` was killed, start it again: what it left in .local/outputs.json leads nowhere"
)
CREDENTIALS_HINT: Final = "run `aws sso login` or `aws configure`, or set AWS_PROFILE"
_ROOT: Final = Path(__file__).parents[4]
_PACKAGES: Final = ("fraudstream", "fraudstream_tools", "embedded_aws")
_EXPIRED: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
    }
)
_HINTS: Final[Mapping[type[OSError], str]] = {
    FileNotFoundError: "check the path",
    PermissionError: "choose another place, or have its owner allow it",
    IsADirectoryError: "name a file in it",
    NotADirectoryError: "check the path",
}
_MISSING: Final = frozenset({"ResourceNotFoundException", "NoSuchBucket"})
# DynamoDB does not say which table it lacks: what leads to a wrong one is all that can be named.
_MISSING_HINT: Final = (
    "check --stack and that it is deployed, the names in the environment (FRAUDSTREAM_…), and whether AWS_REGION and "
    "the credentials are of its region and account"
)

_BUSY_HINT: Final = "AWS is busy, or fails at this moment: wait a little, then do it again"
_OF_FILES: Final = (
    ("yaml", "YAMLError"),
    ("duckdb", "IOException"),
    ("duckdb", "InvalidInputException"),
    ("duckdb", "OutOfMemoryException"),
    ("pyarrow", "ArrowException"),
    ("zlib", "error"),
    ("builtins", "UnicodeDecodeError"),
)
"""What libraries raise about files, by module and name: only what is imported can have raised."""


@contextmanager
def ctrl_c_as_such() -> Generator[None]:
    """Raise Ctrl-C as what it is, also where it came while DuckDB worked, which makes a `RuntimeError` of it.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def sentence(error: Exception) -> str | None:
    """Return the sentence for a failure; None for one that is a fault of the program."""
    if isinstance(error, OSError) and (words := _of_system(error)):
        return words
    if any(_is_of(error, *each) for each in _OF_FILES):
        said = " ".join(str(error).split())
        return (
            f"a file cannot be read or written: {said}; is it whole, of the kind that its name says, and is there room?"
        )
    # Only what is imported can have raised: `--help` pays for none of them.
    if "botocore" in sys.modules and (words := _of_aws(error)):
        return words
    if "httpx" in sys.modules:
        import httpx

        if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            return f"the API gives no answer: {error}; check the URL and the network, then do it again"
    return None


def fault(error: Exception) -> str:
    """Return the sentence for a fault of the program itself: its kind and place, and no value that it may hold."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if any(Path(frame.filename).is_relative_to(_ROOT / name) for name in _PACKAGES)]
    where = f" at {Path(own[-1].filename).relative_to(_ROOT)}:{own[-1].lineno}" if own else ""
    return (
        f"a fault of fraudstream itself ({type(error).__name__}{where}): please report it with what the same command "
        f"prints under {TRACEBACK}=1, without anything personal"
    )


def explained(error: Exception) -> str:
    """Return the sentence for a failure that a command has more to say about, or the failure's own words."""
    return sentence(error) or str(error)


def _is_of(error: Exception, module: str, name: str) -> bool:
    return module in sys.modules and isinstance(error, getattr(sys.modules[module], name))


def _of_system(error: OSError) -> str | None:
    problem = error.strerror or str(error)
    if _is_of(error, "fraudstream_tools.operations.batch_reads", "BusyTableError"):
        return f"{error}; {_BUSY_HINT}"
    if isinstance(error, ConnectionError | TimeoutError):
        return f"the connection failed: {problem}; check that what it leads to is running, then do it again"
    if error.filename is None:
        return f"{problem}; free what is missing, then do it again" if error.errno else None
    hint = _HINTS.get(type(error), "put it right, then do it again")
    return f"{error.filename}: {problem}; {hint}"


def _of_aws(error: Exception) -> str | None:
    from botocore import exceptions

    from fraudstream.aws.dynamodb_errors import is_in_the_way
    from fraudstream.aws.errors import is_denied, is_passing

    if isinstance(error, exceptions.ClientError):
        answer = error.response.get("Error", {})
        code = answer.get("Code", "")
        said = f"AWS refused {error.operation_name}: {code}: {answer.get('Message', '')}"
        if code in _EXPIRED:
            return f"{said}; the credentials have expired or are wrong: {CREDENTIALS_HINT}"
        if is_denied(error):
            return f"{said}; these credentials may not do that: use others ({CREDENTIALS_HINT})"
        if code in _MISSING:
            return f"{said}; {_MISSING_HINT}"
        if is_passing(error) or is_in_the_way(error):
            return f"{said}; {_BUSY_HINT}"
        return f"{said}; check --stack, and that it is deployed"
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return f"{error}; is the network up? {LOCAL_HINT}"
    if isinstance(
        error, exceptions.NoCredentialsError | exceptions.CredentialRetrievalError | exceptions.TokenRetrievalError
    ):
        return f"{error}; {CREDENTIALS_HINT}"
    if isinstance(error, exceptions.BotoCoreError):
        return f"AWS cannot be asked: {error}; check the AWS settings of this machine"
    return None
