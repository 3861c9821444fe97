"""A stream's consumer that is stopped for a while: records wait in the stream, which keeps them for 24 hours.

A mapping gives records up that are older than it is told. So a stopped one is told as much as the stream keeps, and is
told the age of before only if nothing has become older meanwhile.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.aws.errors import error_code
from fraudstream.contract import STREAM_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_POLL_SECONDS: Final = 1.0
_MINUTES: Final = 10
_UNDER_WAY: Final = frozenset({"ResourceInUseException", "ResourceConflictException"})


class PauseError(RuntimeError):
    """A stream's consumer could not be stopped, or not be started again; the message says what to do."""


class _Mapping(NamedTuple):
    uuid: str
    record_age: int | None
    """Seconds, as it is told; None where nothing is said."""


@contextmanager
def paused(client: "LambdaClient", function: str, clock: Callable[[], float] = time.monotonic) -> Generator[None]:
    """Stop the mappings that feed a function while the block runs, and start them again whatever happens in it.

    Where that took longer than they wait for a record, they wait for as long as the stream keeps it from then on, until
    somebody sets it back.

    Args:
        client: of Lambda; it needs ListEventSourceMappings and UpdateEventSourceMapping.
        function: the function's name.
        clock: seconds that only grow.

    Raises:
        PauseError: the function has no mapping that is enabled, it did not stop within ten minutes, or it was not
            started again, because AWS did not let it or Ctrl-C came again.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    all_mappings = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    mappings = [
        _Mapping(each["UUID"], each.get("MaximumRecordAgeInSeconds"))
        for each in all_mappings
        if each.get("State") == "Enabled" and "UUID" in each
    ]
    if not mappings:
        stopped = [each["UUID"] for each in all_mappings if "UUID" in each]
        advice = (
            f"; if an earlier run was killed, start it and run this again: {_command(client, stopped)}"
            if stopped
            else ""
        )
        raise PauseError(f"{function}: nothing feeds it that could be stopped{advice}")
    since = clock()
    try:
        for each in mappings:
            _update(
                client,
                each.uuid,
                {"Enabled": False, "MaximumRecordAgeInSeconds": max(each.record_age or 0, STREAM_SECONDS)},
            )
        for each in mappings:
            _wait(client, each.uuid, "Disabled")
        yield
    finally:
        _start(client, function, mappings, clock() - since)


def _start(client: "LambdaClient", function: str, mappings: Sequence[_Mapping], seconds: float) -> None:
    command = _command(client, [each.uuid for each in mappings])
    try:
        for each in mappings:
            is_quick = each.record_age is not None and seconds < each.record_age
            age = {"MaximumRecordAgeInSeconds": each.record_age} if is_quick else {}
            _update(client, each.uuid, {"Enabled": True, **age})
        for each in mappings:
            _wait(client, each.uuid, "Enabled")
    except (BotoCoreError, ClientError) as error:
        raise PauseError(
            f"{function} is stopped, and could not be started again: {error}; start it: {command}"
        ) from error
    except KeyboardInterrupt:
        # AWS takes up to minutes over a stop, and refuses the start until then: somebody may not wait for it.
        raise PauseError(f"broken off before {function} was started again; start it: {command}") from None


def _update(client: "LambdaClient", mapping: str, changes: Mapping[str, Any]) -> None:
    """Change a mapping; AWS refuses that while another change of it, such as to be stopped, is still under way."""
    deadline = time.monotonic() + _MINUTES * 60
    while True:
        try:
            client.update_event_source_mapping(UUID=mapping, **changes)
        except ClientError as error:
            if error_code(error) not in _UNDER_WAY or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def _command(client: "LambdaClient", uuids: Sequence[str]) -> str:
    # Without these, the AWS CLI asks the region of whoever copies the command, and AWS of a mapping of this machine.
    where = f"--region {client.meta.region_name}"
    if ".amazonaws." not in client.meta.endpoint_url:
        where += f" --endpoint-url {client.meta.endpoint_url}"
    return " && ".join(f"aws lambda update-event-source-mapping --uuid {each} --enabled {where}" for each in uuids)


def _wait(client: "LambdaClient", mapping: str, state: str) -> None:
    deadline = time.monotonic() + _MINUTES * 60
    while client.get_event_source_mapping(UUID=mapping).get("State") != state:
        if time.monotonic() > deadline:
            raise PauseError(f"event source mapping {mapping} is not {state.lower()} after {_MINUTES} minutes")
        time.sleep(_POLL_SECONDS)
