"""When the scheduler fires."""

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest

from embedded_aws.runtime.invocations import Invocation
from embedded_aws.scheduler.schedules import ScheduleError, Scheduler, next_times
from embedded_aws.specs import ScheduleSpec
from tests.waiting_harness import PATIENCE_SECONDS


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spec(expression: str, name: str = "daily") -> ScheduleSpec:
    return ScheduleSpec(name=name, expression=expression, time_zone="UTC", function_name="report", payload='{"a": 1}')


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 1 * * ? *)", "2026-03-04T00:59:59", "2026-03-04T01:00:00"),
        ("cron(0 1 * * ? *)", "2026-03-04T01:00:00", "2026-03-05T01:00:00"),
        ("cron(0/15 8-9 * * ? *)", "2026-03-04T08:20:00", "2026-03-04T08:30:00"),
        ("cron(0/15 8-9 * * ? *)", "2026-03-04T09:45:00", "2026-03-05T08:00:00"),
        ("cron(30 6 ? * MON-FRI *)", "2026-03-06T07:00:00", "2026-03-09T06:30:00"),
        ("cron(0 0 1,15 * ? *)", "2026-03-02T00:00:00", "2026-03-15T00:00:00"),
        ("cron(0 0 29 2 ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(5 4 ? JAN,JUL SUN 2027)", "2026-01-01T00:00:00", "2027-01-03T04:05:00"),
        ("rate(5 minutes)", "2026-03-04T00:01:00", "2026-03-04T00:06:00"),
        ("rate(1 hour)", "2026-03-04T00:01:00", "2026-03-04T01:01:00"),
        ("rate(2 days)", "2026-03-04T00:01:00", "2026-03-06T00:01:00"),
    ],
)
def test_the_next_time_is_the_one_that_aws_documents(expression: str, after: str, expected: str) -> None:
    assert next_times(expression, "UTC")(at(after)) == at(expected)


def test_a_year_that_is_over_does_not_come_back() -> None:
    assert next_times("cron(0 1 * * ? 2020)", "UTC")(at("2026-01-01T00:00:00")) is None


def test_hours_are_those_of_the_time_zone() -> None:
    following = next_times("cron(30 2 * * ? *)", "America/New_York")
    assert following(at("2026-01-10T00:00:00")) == at("2026-01-10T07:30:00")
    assert following(at("2026-07-10T00:00:00")) == at("2026-07-10T06:30:00")


def test_a_time_that_summer_time_leaves_out_is_skipped() -> None:
    following = next_times("cron(30 2 * * ? *)", "America/New_York")
    assert following(at("2026-03-08T05:00:00")) == at("2026-03-09T06:30:00")


@pytest.mark.parametrize(
    "expression",
    [
        "every day",
        "cron(0 1 * * ?)",
        "cron(0 1 * * * *)",
        "cron(0 1 ? * ? *)",
        "cron(60 1 * * ? *)",
        "cron(0 1 L * ? *)",
        "cron(0 1 ? * 2#1 *)",
        "cron(0/0 1 * * ? *)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "at(2026-01-01T00:00:00)",
    ],
)
def test_an_expression_that_is_not_played_is_refused_by_name(expression: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        next_times(expression, "UTC")
    assert expression in str(refused.value)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ScheduleError, match="Mars/Olympus"):
        next_times("rate(1 day)", "Mars/Olympus")


def test_a_schedule_fires_by_itself_with_its_input() -> None:
    fired = threading.Event()
    seen: list[tuple[str, bytes]] = []
    # A minute is the shortest rate that AWS knows: here one passes with every look at the clock.
    minutes = itertools.count()

    def invoke(name: str, payload: bytes) -> Invocation:
        seen.append((name, payload))
        fired.set()
        return Invocation(payload=b"null", function_error=None, request_id="1")

    scheduler = Scheduler(
        [spec("rate(1 minute)")], invoke, now=lambda: at("2026-01-01T00:00:00") + timedelta(minutes=next(minutes))
    )
    scheduler.start()
    try:
        assert fired.wait(PATIENCE_SECONDS)
    finally:
        scheduler.close()
    assert seen[0] == ("report", b'{"a": 1}')


def test_a_schedule_can_be_fired_now() -> None:
    ran = Scheduler(
        [spec("cron(0 1 * * ? *)")],
        lambda name, payload: Invocation(payload=payload + name.encode(), function_error=None, request_id="1"),
    ).run("daily")
    assert ran.payload == b'{"a": 1}report'
