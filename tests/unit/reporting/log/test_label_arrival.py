"""How late labels come is learnt from labels of which the latest are not there yet."""

from random import Random

import pytest

from fraudstream.durations import DAY
from fraudstream.reporting.log.reader.label_arrival import (
    LONGEST_DELAY_DAYS,
    NOTHING_KNOWN,
    USUAL_DELAY_DAYS,
    FraudLabel,
    label_arrival,
)


def seen(labels: list[FraudLabel], until: float) -> list[FraudLabel]:
    return [label for label in labels if label.labeled_at <= until * DAY]


def world(days: int, *, medians: dict[str, float], number: int = 4000) -> list[FraudLabel]:
    """Frauds of some days, each told by a source after a delay that is drawn from a lognormal distribution."""
    chance = Random(1)
    labels: list[FraudLabel] = []
    for _ in range(number):
        source = chance.choice(list(medians))
        happened = chance.uniform(0, days)
        delay = medians[source] * chance.lognormvariate(0, 0.5)
        labels.append(FraudLabel(source, int(happened * DAY), int((happened + delay) * DAY)))
    return labels


def true_share(labels: list[FraudLabel], age: float) -> float:
    return sum(label.labeled_at - label.happened_at <= age * DAY for label in labels) / len(labels)


def test_the_share_that_has_come_is_found_although_the_latest_are_missing() -> None:
    labels = world(120, medians={"customer": 3, "chargeback": 25})
    found = label_arrival(seen(labels, 120), 120 * DAY)
    assert found.all
    for age in (2, 7, 20, 40):
        assert found.all.share(age) == pytest.approx(true_share(labels, age), abs=0.03)
    # What is seen alone has too short delays.
    naive = true_share(seen(world(60, medians={"chargeback": 25}), 60), 25)
    corrected = label_arrival(seen(world(60, medians={"chargeback": 25}), 60), 60 * DAY).all
    assert corrected
    assert naive > corrected.share(25) + 0.08


def test_each_source_has_its_own_curve() -> None:
    labels = world(120, medians={"customer": 3, "chargeback": 25})
    curves = label_arrival(seen(labels, 120), 120 * DAY).by_source
    assert curves.keys() == {"customer", "chargeback"}
    assert curves["customer"].share(7) > 0.9
    assert curves["chargeback"].share(7) < 0.05


def test_a_source_with_few_labels_has_the_share_of_all() -> None:
    labels = world(120, medians={"customer": 3, "chargeback": 25})
    found = label_arrival([*seen(labels, 120), FraudLabel("analyst", 0, 1)], 120 * DAY)
    assert found.all
    assert found.share(7, "customer") == found.by_source["customer"].share(7)
    assert found.share(7, "analyst") == found.share(7, "") == found.all.share(7)
    assert NOTHING_KNOWN.share(7, "customer") == 1


def test_a_label_counts_as_known_when_nine_of_ten_have_come() -> None:
    labels = world(200, medians={"customer": 3, "chargeback": 25})
    found = label_arrival(seen(labels, 200), 200 * DAY)
    assert true_share(labels, found.delay_days) == pytest.approx(0.9, abs=0.02)


def test_too_few_labels_tell_nothing() -> None:
    assert label_arrival([], DAY) == NOTHING_KNOWN
    assert NOTHING_KNOWN.delay_days == USUAL_DELAY_DAYS
    assert label_arrival(world(100, medians={"customer": 3}, number=29), 200 * DAY).all is None


def test_labels_that_all_come_after_the_same_time_tell_nothing() -> None:
    found = label_arrival([FraudLabel("file", n * DAY, (n + 9) * DAY) for n in range(100)], 200 * DAY)
    assert (found.all, found.delay_days) == (None, USUAL_DELAY_DAYS)


def test_the_delay_stays_within_what_leaves_something_to_learn_from() -> None:
    at_once = label_arrival([FraudLabel("analyst", n * DAY, n * DAY + n) for n in range(100)], 200 * DAY)
    late = label_arrival([FraudLabel("a", n * DAY, (n + 100) * DAY + n) for n in range(1000)], 2000 * DAY)
    assert (at_once.delay_days, late.delay_days) == (1.0, LONGEST_DELAY_DAYS)


def test_a_young_log_can_be_learnt_from_too() -> None:
    found = label_arrival(seen(world(40, medians={"chargeback": 25}), 40), 40 * DAY)
    assert found.delay_days == pytest.approx(10, abs=0.2)


def test_a_label_before_its_transaction_counts_as_told_at_once() -> None:
    labels = [FraudLabel("a", n * DAY, n * DAY - 1 if n % 2 else (n + 3) * DAY + n) for n in range(100)]
    found = label_arrival(labels, 200 * DAY).all
    assert found is not None
    assert found.days[0] == 0
    assert found.share(0) == pytest.approx(0.5, abs=0.01)
