"""Times are milliseconds: what can only be another unit is found out and named, never read as the year 1970."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.durations import DAY
from fraudstream.transactions.values.times import (
    TimeProblemError,
    end_of_day,
    is_before,
    is_future,
    other_unit,
    read_time,
)

NOW = 1_767_600_000_000  # 2026-01-05T08:00:00Z
moments = st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001  (what this strategy takes)


@given(moments)
def test_a_moment_passes_in_milliseconds_and_in_no_other_unit(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    seconds = int(moment.timestamp())
    assert other_unit(seconds * 1000) is None
    for unit, number in {
        "seconds": seconds,
        "microseconds": seconds * 1_000_000,
        "YYYYMMDD": int(moment.strftime("%Y%m%d")),
        "YYYYMMDDhhmm": int(moment.strftime("%Y%m%d%H%M")),
        "YYYYMMDDhhmmss": int(moment.strftime("%Y%m%d%H%M%S")),
        "days": (moment.date() - date(1899, 12, 30)).days,
    }.items():
        assert other_unit(number) == f"milliseconds are needed, these look like {unit}"
    for number in (seconds * 10**9, seconds / 3600, seconds / 60, moment.year, -seconds, 0):
        assert other_unit(number) is not None


@given(moments)
def test_tenths_are_named_unless_their_digits_are_a_date_too(naive: datetime) -> None:
    seconds = int(naive.replace(tzinfo=UTC).timestamp())
    for unit, number in {"tenths of a second": seconds * 10, "tenths of a millisecond": seconds * 10_000}.items():
        problem = other_unit(number) or ""
        looks_like = problem.removeprefix("milliseconds are needed, these look like ")
        may_be_date = str(number).startswith(("19", "20"))
        assert looks_like in ({unit, "YYYYMMDDhhmm", "YYYYMMDDhhmmss"} if may_be_date else {unit})


def test_digits_that_are_a_date_and_tenths_are_called_a_date() -> None:
    midnight = int(datetime(2030, 8, 4, tzinfo=UTC).timestamp())
    assert midnight * 10_000 == 1912_03_20_00_00_00
    assert other_unit(midnight * 10_000) == "milliseconds are needed, these look like YYYYMMDDhhmmss"


@given(moments)
def test_an_account_may_be_old_and_is_still_not_in_seconds(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    seconds = int(moment.timestamp())
    assert other_unit(-seconds * 500, may_be_old=True) is None, "before 1970"
    for number in (seconds, int(moment.strftime("%Y%m%d")), int(moment.strftime("%Y%m%d%H%M")), seconds * 10**6):
        assert other_unit(number, may_be_old=True) is not None


def test_seconds_are_called_seconds() -> None:
    assert other_unit(NOW // 1000) == "milliseconds are needed, these look like seconds"
    assert other_unit(NOW / 1000) == "milliseconds are needed, these look like seconds"
    assert other_unit(NOW // 1000, may_be_old=True) == "milliseconds are needed, these look like seconds"
    assert other_unit(NOW * 10**6) == "milliseconds are needed, these look like nanoseconds"
    assert other_unit(float("inf")) == "milliseconds are needed, these are of no time between 1990 and 2100"
    assert other_unit(-9e12, may_be_old=True) == "milliseconds are needed, these are of no time between 1900 and 2100"


@pytest.mark.parametrize(
    "value",
    [
        NOW,
        float(NOW),
        str(NOW),
        "2026-01-05T08:00:00Z",
        "2026-01-05 09:00:00+01:00",
        "2026-01-05T08:00+0000",
        datetime(2026, 1, 5, 8, tzinfo=UTC),
        datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_one_moment_is_read_however_it_is_written(value: object) -> None:
    assert read_time(value) == NOW


@pytest.mark.parametrize("day", ["2026-01-05", date(2026, 1, 5)])
def test_a_date_alone_is_the_end_of_that_day_in_utc(day: object) -> None:
    assert read_time(day) == end_of_day(date(2026, 1, 5)) == NOW - NOW % DAY + DAY - 1


@pytest.mark.parametrize(
    "value",
    [
        NOW // 1000,
        str(NOW // 1000),
        "20260105",
        "20260105080000",
        "46027",
        "2026-01-05T08:00:00",
        datetime(2026, 1, 5),  # noqa: DTZ001  (that is the point)
        "0001-01-01",
        "9999-12-31",
        date.max,
        "05/01/2026",
        "soon",
        "",
        "١٧٦٧٦٠٠٠٠٠٠٠٠",
        True,
        None,
        float("nan"),
        [NOW],
    ],
)
def test_what_is_no_time_is_refused_without_being_shown(value: object) -> None:
    with pytest.raises(TimeProblemError) as raised:
        read_time(value)
    assert str(raised.value).startswith(("milliseconds are needed, ", "must be "))
    assert not str(value) or str(value) not in str(raised.value)


def test_a_label_of_today_may_carry_the_end_of_today_and_no_other_later_time() -> None:
    assert not is_future(read_time("2026-01-05"), NOW)
    assert not is_future(end_of_day(date(2026, 1, 5), timezone(timedelta(hours=-5))), NOW)
    assert is_future(NOW + 3_600_000, NOW)
    assert is_future(read_time("2026-01-06"), NOW)


def test_nothing_is_known_before_it_happened_but_clocks_may_differ_by_minutes() -> None:
    assert not is_before(NOW, NOW)
    assert not is_before(NOW - 300_000, NOW)
    assert is_before(NOW - 300_001, NOW)
