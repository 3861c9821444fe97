"""Windows of time: what they count, what they leave out, and how far they may be wrong."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.contract import EntityKind
from fraudstream.detection.profiles.layout import LAYOUTS
from fraudstream.transactions.transaction import Transaction, TransactionType
from tests.unit.detection.features.feature_harness import DAY, HOUR, MINUTE, NOW, computed, transaction


def test_windows_are_half_open_and_leave_the_transaction_out() -> None:
    values = computed([transaction(1, -HOUR), transaction(2, -HOUR + 1), transaction(3)], transaction(9))
    assert values["customerCount1h"] == 2
    assert values["cardCount2h"] == 3
    assert values["ipCount1h"] == 2


def test_counts_equal_those_of_exact_windows_while_the_ring_holds_them() -> None:
    chance = random.Random(20260101)
    history = [transaction(number, -chance.randrange(30 * HOUR)) for number in range(9)]
    values = computed(history, transaction(99))
    for name, hours in (("customerCount1h", 1), ("customerCount12h", 12), ("customerCount24h", 24)):
        assert values[name] == exact(history, hours * HOUR)


def exact(history: list[Transaction], window: int) -> int:
    return sum(1 for each in history if each.timestamp > NOW - window)


offsets = st.lists(st.integers(0, 35 * DAY - 1), max_size=120)


@given(offsets)
def test_windows_of_days_are_never_too_small_and_at_most_a_day_too_long(ages: list[int]) -> None:
    history = [transaction(number, -age) for number, age in enumerate(sorted(ages, reverse=True))]
    values = computed(history, transaction(999))
    names = {"customerCount24h": 1, "customerCount7d": 7, "customerCount30d": 30, "cardCount24h": 1, "cardCount7d": 7}
    for name, days in names.items():
        assert exact(history, days * DAY) <= (values[name] or 0) <= exact(history, (days + 1) * DAY)
    for name, days in {"customerSum24h": 1, "customerSum7d": 7, "customerSum30d": 30, "cardSum24h": 1}.items():
        assert exact(history, days * DAY) * 20 <= (values[name] or 0) <= exact(history, (days + 1) * DAY) * 20


@given(offsets)
def test_shared_windows_are_at_most_one_bucket_too_long(ages: list[int]) -> None:
    place: dict[str, Any] = {"merchant_id": "shop", "terminal_id": "till"}
    history = [transaction(number, -(age // 10), **place) for number, age in enumerate(sorted(ages, reverse=True))]
    values = computed(history, transaction(999, **place))
    for name in ("merchantCount1h", "deviceCount1h", "ipCount1h"):
        assert exact(history, HOUR) <= (values[name] or 0) <= exact(history, 2 * HOUR)
    for name in ("merchantCount24h", "terminalCount24h"):
        assert exact(history, DAY) <= (values[name] or 0) <= exact(history, 25 * HOUR)
    assert exact(history, 7 * DAY) <= (values["terminalCount7d"] or 0) <= exact(history, 8 * DAY)


@given(st.lists(st.integers(0, 10 * HOUR), max_size=40))
def test_windows_of_a_customer_under_a_day_stay_at_what_the_ring_holds(ages: list[int]) -> None:
    history = [transaction(number, -age) for number, age in enumerate(sorted(ages, reverse=True))]
    values = computed(history, transaction(999))
    beside = LAYOUTS[EntityKind.CUSTOMER].ring - 1
    assert values["customerCount1h"] == min(exact(history, HOUR), beside)
    assert values["customerCount12h"] == min(exact(history, 12 * HOUR), beside)
    assert values["cardCount2h"] == min(exact(history, 2 * HOUR), LAYOUTS[EntityKind.CARD].ring - 1)


def test_what_the_ring_knows_counts_where_a_full_figure_lacks_it() -> None:
    million = 100_000_000
    history = [transaction(number, (number - 12) * HOUR, amount_minor=10 * million) for number in range(12)]
    values = computed(history, transaction(99, amount_minor=42 * million))
    assert values["customerSum24h"] == pytest.approx(90_000_000)
    assert values["customerSum7d"] == values["customerSum30d"] == values["customerSum24h"]


def test_what_the_ring_knows_counts_where_a_late_transactions_buckets_are_gone() -> None:
    places: dict[str, Any] = {"terminal_id": "till", "merchant_id": "shop", "type": TransactionType.REFUND}
    earlier = [transaction(number, (number - 5) * MINUTE, **places) for number in range(2)]
    later = [transaction(10 + number, 5 * DAY + number, **places) for number in range(7)]
    later += [transaction(20 + number, 6 * DAY + number, customer_id="bob", **places) for number in range(4)]
    values = computed([*earlier, *later], transaction(99, **places))
    counts = ("merchantCount1h", "merchantCount24h", "terminalCount24h", "deviceCount1h", "ipCount1h")
    assert [values[name] for name in (*counts, "customerRefunds7d")] == [2] * 6
