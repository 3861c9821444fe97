"""A stream's consumer that is stopped for a while: records wait in the stream, which keeps them for 24 hours."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_POLL_SECONDS: Final = 1.0
_MINUTES: Final = 10


class PauseError(RuntimeError):
    """A stream's consumer could not be stopped."""


@contextmanager
def paused(client: "LambdaClient", function: str) -> Generator[None]:
    """Stop the mappings that feed a function while the block runs, and start them again whatever happens in it.

    Args:
        client: of Lambda; it needs ListEventSourceMappings and UpdateEventSourceMapping.
        function: the function's name.

    Raises:
        PauseError: the function has no mapping that is enabled, or it did not stop within ten minutes.
        ClientError: AWS refused.
        BotoCoreError: AWS cannot be reached.
    """
    found = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    mappings = [each["UUID"] for each in found if each.get("State") == "Enabled" and "UUID" in each]
    if not mappings:
        raise PauseError(f"{function}: nothing feeds it that could be stopped; if it was stopped before, start it")
    try:
        for each in mappings:
            client.update_event_source_mapping(UUID=each, Enabled=False)
        for each in mappings:
            _wait(client, each, "Disabled")
        yield
    finally:
        for each in mappings:
            client.update_event_source_mapping(UUID=each, Enabled=True)
        for each in mappings:
            _wait(client, each, "Enabled")


def _wait(client: "LambdaClient", mapping: str, state: str) -> None:
    deadline = time.monotonic() + _MINUTES * 60
    while client.get_event_source_mapping(UUID=mapping).get("State") != state:
        if time.monotonic() > deadline:
            raise PauseError(f"event source mapping {mapping} is not {state.lower()} after {_MINUTES} minutes")
        time.sleep(_POLL_SECONDS)
