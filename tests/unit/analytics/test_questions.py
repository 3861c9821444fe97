"""The questions that people have are answered as counting by hand answers them, on what the merge wrote."""

from bisect import bisect_left
from collections import Counter, defaultdict
from datetime import date, timedelta
from math import floor
from pathlib import Path
from typing import Any

import pytest

from fraudstream.detection.features.named_values import COLUMNS
from fraudstream.detection.models.stationary import AGE_CUTS, GROWING
from fraudstream.durations import DAY
from fraudstream.statistics import population_stability_index
from fraudstream_tools.analytics.answers import as_of
from fraudstream_tools.analytics.local_log import ask_folder
from infra.data.analytics import saved_queries
from tests.unit.analytics.log_harness import Happened, happened, morning_after

QUERIES = {query.name: query.sql for query in saved_queries()}


def ask(log: Path, name: str, *values: str, today: date | None = None) -> list[dict[str, Any]]:
    answer = ask_folder(log, as_of(QUERIES[name], today or morning_after()), values, 10_000)
    assert not answer.has_more
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def age(each: Happened, today: date | None = None) -> int:
    return ((today or morning_after()) - each.day).days


def test_value_caught_and_missed_by_rule_and_month(log: Path) -> None:
    expected: defaultdict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0])
    for each in happened():
        if not each.is_fraud:
            continue
        keys = [("ALL", ""), *each.rules]
        if not any(mode == "LIVE" for mode, _ in each.rules):
            keys.append(("NONE", ""))
        for mode, rule in keys:
            sums = expected[f"{each.day:%Y-%m}", mode, rule]
            sums[0 if each.flagged else 2] += 1
            sums[1 if each.flagged else 3] += each.amount
    rows = ask(log, "fraud-by-rule")
    assert {(row["month"], row["mode"], row["rule"]) for row in rows} == set(expected)
    assert len({row["month"] for row in rows}) == 2
    for row in rows:
        found = [row[name] for name in ("caught", "caughtAmount", "missed", "missedAmount")]
        assert found == pytest.approx(expected[row["month"], row["mode"], row["rule"]])
        assert row["frauds"] == row["caught"] + row["missed"]


def test_a_rules_precision_as_labels_mature(log: Path) -> None:
    expected: Counter[tuple[str, str, int, str]] = Counter()
    for number, each in enumerate(happened()):
        for mode, rule in each.rules:
            for days in (1, 3, 7, 14, 30, 60):
                if age(each) <= days:
                    continue
                expected[rule, mode, days, "hits"] += 1
                known_until = each.transaction.received_at + days * DAY
                if each.label and each.label.labeled_at <= known_until:
                    expected[rule, mode, days, "labelled"] += 1
                    expected[rule, mode, days, "fraud"] += each.is_fraud
                elif each.label and number % 10 == 0 and each.label.labeled_at - 1 <= known_until:
                    expected[rule, mode, days, "labelled"] += 1
                    expected[rule, mode, days, "fraud"] += each.is_legitimate
    rows = ask(log, "precision-by-age")
    assert {row["age"] for row in rows} == {1, 3, 7, 14, 30}
    for row in rows:
        key = row["rule"], row["mode"], row["age"]
        assert {name: row[name] for name in ("hits", "labelled", "fraud")} == {
            name: expected[*key, name] for name in ("hits", "labelled", "fraud")
        }
        share = row["fraud"] / row["labelled"] if row["labelled"] else None
        assert row["labelledPrecision"] == pytest.approx(share)
    assert len(rows) == len({key[:3] for key in expected})


def test_what_changed_the_week_fraud_rose(log: Path) -> None:
    frauds: Counter[tuple[str, str, bool]] = Counter()
    traffic: Counter[tuple[str, bool]] = Counter()
    for each in happened():
        days = age(each)
        if not 1 <= days <= 35:
            continue
        traffic[each.transaction.channel or "", days <= 7] += 1
        midnight = each.transaction.received_at - each.transaction.received_at % DAY
        ends = midnight + ((days - 1) % 7 + 1) * DAY
        if each.label and each.label.labeled_at < ends and each.is_fraud:
            keys = [
                ("total", ""),
                ("merchant", each.transaction.merchant_id),
                *(("rule", rule) for _, rule in each.rules),
            ]
            if each.transaction.channel:
                keys.append(("channel", each.transaction.channel))
            for dimension, key in keys:
                frauds[dimension, key or "", days <= 7] += 1
    rows = {(row["dimension"], row["key"]): row for row in ask(log, "fraud-rise")}
    assert {key for key in rows if key[0] in ("total", "channel", "rule")} == {
        (dimension, key) for dimension, key, now in frauds if now and dimension in ("total", "channel", "rule")
    }
    for (dimension, key), row in rows.items():
        if dimension in ("total", "channel", "rule", "merchant"):
            now, before = frauds[dimension, key, True], frauds[dimension, key, False] / 4
            assert (row["frauds"], row["fraudsBefore"], row["rise"]) == (now, before, now - before)
        if dimension == "channel":
            assert (row["transactions"], row["transactionsBefore"]) == (traffic[key, True], traffic[key, False] / 4)
    assert [row["rise"] for row in rows.values()] == sorted((row["rise"] for row in rows.values()), reverse=True)


def test_all_that_touched_a_device(log: Path) -> None:
    counts = Counter(each.transaction.device_id for each in happened() if each.transaction.device_id and each.is_fraud)
    ((device, _),) = counts.most_common(1)
    expected: defaultdict[tuple[str, str | None], list[Happened]] = defaultdict(list)
    for each in happened():
        if each.transaction.device_id == device:
            expected["customer", each.transaction.customer_id].append(each)
            expected["card", each.transaction.card_token].append(each)
            expected["merchant", each.transaction.merchant_id].append(each)
            expected["ip", each.transaction.ip_address].append(each)
            expected["payee", each.transaction.counterparty_token].append(each)
            expected["terminal", each.transaction.terminal_id].append(each)
    rows = ask(log, "device", device)
    assert {(row["kind"], row["token"]) for row in rows} == {key for key in expected if key[1]}
    for row in rows:
        touched = expected[row["kind"], row["token"]]
        assert (row["transactions"], row["flagged"]) == (len(touched), sum(each.flagged for each in touched))
        assert row["fraud"] == sum(each.is_fraud for each in touched)
        assert row["legitimate"] == sum(each.is_legitimate for each in touched)
        assert row["firstReceivedAt"] == min(each.transaction.received_at for each in touched)
        assert row["lastReceivedAt"] == max(each.transaction.received_at for each in touched)


def test_cohorts_of_new_customers(log: Path) -> None:
    first: dict[str, date] = {}
    for each in happened():
        if each.feature("customerAgeDays") == 0 and each.transaction.customer_id:
            first.setdefault(each.transaction.customer_id, each.day)
    expected: defaultdict[tuple[date, int], list[Happened]] = defaultdict(list)
    for each in happened():
        began = first[each.transaction.customer_id or ""]
        expected[began - timedelta(days=began.weekday()), (each.day - began).days // 7].append(each)
    rows = ask(log, "new-customers")
    assert [(row["cohort"], row["week"]) for row in rows] == sorted(expected)
    for row in rows:
        group = expected[row["cohort"], row["week"]]
        assert row["customers"] == len({each.transaction.customer_id for each in group})
        assert (row["transactions"], row["flagged"]) == (len(group), sum(each.flagged for each in group))
        assert row["fraudAmount"] == pytest.approx(sum(each.amount for each in group if each.is_fraud))
        assert row["fraudShare"] == pytest.approx(sum(each.is_fraud for each in group) / len(group))


def test_the_cost_of_false_declines(log: Path) -> None:
    today = morning_after() + timedelta(days=14)
    refused = [
        each
        for each in happened()
        if each.decision.decision == "DECLINE" and each.is_legitimate and 31 <= age(each, today) <= 121
    ]
    assert len(refused) > 3

    def gone(one: Happened) -> bool:
        at = one.transaction.received_at
        return not any(
            each.transaction.customer_id == one.transaction.customer_id
            and at < each.transaction.received_at <= at + 30 * DAY
            for each in happened()
        )

    expected: defaultdict[tuple[str, str], list[Happened]] = defaultdict(list)
    for each in refused:
        for key in [("ALL", ""), *(rule for rule in each.rules if rule[0] == "LIVE")]:
            expected[key].append(each)
    rows = ask(log, "false-declines", today=today)
    assert {(row["mode"], row["rule"]) for row in rows} == set(expected)
    for row in rows:
        group = expected[row["mode"], row["rule"]]
        lost = [each for each in group if gone(each)]
        assert row["falseDeclines"] == len(group)
        assert row["amount"] == pytest.approx(sum(each.amount for each in group))
        assert row["customers"] == len({each.transaction.customer_id for each in group})
        assert row["customersGone"] == len({each.transaction.customer_id for each in lost})
        assert row["spentByThoseGone"] == pytest.approx(sum(each.feature("customerSum30d") or 0 for each in lost))


def test_the_drift_of_features_in_a_form_that_does_not_grow(log: Path) -> None:
    rows = {row["feature"]: row for row in ask(log, "feature-drift")}
    # A week has each weekday once.
    left_out = GROWING.keys() - {"localWeekday"}
    assert set(rows) == {column for name, column in COLUMNS.items() if name not in left_out}
    now = [each for each in happened() if 1 <= age(each) <= 7]
    before = [each for each in happened() if 8 <= age(each) <= 35]
    for name, column in COLUMNS.items():
        if name in left_out:
            continue
        then = sorted(value for each in before if (value := compared(each, name)) is not None)

        def shares(group: list[Happened], feature: str, reference: list[float]) -> Counter[int]:
            return Counter(bin_of(compared(each, feature), reference) for each in group)

        counts, counts_before = shares(now, name, then), shares(before, name, then)
        bins = sorted(counts | counts_before)
        expected = population_stability_index(
            [max(counts[each] / len(now), 1e-4) for each in bins],
            [max(counts_before[each] / len(before), 1e-4) for each in bins],
        )
        assert rows[column]["psi"] == pytest.approx(expected), name


def test_nothing_has_drifted_where_there_is_nothing_to_compare(log: Path) -> None:
    first = min(each.day for each in happened())
    assert ask(log, "feature-drift", today=first + timedelta(3)) == []
    assert ask(log, "feature-drift", today=morning_after() + timedelta(9)) == []


def compared(each: Happened, feature: str) -> float | None:
    """A feature as it is compared: ages up to a month."""
    value = each.feature(feature)
    return value if value is None or feature not in AGE_CUTS else min(value, AGE_CUTS[feature][-1])


def bin_of(value: float | None, reference: list[float]) -> int:
    """The tenth of the reference's values that a value is in; -1 for a missing one."""
    if value is None:
        return -1
    return min(floor(10 * bisect_left(reference, value) / len(reference)), 9) if reference else 0
