"""A stream's consumer is stopped and started again, and whoever is left with a stopped one is told how to start it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fraudstream_tools.cli.support.local.lambda_endpoint import lambda_endpoint
from fraudstream_tools.operations.recovery import stream_pause
from fraudstream_tools.operations.recovery.stream_pause import PauseError, paused

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

UUID = "5f8b0c1e-2a77-4d55-9f0b-0a1b2c3d4e5f"
STATES = {True: "Enabled", False: "Disabling"}
START = f"aws lambda update-event-source-mapping --uuid {UUID} --enabled"


class Mapping:
    """One mapping, which AWS may refuse to start."""

    def __init__(self, *, is_stopped: bool = False) -> None:
        self.state = "Disabled" if is_stopped else "Enabled"
        self.is_locked = False
        self.age = 3600.0

    def described(self) -> dict[str, str | int]:
        return {"UUID": UUID, "State": self.state, "MaximumRecordAgeInSeconds": int(self.age)}

    def set_record_age(self, seconds: float) -> None:
        self.age = seconds

    def set_enabled(self, *, enabled: bool) -> None:
        self.state = "Enabled" if enabled else "Disabled"

    def mappings(self, function_name: str) -> Sequence["Mapping"]:
        del function_name
        return [self]

    def mapping(self, identifier: str) -> "Mapping":
        if self.is_locked:
            raise KeyError(identifier)
        return self


def invoke(name: str, event: object) -> object:
    raise AssertionError(f"nobody calls {name} with {event}")


@contextmanager
def client_of(mapping: Mapping) -> Generator["LambdaClient"]:
    with lambda_endpoint(invoke, mapping) as url:
        config = Config(retries={"total_max_attempts": 1})
        session: Any = boto3
        yield session.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-2",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=config,
        )


@pytest.mark.parametrize(("seconds", "afterwards"), [(3599, 3600), (3601, 86_400)])
def test_a_stopped_mapping_keeps_records_as_long_as_the_stream(seconds: float, afterwards: float) -> None:
    mapping, times = Mapping(), iter([0.0, seconds])
    with client_of(mapping) as client:
        with paused(client, "analyzer", times.__next__):
            assert (mapping.state, mapping.age) == ("Disabled", 86_400)
        # What has waited longer than an hour would be given up.
        assert (mapping.state, mapping.age) == ("Enabled", afterwards)


def test_who_breaks_off_while_a_mapping_is_being_stopped_leaves_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = Mapping()
    refused: list[str] = []

    def press_ctrl_c(_: float) -> None:
        raise KeyboardInterrupt

    def wait_a_moment(_: float) -> None:
        mapping.state = "Disabled"

    def refuse(**_: object) -> None:
        # As AWS does, which takes some seconds over a stop.
        if mapping.state == "Disabling":
            refused.append(mapping.state)
            monkeypatch.setattr(stream_pause.time, "sleep", wait_a_moment)
            raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "UpdateEventSourceMapping")

    monkeypatch.setattr(stream_pause.time, "sleep", press_ctrl_c)
    monkeypatch.setattr(mapping, "set_enabled", lambda enabled: setattr(mapping, "state", STATES[enabled]))
    with client_of(mapping) as client:
        client.meta.events.register("before-call.lambda.UpdateEventSourceMapping", refuse)
        with pytest.raises(KeyboardInterrupt), paused(client, "analyzer"):
            pass
    assert refused
    assert (mapping.state, mapping.age) == ("Enabled", 3600)


def test_who_presses_ctrl_c_again_before_the_mapping_is_started_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    def press_ctrl_c(_: float) -> None:
        raise KeyboardInterrupt

    def refuse(**_: object) -> None:
        if mapping.state == "Disabling":
            raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "UpdateEventSourceMapping")

    mapping = Mapping()
    monkeypatch.setattr(stream_pause.time, "sleep", press_ctrl_c)
    monkeypatch.setattr(mapping, "set_enabled", lambda enabled: setattr(mapping, "state", STATES[enabled]))
    with client_of(mapping) as client:
        client.meta.events.register("before-call.lambda.UpdateEventSourceMapping", refuse)
        not_started = pytest.raises(PauseError, match="broken off before analyzer was started again")
        with not_started as told, paused(client, "analyzer"):
            pass
    assert START in str(told.value)


def test_what_cannot_be_started_again_is_told_with_the_command() -> None:
    mapping = Mapping()
    is_stopped = pytest.raises(PauseError, match="analyzer is stopped, and could not be started")
    with client_of(mapping) as client, is_stopped as told, paused(client, "analyzer"):
        mapping.is_locked = True
        where = f"--region us-east-2 --endpoint-url {client.meta.endpoint_url}"
    # Of a system on this machine: AWS knows nothing of its mapping.
    assert str(told.value).endswith(f"start it: {START} {where}")


def test_what_an_earlier_run_has_left_stopped_is_told_with_the_command() -> None:
    nothing_feeds = pytest.raises(PauseError, match="nothing feeds it")
    with client_of(Mapping(is_stopped=True)) as client, nothing_feeds as told, paused(client, "analyzer"):
        pass
    assert START in str(told.value)
