"""What the stream mapper does with batches that fail: properties that hold whatever fails, and the documented cases."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_aws.streams.event_source_mapping import read_item_failures
from embedded_aws.streams.records import MAXIMUM_PAYLOAD_BYTES, StreamRecord, count_that_fit, to_payload, to_record
from embedded_aws.streams.retries import (
    Condition,
    Delivered,
    Discarded,
    Failed,
    NotReached,
    Outcome,
    RecordBatch,
    RetryPolicy,
    batch_info,
    drop_expired,
    plan_after,
    see_through,
)

ARN = "arn:aws:dynamodb:us-east-2:000000000000:table/t/stream/2026-01-01T00:00:00.000"
FOREVER = RetryPolicy(bisect=False, maximum_retries=-1, maximum_age_seconds=-1)


def record(number: int, created_at: float = 0.0, key: str = "k", size: int = 10) -> StreamRecord:
    return StreamRecord(
        sequence_number=f"{number:030d}",
        created_at=created_at,
        event={"key": key, "number": number},
        encoded=b"x" * size,
        item=0,
    )


def batch(count: int, **values: Any) -> RecordBatch:
    return RecordBatch(records=tuple(record(number) for number in range(count)), **values)


def numbers(records: Sequence[StreamRecord]) -> list[int]:
    return [each.event["number"] for each in records]


def run(
    work: RecordBatch, policy: RetryPolicy, attempt: Callable[[list[int]], Outcome]
) -> tuple[list[list[int]], list[Discarded]]:
    attempts: list[list[int]] = []
    given_up: list[Discarded] = []

    def deliver(current: RecordBatch) -> Outcome:
        attempts.append(numbers(current.records))
        assert len(attempts) < 10_000, "it would never end"
        return attempt(attempts[-1])

    see_through(work, policy, attempt=deliver, give_up=given_up.append, go_on=lambda _seconds: True)
    return attempts, given_up


@given(
    count=st.integers(1, 40),
    poison=st.sets(st.integers(0, 39)),
    bisect=st.booleans(),
    maximum_retries=st.integers(0, 4),
    reports=st.booleans(),
    faults=st.lists(st.integers(0, 60), max_size=5),
    keys=st.integers(1, 5),
)
def test_every_record_is_delivered_in_order_or_discarded_by_range(
    *, count: int, poison: set[int], bisect: bool, maximum_retries: int, reports: bool, faults: list[int], keys: int
) -> None:
    policy = RetryPolicy(bisect=bisect, maximum_retries=maximum_retries, maximum_age_seconds=-1)
    handled: list[int] = []
    calls = 0

    def function(seen: list[int]) -> Outcome:
        nonlocal calls
        calls += 1
        if calls in faults:
            return NotReached()
        for index, number in enumerate(seen):
            if number in poison:
                return Failed(first_failed=index if reports else 0, function_error=None if reports else "Unhandled")
            handled.append(number)
        return Delivered()

    attempts, given_up = run(batch(count), policy, function)

    lost = [number for each in given_up for number in numbers(each.batch.records)]
    assert set(handled) | set(lost) == set(range(count))
    assert not set(handled) & poison
    assert all(seen == sorted(seen) for seen in attempts)
    first_seen = list(dict.fromkeys(handled))
    by_key: dict[int, list[int]] = defaultdict(list)
    for number in first_seen:
        by_key[number % keys].append(number)
    assert all(seen == sorted(seen) for seen in by_key.values())
    assert lost == sorted(lost), "what is given up is given up in order"
    if bisect:
        assert set(lost) == poison & set(range(count)), "the neighbours of a poison record are handled"


@given(count=st.integers(1, 200), data=st.data(), maximum_retries=st.integers(0, 3), reports=st.booleans())
def test_the_bisect_finds_exactly_the_poison_record(
    *, count: int, data: st.DataObject, maximum_retries: int, reports: bool
) -> None:
    poison = data.draw(st.integers(0, count - 1))
    policy = RetryPolicy(bisect=True, maximum_retries=maximum_retries, maximum_age_seconds=-1)

    def function(seen: list[int]) -> Outcome:
        if poison not in seen:
            return Delivered()
        return Failed(first_failed=seen.index(poison) if reports else 0)

    attempts, given_up = run(batch(count), policy, function)
    assert [numbers(each.batch.records) for each in given_up] == [[poison]]
    assert given_up[0].condition is Condition.RETRY_ATTEMPTS_EXHAUSTED
    assert attempts.count([poison]) == maximum_retries + 1, "splitting does not count as a retry"


def test_without_bisect_the_whole_batch_is_retried_and_given_up() -> None:
    policy = RetryPolicy(bisect=False, maximum_retries=2, maximum_age_seconds=-1)
    attempts, given_up = run(batch(3), policy, lambda _seen: Failed(function_error="Unhandled"))
    assert attempts == [[0, 1, 2]] * 3
    assert [numbers(each.batch.records) for each in given_up] == [[0, 1, 2]]
    assert given_up[0].batch.invocations == 3


def test_a_partial_failure_goes_on_from_the_first_failed_record() -> None:
    outcomes: list[Outcome] = [Failed(first_failed=2), Delivered()]
    attempts, given_up = run(batch(5), FOREVER, lambda _seen: outcomes.pop(0))
    assert attempts == [[0, 1, 2, 3, 4], [2, 3, 4]]
    assert not given_up


def test_throttles_and_service_errors_do_not_count_as_retries() -> None:
    """Lambda's guide: the limit doesn't apply where the batch didn't reach the function."""
    policy = RetryPolicy(bisect=True, maximum_retries=0, maximum_age_seconds=-1)
    outcomes: list[Outcome] = [*[NotReached()] * 20, Delivered()]
    attempts, given_up = run(batch(4), policy, lambda _seen: outcomes.pop(0))
    assert attempts == [[0, 1, 2, 3]] * 21
    assert not given_up


def test_records_over_the_maximum_age_are_given_up_and_younger_ones_go_on() -> None:
    policy = RetryPolicy(bisect=True, maximum_retries=-1, maximum_age_seconds=60)
    old_and_new = RecordBatch(records=(record(0, 900.0), record(1, 939.0), record(2, 941.0)))
    plan = drop_expired(old_and_new, policy, now=lambda: 1000.0)
    assert plan.discarded is not None
    assert plan.discarded.condition is Condition.RECORD_AGE_EXCEEDED
    assert numbers(plan.discarded.batch.records) == [0, 1]
    assert [numbers(each.records) for each in plan.retry] == [[2]]


def test_age_ends_what_is_throttled_for_ever() -> None:
    policy = RetryPolicy(bisect=True, maximum_retries=-1, maximum_age_seconds=60)
    attempts, given_up = run(RecordBatch(records=(record(0, 0.0),)), policy, lambda _seen: NotReached())
    assert not attempts
    assert given_up[0].condition is Condition.RECORD_AGE_EXCEEDED


def test_retries_stop_when_told_and_pauses_grow_up_to_a_second() -> None:
    pauses: list[float] = []

    def go_on(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) < 20

    see_through(batch(1), FOREVER, attempt=lambda _: NotReached(), give_up=lambda _: None, go_on=go_on)
    waited = [seconds for seconds in pauses if seconds]
    assert waited[:3] == [0.05, 0.1, 0.2]
    assert waited == sorted(waited)
    assert max(waited) == 1.0


@pytest.mark.parametrize("payload", [b"null", b"", b"{}", b'{"batchItemFailures": []}', b'{"batchItemFailures": null}'])
def test_these_answers_mean_success(payload: bytes) -> None:
    assert read_item_failures(payload, batch(3)) == Delivered()


@pytest.mark.parametrize(
    "failures",
    [
        '[{"itemIdentifier": ""}]',
        '[{"itemIdentifier": null}]',
        '[{"wrongKey": "1"}]',
        '[{"itemIdentifier": "99"}]',
        f'[{{"itemIdentifier": "{2:030d}"}}, {{"itemIdentifier": "99"}}]',
        '["1"]',
        '"1"',
    ],
)
def test_a_bad_identifier_means_that_the_whole_batch_failed(failures: str) -> None:
    assert read_item_failures(b'{"batchItemFailures": ' + failures.encode() + b"}", batch(3)) == Failed(first_failed=0)


@pytest.mark.parametrize("payload", [b"no json", b'"text"', b"[]"])
def test_an_answer_of_another_form_means_that_the_whole_batch_failed(payload: bytes) -> None:
    assert read_item_failures(payload, batch(3)) == Failed(first_failed=0)


def test_the_lowest_identifier_counts() -> None:
    failures = [{"itemIdentifier": f"{number:030d}"} for number in (3, 1, 2)]
    assert read_item_failures(json.dumps({"batchItemFailures": failures}).encode(), batch(4)) == Failed(first_failed=1)


def test_a_batch_is_cut_to_the_payload_quota_and_never_empty() -> None:
    megabyte = 1024 * 1024
    records = [record(number, size=megabyte) for number in range(10)]
    count = count_that_fit(records, 100)
    assert count == 5
    envelope = len(b'{"Records":[]}') + count
    assert sum(len(each.encoded) for each in records[:count]) + envelope <= MAXIMUM_PAYLOAD_BYTES
    assert count_that_fit(records, 3) == 3
    assert count_that_fit([record(0, size=7 * megabyte)], 100) == 1


def test_a_record_has_the_form_that_lambda_documents() -> None:
    raw = {
        "eventID": "1",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-2",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767225600,
            "Keys": {"id": {"S": "a"}},
            "OldImage": {"id": {"S": "a"}, "data": {"B": "AQI="}, "set": {"BS": ["Aw=="]}},
            "SequenceNumber": "100",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "userIdentity": {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"},
    }
    event = json.loads(to_payload([to_record(raw, ARN)]))["Records"][0]
    assert event == {
        "eventID": "1",
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-2",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767225600,
            "Keys": {"id": {"S": "a"}},
            "OldImage": {"id": {"S": "a"}, "data": {"B": "AQI="}, "set": {"BS": ["Aw=="]}},
            "SequenceNumber": "100",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "userIdentity": {"principalId": "dynamodb.amazonaws.com", "type": "Service"},
        "eventSourceARN": ARN,
    }


def test_the_failure_destination_is_told_the_range_and_no_data() -> None:
    given_up = RecordBatch(records=(record(7, 1767225600.5), record(9, 1767225661.0)))
    assert batch_info(given_up, ARN, "shard-1") == {
        "shardId": "shard-1",
        "startSequenceNumber": f"{7:030d}",
        "endSequenceNumber": f"{9:030d}",
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:01:01Z",
        "batchSize": 2,
        "streamArn": ARN,
    }


def test_pauses_come_with_retries_and_not_with_splits() -> None:
    policy = RetryPolicy(bisect=True, maximum_retries=3, maximum_age_seconds=-1)
    assert not plan_after(batch(4), Failed(), policy).pause
    assert not plan_after(batch(4), Failed(first_failed=2), policy).pause
    assert plan_after(batch(1), Failed(), policy).pause
    assert plan_after(batch(4), NotReached(), policy).pause
