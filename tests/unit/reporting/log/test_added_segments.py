"""A segment that comes into an hour after it was merged for good is found, and one that has expired is not missed."""

from datetime import datetime, timedelta

import pytest

from fraudstream.reporting.log.chain.segment_seals import sealed
from fraudstream.reporting.log.hours.roll_up import LATE
from fraudstream.reporting.log.keys import midnight
from fraudstream.reporting.log.segments import cut
from fraudstream.reporting.log.verification.added_segments import added_segments
from fraudstream.reporting.log.verification.against_chain import LogProblem
from tests.unit.reporting.decision_log_harness import DAY, MIDNIGHT, PREFIX, Stream, put, transaction
from tests.unit.reporting.log.chain_harness import KEY, OTHER_KEY, System

UNTIL = midnight(DAY) + timedelta(hours=23)
SETTLED = UNTIL + LATE + timedelta(hours=1)
"""From then on, no hour of the day gets anything more."""


def added(system: System, now: datetime = SETTLED) -> list[str]:
    found = added_segments(system.store, PREFIX, system.chain, since=DAY, until=DAY, now=now)
    assert all(each.problem is LogProblem.SEGMENT_ADDED for each in found)
    return [each.what.removeprefix(f"{PREFIX}segments/date={DAY}/") for each in found]


def put_in(system: System, key: bytes | None) -> str:
    """Write a segment into an hour that is merged, and return its name."""
    stream = Stream()
    stream.store_and_decide(transaction(99, at=MIDNIGHT + 3_600_000))
    (segment,) = cut(stream.records, PREFIX).segments
    segment = segment if key is None else sealed(segment, key)
    put([segment], system.root)
    return segment.key.rpartition("date=")[2].partition("/")[2]


def test_what_fraudstream_wrote_has_no_added_segment(system: System) -> None:
    assert added(system) == []
    # The segments of an hour expire on several days.
    system.file(f"{PREFIX}segments/*/hour=01/*").unlink()
    assert added(system) == []


@pytest.mark.parametrize("key", [OTHER_KEY, None])
def test_an_invented_segment_is_named_also_where_another_has_expired(system: System, key: bytes | None) -> None:
    name = put_in(system, key)
    assert added(system) == [name]
    next(path for path in system.root.glob(f"{PREFIX}segments/*/hour=01/*") if not str(path).endswith(name)).unlink()
    assert added(system) == [name]


def test_an_hour_with_more_segments_than_it_was_merged_from_is_named(system: System) -> None:
    put_in(system, KEY)
    assert added(system) == ["hour=01/"]
    # It is merged first, if it may still get something.
    assert added(system, now=UNTIL) == []


def test_an_invented_segment_that_was_set_aside_is_named_by_the_report_alone(system: System) -> None:
    put_in(system, OTHER_KEY)
    assert len(system.report().log_hours.damaged) == 1
    assert added(system) == []
