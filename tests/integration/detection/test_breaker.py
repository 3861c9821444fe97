"""The breaker's counts are shared by all analyzers, and whoever resets it leaves a record."""

import json
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from botocore.stub import Stubber

from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.models.model import Model, Promise, seal
from fraudstream.detection.stores.decisions.breaker import (
    BROKEN_AT,
    LOOK_SECONDS,
    BreakerError,
    BreakerReader,
    BreakerWatch,
    item_key,
)
from fraudstream.transactions.storage.attributes import to_item
from fraudstream_tools.operations.audit.identity import Operator
from fraudstream_tools.operations.audit.records import AuditLog
from fraudstream_tools.operations.models.breaker import ModelBreaker, NotHeldBackError
from tests.aws_harness import create_table
from tests.unit.detection.models.test_combination import weighted

ARN = "arn:aws:iam::123456789012:user/ann"
HOUR = 3600


class Clock:
    """Seconds since the epoch, that tests move."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Stack:
    """A table of profiles, a bucket, and a live model that promises to flag one in a thousand."""

    def __init__(self, aws: MinistackServer) -> None:
        self.dynamodb, self.s3 = aws.client("dynamodb"), aws.client("s3")
        create_table(self.dynamodb, "profiles", {"entity": "S"})
        self.s3.create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
        self.clock = Clock()
        self.rings: list[str] = []
        self.failures: list[Exception] = []
        promise = Promise(log_odds=-1.0, shares=(0.001,) * 24, spread=1.0)
        self.model: Model = seal(msgspec.structs.replace(weighted(0.5).file, promised=promise))

    def watch(self, table: str = "profiles") -> BreakerWatch:
        return BreakerWatch(
            self.dynamodb,
            table,
            on_broken=lambda: self.rings.append("rang"),
            on_failure=self.failures.append,
            clock=lambda: int(self.clock() * 1000),
        )

    def reader(self) -> BreakerReader:
        return BreakerReader(self.dynamodb, "profiles", clock=self.clock)

    @property
    def breaker(self) -> ModelBreaker:
        return ModelBreaker(self.dynamodb, "profiles", clock=lambda: int(self.clock() * 1000))

    def reset(self) -> None:
        audit = AuditLog(self.s3, "records", Operator(arn=ARN, user_id="AIDAANN"))
        self.breaker.reset(self.model.file, reason="sale", audit=audit)

    def records(self) -> list[dict[str, object]]:
        found = self.s3.list_objects_v2(Bucket="records").get("Contents", [])
        return [json.loads(self.s3.get_object(Bucket="records", Key=each["Key"])["Body"].read()) for each in found]


@pytest.fixture
def stack(aws: MinistackServer) -> Iterator[Stack]:
    made = Stack(aws)
    yield made
    made.dynamodb.delete_table(TableName="profiles")
    for each in made.s3.list_objects_v2(Bucket="records").get("Contents", []):
        made.s3.delete_object(Bucket="records", Key=each["Key"])
    made.s3.delete_bucket(Bucket="records")


def analyzed(stack: Stack, watches: list[BreakerWatch], *, decisions: int, flagged: int) -> list[bool]:
    """Each analyzer decides something, and a minute later looks again."""
    found: list[bool] = []
    for watch in watches:
        watch.is_broken(stack.model)
        watch.count(stack.model, decisions=decisions, flagged=flagged)
    for _ in range(2):
        stack.clock.pass_by(61)
        found = [watch.is_broken(stack.model) for watch in watches]
    return found


def test_what_no_analyzer_sees_alone_they_see_together(stack: Stack) -> None:
    watches = [stack.watch() for _ in range(4)]
    assert analyzed(stack, watches, decisions=1000, flagged=2) == [False] * 4
    assert analyzed(stack, watches, decisions=1000, flagged=12) == [True] * 4
    assert stack.rings
    assert stack.reader().is_broken(stack.model)
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert (state.decisions, state.flagged) == (8000, 56)
    assert state.broken_at is not None


def test_a_look_and_its_counts_are_one_write_a_minute_however_many_batches(stack: Stack) -> None:
    watch = stack.watch()
    calls: list[str] = []
    stack.dynamodb.meta.events.register(
        "before-call.dynamodb",
        lambda model, **_: calls.append(model.name),
    )
    for _ in range(100):
        watch.is_broken(stack.model)
        watch.count(stack.model, decisions=10, flagged=0)
    assert calls == ["UpdateItem"]


def test_an_hour_counts_until_a_day_is_over(stack: Stack) -> None:
    watch = stack.watch()
    assert analyzed(stack, [watch], decisions=1000, flagged=14) == [False]
    stack.clock.pass_by(23 * HOUR)
    assert analyzed(stack, [watch], decisions=1000, flagged=14) == [True]


@pytest.mark.parametrize("hours", [24, 25])
def test_an_hour_of_yesterday_counts_no_more(stack: Stack, hours: int) -> None:
    watch = stack.watch()
    assert analyzed(stack, [watch], decisions=1000, flagged=14) == [False]
    stack.clock.pass_by(hours * HOUR)
    assert analyzed(stack, [watch], decisions=1000, flagged=14) == [False]
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert (state.decisions, state.flagged) == (1000, 14)
    item = stack.dynamodb.scan(TableName="profiles")["Items"][0]
    assert len([name for name in item if name.startswith("flagged")]) == 1


def test_counts_before_quiet_days_are_forgotten_too(stack: Stack) -> None:
    watch = stack.watch()
    for _ in range(12):
        analyzed(stack, [watch], decisions=1000, flagged=1)
        # Longer than the window and the day before it, as a weekend is.
        stack.clock.pass_by(62 * HOUR)
    analyzed(stack, [watch], decisions=1000, flagged=1)
    item = stack.dynamodb.scan(TableName="profiles")["Items"][0]
    assert len([name for name in item if name.startswith("flagged")]) == 1


def test_many_counts_that_an_earlier_version_left_are_forgotten_step_by_step(stack: Stack) -> None:
    hour = int(stack.clock() * 1000) // 3_600_000
    left = {f"{name}{hour - 100 - each}": 1 for each in range(600) for name in ("decisions", "flagged")}
    entity = f"breaker#{stack.model.version}"
    stack.dynamodb.put_item(TableName="profiles", Item=to_item({"entity": entity, **left}))
    watch = stack.watch()
    for _ in range(15):
        assert analyzed(stack, [watch], decisions=10, flagged=0) == [False]
    assert stack.failures == []
    item = stack.dynamodb.scan(TableName="profiles")["Items"][0]
    assert len([name for name in item if name.startswith("flagged")]) == 1


def test_what_is_known_of_a_model_is_kept_for_three_months_after_its_last_use(stack: Stack) -> None:
    watch = stack.watch()
    analyzed(stack, [watch], decisions=1000, flagged=50)
    item = stack.dynamodb.scan(TableName="profiles")["Items"][0]
    # A model that DynamoDB forgot would decline again, and nobody would have reset it.
    assert int(item["expiresAt"]["N"]) == int(stack.clock()) + 90 * 24 * HOUR


def test_of_two_analyzers_that_break_a_model_at_once_the_first_says_since_when(stack: Stack) -> None:
    first = int(stack.clock() * 1000)

    def be_first(params: dict[str, Any], **_: object) -> None:
        if params["UpdateExpression"].startswith("SET #broken"):
            stack.dynamodb.meta.events.unregister("provide-client-params.dynamodb.UpdateItem", be_first)
            stack.dynamodb.update_item(**params | {"ExpressionAttributeValues": to_item({":now": first})})

    stack.dynamodb.meta.events.register("provide-client-params.dynamodb.UpdateItem", be_first)
    assert analyzed(stack, [stack.watch()], decisions=1000, flagged=50) == [True]
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert state.broken_at == first


def test_a_reader_looks_once_a_minute(stack: Stack) -> None:
    reader = stack.reader()
    assert not reader.is_broken(stack.model)
    key = item_key(stack.model.version)
    stack.dynamodb.put_item(TableName="profiles", Item=key | to_item({BROKEN_AT: 1}))
    stack.clock.pass_by(59)
    assert not reader.is_broken(stack.model)
    stack.clock.pass_by(1)
    assert reader.is_broken(stack.model)
    stack.dynamodb.delete_item(TableName="profiles", Key=key)
    stack.clock.pass_by(60)
    assert not reader.is_broken(stack.model)


def test_a_reader_that_lambda_kept_frozen_for_a_minute_looks_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = BreakerReader(stack.dynamodb, "profiles")
    assert not reader.is_broken(stack.model)
    stack.dynamodb.put_item(TableName="profiles", Item=item_key(stack.model.version) | to_item({BROKEN_AT: 1}))
    thawed = time.time() + LOOK_SECONDS
    monkeypatch.setattr(time, "time", lambda: thawed)
    assert reader.is_broken(stack.model)


def test_a_reader_that_a_busy_table_does_not_answer_looks_again(stack: Stack) -> None:
    watch, reader = stack.watch(), stack.reader()
    assert analyzed(stack, [watch], decisions=1000, flagged=50) == [True]
    with Stubber(stack.dynamodb) as busy:
        # A table whose limits are reached answers with what it did not read, and with status 200.
        busy.add_response(
            "batch_get_item",
            {"Responses": {}, "UnprocessedKeys": {"profiles": {"Keys": [item_key(stack.model.version)]}}},
        )
        with pytest.raises(BreakerError, match="too busy"):
            reader.is_broken(stack.model)
    assert reader.is_broken(stack.model)


def test_whoever_resets_it_is_recorded_and_the_model_declines_again(stack: Stack) -> None:
    watch = stack.watch()
    with pytest.raises(NotHeldBackError):
        stack.reset()
    assert analyzed(stack, [watch], decisions=1000, flagged=50) == [True]
    stack.reset()
    stack.clock.pass_by(61)
    assert not watch.is_broken(stack.model)
    assert not stack.reader().is_broken(stack.model)
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert (state.broken_at, state.flagged, state.reset_by) == (None, 0, ARN)
    (record,) = stack.records()
    assert (record["action"], record["target"], record["by"], record["reason"]) == (
        "reset-breaker",
        f"model#{stack.model.version}",
        ARN,
        "sale",
    )
    # What goes on like that breaks it again.
    assert analyzed(stack, [watch], decisions=1000, flagged=50) == [True]


def test_what_analyzers_had_counted_before_a_reset_counts_no_more(stack: Stack) -> None:
    watches = [stack.watch() for _ in range(2)]
    for after in range(2):
        assert analyzed(stack, watches, decisions=1000, flagged=50) == [True, True]
        for watch in watches:
            watch.count(stack.model, decisions=1000, flagged=50)
        stack.reset()
        stack.clock.pass_by(61)
        assert [watch.is_broken(stack.model) for watch in watches] == [False, False], after
        state = stack.breaker.state(stack.model.file)
        assert state is not None
        assert (state.decisions, state.flagged) == (0, 0)
    assert stack.failures == []


def test_where_counts_cannot_be_written_decisions_go_on_by_what_was_known(stack: Stack) -> None:
    watch = stack.watch("missing")
    # It is asked again in a minute, and not for each batch: what is too busy must not get more to do.
    assert [watch.is_broken(stack.model) for _ in range(3)] == [False] * 3
    assert len(stack.failures) == 1
    stack.clock.pass_by(60)
    assert not watch.is_broken(stack.model)
    assert len(stack.failures) == 2


def test_another_model_begins_anew_and_one_that_promises_nothing_is_not_watched(stack: Stack) -> None:
    watch = stack.watch()
    assert analyzed(stack, [watch], decisions=1000, flagged=50) == [True]
    assert stack.model.file.promised
    later = seal(msgspec.structs.replace(stack.model.file, trained_on="newer labels"))
    assert not watch.is_broken(later)
    assert not watch.is_broken(weighted(0.5))
    assert not watch.is_broken(None)


NO_COUNTS: tuple[dict[str, Any], ...] = ({"S": "many"}, {"N": "-1000000"}, {"N": "0.5"}, {"SS": ["many"]})


@pytest.mark.parametrize("count", NO_COUNTS)
def test_what_is_no_count_stops_no_analyzer(stack: Stack, count: dict[str, Any]) -> None:
    hour = int(stack.clock()) // HOUR - 1
    stack.dynamodb.put_item(TableName="profiles", Item={**item_key(stack.model.version), f"decisions{hour}": count})
    assert not stack.watch().is_broken(stack.model)
    assert [type(error) for error in stack.failures] == [BreakerError]


@pytest.mark.parametrize("count", NO_COUNTS)
def test_a_model_stays_held_back_beside_what_is_no_count(stack: Stack, count: dict[str, Any]) -> None:
    hour = int(stack.clock()) // HOUR - 1
    broken = {**item_key(stack.model.version), BROKEN_AT: {"N": "1780000000000"}, f"decisions{hour}": count}
    stack.dynamodb.put_item(TableName="profiles", Item=broken)
    assert stack.watch().is_broken(stack.model)
    assert stack.rings == ["rang"]


@pytest.mark.parametrize("count", NO_COUNTS)
def test_a_reset_takes_away_what_is_no_count_and_the_watch_goes_on(stack: Stack, count: dict[str, Any]) -> None:
    hour = int(stack.clock()) // HOUR - 1
    odd = {f"decisions{hour}": count, "decisions of today": count, f"flagged{hour}": count, "note": {"SS": ["odd"]}}
    stack.dynamodb.put_item(TableName="profiles", Item=item_key(stack.model.version) | odd)
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert not state.is_readable
    stack.reset()
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert state.is_readable
    assert analyzed(stack, [stack.watch()], decisions=1000, flagged=50) == [True]


@pytest.mark.parametrize("since", [{"S": "yesterday"}, {"N": "-1"}, {"SS": ["now"]}, {"NULL": True}])
def test_a_model_is_held_back_whatever_says_since_when(stack: Stack, since: dict[str, Any]) -> None:
    stack.dynamodb.put_item(TableName="profiles", Item={**item_key(stack.model.version), BROKEN_AT: since})
    state = stack.breaker.state(stack.model.file)
    assert state is not None
    assert state.broken_at is not None
    stack.reset()
    assert not stack.watch().is_broken(stack.model)
