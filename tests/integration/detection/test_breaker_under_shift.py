"""A live model that stays as it is while behaviour shifts loses its power to decline, by the analyzer's own breaker."""

from collections.abc import Iterator

import pytest

from benchmarks.held_back import TABLE, Clock, FrozenPlan, LiveDay, live_days
from embedded_aws.ministack.server import MinistackServer
from fraudstream.detection.stores.decisions.breaker import BreakerWatch
from tests.aws_harness import create_table

PLAN = FrozenPlan(seed=102, customers=550, trained=34, shift=36, end=38)
"""Two days as in training, and two after the shift."""


@pytest.fixture(scope="module")
def days(running_aws: MinistackServer) -> Iterator[list[LiveDay]]:
    running_aws.reset()
    dynamodb = running_aws.client("dynamodb")
    create_table(dynamodb, TABLE, {"entity": "S"})

    def watch(clock: Clock) -> BreakerWatch:
        return BreakerWatch(dynamodb, TABLE, on_broken=lambda: None, on_failure=failures.append, clock=clock)

    failures: list[Exception] = []
    yield live_days(PLAN, watch)
    assert not failures
    dynamodb.delete_table(TableName=TABLE)


def test_it_declines_while_nothing_changes_and_is_held_back_after_the_shift(days: list[LiveDay]) -> None:
    *before, _, last = days
    assert not any(day.is_held_back or day.reviewed for day in before)
    assert sum(day.only_model_declines for day in before) > 0
    assert last.is_held_back
    assert last.flagged / last.decisions > 2 * sum(day.flagged for day in before) / sum(day.decisions for day in before)


def test_what_only_the_model_declines_is_reviewed_then(days: list[LiveDay]) -> None:
    last = days[-1]
    assert 0 < last.only_model_declines == last.reviewed


def test_rules_go_on_to_decline(days: list[LiveDay]) -> None:
    last = days[-1]
    assert 0 < last.rules_decline == last.declined
